"""Lines of a body, and server-sent events (WHATWG HTML, section 9.2): bytes in, values out."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import NamedTuple

from .limits import too_large

_ENDS = re.compile(r"\r\n|\n|\r")


class ServerSentEvent(NamedTuple):
    """One event of a stream."""

    event: str
    """Its type, ``message`` where the server names none."""
    data: str
    """Its lines of data, joined by line feeds."""
    id: str
    """The last id that the stream named; empty if there was none. A new request may say it in the
    header ``Last-Event-ID``."""


class Lines:
    """The lines of a text that comes in pieces: they end with CR, LF, or both, and nothing else.

    Args:
        charset: Of the text; what cannot be decoded is replaced.
        limit: Characters of the longest line.
    """

    def __init__(self, charset: str, limit: int) -> None:
        self._decoder = codecs.getincrementaldecoder(charset)("replace")
        self._charset = charset
        self._limit = limit
        self._parts: list[str] = []
        """The beginning of a line whose end has not come yet."""
        self._waiting = 0
        self._after_cr = False

    def feed(self, data: bytes, *, final: bool = False) -> Iterator[str]:
        """The lines that these bytes end; with ``final`` also the last one, if it has no end.

        Raises:
            ATHError: RESPONSE_TOO_LARGE for a line that is too long.
        """
        text = self._decode(data, final)
        if self._after_cr and text:
            text, self._after_cr = text.removeprefix("\n"), False
        start = 0
        for end in _ENDS.finditer(text):
            yield self._join(text[start : end.start()])
            start = end.end()
        self._after_cr = self._after_cr or text.endswith("\r")
        if start < len(text):
            self._parts.append(text[start:])
            self._waiting += len(text) - start
        if self._waiting > self._limit:
            raise too_large(self._limit)
        if final and self._parts:
            yield self._join("")

    def _decode(self, data: bytes, final: bool) -> str:
        try:
            return self._decoder.decode(data, final)
        except UnicodeError:  # UTF-16 or UTF-32 without a mark of its byte order
            data = self._decoder.getstate()[0] + data
            self._decoder.reset()
            return self._decoder.decode("".encode(self._charset) + data, final)  # adds the mark

    def _join(self, end: str) -> str:
        line = "".join([*self._parts, end])
        self._parts.clear()
        self._waiting = 0
        return line


class Events:
    """Server-sent events of a body that comes in pieces.

    Args:
        limit: Characters of the longest event.
    """

    def __init__(self, limit: int) -> None:
        self._lines = Lines("utf-8-sig", limit)  # which drops the one byte order mark
        self._limit = limit
        self._event = self._id = ""
        self._data: list[str] = []
        self._size = 0

    def feed(self, data: bytes) -> Iterator[ServerSentEvent]:
        """The events that these bytes complete; one that the end cuts short is none.

        Raises:
            ATHError: RESPONSE_TOO_LARGE for an event that is too long.
        """
        for line in self._lines.feed(data):
            if line:
                self._read_field(line)
                continue
            if self._data:
                yield ServerSentEvent(self._event or "message", "\n".join(self._data), self._id)
            self._event, self._data, self._size = "", [], 0

    def _read_field(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
            self._size += len(value) + 1
            if self._size > self._limit:
                raise too_large(self._limit)
        elif name == "event":
            self._event = value
        elif name == "id" and "\0" not in value:
            self._id = value
