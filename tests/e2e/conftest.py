"""A workspace with content that reads like the real thing, a server of its own, a browser that must be there."""

import math
import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from annotate.app import build
from store import annotators, jobs, models, prompts, rankings, responses, rounds, scores, sessions, tasks
from store.records import Model, Rating, Response, Round, Task
from store.workspace import Workspace, create
from tests.server import Server

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
            rounds.add(db, Round(number, rating, reward, policy, found))
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
                "reward/score": 1.4 * grown + wave,
                "kl/k3": 15 * grown + 4 * wave,
                "policy/entropy": 2.1 - grown + wave / 2,
            }
            jobs.log(db, running, step, found | {"losses/value": 0.6 - 0.4 * grown + wave / 3})
        jobs.report(db, running, 0.62, "PPO step 40 of 64, about 1 minute left")


@dataclass
class Site:
    """A workspace that is being served."""

    workspace: Workspace
    url: str

    def link(self, role: Any) -> str:
        """A fresh invitation."""
        with self.workspace.store() as db:
            return f"{self.url}/join?token={sessions.invite(db, role)}"

    def sign_in(self, context: BrowserContext, name: str, role: Any = "annotator") -> Page:
        """A page signed in as a new person, by a session made in the store."""
        with self.workspace.store() as db:
            annotators.add(db, name, role)
            token = sessions.open_session(db, name)
        context.add_cookies([{"name": "rankloop_session", "value": token, "url": self.url}])
        return context.new_page()


class Process(Server):
    """The site of a workspace in a process of its own, to be killed and started again."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.site = Site(workspace, self.url)
        self.start()


@contextmanager
def in_thread(workspace: Workspace) -> Iterator[Site]:
    """Serve from a thread: ten times sooner there than a process."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(build(workspace), log_level="warning", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield Site(workspace, f"http://127.0.0.1:{listener.getsockname()[1]}")
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()


@pytest.fixture
def workspace(tmp_path: Path, request: pytest.FixtureRequest) -> Workspace:
    """Three prompts to rank; `@pytest.mark.parametrize("workspace", [chats], indirect=True)` sets other texts."""
    made = create(tmp_path / "workspace", "")
    fill(made, getattr(request, "param", None))
    return made


@pytest.fixture
def site(workspace: Workspace) -> Iterator[Site]:
    """A server of its own for the test."""
    with in_thread(workspace) as served:
        yield served


@pytest.fixture
def serve() -> Callable[[Workspace], AbstractContextManager[Site]]:
    """`in_thread`, for a workspace that the test brings itself."""
    return in_thread


@pytest.fixture
def process(workspace: Workspace) -> Iterator[Process]:
    """A server that can be killed."""
    started = Process(workspace)
    yield started
    started.kill()


@pytest.fixture
def lived_in(workspace: Workspace) -> Workspace:
    """The workspace with rounds, jobs and curves."""
    live_in(workspace)
    return workspace


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


@pytest.fixture
def touch_drag() -> Callable[..., None]:
    """Drags with a finger, which Playwright itself cannot: touches are sent through the devtools protocol."""

    def dragged(page: Page, start: str, goal: str) -> None:
        (x, y), (to_x, to_y) = _middle(page, start), _middle(page, goal)
        devtools = page.context.new_cdp_session(page)
        steps = [(x + (to_x - x) * i / 8, y + (to_y - y) * i / 8) for i in range(9)]
        for i, (px, py) in enumerate(steps):
            kind = "touchMove" if i else "touchStart"
            devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": px, "y": py}]})
        devtools.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        devtools.detach()

    return dragged


def _middle(page: Page, selector: str) -> tuple[float, float]:
    box = page.locator(selector).bounding_box()
    assert box, selector
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
