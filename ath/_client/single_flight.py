"""One call for all who want the same at the same time."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self

from ..errors import ATHError

_INTERRUPTED = ATHError(
    "OUTCOME_UNKNOWN",
    "The call that was registering the agent was interrupted. The agent may have registered.",
)
"""What those get who waited for a call that was cancelled: asking again could register twice."""


class Flight:
    """A call under way. Its caller leads it in a ``with`` block; the others wait for ``future``."""

    def __init__(self, remove: Callable[[], None]) -> None:
        self._remove = remove
        self.future: Future[Flight] = Future()
        self.future.set_running_or_notify_cancel()  # one who stops waiting does not cancel it
        self.value: Any = None
        self._error: ATHError | None = None

    def result(self) -> Any:
        """What the call returned or raised; each caller gets an error of their own."""
        if self._error is not None:
            raise copy.copy(self._error)  # an error collects notes and tracebacks
        return self.value

    def __enter__(self) -> Self:
        """Lead the call; set :attr:`value` when it has succeeded."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let those go on who wait."""
        if error is not None:
            self._error = error if isinstance(error, ATHError) else _INTERRUPTED
        self._remove()
        self.future.set_result(self)


class SingleFlight:
    """Calls under way, by what they ask; blocking callers and coroutines can wait for them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: dict[bytes, Flight] = {}

    def join(self, key: bytes) -> tuple[Flight, bool]:
        """The call for that key, and whether it is the caller's own to lead."""
        with self._lock:
            flight = self._under_way.get(key)
            if flight is not None:
                return flight, False
            flight = self._under_way[key] = Flight(lambda: self._remove(key))
            return flight, True

    def _remove(self, key: bytes) -> None:
        with self._lock:
            self._under_way.pop(key, None)
