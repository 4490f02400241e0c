"""Connections that wait for their next call."""

from __future__ import annotations

import threading
import time
from typing import Final, Generic, Protocol, TypeVar

from .messages import Origin

KEPT_IDLE: Final = 5.0
"""Seconds until an idle connection is closed; servers commonly close after 5 to 75."""
MAX_OPEN: Final = 100
"""Calls in flight, and idle connections, per client."""


class Connection(Protocol):
    """A connection that carries one call at a time."""

    origin: Origin
    idle_since: float
    reusable: bool
    """Whether its last call left it ready for another one."""

    def close(self) -> None:
        """End it at once."""
        ...


C = TypeVar("C", bound=Connection)


class IdleList(Generic[C]):
    """Idle connections to all origins, the latest last, which is used first; threads may share it.

    No thread watches over them: those that have been idle too long are closed at the next call,
    to whichever origin.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[C] = []
        self._closed = False

    def take(self, origin: Origin) -> C | None:
        """An idle connection to that origin, if there is one."""
        found = None
        with self._lock:
            idle = self._idle
            oldest = time.monotonic() - KEPT_IDLE
            expired = 0
            while expired < len(idle) and idle[expired].idle_since < oldest:
                expired += 1
            ended, idle[:expired] = idle[:expired], []
            for place in range(len(idle) - 1, -1, -1):
                if idle[place].origin == origin:
                    found = idle.pop(place)
                    break
        for connection in ended:
            connection.close()
        return found

    def give_back(self, connection: C) -> None:
        """Keep a connection for the next call, or close it."""
        with self._lock:
            if connection.reusable and not self._closed and len(self._idle) < MAX_OPEN:
                connection.idle_since = time.monotonic()
                self._idle.append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Close all, now and whenever one is given back."""
        with self._lock:
            self._closed = True
            self.drop()

    def drop(self) -> None:
        """Close all; without the lock, which nobody may be there to release in a forked child."""
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
