"""Where passwords are hashed: in threads of their own, so that guessers wait for one another and nobody for them."""

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from starlette.requests import Request

from annotate.security import address_of
from store.errors import RequestError

Given = ParamSpec("Given")
Result = TypeVar("Result")

# One password costs 32 MiB and a tenth of a second; two at a time leave a small server usable under attack.
AT_A_TIME = 2
MOST_OF_ONE = 20
"""Requests from one address that may wait: a room of people who sign in at once, and no flood."""
MOST = 200
"""Requests that may wait in all; at two in a tenth of a second the last one waits for ten seconds."""


class Crowded(RequestError):
    """Too many people are at the door: whoever comes now has to come again."""

    status = 503


class Passwords:
    """The threads of one site, and how many requests wait for them; used by its event loop alone."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(AT_A_TIME, thread_name_prefix="passwords")
        self._waiting: Counter[str] = Counter()

    async def __call__(
        self, request: Request, work: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs
    ) -> Result:
        """What `work` returns, done in one of the threads; raises Crowded where too many wait already."""
        address = address_of(request)
        if self._waiting[address] >= MOST_OF_ONE or self._waiting.total() >= MOST:
            raise Crowded("Too many people are signing in just now: try again in a minute.")
        self._waiting[address] += 1
        try:
            return await asyncio.wrap_future(self._threads.submit(work, *args, **kwargs))
        finally:
            self._waiting[address] -= 1
            if not self._waiting[address]:
                del self._waiting[address]
