"""The answers of stream.py in an event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from math import inf

from .aio import AsyncTransport, _take_place
from .connection import PIECE
from .failures import BrokenExchange, failure
from .limits import Limits
from .messages import Request
from .opened import AsyncOpenReply
from .protocol import Connection
from .sources_aio import pull_pieces


class AsyncStream(AsyncOpenReply):
    """An answer on a connection of our own."""

    def __init__(
        self,
        connection: Connection,
        request: Request,
        limits: Limits,
        sent: bool,
        release: Callable[[], None],
    ) -> None:
        exchange = connection._exchange
        super().__init__(request, limits, exchange.status, exchange.headers)
        self._connection = connection
        self._release: Callable[[], None] | None = release
        self._sent = sent
        self._body = connection.take_pieces()
        self._end_if_complete()

    async def read(self) -> bytes:
        """The next piece of the body."""
        if self._release is None:
            data, self._body = self._body, b""
            return data
        try:
            data = await self._pull()
        except (OSError, BrokenExchange) as error:
            failed = failure(error, self.request, sent=True)
        else:
            self._body = b""
            self._end_if_complete()
            return data
        self._close()
        raise failed

    async def _pull(self) -> bytes:
        connection, data = self._connection, self._body
        while True:
            left = self.ends - time.monotonic()
            if left <= 0:  # whatever has come
                raise TimeoutError
            data = data or connection.take_pieces()
            if data or connection._exchange.complete:
                break
            if connection._error is not None:
                raise connection._error
            await connection._wait(self.wait, connection._loop.time() + left)
        return data

    def _end_if_complete(self) -> None:
        connection = self._connection
        if connection._exchange.complete and not connection._pieces:
            sent = self._sent and not connection._transport.get_write_buffer_size()
            connection.reusable = sent and not connection._closed and connection._exchange.recycle()
            self._close()

    def _close(self) -> None:
        release, self._release = self._release, None
        if release is not None:
            release()

    async def aclose(self) -> None:
        """End it."""
        self._close()

    def __del__(self) -> None:
        """Free the place of an answer that was abandoned."""
        release = getattr(self, "_release", None)
        if release is not None:
            with suppress(RuntimeError):  # the event loop has ended, and with it the connection
                self._connection._loop.call_soon_threadsafe(release)


async def open_reply(transport: AsyncTransport, request: Request, limits: Limits) -> AsyncStream:
    """Send a request, and wait for the head of its answer; raises as the transport's ``open``."""
    held = await transport._bound.enter()
    ends = inf if limits.total is None else asyncio.get_running_loop().time() + limits.total
    connection = opened = None

    def release() -> None:
        held.places.release()
        if connection is not None:
            connection.pulled = connection._calling = False
            held.idle.give_back(connection)

    try:
        await _take_place(held.places, limits.pool)
        try:
            connection = await transport._find(held.idle, request.base, limits, ends)
            async with aclosing(pull_pieces(request.source)) as pieces:
                sent = await _exchange_heads(connection, request, pieces, limits, ends)
            opened = AsyncStream(connection, request, limits, sent, release)
            return opened
        finally:
            if opened is None:
                release()
    except (OSError, BrokenExchange) as error:
        failed = failure(error, request, sent=connection is not None)
    raise failed


async def _exchange_heads(
    connection: Connection,
    request: Request,
    pieces: AsyncGenerator[bytes, None],
    limits: Limits,
    ends: float,
) -> bool:
    """Send, and read until the answer's head is there; returns whether all was sent."""
    connection.reusable, connection._calling, connection.pulled = False, True, True
    exchange = connection._exchange
    unsent = memoryview(exchange.begin(request))
    # As in Connection.call: a server may answer early, and read no more.
    while not exchange.status and connection._error is None and (unsent or not exchange.sent):
        if not unsent:
            async with asyncio.timeout_at(None if ends == inf else ends):
                unsent = memoryview(exchange.encode(await anext(pieces, None)))
        elif connection._full:
            await connection._wait(limits.write, ends)
        else:
            connection._transport.write(unsent[:PIECE])
            unsent = unsent[PIECE:]
            await asyncio.sleep(0)
            if connection._watch.wait(0):
                await asyncio.sleep(0)
        if connection._loop.time() > ends:
            raise TimeoutError
    while not exchange.status:
        if connection._error is not None:
            raise connection._error
        await connection._wait(limits.read, ends)
    return exchange.sent and not unsent
