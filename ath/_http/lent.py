"""Our calls as transports of httpx, for other libraries' clients.

What comes back is httpx's: its responses, and its exceptions, which those libraries catch.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import httpx

from ..errors import ATHError, Delivery
from .messages import Origin, RawHeaders
from .sources import Source

_LENGTH = re.compile(r"[0-9]{1,18}")


@dataclass(slots=True, eq=False)
class LentRequest:
    """What another library's client asks for."""

    method: str
    origin: Origin
    target: str
    headers: RawHeaders = field(repr=False)
    source: Source | None
    timeout: httpx.Timeout | None
    """None if the client says nothing of it."""


class Answer(Protocol):
    """An answer whose body is pulled."""

    @property
    def status_code(self) -> int:
        """The HTTP status."""
        ...

    @property
    def raw_headers(self) -> RawHeaders:
        """The headers as they came."""
        ...

    @property
    def _is_decoded(self) -> bool:
        """Whether the body has no content encoding any more."""
        ...


class SyncAnswer(Answer, Protocol):
    """An answer to a sync client."""

    def iter_bytes(self) -> Iterator[bytes]:
        """The decoded body."""
        ...

    def close(self) -> None:
        """Leave the rest unread."""
        ...


class AsyncAnswer(Answer, Protocol):
    """An answer to an async client."""

    def aiter_bytes(self) -> AsyncIterator[bytes]:
        """The decoded body."""
        ...

    async def aclose(self) -> None:
        """Leave the rest unread."""
        ...


class LentTransport(httpx.BaseTransport):
    """Makes calls with ``send``; closing it closes nothing, since the connections are not its."""

    def __init__(self, send: Callable[[LentRequest], SyncAnswer]) -> None:
        self._send = send

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Make one call.

        Raises:
            ATHError: what is refused here or by the implementor.
            httpx.TransportError: no answer came.
        """
        try:
            answer = self._send(_read_request(request))
        except ATHError as error:
            failed = _error_for_httpx(error)
        else:
            return _response(answer, _SyncBody(answer))
        raise failed


class AsyncLentTransport(httpx.AsyncBaseTransport):
    """The same for async clients."""

    def __init__(self, send: Callable[[LentRequest], Awaitable[AsyncAnswer]]) -> None:
        self._send = send

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Make one call; see :meth:`LentTransport.handle_request`."""
        try:
            answer = await self._send(_read_request(request))
        except ATHError as error:
            failed = _error_for_httpx(error)
        else:
            return _response(answer, _AsyncBody(answer))
        raise failed


class _SyncBody(httpx.SyncByteStream):
    def __init__(self, answer: SyncAnswer) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._answer.iter_bytes()
        except ATHError as error:
            failed = _error_for_httpx(error)
        else:
            return
        raise failed

    def close(self) -> None:
        self._answer.close()


class _AsyncBody(httpx.AsyncByteStream):
    def __init__(self, answer: AsyncAnswer) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for part in self._answer.aiter_bytes():
                yield part
        except ATHError as error:
            failed = _error_for_httpx(error)
        else:
            return
        raise failed

    async def aclose(self) -> None:
        await self._answer.aclose()


def _read_request(request: httpx.Request) -> LentRequest:
    url, headers = request.url, request.headers
    port = url.port or {"http": 80, "https": 443}.get(url.scheme, 0)
    length = headers.get("content-length")
    source = None
    if length is not None and not _LENGTH.fullmatch(length):
        raise ATHError("INVALID_ARGUMENT", "The header Content-Length must be a number of bytes.")
    if length not in (None, "0") or "transfer-encoding" in headers:
        source = Source(request.stream, None if length is None else int(length))
    timeout = request.extensions.get("timeout")
    return LentRequest(
        request.method,
        (url.scheme, url.raw_host.decode("ascii"), port),
        url.raw_path.decode("ascii"),
        headers.raw,
        source,
        None if timeout is None else httpx.Timeout(**timeout),
    )


def _response(
    answer: Answer, stream: httpx.SyncByteStream | httpx.AsyncByteStream
) -> httpx.Response:
    headers, untrue = answer.raw_headers, [b"cache-control"]
    if answer._is_decoded:
        untrue += [b"content-encoding", b"content-length"]
    headers = [(name, value) for name, value in headers if name.lower() not in untrue]
    # A cache in the layer above sees no token of ours, so it cannot keep users' answers apart.
    headers.append((b"Cache-Control", b"no-store"))
    return httpx.Response(answer.status_code, headers=headers, stream=stream)


def _error_for_httpx(error: ATHError) -> Exception:
    """A failure on the way as httpx's own exception; what was refused as it is."""
    unsent = error._delivery is not Delivery.LOST and error._delivery is not Delivery.TIMED_OUT
    match error.code:
        case "TIMEOUT":
            return (httpx.ConnectTimeout if unsent else httpx.ReadTimeout)(error.message)
        case "NETWORK_ERROR":
            return (httpx.ConnectError if unsent else httpx.ReadError)(error.message)
        case "INVALID_RESPONSE":
            return httpx.DecodingError(error.message)
        case _:
            return error
