"""A workspace with content that reads like the real thing, a server of its own, a browser that must be there."""

import math
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from store import annotators, jobs, models, prompts, rankings, responses, scores, tasks
from store.records import Model, Rating, Response, Round, Task
from store.workspace import Workspace, create

SERVE = "import sys; from pathlib import Path; from annotate.app import serve; from store.workspace import Workspace;"
SERVE += " serve(Workspace(Path(sys.argv[1])), port=int(sys.argv[2]))"

CHATS = {
    "What could I cook this evening for two, on a budget?": (
        "You could make a **chickpea curry** with rice: a tin of chickpeas, an onion, a tin of tomatoes and some"
        " spices feed two for very little, and it is done in half an hour. Would you like it mild or hot?",
        "Pasta with garlic and oil.",
        "Thank you so much for asking! Cooking is a lovely way to spend an evening, and I hope that you will have a"
        " wonderful time, whatever you choose in the end.",
        "Maybe a lentil soup? It is possibly quite cheap, and it might fill you up. I think that lentils keep well,"
        " so perhaps you could eat the rest tomorrow.",
    ),
    "How do I keep basil alive on a windowsill?": (
        "Give it a sunny sill, water when the top of the soil is dry, and pinch off the tips so that it branches.",
        "Water it every day.",
        "Basil needs light and no draught. Split a crowded supermarket pot into three: the plants choke each other.",
        "You could try mint, which is easier, because it grows everywhere.",
    ),
    "Suggest a walk near a town for a rainy Sunday.": (
        "Walk along the river to the next village and take the bus back: paths there are paved, so the rain matters"
        " less.",
        "Stay at home.",
        "A beech wood keeps most of the rain off. Take the loop past the quarry and end in the café by the mill.",
        "You could perhaps go to the park, or perhaps to another park.",
    ),
}


def fill(workspace: Workspace, chats: dict[str, tuple[str, ...]] | None = None) -> None:
    """Prompts, responses of one model and a task a prompt."""
    with workspace.store() as db:
        model_id = models.add(db, Model("tiny-base", "policy", "tiny"))
        for text, answers in (chats or CHATS).items():
            turn = {"role": "user", "content": text}
            (prompt_id,) = prompts.add(db, [prompts.make([turn], source="test", split="train")])
            ids = responses.add(
                db, [Response(prompt_id, model_id, answer, i, {}, "stop") for i, answer in enumerate(answers)]
            )
            tasks.add(db, [Task(prompt_id, tuple(ids))])


def live_in(workspace: Workspace) -> None:
    """Two finished rounds, a failed job and one that runs, as after an afternoon of work."""
    with workspace.store() as db:
        for number, name in enumerate(["simulated:kit", "simulated:noor", "simulated:sam"]):
            annotators.ensure(db, name)
            (task_id,) = tasks.add(db, [Task(1, (1, 2, 3, 4))])
            lease = tasks.lease(db, task_id, name, [1, 2, 3, 4]).lease
            last = rankings.submit(db, str(lease), name, {1: 1, 2: 3, 3: 2 + number % 2, 4: 3 - number % 2}).id
        policy = 1
        for number, (accuracy, win, kl) in enumerate([(0.83, 0.71, 9.4), (0.88, 0.84, 14.1), (0.89, 0.9, 16.8)], 1):
            job = jobs.enqueue(db, "round")
            jobs.claim(db, 1, job)
            reward = models.add(
                db, Model(f"reward-{number}", "reward", "tiny", None, job, None, {"accuracy": accuracy, "nll": 0.41})
            )
            policy = models.add(
                db, Model(f"policy-{number}", "policy", "tiny", policy, job, None, {"win_rate": win, "kl": kl})
            )
            rating = scores.save(db, Rating("davidson", {}, {}, last), [])
            found = {
                "round": number,
                "policy": f"policy-{number}",
                "rankings": 400 * number,
                "reward_accuracy": accuracy,
                "reward_before": 0.02 * number,
                "reward_after": 0.9 + 0.2 * number,
                "kl": kl,
                "win_rate": win,
                "seconds": 118.0,
            }
            models.add_round(db, Round(number, rating, reward, policy, found))
            jobs.finish(db, job, {"rounds": [found]})
        failed = jobs.enqueue(db, "reward")
        jobs.claim(db, 1, failed)
        jobs.fail(db, failed, "The reward model needs 32 rankings and 12 are stored: rank 20 more.")
        running = jobs.enqueue(db, "round")
        jobs.claim(db, 1, running)
        for step in range(40):
            grown = 1 - math.exp(-step / 12)
            wave = 0.08 * math.sin(step * 1.7)
            found = {
                "reward/mean": 1.4 * grown + wave,
                "kl/reference": 15 * grown + 4 * wave,
                "losses/policy": -0.02 - wave / 4,
            }
            jobs.log(db, running, step, found | {"losses/value": 0.6 - 0.4 * grown + wave / 3})
        jobs.report(db, running, 0.62, "PPO step 40 of 64, about 1 minute left")


@dataclass
class Site:
    """A running server and the workspace that it serves."""

    workspace: Workspace
    url: str
    process: subprocess.Popen[bytes]

    def link(self, role: Any) -> str:
        """A fresh invitation."""
        with self.workspace.store() as db:
            return f"{self.url}/join?token={annotators.invite(db, role)}"

    def sign_in(self, context: BrowserContext, name: str, role: Any = "annotator") -> Page:
        """A page signed in as a new person, by a session made in the store."""
        with self.workspace.store() as db:
            annotators.add(db, name, role)
            token = annotators.open_session(db, name)
        context.add_cookies([{"name": "rankloop_session", "value": token, "url": self.url}])
        return context.new_page()

    def stop(self) -> None:
        """End the server."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)

    def start(self) -> None:
        """Start it again on the same port, and wait until it answers."""
        self.process = _spawn(self.workspace, int(self.url.rsplit(":", 1)[1]))
        _await(self)


def _spawn(workspace: Workspace, port: int) -> subprocess.Popen[bytes]:
    root = Path(__file__).resolve().parents[2]
    return subprocess.Popen([sys.executable, "-c", SERVE, str(workspace.folder), str(port)], cwd=root)


def _await(site: Site) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert site.process.poll() is None, "the server ended"
        try:
            with urllib.request.urlopen(f"{site.url}/healthz", timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the server did not answer within 60 s")


def serve_workspace(folder: Path, chats: dict[str, tuple[str, ...]] | None = None) -> Site:
    """A filled workspace in `folder` and a server for it."""
    workspace = create(folder, "")
    fill(workspace, chats)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    site = Site(workspace, f"http://127.0.0.1:{port}", _spawn(workspace, port))
    _await(site)
    return site


@pytest.fixture
def site(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Site]:
    """A server of its own for the test; `@pytest.mark.parametrize("site", [chats], indirect=True)` sets the texts."""
    served = serve_workspace(tmp_path / "workspace", getattr(request, "param", None))
    yield served
    served.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's or anybody's Chromium. Where CI is set it must be there; elsewhere its tests are skipped."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("There is no chromium on PATH and CI is set: install one.")
        pytest.skip("There is no chromium on PATH: install one to run the browser tests.")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A window of 1280 by 900."""
    opened = browser.new_context(viewport={"width": 1280, "height": 900})
    yield opened
    opened.close()
