"""What belongs to an event loop: made for each loop anew, and closed before it ends."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Generic, TypeVar, cast

from ..errors import ATHError

_OF_PARENTS: list[object] = []
"""What belongs to the event loop of a parent process: kept, since destructors would touch it."""

T = TypeVar("T")


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The running event loop; None outside asyncio, as in trio."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


class LoopBound(Generic[T]):
    """Something that is used in one event loop at a time, and in the next one after that."""

    def __init__(self, make: Callable[[], T], close: Callable[[T], Awaitable[None]]) -> None:
        self._make = make
        self._close = close
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process = 0
        self._held: T | None = None
        self._end: AsyncGenerator[None, None] | None = None

    async def enter(self) -> T:
        """What belongs to the running loop.

        Raises:
            ATHError: WRONG_EVENT_LOOP if it is in use in another loop, which has not ended.
        """
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            if self._process != os.getpid():
                _OF_PARENTS.append((self._held, self._end))
            elif self._loop is not None and not self._loop.is_closed():
                raise ATHError("WRONG_EVENT_LOOP", "This client is in use in another event loop.")
            held = self._make()
            self._loop, self._process, self._held = loop, os.getpid(), held
            self._end = _close_at_end(held, self._close)
            await anext(self._end)
        return cast("T", self._held)

    async def aclose(self) -> None:
        """Close it; what belongs to another loop ends with that."""
        if self._end is not None and self._loop is running_loop():
            end, self._end = self._end, None  # two tasks may not close a generator at a time
            await end.aclose()


async def _close_at_end(
    held: T, close: Callable[[T], Awaitable[None]]
) -> AsyncGenerator[None, None]:
    """A generator that has begun: asyncio ends those before it closes an event loop."""
    try:
        yield
    finally:
        await close(held)
