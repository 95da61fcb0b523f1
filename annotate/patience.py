"""Connections on which a request begins and does not arrive: they are closed, so that nobody can hold them all."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

SECONDS = 15.0
"""Within these the first line and the headers of a request have to be there. uvicorn has no such limit of its own."""


class Patience(H11Protocol):
    """uvicorn's HTTP, with a limit to how long a request may take until its headers are whole.

    What comes after the headers is limited by annotate/bodies.py, and an idle connection by uvicorn.
    """

    _limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """A connection is opened: its first request is waited for."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Something arrives: where it makes a request whole, the wait is over; where it begins one, a wait begins."""
        before = self.cycle
        super().data_received(data)
        if self.cycle is not before:
            self._stop()
        elif (self.cycle is None or self.cycle.response_complete) and self._limit is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed, by whomever."""
        self._stop()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._limit = self.loop.call_later(SECONDS, self._give_up)

    def _stop(self) -> None:
        if self._limit:
            self._limit.cancel()
        self._limit = None

    def _give_up(self) -> None:
        self._limit = None
        if not self.transport.is_closing():
            self.transport.close()
