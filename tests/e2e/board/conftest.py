"""A bare page with the board's template, and the modules beside it: no Gradio, no store.

One page serves all tests, loaded anew for each: a window of its own for each would take ten times as long.
"""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

import annotate

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
SCRIPTS = Path(annotate.__file__).parent
TEMPLATE = (SCRIPTS / "board" / "board.html").read_text()
STYLES = "\n".join((SCRIPTS / "board" / name).read_text() for name in ("board.css", "bar.css"))
TOKENS = (SCRIPTS / "look" / "tokens.css").read_text()
PAGE = f"<!doctype html><meta charset=utf-8><style>{TOKENS} #root {{ {STYLES} }}</style><div id=root>{TEMPLATE}</div>"

LAY = """
const { newBoard } = await import('/board/board.js');
const { receive } = await import('/board/receive.js');
window.sent = [];
const element = document.querySelector('#root');
window.board = newBoard({ element, props: { value: arg }, trigger: (event, data) => sent.push([event, data]) });
receive(board);
"""
START = """
const { start } = await import('/board/main.js');
window.sent = [];
window.props = { value: arg };
window.watchers = [];
const element = document.querySelector('#root');
const trigger = (event, data) => sent.push([event, data]);
start({ element, props, trigger, watch: (name, then) => watchers.push(then) });
"""
TELL = "props.value = arg; watchers.forEach((then) => then());"


class Bench:
    """The page, and the ways in which a test puts a board on it."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def run(self, body: str, arg: Any = None) -> Any:
        """What the body of an async JavaScript function returns that gets `arg`."""
        return self.page.evaluate(f"async (arg) => {{ {body} }}", arg)

    def lay(self, value: dict[str, Any]) -> None:
        """`board` with a value of the server received, and nothing that listens."""
        self.run(LAY, value)

    def start(self, value: dict[str, Any] | None) -> None:
        """A board as gr.HTML starts it."""
        self.run(START, value)

    def tell(self, value: dict[str, Any]) -> None:
        """Another value from the server, to what `start` started."""
        self.run(TELL, value)

    def sent(self) -> list[dict[str, Any]]:
        """All that the board told the server."""
        events = self.run("return sent")
        assert {name for name, _ in events} <= {"submit"}
        return [data for _, data in events]

    def slots(self) -> list[str]:
        """The letters that lie in each rank, as the eye sees them."""
        boxes = self.page.locator(".slot").all()
        return ["".join(box.locator(".chip").all_inner_texts()) for box in boxes]

    def tray(self) -> str:
        """The letters without a rank."""
        return "".join(self.page.locator(".tray .chip").all_inner_texts())

    def said(self) -> str:
        """What a screen reader was told last."""
        return self.page.locator(".live").text_content() or ""

    def message(self) -> str:
        """What stands above the ranks."""
        return self.page.locator(".message").text_content() or ""


class Files(BaseHTTPRequestHandler):
    """The page, and the modules as the browser may keep them."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        file = SCRIPTS / self.path.lstrip("/")
        if self.path == "/":
            self.answer(200, PAGE.encode(), "text/html")
        elif file.suffix == ".js" and file.is_file():
            self.answer(200, file.read_bytes(), "text/javascript")
        else:
            self.answer(404, b"", "text/plain")

    def answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "max-age=3600")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Nothing: pytest's output is for the tests."""


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """Where the page is served."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Files) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def window(browser: Browser) -> Iterator[Page]:
    """The page that all tests share. Its clock stands still until a test moves it on."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.clock.install(time=NOW)
    context.clock.pause_at(NOW + timedelta(hours=1))
    yield context.new_page()
    context.close()


@pytest.fixture
def bench(window: Page, address: str) -> Iterator[Bench]:
    """The page as new, its storage empty; an error in a script fails the test."""
    errors: list[str] = []

    def note(error: Exception) -> None:
        errors.append(str(error))

    window.goto(address)
    window.evaluate("localStorage.clear()")
    window.on("pageerror", note)
    yield Bench(window)
    window.mouse.up()
    window.remove_listener("pageerror", note)
    assert errors == []


@pytest.fixture
def view() -> Any:
    """`view(3)`: what the server tells of a task with three responses; `view(0)`: that there is none."""

    def made(size: int = 4, *, lease: str = "lease-1", answer: Any = None, mark: Any = None, **task: Any) -> Any:
        shown = {
            "lease": lease,
            "prompt": [{"role": "user", "html": "<p>Which?</p>", "written": "Which?"}],
            "responses": [f"<p>Response {i}.</p>" for i in range(size)],
            "written": [f"Response *{i}*." for i in range(size)],
            **task,
        }
        progress = {"today": 2, "total": 9, "remaining": 3, "more": False}
        told = {"annotator": "Ada", "task": shown if size else None, "progress": progress, "guideline": "Rank well."}
        return told | {"answer": answer} | ({"mark": mark} if mark else {})

    return made
