"""Sending one request over a connection of our own in an event loop; see _transport.py."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterable
from functools import partial

import httpcore

from .connections import FreeList, connect, holds_more
from .messages import Base, Limits, Reply, Request
from .sync import FAILURES, failure, grow, httpcore_request

MAX_OPEN = 100  # calls in flight per client; further ones wait for their turn


class AsyncLine:
    """A connection; asyncio bounds the call on it."""

    def __init__(self, base: Base) -> None:
        self.connection = connect(base, httpcore.AsyncHTTPConnection, httpcore.AsyncHTTPProxy, None)
        self.is_available = self.connection.is_available
        self.has_expired = self.connection.has_expired
        self.holds_more = partial(holds_more, self.connection)

    async def send(self, request: Request, limits: Limits, ends: float | None) -> Reply:
        """Send once, until that time; a connection left in the middle of something is closed."""
        phases = limits.phases() if limits.total is None else {}
        try:
            async with asyncio.timeout_at(ends):
                response = await self.connection.handle_async_request(
                    httpcore_request(request, phases)
                )
                body = await aread_body(response.stream, limits)
                await response.aclose()
        except TimeoutError:
            connected = self.connection.info() != "CONNECTION FAILED"
            await self.connection.aclose()
            raise (httpcore.ReadTimeout if connected else httpcore.ConnectTimeout) from None
        except BaseException:
            await self.connection.aclose()
            raise
        return Reply(response.status, response.headers, body, time.time())


async def aread_body(chunks: AsyncIterable[bytes], limits: Limits) -> bytes:
    """Collect a body; raises as :func:`read_body`."""
    body = bytearray()
    async for chunk in chunks:
        grow(body, chunk, limits)
    return bytes(body)


class AsyncTransport:
    """Sends for the async clients, in one event loop."""

    def __init__(self) -> None:
        self._lines: FreeList[AsyncLine] = FreeList()
        self._turns = asyncio.Semaphore(MAX_OPEN)

    async def send(self, request: Request, limits: Limits) -> Reply:
        """Send once; raises as :meth:`SyncTransport.send`."""
        ends = None
        if limits.total is not None:
            ends = asyncio.get_running_loop().time() + limits.total
        try:
            await self._wait_for_turn(limits.pool)
            try:
                return await self._send(request, limits, ends)
            finally:
                self._turns.release()
        except FAILURES as error:
            failed = failure(error, request)
        raise failed

    async def _wait_for_turn(self, seconds: float | None) -> None:
        if not self._turns.locked():
            await self._turns.acquire()
            return
        try:
            async with asyncio.timeout(seconds):
                await self._turns.acquire()
        except TimeoutError:
            raise httpcore.PoolTimeout from None

    async def _send(self, request: Request, limits: Limits, ends: float | None) -> Reply:
        line, expired = self._lines.take(request.base)
        for old in expired:
            await old.connection.aclose()
        line = line or AsyncLine(request.base)
        reply = await line.send(request, limits, ends)
        if not self._lines.give_back(request.base, line):
            await line.connection.aclose()
        return reply

    async def aclose(self) -> None:
        """Free the connections."""
        for line in self._lines.close():
            await line.connection.aclose()
