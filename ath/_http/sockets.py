"""Opening sockets, and waiting for them; none of them ever blocks."""

from __future__ import annotations

import os
import select
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable
from math import ceil
from typing import Any, Final, cast

from .messages import Base

STAGGER: Final = 0.25
"""Seconds that an address has before the next one is tried as well (RFC 8305, section 5)."""
_LONGEST: Final = 1e6
"""Seconds of one wait; more would overflow, and in 11 days something else will have ended it."""

Address = tuple[Any, ...]
"""One result of getaddrinfo."""


class Watch:
    """Waits for one socket; ``select.poll`` costs a sixth of what ``selectors`` does."""

    __slots__ = ("_pending", "_poll", "_socket")

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._pending: Callable[[], int] | None = getattr(sock, "pending", None)
        """How many bytes TLS has read and decrypted already."""
        self._poll = None
        if hasattr(select, "poll"):  # not on Windows
            self._poll = select.poll()
            self._poll.register(sock, select.POLLIN)

    def wait(self, seconds: float, *, write: bool = False) -> bool:
        """Wait until something can be read (or also written); False when the time is over."""
        seconds = min(seconds, _LONGEST)
        if self._pending is not None and self._pending():
            return True
        if self._poll is None:
            return any(select.select([self._socket], [self._socket] * write, [], seconds))
        if write:
            self._poll.modify(self._socket, select.POLLIN | select.POLLOUT)
        try:
            return bool(self._poll.poll(ceil(seconds * 1000)))
        finally:
            if write:
                self._poll.modify(self._socket, select.POLLIN)


def resolve(base: Base, flags: int = 0) -> list[Address]:
    """The addresses of a host, in the order in which they should be tried."""
    # As bytes, since getaddrinfo would apply an encoding of its own (IDNA 2003) to text.
    host = base.host.encode("ascii")
    return socket.getaddrinfo(host, base.port, type=socket.SOCK_STREAM, flags=flags)


def new_socket(address: Address) -> socket.socket:
    """A socket for that address, not connected yet."""
    sock = socket.socket(*address[:3])
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def connect(addresses: list[Address], ends: float) -> socket.socket:
    """Connect to the address that answers first; further ones are tried a moment later.

    Raises:
        OSError: the last address's; TimeoutError if none has answered until then.
    """
    untried = deque(addresses)
    error = OSError("the host has no address")
    with selectors.DefaultSelector() as waiting:
        try:
            while untried or waiting.get_map():
                if untried:
                    try:
                        waiting.register(_begin(untried.popleft()), selectors.EVENT_WRITE)
                    except OSError as failed:
                        error = failed
                        continue
                left = min(ends - time.monotonic(), _LONGEST)
                if left <= 0:
                    raise TimeoutError
                for key, _ in waiting.select(min(left, STAGGER) if untried else left):
                    sock = cast("socket.socket", key.fileobj)
                    waiting.unregister(sock)
                    code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                    if code == 0:
                        return sock
                    sock.close()
                    error = OSError(code, os.strerror(code))
            raise error
        finally:
            for key in list(waiting.get_map().values()):
                cast("socket.socket", key.fileobj).close()


def _begin(address: Address) -> socket.socket:
    sock = new_socket(address)
    try:
        sock.connect(address[4])
    except BlockingIOError:
        pass
    except OSError:
        sock.close()
        raise
    return sock
