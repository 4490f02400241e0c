"""Content encodings. We ask for none, but servers are not trusted to send none."""

from __future__ import annotations

import zlib
from contextlib import suppress
from typing import Any, Final

from ..errors import ATHError

_GZIP: Final = b"\x1f\x8b"  # how each of its members begins
_PIECE: Final = 16_384  # bytes that are decompressed at a time; what zlib leaves it copies
_PART: Final = 65_536  # bytes that are handed out at a time


def _damaged(status: int, source: str | None) -> ATHError:
    """The error for a body that is not what its content encoding says."""
    message = "The answer's compressed body is damaged."
    return ATHError("INVALID_RESPONSE", message, status, source=source)


def is_gzip(encoding: str | None) -> bool:
    """Whether a value of Content-Encoding names gzip."""
    return encoding is not None and encoding.strip().lower() in ("gzip", "x-gzip")


class Decoder:
    """Takes it off a body that comes in pieces, of which little is held at a time.

    We ask for none, but servers compress all the same; and one names gzip over a body that it has
    decoded already, which therefore is taken as it is. What follows the compressed body is ignored,
    unless it is a further member of a gzip body (RFC 1952, section 2.2).

    Args:
        encoding: The value of Content-Encoding of an answer.
        status: The answer's, for errors.
        source: Who sent it, for errors.
    """

    def __init__(self, encoding: str | None, status: int, source: str | None = "provider") -> None:
        self._is_gzip = is_gzip(encoding)
        self._is_deflate = encoding is not None and encoding.strip().lower() == "deflate"
        self._status = status
        self._source = source
        self._begun = encoding is None
        self._unzip: Any = None
        self._waiting = b""
        self._position = 0
        self._final = False

    def feed(self, piece: bytes) -> None:
        """Take the next piece; nothing is the end."""
        self._final = not piece
        self._waiting = self._waiting[self._position :] + piece
        self._position = 0

    def take(self) -> bytes:
        """The next part of the decoded body; nothing if more has to be fed, or at the end.

        Raises:
            ATHError: INVALID_RESPONSE if it is damaged, or ends too early.
        """
        if not self._begun:
            if len(self._waiting) < 2 and not self._final:
                return b""
            self._begun = True
            self._begin_member()
        if self._unzip is None:
            data, self._waiting = self._waiting, b""
            return data
        with suppress(zlib.error):
            part = self._decompress()
            if part or self._unzip.eof or not self._final:
                return part
        raise _damaged(self._status, self._source)

    def _decompress(self) -> bytes:
        """As :meth:`take`; raises zlib.error."""
        while not self._unzip.eof or self._begin_member():
            data = self._waiting[self._position : self._position + _PIECE]
            part: bytes = self._unzip.decompress(data, _PART)
            left = self._unzip.unused_data if self._unzip.eof else self._unzip.unconsumed_tail
            self._position += len(data) - len(left)
            if part or not data:
                return part
        # Enough to see whether the next piece makes this a member.
        self._waiting = self._waiting[self._position : self._position + 2]
        self._position = 0
        return b""

    def _begin_member(self) -> bool:
        """Get ready for something compressed, and say whether it begins here."""
        beginning = self._waiting[self._position : self._position + 2]
        if self._is_gzip and beginning == _GZIP:
            self._unzip = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)  # 16: a header of gzip
        elif self._is_deflate and beginning[:1] == b"\x78" and self._unzip is None:
            self._unzip = zlib.decompressobj()
        else:
            return False
        return True
