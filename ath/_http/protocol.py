"""The exchange as an asyncio protocol."""

from __future__ import annotations

import asyncio
import ssl
import time
from math import inf
from typing import cast

from .connection import PIECE, Exchange, collect
from .failures import BrokenExchange
from .limits import Limits
from .messages import Origin, Reply, Request
from .sockets import Watch

_PROACTOR = getattr(asyncio, "ProactorEventLoop", ())


class Connection(asyncio.Protocol):
    """A connection that carries one call at a time; what comes while it carries none ends it."""

    _transport: asyncio.Transport

    def __init__(self, origin: Origin, watch: Watch) -> None:
        self.origin = origin
        self.idle_since = 0.0
        self.reusable = False
        self._watch = watch
        self._loop = asyncio.get_running_loop()
        self._exchange = Exchange()
        self._pieces: list[bytes] = []
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._calling = False
        self._closed = False
        self._full = False
        """Whether the server reads more slowly than we write."""
        self.pulled = False
        """Whether the body is pulled piece by piece, so that little of it may wait here."""
        self._paused = False

    async def call(self, request: Request, limits: Limits, ends: float) -> Reply:
        """Make one call; afterwards ``reusable`` says whether another one may follow.

        Raises:
            OSError: also TimeoutError and ssl.SSLError.
            BrokenExchange: the answer did not come, or not as a whole.
            ATHError: RESPONSE_TOO_LARGE.
        """
        self.reusable, self._calling = False, True
        exchange, body = self._exchange, bytearray()
        unsent = memoryview(exchange.begin(request))
        # A server may answer before it has read everything, and then read no more.
        while unsent and not exchange.status and self._error is None:
            if self._full:
                await self._wait(limits.write, ends)
                continue
            self._transport.write(unsent[:PIECE])
            unsent = unsent[PIECE:]
            if unsent:
                await asyncio.sleep(0)
                if self._watch.wait(0):  # asyncio drops what was not read when a write fails
                    await asyncio.sleep(0)
                if self._loop.time() > ends:
                    raise TimeoutError
        while True:
            collect(body, self._pieces, limits)
            self._pieces.clear()
            if exchange.complete:
                break
            if self._error is not None:
                raise self._error
            await self._wait(limits.read, ends)
        reply = Reply(exchange.status, exchange.headers, bytes(body), time.time())
        sent = not unsent and not self._transport.get_write_buffer_size()
        self.reusable = sent and not self._closed and exchange.recycle()
        self._calling = False
        return reply

    async def _wait(self, seconds: float | None, ends: float) -> None:
        """Wait until something comes, or writing may go on."""
        if self._loop.time() >= ends:  # where something comes all the time, no timer would tell
            raise TimeoutError
        if seconds is not None:
            ends = min(ends, self._loop.time() + seconds)
        self._waiter = self._loop.create_future()
        timer = None if ends == inf else self._loop.call_at(ends, _give_up, self._waiter)
        try:
            await self._waiter
        finally:
            self._waiter = None
            if timer is not None:
                timer.cancel()

    async def is_silent(self) -> bool:
        """Whether nothing came after the last answer, so that what comes next will be ours."""
        # A proactor has read already what its descriptor would tell of.
        if not self._closed and (isinstance(self._loop, _PROACTOR) or self._watch.wait(0)):
            await asyncio.sleep(0)
            await asyncio.sleep(0)  # the loop asks its selector before the first, reads before this
            return not self._closed and not self._watch.wait(0)
        return not self._closed

    def close(self) -> None:
        """End it at once, also before it was made."""
        self._closed = True
        if hasattr(self, "_transport"):
            self._transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what is written to."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Take a part of the answer; nothing else is ever asked for."""
        if not self._calling:
            self.close()
            return
        try:
            self._pieces += self._exchange.feed(data)
        except BrokenExchange as error:
            self._error = error
        self._wake()
        # After the body's end reading goes on: TLS would hold what follows it back, unseen.
        pulls = self.pulled and not self._exchange.complete
        if pulls and sum(map(len, self._pieces)) >= PIECE and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def take_pieces(self) -> bytes:
        """What has come of the body since the last time; more may come then."""
        data = b"".join(self._pieces)
        self._pieces.clear()
        if self._paused and not self._closed:
            self._paused = False
            self._transport.resume_reading()
        return data

    def eof_received(self) -> None:
        """The server sends no more."""
        self._closed = True
        if self._is_announced():
            self.data_received(b"")
        else:
            self.connection_lost(BrokenExchange("it was cut off"))

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._closed = True
        if self._error is None:
            self._error = exc or BrokenExchange("it was closed")
        self._wake()

    def pause_writing(self) -> None:
        """Writing should stop for a while."""
        self._full = True

    def resume_writing(self) -> None:
        """Writing may go on."""
        self._full = False
        self._wake()

    def _is_announced(self) -> bool:
        """Whether the TLS connection was ended too; if not, an attacker may have cut it."""
        tls = self._transport.get_extra_info("ssl_object")
        if tls is None:
            return True
        try:
            return not tls.read(1)
        except ssl.SSLZeroReturnError:
            return True
        except ssl.SSLError:
            return False

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _give_up(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_exception(TimeoutError())
