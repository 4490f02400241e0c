"""A provider's answer whose body is read while it comes: ``stream()`` of the clients."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from typing import Any

from ._http.decoding import Decoder, is_gzip
from ._http.events import Events, Lines, ServerSentEvent
from ._http.opened import AsyncOpenReply, OpenReply, SyncOpenReply
from .errors import ATHError
from .response import Headers, Response

__all__ = ["AsyncStreamedResponse", "ServerSentEvent", "StreamedResponse"]


class _Streamed:
    """What both kinds share: the head, and the body as far as it has come."""

    def __init__(self, opened: OpenReply, limit: int, for_httpx: bool = False) -> None:
        """Begin; an httpx client decodes deflate itself, of which there are two forms."""
        self._head = Response(opened.status, opened.headers, b"", opened.request.origin_label)
        self._limit = limit
        encoding = self.headers.get("content-encoding")
        self._is_decoded = not for_httpx or is_gzip(encoding)
        self._decoder = Decoder(encoding if self._is_decoded else None, opened.status)
        self._received = 0
        self._ended = self._closed = False

    @property
    def status_code(self) -> int:
        """The HTTP status: a 2xx, or 304."""
        return self._head.status_code

    @property
    def headers(self) -> Headers:
        """The headers, by name in any case."""
        return self._head.headers

    @property
    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """The headers as they came."""
        return self._head._raw_headers

    @property
    def request_id(self) -> str | None:
        """The provider's name for this call (``X-Request-Id``), or None."""
        return self._head.request_id

    @property
    def bytes_received(self) -> int:
        """Bytes of the body that were read so far, as they came: before decompression."""
        return self._received

    @property
    def total(self) -> int | None:
        """Bytes of the whole body, as it comes, if the server said so (Content-Length)."""
        said = self.headers.get("content-length", "")
        return int(said) if said.isascii() and said.isdigit() else None

    def _take(self) -> bytes:
        """What can be handed out now; nothing if more must be read first, or at the end."""
        if self._closed:
            raise ATHError("STREAM_CLOSED", "This answer was closed, or reading it failed.")
        return self._decoder.take()

    def _feed(self, piece: bytes) -> None:
        self._received += len(piece)
        self._decoder.feed(piece)
        self._ended = not piece

    def __repr__(self) -> str:
        """The status and how much has come."""
        name = type(self).__name__
        return f"<{name} {self.status_code}, {self._received} bytes received>"


class StreamedResponse(_Streamed):
    """A provider's answer whose body is read while it comes, by one thread, and once.

    Whatever reads it raises ATHError: NETWORK_ERROR if the body breaks off, TIMEOUT if nothing
    came for ``timeout`` seconds or ``total_timeout`` is over, INVALID_RESPONSE if its compression
    is damaged, STREAM_CLOSED after one of these and after the end of the block.
    """

    def __init__(self, opened: SyncOpenReply, limit: int, for_httpx: bool = False) -> None:
        super().__init__(opened, limit, for_httpx)
        self._opened = opened

    def iter_bytes(self) -> Iterator[bytes]:
        """The body in pieces of some size, as they come, without a content encoding."""
        return iter(self._read, b"")

    def iter_lines(self) -> Iterator[str]:
        """The body's lines without their ends (CR, LF or both), in the charset of its type.

        Raises:
            ATHError: RESPONSE_TOO_LARGE for a line of more than ``max_response_bytes`` characters.
        """
        lines = Lines(self._head.charset, self._limit)
        yield from chain.from_iterable(map(lines.feed, self.iter_bytes()))
        yield from lines.feed(b"", final=True)

    def iter_events(self) -> Iterator[ServerSentEvent]:
        """The server-sent events of a ``text/event-stream`` (WHATWG HTML, section 9.2).

        Comments are left out, and so is an event that the end of the body cuts short.

        Raises:
            ATHError: RESPONSE_TOO_LARGE for an event of more than ``max_response_bytes``
                characters.
        """
        return chain.from_iterable(map(Events(self._limit).feed, self.iter_bytes()))

    def read(self) -> bytes:
        """The rest of the body at once, however long it is."""
        return b"".join(self.iter_bytes())

    def close(self) -> None:
        """Leave the rest unread; the end of the block does this."""
        self._closed = True
        self._opened.close()

    def _read(self) -> bytes:
        try:
            while not (part := self._take()) and not self._ended:
                self._feed(self._opened.read())
        except ATHError:
            self.close()
            raise
        return part


class AsyncStreamedResponse(_Streamed):
    """Async version of :class:`StreamedResponse`, read by one task."""

    def __init__(self, opened: AsyncOpenReply, limit: int, for_httpx: bool = False) -> None:
        super().__init__(opened, limit, for_httpx)
        self._opened = opened

    async def aiter_bytes(self) -> AsyncIterator[bytes]:
        """The body in pieces; see :meth:`StreamedResponse.iter_bytes`."""
        while part := await self._read():
            yield part
            del part  # an error tracker records the variables of a frame that raises

    def aiter_lines(self) -> AsyncIterator[str]:
        """The body's lines; see :meth:`StreamedResponse.iter_lines`."""
        lines = Lines(self._head.charset, self._limit)
        return _feed(self.aiter_bytes(), lines.feed, partial(lines.feed, b"", final=True))

    def aiter_events(self) -> AsyncIterator[ServerSentEvent]:
        """The server-sent events; see :meth:`StreamedResponse.iter_events`."""
        return _feed(self.aiter_bytes(), Events(self._limit).feed, tuple)

    async def read(self) -> bytes:
        """The rest of the body at once, however long it is."""
        return b"".join([part async for part in self.aiter_bytes()])

    async def aclose(self) -> None:
        """Leave the rest unread; the end of the block does this."""
        self._closed = True
        await self._opened.aclose()

    async def _read(self) -> bytes:
        try:
            while not (part := self._take()) and not self._ended:
                self._feed(await self._opened.read())
        except ATHError:
            await self.aclose()
            raise
        return part


async def _feed(
    parts: AsyncIterator[bytes],
    feed: Callable[[bytes], Iterable[Any]],
    finish: Callable[[], Iterable[Any]],
) -> AsyncIterator[Any]:
    """What comes of the parts, and of their end."""
    async for part in parts:
        for item in feed(part):
            yield item
        item = part = b""  # an error tracker records the variables of a frame that raises
    for item in finish():
        yield item
