"""What a driver does by itself, blocking or as a coroutine; everything else is written once."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Generator, Iterator
from typing import Any, NamedTuple, TypeVar

from .. import _log
from .._http.limits import Limits
from .._http.messages import Request
from .._lazy import futures
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


class Open(NamedTuple):
    """Send once; the result is the answer once its head has come, or a failure's reply."""

    request: Request
    limits: Limits
    keeps_errors: bool
    """Whether a failure is handed out as well; what was read of its body is put back."""


class UseStore(NamedTuple):
    """Call a method of a store, which blocks or is a coroutine; the result is what it returns."""

    method: Callable[..., Any]
    arguments: tuple[Any, ...]
    store: str
    """The store's name in errors."""


class Wait(NamedTuple):
    """Wait for another call of the same client; the result is the future's."""

    future: futures.Future[Any]


Operation = Sign | Send | Open | Pause | UseStore | Wait | Show
Operations = Generator[Operation, Any, T]
"""Work that yields operations and is sent their results."""


def use_store(
    store: object, name: str, *arguments: Any, method: Callable[..., Any] | None = None
) -> Operations[Any]:
    """Call a store's method of that name (or ``method`` in its place), and log how it went.

    Whose record it was and what it holds are not logged.

    Raises:
        ATHError: whatever the store raised, or STORAGE_ERROR instead of a foreign exception.
    """
    kind, began, outcome = type(store).__name__, time.perf_counter(), "interrupted"
    try:
        result = yield UseStore(method or getattr(store, name), arguments, kind)
        outcome = "found" if isinstance(result, str) else str(result)
    except ATHError as error:
        outcome = error.code
        raise
    finally:
        took = (time.perf_counter() - began) * 1000
        _log.debug("ath.stores", "%s.%s: %s after %.1f ms", kind, name, outcome, took)
    return result


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
