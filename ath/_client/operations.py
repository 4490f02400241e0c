"""What a driver does by itself, blocking or as a coroutine; everything else is written once."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import Future
from typing import Any, NamedTuple, TypeVar

from .._http.messages import Limits, Request

T = TypeVar("T")


class Sign(NamedTuple):
    """Sign with the agent's key; the result is the signature."""

    message: bytes


class Send(NamedTuple):
    """Send once; the result is the reply, whatever its status."""

    request: Request
    limits: Limits | None
    """None means the client's."""


class Pause(NamedTuple):
    """Wait."""

    seconds: float


class UseStore(NamedTuple):
    """Call a method of a store, which may block; the result is what it returns."""

    method: Callable[..., Any]
    arguments: tuple[Any, ...]


class Wait(NamedTuple):
    """Wait for another call of the same client; the result is the future's."""

    future: Future[Any]


Operation = Sign | Send | Pause | UseStore | Wait
Operations = Generator[Operation, Any, T]
"""Work that yields operations and is sent their results."""
