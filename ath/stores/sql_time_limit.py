"""The bound of a statement: what a driver waits for may never come."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from types import TracebackType
from typing import Any, Self


class TimeLimit:
    """Breaks a connection that is in use for too long.

    Whatever is raised then, also where the connection is given back, becomes TimeoutError.
    """

    def __init__(
        self, seconds: float, schedule: Callable[[float, Callable[[], None]], Any]
    ) -> None:
        self.seconds = seconds
        self._schedule = schedule
        self._broken = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._broken and isinstance(error, Exception):
            raise TimeoutError from None

    @contextmanager
    def use(self, connection: Any) -> Generator[None, None, None]:
        """Count the time from here to the end of the block."""
        with ExitStack() as stack:
            break_off = _make_breaker(connection.connection.driver_connection, stack)
            if break_off is None:
                yield
                return
            lock, over = threading.Lock(), False

            def end() -> None:
                with lock:
                    if not over:  # else the connection may serve another call by now
                        self._broken = True
                        with suppress(OSError):
                            break_off()

            timer = self._schedule(self.seconds, end)
            try:
                yield
            finally:
                with lock:
                    over = True
                if timer is not None:
                    timer.cancel()
                if self._broken:
                    connection.invalidate()  # the driver may not know yet, and the pool keep it


def _make_breaker(driver: Any, stack: ExitStack) -> Callable[[], object] | None:
    """What breaks this connection of a driver; None for SQLite, which has no server."""
    if hasattr(driver, "fileno"):  # psycopg
        handle = socket.fromfd(driver.fileno(), socket.AF_UNSPEC, socket.SOCK_STREAM)
        return partial(stack.enter_context(handle).shutdown, socket.SHUT_RDWR)
    terminate: Callable[[], object] | None = getattr(driver, "terminate", None)  # asyncpg
    return terminate


def start_timer(seconds: float, function: Callable[[], None]) -> threading.Timer | None:
    """Call it after that time, in a thread."""
    timer = threading.Timer(seconds, function)
    timer.daemon = True
    try:
        timer.start()
    except RuntimeError:  # none can be started as the interpreter ends; the server's limit holds
        return None
    return timer
