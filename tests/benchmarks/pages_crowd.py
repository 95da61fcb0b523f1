"""Many people before the pages at once: an asynchronous client in a process of its own, a line to the server each.

It speaks HTTP by hand, since an HTTP library takes more of the two cores for a request than the server does.
"""

import asyncio
import json
import os
import random
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from annotate.line import ADDRESS
from annotate.security import COOKIE
from tests.drills.people import Person
from tests.server import Server

GRADIO = "/annotate/gradio_api/run/predict"
IDLE = 4.0
"""Seconds after which a connection is not used again: uvicorn closes it after five."""
TICK = os.sysconf("SC_CLK_TCK")


@dataclass
class Spell:
    """What came of ranking by one route: how long each answer took, and the CPU of the server, both in seconds."""

    route: str
    seconds: float
    waits: list[float] = field(default_factory=list)
    failed: int = 0
    cpu: float = 0.0

    def row(self) -> str:
        """A line of the table."""
        waits = sorted(1000 * wait for wait in self.waits)
        p50, p95, p99 = (waits[min(len(waits) - 1, int(share * len(waits)))] for share in (0.5, 0.95, 0.99))
        rate, cpu = len(waits) / self.seconds, 1000 * self.cpu / len(waits)
        return f"| {self.route} | {p50:.0f} | {p95:.0f} | {p99:.0f} | {rate:.0f} | {cpu:.1f} | {self.failed} |"


class Line:
    """A connection that is opened anew where it lay idle, as a browser does."""

    def __init__(self, server: Server, token: str) -> None:
        self.port, self.host = server.port, urlsplit(server.url).netloc
        self.token, self.used = token, 0.0
        self.reader: asyncio.StreamReader | None = None
        self.writer: asyncio.StreamWriter | None = None

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON that is answered; raises ValueError where the status is not 200."""
        if self.writer is None or self.reader is None or time.monotonic() - self.used > IDLE:
            self.close()
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        sent = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nHost: {self.host}\r\nCookie: {COOKIE}={self.token}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(sent)}\r\n\r\n"
        self.writer.write(head.encode() + sent)
        told = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = next(int(line[15:]) for line in told.splitlines() if line.startswith("content-length:"))
        answer = await self.reader.readexactly(length)
        self.used = time.monotonic()
        if " 200 " not in told.partition("\r\n")[0]:
            raise ValueError(told)
        return json.loads(answer)

    def close(self) -> None:
        """End the connection, if there is one."""
        if self.writer:
            self.writer.close()
        self.writer = None


async def rank(person: Person, server: Server, spell: Spell, end: float) -> None:
    """Rank until the time `end` (monotonic), thinking about `person.reading` seconds before each answer."""
    rng = random.Random(person.name + spell.route)
    line = Line(server, person.token)
    number = None
    await asyncio.sleep(rng.uniform(0, max(person.reading, 0.5)))
    if spell.route == GRADIO:
        config = await line.ask("GET", "/annotate/config")
        number = next(d["id"] for d in config["dependencies"] if d["api_name"] == "answer")

    async def told(sent: dict[str, Any]) -> Any:
        if number is None:
            return await line.ask("POST", ADDRESS, sent)
        body = {"data": [], "fn_index": number, "session_hash": person.name, "event_data": sent}
        return (await line.ask("POST", GRADIO, body))["data"][0]

    view = await told({"action": "next"})
    while time.monotonic() < end and view["task"]:
        await asyncio.sleep(rng.uniform(0.5, 1.5) * person.reading)
        count = len(view["task"]["responses"])
        levels = rng.sample(range(1, count + 1), count)
        lease = view["task"]["lease"]
        began = time.monotonic()
        try:
            view = await told({"action": "rank", "lease": lease, "levels": levels, "seconds": 5.0})
        except (OSError, ValueError, EOFError):
            spell.failed += 1
            line.close()
            continue
        spell.waits.append(time.monotonic() - began)
        if view["answer"]["stored"] and not view["answer"]["message"]:
            person.acknowledged[lease] = levels
    line.close()


def spell(crowd: list[Person], server: Server, route: str, seconds: float) -> Spell:
    """Let everybody rank by one route for so long."""
    made = Spell(route, seconds)

    async def all_at_once() -> None:
        end = time.monotonic() + seconds
        await asyncio.gather(*(rank(person, server, made, end) for person in crowd))

    before = cpu_of(server)
    asyncio.run(all_at_once())
    made.cpu = cpu_of(server) - before
    return made


def cpu_of(server: Server) -> float:
    """Seconds of CPU that the server's process has had."""
    assert server.running
    with open(f"/proc/{server.running.pid}/stat") as told:
        fields = told.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK
