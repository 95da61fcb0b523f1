"""What stands before every page: proxies, hosts, closed routes, bodies, slow requests, threads for passwords."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.routing import Mount
from starlette.testclient import TestClient

from annotate import app, bodies, passwords, patience
from annotate.forwarded import Forwarded
from annotate.security import Gate
from rlhf.settings import ServeConfig
from store import sessions
from store.errors import BadInput
from store.records import Role
from store.workspace import Workspace

SignIn = Callable[[str, Role], TestClient]
CLOSED = '{"error":"There is nothing at this address."}'
GUESS = {"name": "Ada", "password": "guess"}


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the body, and remembers how it was asked."""
    asked.append(scope)
    message = await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": message.get("body", b"")})


asked: list[Any] = []


def heard(peer: str, *headers: tuple[bytes, bytes], trusted: tuple[str, ...] = ()) -> Any:
    """The request as the site sees it, after one from `peer` with these headers."""
    scope = {"type": "http", "client": (peer, 1), "scheme": "http", "headers": list(headers)}

    async def nothing(*_: Any) -> Any:
        return {"type": "http.request"}

    asyncio.run(Forwarded(echo, trusted)(scope, nothing, nothing))
    return asked.pop()


def test_only_a_proxy_that_is_named_is_believed() -> None:
    told = (
        (b"x-forwarded-for", b"6.6.6.6, 7.7.7.7"),
        (b"x-forwarded-proto", b"https"),
        (b"x-forwarded-host", b"evil"),
    )
    for peer, trusted in (("127.0.0.1", ()), ("10.2.0.1", ("10.1.0.0/16",)), ("testclient", ("10.1.0.0/16",))):
        seen = heard(peer, *told, (b"forwarded", b"for=6.6.6.6"), (b"accept", b"x"), trusted=trusted)
        assert (seen["client"][0], seen["scheme"], seen["headers"]) == (peer, "http", [(b"accept", b"x")])
    seen = heard("10.1.0.9", *told, trusted=("10.1.0.0/16",))
    # What the proxy itself saw stands last; what stands before it, anybody could have written.
    assert (seen["client"][0], seen["scheme"]) == ("7.7.7.7", "https")


def test_a_proxy_that_is_no_address_is_refused_at_the_start(workspace: Workspace) -> None:
    with pytest.raises(BadInput, match=r"'proxy\.example' is neither an address nor a network"):
        Forwarded(echo, ["proxy.example"])


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No password fits, and none takes a tenth of a second."""
    monkeypatch.setattr("store.annotators.verify", lambda *_: None)


@pytest.mark.usefixtures("quick")
def test_rotated_addresses_are_one_guesser(client: TestClient) -> None:
    codes = [
        client.post("/login", data=GUESS, headers={"x-forwarded-for": f"9.9.9.{n}"}).status_code for n in range(7)
    ]
    assert codes == [401] * 5 + [429] * 2


def test_the_site_answers_to_its_own_names(workspace: Workspace, client: TestClient) -> None:
    gate = TestClient(Gate(echo, workspace, ["Rank.example.org"]))
    for host, status in (
        ("rank.example.org", 200),
        ("RANK.example.org:7860", 200),
        ("rank.example.org.", 200),
        ("evil.example", 400),
        ("rank.example.org.evil.example", 400),
        ("[", 400),
        ("", 400),
    ):
        assert gate.get("/healthz", headers={"host": host}).status_code == status, host
    # No redirect leads to a host that somebody sent.
    assert client.get("/admin", headers={"host": "evil.example"}).headers["location"] == "/login"
    assert client.get("/account/password/", headers={"host": "evil.example"}).headers.get("location", "") == ""


def test_every_route_of_gradio_that_the_pages_do_not_use_is_closed(
    sign_in: SignIn, site: TestClient, call: Callable[..., Any]
) -> None:
    client = sign_in("Rosa", "admin")
    mounts = [route for route in site.app.routes if isinstance(route, Mount) and route.path != "/api/v1"]  # type: ignore[attr-defined]
    assert {mount.path for mount in mounts} >= {"/annotate", "/research"}
    tried = set()
    for mount in mounts:
        for route in mount.app.routes:  # type: ignore[attr-defined]
            path = getattr(route, "path", "").replace("{", "").replace("}", "").replace(":path", "")
            if not hasattr(route, "methods") or path.startswith(("/static/", "/assets/")):
                continue
            for method in route.methods:
                answer = client.request(method, f"{mount.path}{path}", json={})
                if answer.status_code != 404 or answer.text not in ("", CLOSED):
                    tried.add((mount.path, path))
    used = ("/", "/config", "/theme.css", "/gradio_api/run/predict", "/gradio_api/run/api_name", "/gradio_api/app_id")
    assert {path for _, path in tried} <= set(used)
    files = {"files": ("a.txt", b"x")}
    for route in ("upload", "upload/"):
        assert client.post(f"/annotate/gradio_api/{route}", files=files).status_code == 404
    assert client.get("/annotate/gradio_api/file=/etc/passwd").status_code == 404


def send(scope: dict[str, Any], *messages: dict[str, Any], wait: bool = False) -> tuple[int, bytes, int]:
    """Status and body of the gate's answer to a request that arrives in pieces, and how many pieces were read."""
    left, said = list(messages), []

    async def receive() -> Any:
        if not left and wait:
            await asyncio.sleep(60)
        return left.pop(0)

    async def note(message: Any) -> None:
        said.append(message)

    whole = {"type": "http", "method": "POST", "path": "/x", "query_string": b"", "client": ("1.1.1.1", 1), **scope}
    asyncio.run(Gate(echo, Workspace(Path("/nowhere")))(whole, receive, note))
    return said[0]["status"], said[1]["body"], len(messages) - len(left)


def length(number: object) -> dict[str, Any]:
    return {"headers": [(b"content-length", str(number).encode())]}


def test_a_body_is_refused_before_it_is_read_or_arrives_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    piece = {"type": "http.request", "body": b"a" * 400_000, "more_body": True}
    last = {"type": "http.request", "body": b"a" * 200_000, "more_body": False}
    assert send(length(1_000_000), piece, piece, last) == (200, b"a" * 1_000_000, 3)
    for number in (1_000_001, 10**30, "-1", "x"):
        status, said, read = send(length(number), piece)
        assert (status, read) == (413, 0), number
        assert b"at most 1000000 bytes" in said
    status, said, read = send({"headers": [(b"transfer-encoding", b"chunked")]}, piece)
    assert (status, read) == (411, 0)
    monkeypatch.setattr(bodies, "SECONDS", 0.05)
    status, said, read = send(length(900_000), piece, wait=True)
    assert (status, read) == (408, 1)
    assert b"did not arrive whole" in said


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    """A server that gives requests a fifth of a second to begin."""
    monkeypatch.setattr(patience, "SECONDS", 0.2)
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(echo, http=patience.Patience, log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: server.run(sockets=[listener]))
    thread.start()
    yield listener.getsockname()
    server.should_exit = True
    thread.join()


def answered(connection: socket.socket, request: bytes) -> None:
    """Send a request and read its answer to the end."""
    connection.sendall(request)
    read = b""
    while not read.endswith(b"0\r\n\r\n"):
        read += connection.recv(1000)
    assert read.startswith(b"HTTP/1.1 200")


def test_a_request_that_is_half_sent_ends_and_a_whole_one_does_not(listening: tuple[str, int]) -> None:
    whole = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    for before, opening in ((b"", b""), (b"", b"GET / HTTP/1.1\r\nHost: x\r\n"), (whole, b"GET / HT")):
        with socket.create_connection(listening, timeout=9) as half:
            if before:
                answered(half, before)
            began = time.monotonic()
            half.sendall(opening)
            while half.recv(1000):
                pass
            assert 0.1 < time.monotonic() - began < 3, opening
    with socket.create_connection(listening, timeout=5) as kept:
        for _ in range(3):  # longer than the limit from the first to the last
            answered(kept, whole)
            time.sleep(0.12)


def test_guessers_wait_for_one_another_and_nobody_for_them(
    client: TestClient, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More of them than the threads that every other request shares, and each is held."""
    monkeypatch.setattr(passwords, "MOST_OF_ONE", 50)
    monkeypatch.setattr("store.attempts.LIMITS", ())
    go = threading.Event()
    monkeypatch.setattr("store.annotators.verify", lambda *_: go.wait(20) and None)
    with ThreadPoolExecutor(60) as threads:
        try:
            guesses = [threads.submit(client.post, "/login", data=GUESS) for _ in range(60)]
            crowded = 0
            while crowded < 10:  # who comes when fifty wait is sent away
                crowded = sum(guess.done() for guess in guesses)
                time.sleep(0.01)
            began = time.monotonic()
            assert client.get("/healthz").status_code == 200
            assert client.get("/login").status_code == 200
            assert time.monotonic() - began < 5
        finally:
            go.set()
        codes = [guess.result().status_code for guess in guesses]
    assert (codes.count(503), codes.count(401)) == (10, 50)


def test_the_site_works_below_what_a_proxy_puts_before_it(
    sign_in: SignIn, site: TestClient, workspace: Workspace
) -> None:
    with workspace.store() as db:
        token = sessions.invite(db, "researcher")
    below = TestClient(site.app, root_path="/team", follow_redirects=False)
    for path in ("/team/", "/team/annotate", "/team/research/", "/team/admin/"):
        assert below.get(path).headers["location"] == "/team/login"
    for path in ("/team/annotate/config", "/team/research/gradio_api/run/predict", "/team/account/password"):
        assert below.post(path, json={}).status_code == 401
    assert 'action="join"' in below.get(f"/team/join?token={token}").text
    joined = below.post("/team/join", data={"token": token, "name": "Rosa", "password": "correct horse"})
    assert joined.headers["location"] == "/team/"
    assert "Path=/team" in joined.headers["set-cookie"]
    assert below.get("/team/").headers["location"] == "/team/research"
    assert below.get("/team/research").headers["location"].startswith("/team/research/")
    for path in ("/team/research/config", "/team/annotate/config", "/team/account/", "/team/api/me"):
        assert below.get(path).status_code == 200, path
    assert below.get("/team/admin/").headers["location"] == "/team/"
    assert below.get("/team/research/gradio_api/upload").status_code == 404


@pytest.mark.usefixtures("quick")
def test_the_settings_of_serve_reach_the_site(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "_add_pages", lambda *_: asyncio.sleep(0))
    with pytest.raises(BadInput, match="neither an address"):
        app.build(workspace, ServeConfig(trusted_proxies=("nonsense",)))
    settings = ServeConfig(trusted_proxies=("10.0.0.0/8",), allowed_hosts=("rank.example.org",))
    built = TestClient(app.build(workspace, settings), client=("10.0.0.1", 1), follow_redirects=False)
    assert built.get("/login").status_code == 400
    host = {"host": "rank.example.org"}
    sent = [host | {"x-forwarded-for": f"9.9.9.{n}"} for n in range(7)]
    codes = [built.post("/login", data=GUESS, headers=headers).status_code for headers in sent]
    assert codes == [401] * 7  # seven people at seven addresses
