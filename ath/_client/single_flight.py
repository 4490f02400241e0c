"""One call for all who want the same at the same time."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import Any


class Flights:
    """Calls under way, by what they ask; sync callers and coroutines can wait for them alike."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: dict[bytes, Future[Any]] = {}

    def join(self, wanted: bytes) -> tuple[Future[Any], bool]:
        """The call for that, and whether it is the caller's own to make."""
        with self._lock:
            flight = self._under_way.get(wanted)
            if flight is not None:
                return flight, False
            flight = self._under_way[wanted] = Future()
            flight.set_running_or_notify_cancel()  # one who stops waiting does not cancel it
            return flight, True

    def land(self, flight: Future[Any], outcome: Any) -> None:
        """Tell all who wait."""
        with self._lock:
            self._under_way = {
                k: other for k, other in self._under_way.items() if other is not flight
            }
        flight.set_result(outcome)
