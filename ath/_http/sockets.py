"""Sockets that never block, and opening them."""

from __future__ import annotations

import os
import select
import selectors
import socket
import time
from collections import deque
from errno import EINPROGRESS, EWOULDBLOCK
from math import ceil
from typing import Any, Final, cast

from .messages import Base

STAGGER: Final = 0.25
"""Seconds that an address has before the next one is tried as well (RFC 8305, section 5)."""
RECEIVED: Final = 65_536
"""Bytes that are read at a time."""
_LONGEST: Final = 1e6
"""Seconds of one wait; more would overflow, and in 11 days something else will have ended it."""

Address = tuple[Any, ...]
"""One result of getaddrinfo."""


class Watch:
    """Waits for one socket; ``select.poll`` costs a sixth of what ``selectors`` does."""

    __slots__ = ("_poll", "_socket")

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._poll = None
        if hasattr(select, "poll"):  # not on Windows
            self._poll = select.poll()
            self._poll.register(sock, select.POLLIN)

    def wait(self, seconds: float, *, write: bool = False) -> bool:
        """Wait until something can be read (or also written); False when the time is over."""
        if self._poll is None:
            writing = [self._socket] if write else []
            return any(select.select([self._socket], writing, [], min(seconds, _LONGEST)))
        if write:
            self._poll.modify(self._socket, select.POLLIN | select.POLLOUT)
        try:
            return bool(self._poll.poll(ceil(min(seconds, _LONGEST) * 1000)))
        finally:
            if write:
                self._poll.modify(self._socket, select.POLLIN)


class PlainSocket:
    """A connected socket."""

    __slots__ = ("_socket", "_watch")

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._watch = Watch(sock)

    def wait(self, seconds: float, *, write: bool = False) -> bool:
        """Wait until something can be read (or also written); False when the time is over."""
        return self._watch.wait(seconds, write=write)

    def send(self, data: memoryview) -> int:
        """Send what can be sent at once; returns how many bytes that is."""
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0

    def receive(self) -> bytes | None:
        """What has come; no bytes after the end, None if there is nothing yet."""
        try:
            return self._socket.recv(RECEIVED)
        except BlockingIOError:
            return None

    def close(self) -> None:
        """End the connection."""
        self._socket.close()


def numeric_addresses(base: Base) -> list[Address]:
    """The addresses of a host that is an address itself; none if it is a name."""
    try:
        return _lookup(base, socket.AI_NUMERICHOST)
    except socket.gaierror:
        return []


def resolve(base: Base) -> list[Address]:
    """The addresses of a host, in the order in which they should be tried.

    The platform's resolver cannot be interrupted: it takes the time that it is configured to take.
    """
    return _lookup(base, 0)


def _lookup(base: Base, flags: int) -> list[Address]:
    # As bytes, since getaddrinfo would apply an encoding of its own (IDNA 2003) to text.
    host = base.host.encode("ascii")
    return socket.getaddrinfo(host, base.port, type=socket.SOCK_STREAM, flags=flags)


def new_socket(address: Address) -> socket.socket:
    """A socket for that address, not connected yet."""
    family, kind, protocol, *_ = address
    sock = socket.socket(family, kind, protocol)
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
    with selectors.DefaultSelector() as opening:
        try:
            while untried or opening.get_map():
                if untried:
                    try:
                        _begin(untried.popleft(), opening)
                    except OSError as failed:
                        error = failed
                        continue
                left = min(ends - time.monotonic(), _LONGEST)
                if left <= 0:
                    raise TimeoutError
                for key, _ in opening.select(min(left, STAGGER) if untried else left):
                    sock = cast("socket.socket", key.fileobj)
                    opening.unregister(sock)
                    code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                    if code == 0:
                        return sock
                    sock.close()
                    error = OSError(code, os.strerror(code))
            raise error
        finally:
            for key in list(opening.get_map().values()):
                cast("socket.socket", key.fileobj).close()


def _begin(address: Address, opening: selectors.BaseSelector) -> None:
    sock = new_socket(address)
    opening.register(sock, selectors.EVENT_WRITE)
    code = sock.connect_ex(address[4])
    if code not in (0, EINPROGRESS, EWOULDBLOCK):
        opening.unregister(sock)
        sock.close()
        raise OSError(code, os.strerror(code))
