"""Every record of the project on one page: the words that all packages share.

Times are ISO 8601 strings in UTC, except `Task.leased_until` and `Job.heartbeat` (seconds since the epoch,
because they are compared with the clock). `id` is 0 until the store has given one.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

Json = dict[str, Any]
"""An object of JSON, as it is stored and printed.

Its values are of any type to the type checker: each stage writes and reads keys of its own.
"""
Message = dict[str, str]
"""One turn of a chat: `role` (system, user or assistant) and `content`."""

Split = Literal["train", "eval"]
FinishReason = Literal["stop", "length", "imported"]
TaskState = Literal["open", "leased", "done"]
TaskReason = Literal["fresh", "overlap", "uniform", "risk", "gold", "repeat", "own"]
RankingKind = Literal["ranked", "skipped", "flagged"]
ModelKind = Literal["policy", "reward", "imported"]
JobState = Literal["queued", "running", "done", "failed", "cancelled"]
Role = Literal["annotator", "researcher", "admin"]
Event = Literal["enough_rankings", "round_done", "job_failed"]
Scope = Literal["read", "rank", "write", "train"]

SIMULATED = "simulated:"
"""How the names of simulated annotators begin, so that their rankings are never taken for people's."""
IMPORTED = "imported:"
"""How the names of versions and annotators begin that came with a file, so that they are never taken for ours."""


def is_whole(reason: FinishReason) -> bool:
    """Whether an answer that ended for this reason is whole: only one cut at its token limit is not."""
    return reason != "length"


@dataclass(frozen=True)
class Prompt:
    """A chat that ends with the user's turn.

    `split` says whether models are trained on it (train) or judged on it (eval); it is drawn once, from the text.
    `import_id` is the import that brought it, where one did. `removed` is when it was taken out: it and all that
    people said of it are kept and count nowhere. `waiting` says that a model proposed it and that nobody has said yes
    yet: it is shown to nobody and answered by no model; one that is removed as well was refused. `held` is since when
    a flag holds it back, until a researcher decides.
    """

    messages: tuple[Message, ...]
    split: Split
    source: str
    id: int = 0
    import_id: int | None = None
    removed: str | None = None
    waiting: bool = False
    held: str | None = None

    @property
    def counts(self) -> bool:
        """Whether people are shown it and models learn from it: it waits for nobody's yes, is not out nor held."""
        return not (self.removed or self.held or self.waiting)

    @property
    def text(self) -> str:
        """The last turn, which is to be answered."""
        return self.messages[-1]["content"]


@dataclass(frozen=True)
class Import:
    """One file that was imported, known by the SHA-256 of its bytes.

    Of its rows, `added` brought something new, `already_there` did not, `skipped` were damaged; `responses` and
    `rankings` of it are new. `ignored` are the columns that nobody read, `licence` is what the importer said of it,
    `removed` when it was taken out.
    """

    file: str
    sha256: str
    format: str
    added: int = 0
    already_there: int = 0
    skipped: int = 0
    responses: int = 0
    rankings: int = 0
    licence: str = ""
    ignored: tuple[str, ...] = ()
    removed: str | None = None
    id: int = 0
    created: str = ""


@dataclass(frozen=True)
class Response:
    """One answer to one prompt, by a model (`model_id`) or by a person (`annotator`): exactly one of the two.

    `finish_reason` is `stop` where the model ended its turn, `length` where it was cut at its token limit, and
    `imported` where it came whole from elsewhere. `token_ids` are what the model wrote, the token that ended its turn
    included, in the numbering of its own tokenizer; None where only the text is known.
    """

    prompt_id: int
    model_id: int | None
    text: str
    seed: int
    sampling: Json
    finish_reason: FinishReason
    annotator: str | None = None
    token_ids: tuple[int, ...] | None = None
    id: int = 0

    @property
    def finished(self) -> bool:
        """Whether the answer is whole."""
        return is_whole(self.finish_reason)


@dataclass(frozen=True)
class Task:
    """Responses to one prompt that one person is to rank.

    `shown_order` and `lease` are drawn when the task is leased; `lease` is the secret that a submission must
    carry, and makes a repeated submission harmless. `reason` says why the task is there: nobody has ranked these
    responses (`fresh`); several people are to rank them, to see how far they agree (`overlap`); they are ranked
    again because the prompt was drawn (`uniform`) or because their order is unsure (`risk`); the answer is known and
    checks a person (`gold`); a person ranked them before and is asked once more (`repeat`); or a person wrote an
    answer of their own, which stands above those that they had seen (`own`).
    """

    prompt_id: int
    response_ids: tuple[int, ...]
    reason: TaskReason = "fresh"
    state: TaskState = "open"
    annotator: str | None = None
    shown_order: tuple[int, ...] = ()
    leased_until: float | None = None
    lease: str | None = None
    id: int = 0


@dataclass(frozen=True)
class Ranking:
    """What one person said of one task: `levels` maps response id to level, 1 is best, equal is a tie.

    Append-only: a changed mind is a new row, whose `supersedes` names the old one. `seconds` is the time by the page,
    `lasted` by the server, from when the task was handed out; `guideline_id` the version of the guidelines shown.
    """

    task_id: int
    prompt_id: int
    annotator: str
    levels: dict[int, int]
    kind: RankingKind = "ranked"
    seconds: float | None = None
    comment: str = ""
    supersedes: int | None = None
    lasted: float | None = None
    guideline_id: int | None = None
    id: int = 0
    created: str = ""


@dataclass(frozen=True)
class Rating:
    """One turning of all rankings into scores, by a `method` (davidson or elo) with the settings in `config`.

    `last_ranking_id` is the last ranking that went in; `metrics` says how far the scores are to be trusted.
    """

    method: str
    config: Json
    metrics: Json
    last_ranking_id: int
    id: int = 0
    created: str = ""


@dataclass(frozen=True)
class PairAgreement:
    """How far two annotators agree where both ranked the same prompt.

    `tau` is the mean of Kendall's tau-b, from -1 (opposite orders) to 1 (the same), over `shared` pairs of rankings.
    """

    annotator: str
    other: str
    tau: float
    shared: int


@dataclass(frozen=True)
class Score:
    """How good a response is by one rating, in Elo points: 1000 is the mean of its prompt.

    `stderr` is the standard error in Elo points, None where the method has none (sequential Elo); `comparisons` is
    in how many pairs the response was ranked.
    """

    response_id: int
    elo: float
    stderr: float | None
    comparisons: int
    rating_id: int


@dataclass(frozen=True)
class Model:
    """A model version: the adapters and heads in `path`, over `base_model`.

    `parent_id` is the version that it was trained on from. `rating_id` names the scores that taught a reward model,
    `reward_id` the reward model that a policy was trained against; `made_by` is the kind of work that made it (init,
    reward, ppo, ...) and `settings` are the tables of settings it was made with. `digest` is what store/digests.py
    made of its files when they were written, None where nobody noted it. An `imported` model is one elsewhere, of
    which only the responses are here.
    """

    name: str
    kind: ModelKind
    base_model: str
    parent_id: int | None = None
    job_id: int | None = None
    path: str | None = None
    metrics: Json = field(default_factory=dict)
    rating_id: int | None = None
    reward_id: int | None = None
    made_by: str = "init"
    settings: Json = field(default_factory=dict)
    digest: str | None = None
    id: int = 0
    created: str = ""


@dataclass(frozen=True)
class Promotion:
    """A version became the one that writes new responses: by whose word, and what spoke for it."""

    model_id: int
    by: str
    evidence: Json
    id: int = 0
    created: str = ""


@dataclass(frozen=True)
class Job:
    """Work that the page or the launcher asked for.

    `params` are its arguments and, under `settings`, every setting it runs with; `progress` runs from 0 to 1;
    `deaths` is how often a process died over it. `lease` is the number under which the process that claimed it does
    it, 0 in a record that was only read.
    """

    kind: str
    params: Json
    state: JobState = "queued"
    pid: int | None = None
    heartbeat: float | None = None
    progress: float = 0.0
    note: str = ""
    error: str = ""
    result: Json = field(default_factory=dict)
    deaths: int = 0
    lease: int = 0
    id: int = 0
    created: str = ""


@dataclass(frozen=True)
class Annotator:
    """A person (or a simulated one) who may sign in."""

    name: str
    role: Role = "annotator"
    password_hash: str | None = None
    active: bool = True
    created: str = ""

    @property
    def simulated(self) -> bool:
        """Whether this is a simulated annotator, as the name tells."""
        return self.name.startswith(SIMULATED)


@dataclass(frozen=True)
class Round:
    """One finished turn of the loop: the scores, the reward model and the policy that it made, and the job that ran
    it (None where nobody noted it); a round of DPO has no reward model. `metrics` is what the launcher prints."""

    number: int
    rating_id: int
    reward_id: int | None
    policy_id: int
    metrics: Json
    job_id: int | None = None
    created: str = ""
