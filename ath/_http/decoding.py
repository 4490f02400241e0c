"""Content encodings. We ask for none, but servers are not trusted to send none."""

from __future__ import annotations

import zlib
from contextlib import suppress
from typing import Any, Final

from ..errors import ATHError

GZIP: Final = b"\x1f\x8b"
"""How each of its members begins."""
_PART: Final = 65_536  # bytes that are decompressed at a time


def decompressor(encoding: str | None, beginning: bytes) -> Any:
    """What takes the content encoding off; None if there is none.

    We ask for none, but servers compress all the same; and one names gzip over a body that it has
    decoded already, which therefore is taken as it is.
    """
    name = (encoding or "identity").strip().lower()
    gzip = name in ("gzip", "x-gzip") and beginning[:2] == GZIP
    if not gzip and not (name == "deflate" and beginning[:1] == b"\x78"):
        return None
    return zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # 32: header of gzip or zlib


def damaged(status: int, source: str | None = None) -> ATHError:
    """The error for a body that is not what its content encoding says."""
    message = "The answer's compressed body is damaged."
    return ATHError("INVALID_RESPONSE", message, status, source=source)


class Decoder:
    """Takes it off a body that comes in pieces, of which little is held at a time.

    Args:
        encoding: The value of Content-Encoding of a provider's answer.
        status: The answer's, for errors.
    """

    def __init__(self, encoding: str | None, status: int) -> None:
        self._encoding = encoding
        self._status = status
        self._begun = encoding is None
        self._unzip: Any = None
        self._waiting = b""
        self._after = b""
        self._final = False

    def feed(self, piece: bytes) -> None:
        """Take the next piece; nothing is the end."""
        self._final = not piece
        self._waiting += piece

    def take(self) -> bytes:
        """The next part of the decoded body; nothing if more has to be fed, or at the end.

        Raises:
            ATHError: INVALID_RESPONSE if it is damaged, or ends too early.
        """
        if not self._begun:
            if len(self._waiting) < 2 and not self._final:
                return b""
            self._begun, self._unzip = True, decompressor(self._encoding, self._waiting)
        data, self._waiting = self._waiting, b""
        if self._unzip is None:
            return data
        if self._unzip.eof:
            self._after = (self._after + data[:2])[:2]
            part = b""
        else:
            part = self._decompress(data)
        if self._final and not part and (not self._unzip.eof or self._after == GZIP):
            del data  # an error tracker records the variables of a frame that raises
            raise damaged(self._status, "provider")
        return part

    def _decompress(self, data: bytes) -> bytes:
        with suppress(zlib.error):
            part: bytes = self._unzip.decompress(data, _PART)
            self._waiting = self._unzip.unconsumed_tail
            self._after = self._unzip.unused_data[:2]
            return part
        del data  # as above
        raise damaged(self._status, "provider")
