"""Webhooks: what happened arrives signed, once it is stored, at a receiver that may be slow, wrong or away."""

import hashlib
import hmac
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from rankloop_client import is_from_rankloop
from rlhf.jobs import messages
from store import jobs, models, outbox, rounds
from store.errors import BadInput
from store.records import Model, Round
from store.workspace import Workspace
from tests.annotate.conftest import rate
from tests.tasks_to_rank import add_tasks


class Receiver(ThreadingHTTPServer):
    """Keeps what is sent to it, and answers with `status`, after a silence of `slow` seconds a letter."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.status, self.slow = 200, 0.0
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/hook?of=us"


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.append((self.path, dict(self.headers.items()), body))
        answer = f"HTTP/1.0 {self.server.status} told\r\nLocation: {self.server.url}\r\nContent-Length: 0\r\n\r\n"
        for letter in answer.encode():
            if self.server.slow:
                time.sleep(self.server.slow)
                try:
                    self.wfile.write(bytes([letter]))
                except OSError:
                    return
        if not self.server.slow:
            self.wfile.write(answer.encode())

    def do_GET(self) -> None:
        self.server.got.append((self.path, {}, b"a redirect was followed"))

    def log_message(self, *args: object) -> None: ...


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as opened:
        thread = threading.Thread(target=lambda: opened.serve_forever(0.02))
        thread.start()
        yield opened
        opened.shutdown()
        thread.join()


@pytest.fixture
def workspace(tmp_path: Path, fresh: Callable[[Path], Workspace], receiver: Receiver) -> Workspace:
    made = fresh(tmp_path / "workspace")
    hear(made, f'url = "{receiver.url}"')
    return made


def hear(workspace: Workspace, table: str) -> None:
    (workspace.folder / "workspace.toml").write_text(f"[round]\nmin_rankings = 1\n[webhooks]\n{table}\n")


def failed(workspace: Workspace, error: str = "no luck") -> int:
    with workspace.store() as db:
        job = jobs.enqueue(db, "rate")
        jobs.fail(db, job, error)
        return job


def told(receiver: Receiver) -> list[dict[str, Any]]:
    return [json.loads(body) for _, _, body in receiver.got]


def test_what_happens_is_told_once_and_signed(workspace: Workspace, receiver: Receiver) -> None:
    job = failed(workspace)
    with workspace.store() as db:
        add_tasks(db, count=1, overlap=1)
        rating = rate(db, {})
        policy = models.add(db, Model("policy-1", "policy", "tiny"))
    messages.tell(workspace)
    with workspace.store() as db:
        rounds.add(db, Round(1, rating.id, None, policy, {"win_rate": 0.6}))
    for _ in range(3):
        messages.tell(workspace)
    assert [(m["event"], m["data"]) for m in told(receiver)] == [
        ("job_failed", {"job": job, "kind": "rate", "error": "no luck"}),
        ("enough_rankings", {"round": 1, "rankings": 1, "needed": 1}),
        ("round_done", {"round": 1, "policy": "policy-1", "metrics": {"win_rate": 0.6}}),
    ]
    secret = (workspace.folder / "webhooks.secret").read_bytes().strip()
    assert (len(secret), (workspace.folder / "webhooks.secret").stat().st_mode & 0o777) == (43, 0o600)
    for path, headers, body in receiver.got:
        assert path == "/hook?of=us"
        signature = headers["X-Rankloop-Signature"]
        at, made = signature.removeprefix("t=").split(",v1=")
        assert made == hmac.new(secret, f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        assert is_from_rankloop(secret, signature, body)
        for wrong in (signature[:-1], signature.replace("t=", "t=1"), "", f"v1={made}", f"t={at}"):
            assert not is_from_rankloop(secret, wrong, body)
        assert not is_from_rankloop(b"guessed", signature, body)
        assert not is_from_rankloop(secret, signature, body + b" ")
        assert not is_from_rankloop(secret, messages.signature(secret, int(at) - 301, body), body)


def test_what_did_not_arrive_is_sent_again_with_growing_pauses_for_a_day(
    workspace: Workspace, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = now = time.time()
    monkeypatch.setattr(outbox.time, "time", lambda: now)
    failed(workspace)
    times = []
    while now < began + 2 * 86400:
        before = len(receiver.got)
        receiver.status = (500, 307, 404)[before % 3]
        messages.tell(workspace)
        times += [now] * (len(receiver.got) - before)
        now += 10.0 if now < began + 320 else 1800.0
    pauses = [round(b - a) for a, b in itertools.pairwise(times)]
    assert pauses[:5] == [10, 20, 40, 80, 160]
    assert 3600 in pauses
    assert max(pauses) <= 2 * 3600
    assert times[-1] <= began + 86400
    assert len({(m["id"], m["at"]) for m in told(receiver)}) == 1
    receiver.status, before = 200, len(receiver.got)
    messages.tell(workspace)
    assert len(receiver.got) == before


def test_it_arrives_when_the_receiver_is_back(workspace: Workspace, receiver: Receiver) -> None:
    hear(workspace, 'url = "http://127.0.0.1:9"')  # where nobody listens
    failed(workspace)
    messages.tell(workspace)
    with workspace.store() as db:
        (error,) = [row["error"] for row in db["outbox"].rows]
        db.execute("UPDATE outbox SET due = 0")
        db.conn.commit()
    assert "refused" in error
    hear(workspace, f'url = "{receiver.url}"')
    messages.tell(workspace)
    assert [m["event"] for m in told(receiver)] == ["job_failed"]


def test_a_receiver_that_drips_is_cut_off(
    workspace: Workspace, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "SECONDS", 0.3)
    receiver.slow = 0.05
    failed(workspace)
    began = time.monotonic()
    messages.tell(workspace)
    assert time.monotonic() - began < 1.5
    with workspace.store() as db:
        (row,) = db["outbox"].rows
    assert (row["delivered"], row["tries"]) == (None, 1)


def test_nobody_is_told_what_nobody_asked_for(workspace: Workspace, receiver: Receiver) -> None:
    hear(workspace, "")
    failed(workspace)
    messages.tell(workspace)
    hear(workspace, f'url = "{receiver.url}"\nevents = ["round_done"]')
    failed(workspace)
    messages.tell(workspace)
    hear(workspace, f'url = "{receiver.url}"')
    messages.tell(workspace)
    assert receiver.got == []


def test_a_message_is_noted_with_what_it_tells_of_or_not_at_all(workspace: Workspace) -> None:
    with workspace.store() as db:
        cancelled, other = jobs.enqueue(db, "rate"), jobs.enqueue(db, "rate")
        jobs.cancel(db, cancelled)
        jobs.fail(db, cancelled, "ended")
        try:
            with outbox.writing(db):
                jobs.fail(db, other, "undone")
                raise KeyError
        except KeyError:
            pass
        assert list(db["outbox"].rows) == []
        jobs.claim(db, 2**22 + 1, other, queued=False)
        lease = next(lease for lease in jobs.leases.held(db))
        jobs.died(db, other, lease.number, "it ended")
        assert [row["event"] for row in db["outbox"].rows] == ["job_failed"]


@pytest.mark.parametrize("url", ["ftp://a/b", "example.org/hook", "http://", "http://[::1", "http://a:x/", " "])
def test_what_is_no_address_is_said_and_keeps_the_messages(workspace: Workspace, url: str) -> None:
    failed(workspace)
    hear(workspace, f'url = "{url}"')
    with pytest.raises(BadInput, match=r"webhooks.url is .*: write http"):
        messages.tell(workspace)
    (workspace.folder / "webhooks.secret").write_text(" \n")
    hear(workspace, 'url = "http://127.0.0.1:9"')
    with pytest.raises(BadInput, match=r"webhooks\.secret holds no secret"):
        messages.tell(workspace)
    with workspace.store() as db:
        assert [row["tries"] for row in db["outbox"].rows] == [0]


def test_two_senders_send_a_message_once(workspace: Workspace, receiver: Receiver) -> None:
    failed(workspace)
    threads = [threading.Thread(target=messages.tell, args=(workspace,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(receiver.got) == 1


def test_the_thread_tells_and_a_secret_of_ones_own_signs(
    workspace: Workspace, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "LOOK_SECONDS", 0.02)
    (tmp_path / "mine").write_text(" sesame\n")
    hear(workspace, f'url = "{receiver.url}"\nsecret_file = "{tmp_path / "mine"}"')
    with messages.telling(workspace):
        failed(workspace)
        deadline = time.monotonic() + 10
        while not receiver.got and time.monotonic() < deadline:
            time.sleep(0.01)
    ((_, headers, body),) = receiver.got
    assert is_from_rankloop(b"sesame", headers["X-Rankloop-Signature"], body)
