"""The process of the pages killed while people rank: what was acknowledged is stored, by value, and once.

Clients do over HTTP what the board does: load a task, send an order, and note what the server says it has stored.
The server is killed (SIGKILL) at a random moment and started again, over and over.
"""

import json
import random
import sys
import tempfile
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from annotate.security import COOKIE
from store import annotators, rankings, sessions
from store.workspace import Workspace, create
from tests.drills.table import Row
from tests.server import Server
from tests.tasks_to_rank import add_tasks

OVERLAP = 3
PATIENCE = 20.0


@dataclass
class Person:
    """One client with a session of its own; `acknowledged` pairs each lease with the order that was sent.

    It reads each task for about `reading` seconds; `waits` holds when it asked (by a clock that nobody sets) and how
    long it waited for the answer, `bare` what came as an error without words.
    """

    name: str
    token: str
    reading: float = 0.0
    acknowledged: dict[str, list[int]] = field(default_factory=dict)
    refused: int = 0
    without_next: int = 0
    bare: list[str] = field(default_factory=list)
    waits: list[tuple[float, float]] = field(default_factory=list)

    def rank(self, url: str, until: threading.Event) -> None:
        """Rank until told to end; what fails on the way is tried again, as the board does."""
        rng = random.Random(self.name)
        with httpx.Client(base_url=url, cookies={COOKIE: self.token}, timeout=PATIENCE) as client:
            view, ids = None, {}
            while not until.is_set():
                try:
                    if not ids:
                        config = client.get("/annotate/config").json()
                        ids = {d["api_name"]: d["id"] for d in config["dependencies"]}
                    view = view or self._ask(client, ids["load"], None)
                    if view.get("trouble"):
                        self.without_next += 1
                        view = None
                        until.wait(0.2)
                        continue
                    if view["task"] is None:
                        return
                    until.wait(rng.uniform(0.5, 1.5) * self.reading)
                    count = len(view["task"]["responses"])
                    levels = rng.sample(range(1, count + 1), count)
                    sent = {
                        "nonce": uuid.uuid4().hex,
                        "action": "rank",
                        "lease": view["task"]["lease"],
                        "levels": levels,
                        "seconds": 5.0,
                        "comment": self.name,
                    }
                    told = self._ask(client, ids["answer"], sent)
                    # A message says that an earlier order of this person's is stored, after an answer that was lost.
                    if told["answer"]["stored"] and not told["answer"]["message"]:
                        self.acknowledged[sent["lease"]] = levels
                    else:
                        self.refused += 1
                    view = told
                except (httpx.HTTPError, ValueError, KeyError, TypeError):
                    view = None  # the server is gone: load anew, as the page does when it is back
                    until.wait(0.05)

    def _ask(self, client: httpx.Client, number: int, event: dict[str, Any] | None) -> Any:
        body = {"data": [], "fn_index": number, "session_hash": self.name, "event_data": event}
        began = time.monotonic()
        answer = client.post("/annotate/gradio_api/run/predict", json=body)
        self.waits.append((began, time.monotonic() - began))
        if answer.status_code == 500 or ("error" not in answer.text[:40] and answer.status_code >= 400):
            self.bare.append(answer.text[:80])
        return answer.json()["data"][0]


def wrong(workspace: Workspace, people: list[Person]) -> list[str]:
    """What of all that was acknowledged is not stored as it was sent; and what the file itself has to say."""
    found = []
    with workspace.store() as db:
        stored = {
            row["lease"]: row
            for row in db.query("SELECT lease, annotator, levels, shown_order FROM rankings WHERE kind = 'ranked'")
        }
        total = rankings.count(db)
        for person in people:
            for lease, levels in person.acknowledged.items():
                found += [] if _as_sent(stored.get(lease), person.name, levels) else [f"{person.name}'s {lease}"]
        if total != len(stored):
            found.append(f"{total - len(stored)} rankings stored twice")
        twice = db.execute(
            "SELECT count(*) FROM (SELECT prompt_id, annotator FROM current_rankings WHERE kind = 'ranked'"
            " AND task_id IN (SELECT id FROM tasks WHERE reason NOT IN ('gold', 'repeat'))"
            " GROUP BY 1, 2 HAVING count(*) > 1)"
        ).fetchone()[0]
        found += [f"{twice} prompts ranked twice by one person"] if twice else []
        found += [row[0] for row in db.execute("PRAGMA integrity_check") if row[0] != "ok"]
        found += [str(tuple(row)) for row in db.execute("PRAGMA foreign_key_check")]
    return found


def _as_sent(row: dict[str, Any] | None, name: str, levels: list[int]) -> bool:
    if row is None or row["annotator"] != name:
        return False
    held = json.loads(row["levels"])
    return [held[str(r)] for r in json.loads(row["shown_order"])] == levels


def crowded(workspace: Workspace, people: int, prompts: int, reading: float = 0.0) -> list[Person]:
    """So many people before so many prompts, each of which `OVERLAP` people are to rank."""
    with workspace.store() as db:
        add_tasks(db, count=prompts, overlap=OVERLAP)
        for n in range(people):
            annotators.add(db, f"person {n}", "annotator")
        return [Person(f"person {n}", sessions.open_session(db, f"person {n}"), reading) for n in range(people)]


def drill(kills: int, people: int) -> Row:
    """Kill the pages so often under so many people."""
    rng = random.Random(kills)
    with tempfile.TemporaryDirectory(prefix="drill-people-") as folder:
        workspace = create(Path(folder) / "workspace", "")
        crowd = crowded(workspace, people, 100 + 60 * kills)
        server, until = Server(workspace), threading.Event()
        threads = [threading.Thread(target=p.rank, args=(server.url, until)) for p in crowd]
        server.start()
        for thread in threads:
            thread.start()
        for n in range(kills):
            time.sleep(rng.uniform(0.5, 2.0))
            server.kill()
            server.start()
            print(f"people: kill {n + 1}, {sum(len(p.acknowledged) for p in crowd)} acknowledged", file=sys.stderr)
        time.sleep(1.0)
        until.set()
        for thread in threads:
            thread.join()
        server.kill()
        lost, acknowledged = wrong(workspace, crowd), sum(len(p.acknowledged) for p in crowd)
    assert acknowledged, "nobody could rank: this drill has shown nothing"
    return Row(
        f"SIGKILL of the pages under {people} people, overlap {OVERLAP}",
        f"{kills} kills",
        f"{acknowledged - len(lost)} of {acknowledged} acknowledged rankings",
        tuple(lost),
        f"python -m tests.drills people --kills {kills}",
    )
