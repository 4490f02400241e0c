"""Calls over an httpx client: the user's own, or one that proxies.py makes.

What would weaken a call is off: redirects, cookies, and the client's own auth, which would replace
the bearer token.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Iterator
from contextlib import aclosing, closing

import httpx

from ..errors import ATHError
from .connection import collect
from .httpx_failures import FAILURES, failure_of_httpx
from .limits import Limits
from .loops import LoopBound
from .messages import Reply, Request
from .opened import AsyncOpenReply, SyncOpenReply


class SyncHTTPXTransport:
    """Sends for the sync clients; a forked child makes a client of its own."""

    def __init__(
        self, make: Callable[[], httpx.Client], close: Callable[[httpx.Client], None]
    ) -> None:
        self._make, self._close = make, close
        self._process, self._client = os.getpid(), make()

    def send(self, request: Request, limits: Limits) -> Reply:
        """Send once; raises as the transport of our own does."""
        ends = time.monotonic() + (limits.total or 1e9)
        prepared = prepare(self._own_client(), request, limits)
        try:
            response = self._client.send(prepared, stream=True, auth=None, follow_redirects=False)
            with closing(response):
                body = bytearray()
                collect(body, _until(ends, response), limits)
        except FAILURES as error:
            failed = failure_of_httpx(error, request)
        else:
            return Reply(response.status_code, response.headers.raw, bytes(body), time.time())
        raise failed

    def open(self, request: Request, limits: Limits) -> SyncOpenReply:
        """Send once, and hand the answer out as soon as its head has come."""
        from .httpx_stream import open_sync  # most clients stream nothing

        return open_sync(self._own_client(), request, limits)

    def _own_client(self) -> httpx.Client:
        if self._process != os.getpid():
            self._client, self._process = self._make(), os.getpid()
        return self._client

    def close(self) -> None:
        """Free the connections, if they are ours."""
        self._close(self._client)


class AsyncHTTPXTransport:
    """Sends for the async clients; each event loop has a client of its own."""

    def __init__(
        self,
        make: Callable[[], httpx.AsyncClient],
        close: Callable[[httpx.AsyncClient], Awaitable[None]],
    ) -> None:
        self._bound = LoopBound(make, close)

    async def send(self, request: Request, limits: Limits) -> Reply:
        """Send once; raises as the transport of our own does."""
        client = await self._bound.enter()
        prepared = prepare(client, request, limits)
        try:
            async with asyncio.timeout(limits.total):
                response = await client.send(
                    prepared, stream=True, auth=None, follow_redirects=False
                )
                async with aclosing(response):
                    body = bytearray()
                    if response.is_stream_consumed:
                        collect(body, [response.content], limits)
                    else:
                        async for piece in response.aiter_raw():
                            collect(body, [piece], limits)
        except FAILURES as error:
            failed = failure_of_httpx(error, request)
        else:
            return Reply(response.status_code, response.headers.raw, bytes(body), time.time())
        raise failed

    async def open(self, request: Request, limits: Limits) -> AsyncOpenReply:
        """Send once, and hand the answer out as soon as its head has come."""
        from .httpx_stream import open_async  # most clients stream nothing

        return await open_async(await self._bound.enter(), request, limits)

    async def aclose(self) -> None:
        """Free the connections, if they are ours."""
        await self._bound.aclose()


def sync_transport(http_client: object) -> SyncHTTPXTransport:
    """Send over this client, which stays the user's to close.

    Raises:
        ATHError: INVALID_ARGUMENT if it is not an httpx.Client.
    """
    if isinstance(http_client, httpx.Client):
        return SyncHTTPXTransport(lambda: http_client, lambda _: None)
    raise ATHError("INVALID_ARGUMENT", "http_client must be an httpx.Client.")


def async_transport(http_client: object) -> AsyncHTTPXTransport:
    """Send over this client, which stays the user's to close, in the event loop of its first call.

    Raises:
        ATHError: INVALID_ARGUMENT if it is not an httpx.AsyncClient.
    """
    if not isinstance(http_client, httpx.AsyncClient):
        raise ATHError("INVALID_ARGUMENT", "http_client must be an httpx.AsyncClient.")
    unused = [http_client]

    def make() -> httpx.AsyncClient:
        if unused:
            return unused.pop()
        raise ATHError("WRONG_EVENT_LOOP", "An http_client belongs to the loop of its first call.")

    async def leave_open(_: httpx.AsyncClient) -> None: ...

    return AsyncHTTPXTransport(make, leave_open)


def prepare(
    client: httpx.Client | httpx.AsyncClient,
    request: Request,
    limits: Limits,
    pieces: Iterable[bytes] | AsyncIterable[bytes] | None = None,
) -> httpx.Request:
    """The request for that client; ``pieces`` are those of its source.

    Raises:
        ATHError: CLIENT_CLOSED, or INVALID_PATH if httpx would write the path in another way.
    """
    if client.is_closed:
        raise ATHError("CLIENT_CLOSED", "The http_client of this client is closed.")
    base, method = request.base, request.method.decode("ascii")
    origin = f"{base.scheme}://{base.host_header.decode('ascii')}"
    try:
        ours = httpx.URL(origin + request.target.decode("ascii"))
    except httpx.InvalidURL:  # with the origin, httpx takes less than 65,536 characters
        ours = None
    # httpx writes some paths in its own way; ours was checked, so ours it must be.
    if ours is None or ours.raw_path != request.target:
        raise ATHError("INVALID_PATH", "This path cannot be sent unchanged by the httpx client.")
    timeout = httpx.Timeout(**limits.phases())
    prepared = client.build_request(
        method,
        origin,
        headers=request.headers,
        content=pieces or request.content or None,
        timeout=timeout,
    )
    prepared.url = ours  # without the client's own params: the target was checked
    # The jar may hold what one user's session set; only a header of ours says whose call this is.
    if not any(name.lower() == b"cookie" for name, _ in request.headers):
        prepared.headers.pop("cookie", None)
    return prepared


def _until(ends: float, response: httpx.Response) -> Iterator[bytes]:
    """The body in pieces; a user's hook or transport may have read it already."""
    if response.is_stream_consumed:
        yield response.content
        return
    for piece in response.iter_raw():
        if time.monotonic() > ends:
            raise httpx.ReadTimeout("")
        yield piece
