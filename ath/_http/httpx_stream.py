"""The answers of stream.py over an httpx client."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import httpx

from .failures import timed_out
from .httpx_client import prepare
from .httpx_failures import FAILURES, failure_of_httpx
from .limits import Limits
from .messages import Request
from .opened import AsyncOpenReply, SyncOpenReply
from .sources_aio import pull_pieces


class SyncHTTPXStream(SyncOpenReply):
    """An answer that an httpx client carries; each wait is bounded as the request said."""

    def __init__(self, response: httpx.Response, request: Request, limits: Limits) -> None:
        super().__init__(request, limits, response.status_code, response.headers.raw)
        self._response = response
        self._pieces: Iterator[bytes] = (
            iter([response.content]) if response.is_stream_consumed else response.iter_raw()
        )

    def read(self) -> bytes:
        """The next piece of the body."""
        data, self._body = self._body, b""
        try:
            while not data and (piece := next(self._pieces, None)) is not None:
                data = piece
        except FAILURES as error:
            failed = failure_of_httpx(error, self.request)
        else:
            if not data:
                self.close()
            if time.monotonic() <= self.ends:
                return data
            failed = timed_out(self.request, sent=True)
        self.close()
        raise failed

    def close(self) -> None:
        """End it."""
        self._response.close()


class AsyncHTTPXStream(AsyncOpenReply):
    """The same in an event loop; each wait and the whole are bounded."""

    def __init__(self, response: httpx.Response, request: Request, limits: Limits) -> None:
        super().__init__(request, limits, response.status_code, response.headers.raw)
        self._response = response
        self._pieces: AsyncIterator[bytes] = (
            _once(response.content) if response.is_stream_consumed else response.aiter_raw()
        )

    async def read(self) -> bytes:
        """The next piece of the body."""
        data, self._body = self._body, b""
        left = self.ends - time.monotonic()
        seconds = left if self.wait is None else min(left, self.wait)
        try:
            async with asyncio.timeout(min(seconds, 1e9)):
                while not data and (piece := await anext(self._pieces, None)) is not None:
                    data = piece
        except FAILURES as error:
            failed = failure_of_httpx(error, self.request)
        else:
            if not data:
                await self.aclose()
            return data
        await self.aclose()
        raise failed

    async def aclose(self) -> None:
        """End it."""
        await self._response.aclose()


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


def open_sync(client: httpx.Client, request: Request, limits: Limits) -> SyncHTTPXStream:
    """Send over that client; raises as the transport of our own does."""
    pieces = None if request.source is None else request.source.pieces()
    prepared = prepare(client, request, limits, pieces)
    try:
        response = client.send(prepared, stream=True, auth=None, follow_redirects=False)
    except FAILURES as error:
        failed = failure_of_httpx(error, request)
    else:
        return SyncHTTPXStream(response, request, limits)
    raise failed


async def open_async(
    client: httpx.AsyncClient, request: Request, limits: Limits
) -> AsyncHTTPXStream:
    """Send over that client; raises as the transport of our own does."""
    pieces = None if request.source is None else pull_pieces(request.source)
    prepared = prepare(client, request, limits, pieces)
    try:
        async with asyncio.timeout(limits.total):
            response = await client.send(prepared, stream=True, auth=None, follow_redirects=False)
    except FAILURES as error:
        failed = failure_of_httpx(error, request)
    else:
        return AsyncHTTPXStream(response, request, limits)
    raise failed
