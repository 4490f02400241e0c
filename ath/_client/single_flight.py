"""One call for all who want the same at the same time, in one process."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable
from typing import Any

from .._lazy import futures
from ..errors import ATHError
from ..stores import fork


class Flight:
    """A call under way. One caller leads it; the others wait for ``future``."""

    def __init__(self) -> None:
        self.future: futures.Future[Flight] = futures.Future()
        self.future.set_running_or_notify_cancel()  # one who stops waiting does not cancel it
        self.abandoned = False
        """Whether the caller who led it left before anything was sent: another one has to."""
        self._value: Any = None
        self._error: ATHError | None = None

    def succeed(self, value: Any) -> None:
        """Give the others the value."""
        self._value = value

    def fail(self, error: ATHError) -> None:
        """Give the others an error."""
        self._error = error.copy()

    def result(self) -> Any:
        """What the call returned or raised; each caller gets an error of their own."""
        if self._error is not None:
            raise self._error.copy()
        return self._value


class SingleFlight:
    """Calls under way, by what they ask."""

    def __init__(self) -> None:
        self._process = os.getpid()
        self._under_way: dict[Hashable, Flight] = {}

    def join(self, key: Hashable) -> tuple[Flight, Callable[[], None] | None]:
        """The call for that key; and, if the caller is to lead it, what ends it."""
        with fork.guard:
            if self._process != os.getpid():  # a forked child has none of its parent's threads
                self._process, self._under_way = os.getpid(), {}
            flight = self._under_way.get(key)
            if flight is not None:
                return flight, None
            flight = self._under_way[key] = Flight()

        def end() -> None:
            with fork.guard:
                self._under_way.pop(key, None)
            flight.future.set_result(flight)

        return flight, end
