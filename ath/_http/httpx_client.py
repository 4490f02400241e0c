"""Sending over a user's own httpx client, with its proxies, certificates and hooks.

The client stays the user's: it is never closed here. What would weaken a call is off for ours:
redirects, and the client's own auth, which would replace the bearer token.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import httpx

from ..errors import ATHError
from .aio import aread_body
from .messages import Limits, Reply, Request
from .sync import failure, read_body


def sync_transport(http_client: object) -> SyncHTTPXTransport:
    """Send over this client.

    Raises:
        ATHError: INVALID_ARGUMENT if it is not an httpx.Client.
    """
    if isinstance(http_client, httpx.Client):
        return SyncHTTPXTransport(http_client)
    raise ATHError("INVALID_ARGUMENT", "http_client must be an httpx.Client.")


def async_transport(http_client: object) -> AsyncHTTPXTransport:
    """Send over this client.

    Raises:
        ATHError: INVALID_ARGUMENT if it is not an httpx.AsyncClient.
    """
    if isinstance(http_client, httpx.AsyncClient):
        return AsyncHTTPXTransport(http_client)
    raise ATHError("INVALID_ARGUMENT", "http_client must be an httpx.AsyncClient.")


def _prepared(
    client: httpx.Client | httpx.AsyncClient, request: Request, limits: Limits
) -> httpx.Request:
    base = request.base
    url = f"{base.scheme}://{base.host_header.decode('ascii')}{request.target.decode('ascii')}"
    prepared = client.build_request(
        request.method.decode("ascii"),
        url,
        headers=request.headers,
        content=request.content or None,
        timeout=httpx.Timeout(**limits.phases()),
    )
    prepared.url = httpx.URL(url)  # without the client's own params: the target was checked
    # The jar may hold what one user's session set; only a header of ours says whose call this is.
    if not any(name.lower() == b"cookie" for name, _ in request.headers):
        prepared.headers.pop("cookie", None)
    # httpx writes some paths in its own way; ours was checked, so ours it must be.
    if prepared.url.raw_path != request.target:
        raise ATHError("INVALID_PATH", "This path cannot be sent unchanged by the httpx client.")
    return prepared


class SyncHTTPXTransport:
    """Sends for the sync clients."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def send(self, request: Request, limits: Limits) -> Reply:
        """Send once; raises as the transport of our own does."""
        if self._client.is_closed:
            raise ATHError("CLIENT_CLOSED", "The http_client of this client is closed.")
        ends = time.monotonic() + (limits.total or 1e9)
        prepared = _prepared(self._client, request, limits)
        try:
            response = self._client.send(prepared, stream=True, auth=None, follow_redirects=False)
            try:
                # A user's hook or transport may have read the body already.
                read = response.is_stream_consumed
                body = read_body([response.content] if read else _until(ends, response), limits)
            finally:
                response.close()
        except (httpx.HTTPError, httpx.StreamError, OSError) as error:
            failed = failure(error, request)
        else:
            return Reply(response.status_code, response.headers.raw, body, time.time())
        raise failed

    def close(self) -> None:
        """Do nothing: the client is the user's to close."""


def _until(ends: float, response: httpx.Response) -> Iterator[bytes]:
    for chunk in response.iter_raw():
        if time.monotonic() > ends:
            raise httpx.ReadTimeout("")
        yield chunk


class AsyncHTTPXTransport:
    """Sends for the async clients."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def send(self, request: Request, limits: Limits) -> Reply:
        """Send once; raises as the transport of our own does."""
        if self._client.is_closed:
            raise ATHError("CLIENT_CLOSED", "The http_client of this client is closed.")
        prepared = _prepared(self._client, request, limits)
        try:
            async with asyncio.timeout(limits.total):
                response = await self._client.send(
                    prepared, stream=True, auth=None, follow_redirects=False
                )
                try:
                    if response.is_stream_consumed:
                        body = read_body([response.content], limits)
                    else:
                        body = await aread_body(response.aiter_raw(), limits)
                finally:
                    await response.aclose()
        except (httpx.HTTPError, httpx.StreamError, OSError) as error:
            failed = failure(error, request)
        else:
            return Reply(response.status_code, response.headers.raw, body, time.time())
        raise failed

    async def aclose(self) -> None:
        """Do nothing: the client is the user's to close."""
