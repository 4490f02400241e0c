"""What a driver does by itself, blocking or as a coroutine; everything else is written once."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future
from typing import Any, NamedTuple, TypeVar

from .._http.limits import Limits
from .._http.messages import Request
from .._protocol.steps import Pause, Show
from ..errors import ATHError

T = TypeVar("T")


class Sign(NamedTuple):
    """Sign with the agent's key; the result is the signature."""

    message: bytes


class Send(NamedTuple):
    """Send once; the result is the reply, whatever its status."""

    request: Request
    limits: Limits


class UseStore(NamedTuple):
    """Call a method of a store, which may block; the result is what it returns."""

    method: Callable[..., Any]
    arguments: tuple[Any, ...]


class Wait(NamedTuple):
    """Wait for another call of the same client; the result is the future's."""

    future: Future[Any]


Operation = Sign | Send | Pause | UseStore | Wait | Show
Operations = Generator[Operation, Any, T]
"""Work that yields operations and is sent their results."""


def growing_pauses(seconds: float, message: str) -> Iterator[Pause]:
    """Pauses between tries of one store operation: from 1 ms to half a second, with jitter.

    Raises:
        ATHError: STORAGE_ERROR with that message when the seconds are over.
    """
    ends, longest = time.monotonic() + seconds, 0.002
    while time.monotonic() < ends:
        yield Pause(random.uniform(longest / 2, longest))  # noqa: S311 - it only spreads writers
        longest = min(longest * 2, 0.5)
    raise ATHError("STORAGE_ERROR", message)
