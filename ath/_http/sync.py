"""Calls over sockets; threads may share a transport."""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress
from math import inf
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from .connection import PIECE, Exchange, collect
from .failures import BrokenExchange, failure, timed_out
from .idle import MAX_OPEN, IdleList
from .limits import Limits
from .messages import Base, Origin, Reply, Request
from .opened import SyncOpenReply
from .sockets import Watch, connect, resolve

if TYPE_CHECKING:
    import ssl


class Connection:
    """A socket that carries one call at a time."""

    def __init__(
        self,
        origin: Origin,
        sock: socket.socket,
        would_block: tuple[type[OSError], ...] = (BlockingIOError,),
    ) -> None:
        self.origin = origin
        self.idle_since = 0.0
        self.reusable = False
        self._socket = sock
        self._would_block = would_block
        self._watch = Watch(sock)
        self._exchange = Exchange()

    def call(self, request: Request, limits: Limits, ends: float) -> Reply:
        """Make one call; afterwards ``reusable`` says whether another one may follow.

        Raises:
            OSError: also TimeoutError and ssl.SSLError.
            BrokenExchange: the answer did not come, or not as a whole.
            ATHError: RESPONSE_TOO_LARGE.
        """
        self.reusable = False
        exchange, body = self._exchange, bytearray()
        unsent = memoryview(exchange.begin(request))
        # A server may answer before it has read everything, and then read no more: so whoever
        # sends reads as well, and stops to send once the answer has begun.
        while unsent and not exchange.status:
            try:
                unsent = unsent[self._socket.send(unsent[:PIECE]) :]
            except self._would_block:
                self._wait(limits.write, ends, write=True)
            except OSError:
                break  # what it answered before it closed can still be read
            if unsent and self._watch.wait(0):
                self._read(body, limits)
            if unsent and time.monotonic() > ends:
                raise TimeoutError
        while not exchange.complete:
            self._wait(limits.read, ends)
            self._read(body, limits)
        reply = Reply(exchange.status, exchange.headers, bytes(body), time.time())
        self.reusable = not unsent and exchange.recycle()
        return reply

    def _wait(self, seconds: float | None, ends: float, *, write: bool = False) -> None:
        left = ends - time.monotonic()
        if seconds is not None and seconds < left:
            left = seconds
        if left <= 0 or not self._watch.wait(left, write=write):
            raise TimeoutError

    def _read(self, body: bytearray, limits: Limits) -> None:
        collect(body, self._receive(), limits)

    def _receive(self) -> list[bytes]:
        """The pieces of the body that come now."""
        try:
            data = self._socket.recv(PIECE)
        except self._would_block:
            return []
        return self._exchange.feed(data)

    def is_silent(self) -> bool:
        """Whether nothing came after the last answer, so that what comes next will be ours."""
        if not self._watch.wait(0):
            return True
        try:
            self._socket.recv(1)
        except self._would_block:
            return True  # a TLS session ticket, or a new key
        except OSError:
            pass
        return False

    def close(self) -> None:
        """End it at once."""
        self._socket.close()


class SyncTransport:
    """Sends for the sync clients.

    Looking up a host's addresses is left to the platform, which cannot be interrupted: it may take
    longer than a timeout allows.

    Args:
        ssl_context: Whom to trust, and what to show to servers; by default as httpx does.
    """

    def __init__(self, ssl_context: ssl.SSLContext | None = None) -> None:
        self._ssl_context = ssl_context
        self._start_over()

    def _start_over(self) -> None:
        self._idle: IdleList[Connection] = IdleList()
        self._places: SimpleQueue[None] = SimpleQueue()
        """One item for each call that may begin; a destructor may put one, unlike a semaphore's."""
        for _ in range(MAX_OPEN):
            self._places.put(None)
        self._process = os.getpid()  # at last, since other threads look at it first

    def send(self, request: Request, limits: Limits) -> Reply:
        """Send once.

        Raises:
            ATHError: NETWORK_ERROR, TIMEOUT, or RESPONSE_TOO_LARGE.
        """
        ends = inf if limits.total is None else time.monotonic() + limits.total
        idle, places = self._take_place(request, limits)
        try:
            connection = None
            try:
                connection = self._find(idle, request.base, limits, ends)
                return connection.call(request, limits, ends)
            except (OSError, BrokenExchange) as error:
                failed = failure(error, request, sent=connection is not None)
            finally:
                if connection is not None:
                    idle.give_back(connection)
        finally:
            places.put(None)
        raise failed

    def open(self, request: Request, limits: Limits) -> SyncOpenReply:
        """Send once, and hand the answer out as soon as its head has come.

        Raises:
            ATHError: NETWORK_ERROR, TIMEOUT, or INVALID_ARGUMENT.
            UploadError: the request's source failed.
        """
        from .stream import open_reply  # most clients stream nothing

        return open_reply(self, request, limits)

    def _take_place(
        self, request: Request, limits: Limits
    ) -> tuple[IdleList[Connection], SimpleQueue[None]]:
        """Begin a call; the place is to be put back after it."""
        if self._process != os.getpid():  # a forked child must not speak on its parent's sockets
            self._idle.drop()
            self._start_over()
        idle, places = self._idle, self._places
        with suppress(Empty):
            places.get(timeout=limits.pool)
            return idle, places
        raise timed_out(request, sent=False)

    def _find(
        self, idle: IdleList[Connection], base: Base, limits: Limits, ends: float
    ) -> Connection:
        """An idle connection on which nothing has come, or a new one."""
        while (connection := idle.take(base.origin)) is not None:
            if connection.is_silent():
                return connection
            connection.close()
        if base.scheme == "http":
            return Connection(base.origin, connect(resolve(base), _by(limits, ends)))
        from .tls import WOULD_BLOCK, context_for, encrypt  # slow, and plain http does without

        context = context_for(self._ssl_context)
        sock = connect(resolve(base), _by(limits, ends))
        tls = encrypt(sock, context, base.host, _by(limits, ends))
        return Connection(base.origin, tls, WOULD_BLOCK)

    def close(self) -> None:
        """Free the connections."""
        self._idle.close()


def _by(limits: Limits, ends: float) -> float:
    """When a phase of connecting must be over that begins now."""
    return ends if limits.connect is None else min(ends, time.monotonic() + limits.connect)
