"""What a request carries, read whole before anything looks at it: not too much, and not for too long."""

import asyncio

from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope

from store.errors import RequestError

MOST_BYTES = 1_000_000
"""Bytes of a request; the longest ranking with its comment has a hundredth of it."""
SECONDS = 20.0
"""For how long a request may arrive; a slow telephone sends a ranking in one."""


class Unfinished(RequestError):
    """The request did not arrive within `SECONDS`."""

    status = 408


class NoLength(RequestError):
    """The request does not say how long it is."""

    status = 411


class TooLarge(RequestError):
    """The request is longer than `MOST_BYTES`."""

    status = 413


async def arrived(scope: Scope, receive: Receive) -> Receive | None:
    """What the site is to receive in place of `receive`, once the whole body is there; None where the sender is gone.

    Raises TooLarge and NoLength before anything is read, Unfinished where the rest does not come.
    """
    headers = Headers(scope=scope)
    if "transfer-encoding" in headers:
        raise NoLength("A request has to say how long it is (Content-Length): send it in one piece.")
    length = headers.get("content-length", "0")
    if not length.isdigit() or int(length[:20]) > MOST_BYTES:
        raise TooLarge(f"A request has at most {MOST_BYTES} bytes, and this one more: send less.")
    if int(length) == 0:
        return receive
    try:
        body = await asyncio.wait_for(_read(receive), SECONDS)
    except TimeoutError as error:
        raise Unfinished(f"The request did not arrive whole within {SECONDS:.0f} seconds: send it again.") from error
    if body is None:
        return None
    told: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return told.pop() if told else await receive()

    return replayed


async def _read(receive: Receive) -> bytes | None:
    parts, more = [], True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)
