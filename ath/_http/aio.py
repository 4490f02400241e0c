"""Calls in an event loop."""

from __future__ import annotations

import asyncio
import socket
import ssl
from math import inf
from typing import Final

from .failures import BrokenExchange, failure
from .idle import MAX_OPEN, IdleList
from .limits import Limits
from .loops import LoopBound
from .messages import Base, Reply, Request
from .opened import AsyncOpenReply
from .protocol import Connection
from .sockets import STAGGER, Address, Watch, new_socket, resolve
from .tls import context_for

_NEVER: Final = 1e9
"""Seconds of asyncio's own bound for TLS handshakes; ours is shorter, or there is none."""


class _InLoop:
    """What belongs to one event loop: connections, and places for calls."""

    def __init__(self) -> None:
        self.idle: IdleList[Connection] = IdleList()
        self.places = asyncio.Semaphore(MAX_OPEN)

    async def close(self) -> None:
        self.idle.close()
        await asyncio.sleep(0)  # the event loop closes the sockets


class AsyncTransport:
    """Sends for the async clients, in one event loop; when that has ended, in the next one.

    Args:
        ssl_context: Whom to trust, and what to show to servers; by default as httpx does.
    """

    def __init__(self, ssl_context: ssl.SSLContext | None = None) -> None:
        self._ssl_context = ssl_context
        self._bound = LoopBound(_InLoop, _InLoop.close)

    async def send(self, request: Request, limits: Limits) -> Reply:
        """Send once.

        Raises:
            ATHError: NETWORK_ERROR, TIMEOUT, RESPONSE_TOO_LARGE, or WRONG_EVENT_LOOP.
        """
        held = await self._bound.enter()
        ends = inf if limits.total is None else asyncio.get_running_loop().time() + limits.total
        connection = None
        try:
            await _take_place(held.places, limits.pool)
            try:
                connection = await self._find(held.idle, request.base, limits, ends)
                return await connection.call(request, limits, ends)
            finally:
                held.places.release()
                if connection is not None:
                    held.idle.give_back(connection)
        except (OSError, BrokenExchange) as error:
            failed = failure(error, request, sent=connection is not None)
        raise failed

    async def open(self, request: Request, limits: Limits) -> AsyncOpenReply:
        """Send once, and hand the answer out as soon as its head has come.

        Raises:
            ATHError: NETWORK_ERROR, TIMEOUT, WRONG_EVENT_LOOP, or INVALID_ARGUMENT for what cannot
                be sent.
            UploadError: the request's source failed.
        """
        from .stream_aio import open_reply  # most clients stream nothing

        return await open_reply(self, request, limits)

    async def _find(
        self, idle: IdleList[Connection], base: Base, limits: Limits, ends: float
    ) -> Connection:
        """An idle connection on which nothing has come, or a new one."""
        while (connection := idle.take(base.origin)) is not None:
            silent = False
            try:
                silent = await connection.is_silent()
            finally:
                if not silent:
                    connection.close()
            if silent:
                return connection
        secure = base.scheme == "https"
        context = context_for(self._ssl_context) if secure else None
        async with asyncio.timeout_at(_by(limits, ends)):
            sock = await _connect(base)
        connection = Connection(base.origin, Watch(sock))
        try:
            async with asyncio.timeout_at(_by(limits, ends)):
                await asyncio.get_running_loop().create_connection(
                    lambda: connection,
                    sock=sock,
                    ssl=context,
                    server_hostname=base.host if secure else None,
                    ssl_handshake_timeout=_NEVER if secure else None,
                )
        except BaseException:
            # After a handshake asyncio would end TLS first, on a descriptor that is closed here and
            # may be another connection's by then.
            connection.close()
            sock.close()
            raise
        return connection

    async def aclose(self) -> None:
        """Free the connections."""
        await self._bound.aclose()


async def _take_place(places: asyncio.Semaphore, seconds: float | None) -> None:
    if places.locked():
        async with asyncio.timeout(seconds):
            await places.acquire()
    else:
        await places.acquire()


def _by(limits: Limits, ends: float) -> float | None:
    """When a phase of connecting must be over that begins now."""
    if limits.connect is not None:
        ends = min(ends, asyncio.get_running_loop().time() + limits.connect)
    return None if ends == inf else ends


async def _connect(base: Base) -> socket.socket:
    """Connect to the address that answers first; further ones are tried a moment later.

    asyncio's create_connection can do that too, but other event loops' (uvloop's) cannot.
    """
    try:
        untried = resolve(base, socket.AI_NUMERICHOST)  # needs no thread
    except socket.gaierror:
        untried = await asyncio.get_running_loop().run_in_executor(None, resolve, base)
    untried.reverse()
    error: BaseException = OSError("the host has no address")
    opening: set[asyncio.Task[socket.socket]] = set()
    try:
        while untried or opening:
            if untried:
                opening.add(asyncio.create_task(_connect_to(untried.pop())))
            done, opening = await asyncio.wait(
                opening,
                timeout=STAGGER if untried else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for task in done:
                failed = task.exception()
                if failed is None:
                    opening |= done - {task}
                    return task.result()
                error = failed
    finally:
        for task in opening:
            task.cancel()
            task.add_done_callback(_close_socket)
    raise error


async def _connect_to(address: Address) -> socket.socket:
    sock = new_socket(address)
    try:
        await asyncio.get_running_loop().sock_connect(sock, address[4])
    except BaseException:
        sock.close()
        raise
    return sock


def _close_socket(task: asyncio.Task[socket.socket]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().close()
