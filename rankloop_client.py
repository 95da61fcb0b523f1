"""A client of Rankloop's interface for programs, in one file that needs nothing beside Python 3.11.

    from rankloop_client import Client

    rankloop = Client("http://127.0.0.1:7860", token)
    while task := rankloop.next_task():
        rankloop.rank(task.lease, levels=[1, 2, 2, 3])

Copy it to where it is needed. What it takes and gives is described at /api/v1/docs of every installation. Whatever
is refused raises `Refusal`, with the words and the status of the site.
"""

import dataclasses
import hashlib
import hmac
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

Turn = dict[str, str]
"""One turn of a chat: `role` (system, user or assistant) and `content`."""
Record = TypeVar("Record")


class Refusal(Exception):
    """What the site refused, in its words; `status` is 400, 401, 403, 404, 409, 413 or 422, or 500 and above where it
    is the site's fault and the same may be sent again."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


@dataclasses.dataclass(frozen=True)
class Task:
    """Responses to rank; `lease` is the secret with which the ranking is sent, good for half an hour."""

    lease: str
    prompt: list[Turn]
    responses: list[str]


@dataclasses.dataclass(frozen=True)
class Stored:
    """A ranking that is on disk, by its number; `note` is what there is to say of it, mostly nothing; `next` is the
    next task, where it was asked for and there is one."""

    ranking: int
    kind: str
    created: str
    note: str
    next: Task | None = None

    def __post_init__(self) -> None:
        if isinstance(self.next, dict):
            object.__setattr__(self, "next", _made(Task, self.next))


@dataclasses.dataclass(frozen=True)
class Prompt:
    """A chat that ends with the user's turn; `split` is train or eval."""

    id: int
    messages: list[Turn]
    split: str
    source: str


@dataclasses.dataclass(frozen=True)
class Response:
    """An answer to a prompt, by a model version or by a person."""

    id: int
    prompt_id: int
    model_id: int | None
    annotator: str | None
    text: str
    finish_reason: str


@dataclasses.dataclass(frozen=True)
class Ranking:
    """What one person said: `levels` maps the id of a response to its level, 1 is best, equal is a tie."""

    id: int
    prompt_id: int
    annotator: str
    levels: dict[int, int]
    seconds: float | None
    comment: str
    supersedes: int | None
    created: str

    def __post_init__(self) -> None:  # JSON knows no keys but texts
        object.__setattr__(self, "levels", {int(response): level for response, level in self.levels.items()})


@dataclasses.dataclass(frozen=True)
class Score:
    """How good a response is by one rating, in Elo points: 1000 is the mean of its prompt."""

    response_id: int
    rating_id: int
    elo: float
    stderr: float | None
    comparisons: int


@dataclasses.dataclass(frozen=True)
class Model:
    """A model version, what it was made of and by which work, and its figures."""

    id: int
    name: str
    kind: str
    base_model: str
    parent_id: int | None
    job_id: int | None
    rating_id: int | None
    reward_id: int | None
    made_by: str
    metrics: dict[str, Any]
    digest: str | None
    created: str


@dataclasses.dataclass(frozen=True)
class Job:
    """Work that was asked for; `state` is queued, running, done, failed or cancelled, `progress` from 0 to 1."""

    id: int
    kind: str
    state: str
    progress: float
    note: str
    error: str
    params: dict[str, Any]
    result: dict[str, Any]
    created: str


class Client:
    """The interface of one site. It holds nothing but the address and the token: threads may share one."""

    def __init__(self, url: str, token: str, *, timeout: float = 30.0) -> None:
        """`url` is the address of the pages, `timeout` how many seconds the site may be silent."""
        self.url = url.rstrip("/")
        self.token = token
        self.timeout = timeout

    def me(self) -> dict[str, Any]:
        """Whom the token acts as: `name`, `role` and `scopes`."""
        return dict(self._asked("GET", "/me"))

    def next_task(self) -> Task | None:
        """The task to rank now, None where there is none. Asked again, it is the same until it is ranked."""
        task = self._asked("POST", "/tasks/next")["task"]
        return _made(Task, task) if task else None

    def rank(
        self,
        lease: str,
        levels: Iterable[int],
        *,
        seconds: float | None = None,
        comment: str = "",
        then_next: bool = False,
    ) -> Stored:
        """Store a ranking: a level for each response of the task, in its order, 1 is best, equal is a tie.

        It may be sent again where the answer was lost: it is stored once. With `then_next` the answer brings the next
        task, which spares a request.
        """
        sent = {"lease": lease, "levels": list(levels), "seconds": seconds, "comment": comment, "next": then_next}
        return self._ranked(sent)

    def skip(self, lease: str, *, comment: str = "") -> Stored:
        """Give the task back to the others."""
        return self._ranked({"lease": lease, "kind": "skipped", "comment": comment})

    def flag(self, lease: str, *, comment: str = "") -> Stored:
        """Close the task as one that cannot be ranked."""
        return self._ranked({"lease": lease, "kind": "flagged", "comment": comment})

    def prompts(self) -> Iterator[Prompt]:
        """All prompts that count."""
        return self._every(Prompt, "/prompts")

    def prompt(self, number: int) -> Prompt:
        """One prompt."""
        return _made(Prompt, self._asked("GET", f"/prompts/{number}"))

    def add_prompts(self, chats: Iterable[list[Turn]], *, split: str | None = None) -> list[int]:
        """Add prompts, each a list of turns that ends with the user's; returns their ids. All are added or none."""
        new = [{"messages": chat, "split": split} for chat in chats]
        return list(self._asked("POST", "/prompts", {"prompts": new})["ids"])

    def responses(self, *, prompt: int | None = None) -> Iterator[Response]:
        """All responses that count, or those to one prompt."""
        return self._every(Response, "/responses", prompt=prompt)

    def rankings(self) -> Iterator[Ranking]:
        """All rankings that count."""
        return self._every(Ranking, "/rankings")

    def scores(self, *, rating: int | None = None) -> Iterator[Score]:
        """The scores of one rating, of the newest if none is named."""
        return self._every(Score, "/scores", rating=rating)

    def models(self) -> Iterator[Model]:
        """All model versions."""
        return self._every(Model, "/models")

    def model(self, name: str) -> Model:
        """One model version."""
        return _made(Model, self._asked("GET", f"/models/{quote(name, safe='')}"))

    def jobs(self) -> Iterator[Job]:
        """All jobs, the oldest first."""
        return self._every(Job, "/jobs")

    def job(self, number: int) -> Job:
        """One job as it is now."""
        return _made(Job, self._asked("GET", f"/jobs/{number}"))

    def start(self, kind: str, **values: object) -> Job:
        """Put a job in the queue; `values` are what the form of its kind on the research page has, by name."""
        return _made(Job, self._asked("POST", "/jobs", {"kind": kind, "values": values}))

    def cancel(self, number: int) -> Job:
        """End a job that waits or runs."""
        return _made(Job, self._asked("POST", f"/jobs/{number}/cancel"))

    def export(self, *, pseudonyms: bool = False) -> Iterator[dict[str, Any]]:
        """Every ranking with its texts, one at a time, in the form that `export rankings` writes."""
        path = "/export/rankings?" + urlencode({"pseudonyms": pseudonyms})
        with self._opened("GET", path, None) as answer:
            for line in answer:
                yield json.loads(line)

    def _ranked(self, sent: Mapping[str, object]) -> Stored:
        return _made(Stored, self._asked("POST", "/rankings", sent))

    def _every(self, record: type[Record], path: str, **asked: object) -> Iterator[Record]:
        after: int | None = 0
        while after is not None:
            given = {**asked, "after": after, "limit": 1000}
            query = urlencode({name: value for name, value in given.items() if value is not None})
            page = self._asked("GET", f"{path}?{query}")
            yield from (_made(record, item) for item in page["items"])
            after = page["next"]

    def _asked(self, method: str, path: str, sent: object = None) -> Any:
        with self._opened(method, path, sent) as answer:
            return json.load(answer)

    def _opened(self, method: str, path: str, sent: object) -> Any:
        body = None if sent is None else json.dumps(sent).encode()
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        try:
            request = Request(f"{self.url}/api/v1{path}", body, headers, method=method)
            return urlopen(request, timeout=self.timeout)
        except HTTPError as error:
            with error:
                raise Refusal(error.code, _words(error.read())) from None


def is_from_rankloop(secret: bytes, signature: str, body: bytes, *, seconds: float = 300.0) -> bool:
    """Whether a message that a webhook brought was sent by who knows the secret, within the last `seconds`.

    `signature` is the header X-Rankloop-Signature, `t=TIME,v1=DIGEST`: the digest is the HMAC-SHA256, in hexadecimal,
    of the time, a full stop and the body. `secret` is the content of the secret's file without blanks at its ends.
    """
    parts = dict(part.partition("=")[::2] for part in signature.split(","))
    made = hmac.new(secret, parts.setdefault("t", "").encode() + b"." + body, hashlib.sha256).hexdigest()
    same = hmac.compare_digest(made.encode(), parts.get("v1", "").encode())
    return same and parts["t"].isdecimal() and abs(time.time() - int(parts["t"])) <= seconds


def _made(record: type[Record], given: Mapping[str, Any]) -> Record:
    """A record of what the site gave; what a newer site gives beside it is left away."""
    names = [field.name for field in dataclasses.fields(record)]  # type: ignore[arg-type]
    return record(**{name: given[name] for name in names})


def _words(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):  # a proxy in front of it may answer in HTML
        return body.decode("utf-8", "replace")[:200]
