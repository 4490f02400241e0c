"""The body of a reply: decompressed, decoded and parsed, within the limit on its size.

Servers are not trusted: whatever the bytes are, nothing but an ATHError comes out.
"""

from __future__ import annotations

import json
import zlib
from contextlib import suppress
from encodings.aliases import aliases
from typing import Any

from .._http.limits import too_large
from .._http.messages import Reply, Request
from ..errors import ATHError

UNREADABLE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What json and the generated models raise at input that is not what it should be."""

_CHARSETS = {*aliases, *aliases.values(), "cp874", "koi8_u", "utf_8_sig"}
"""Names that may be looked up: Python keeps every name for ever, also of charsets that it does not
have. Its own codecs for other purposes are not among them."""

_SMALL = 1_000_000  # bytes of JSON that no structure makes too large
_GROWTH = 9  # memory that parsed JSON may take, in multiples of the limit


def read_content(reply: Reply, request: Request, limit: int) -> Any:
    """What a provider answered: parsed JSON, str for text, bytes for the rest, None for no body.

    Raises:
        ATHError: INVALID_RESPONSE if the body is not what its headers say; RESPONSE_TOO_LARGE.
    """
    return interpret(reply, decompress(reply, limit), request, limit)


def interpret(reply: Reply, body: bytes, request: Request, limit: int) -> Any:
    """The body, decompressed already, as the reply's headers say; raises as read_content."""
    if not body:
        return None
    kind, _, parameters = (reply.header(b"content-type") or "").lower().partition(";")
    kind = kind.strip()
    with suppress(*UNREADABLE):
        if kind == "application/json" or kind.endswith("+json"):
            return parse_json(body, limit)
        if kind.startswith("text/"):
            return body.decode(_charset_of(parameters))
        return body
    raise invalid_response(
        request.origin_label, f"could not be decoded as {kind}", reply.status
    ) from None


def _charset_of(parameters: str) -> str:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip() == "charset":
            charset = value.strip(" \"'").replace("-", "_")
            if charset not in _CHARSETS:
                raise LookupError
            return charset
    return "utf-8"


def parse_json(body: bytes, limit: int) -> Any:
    """The value of a JSON text.

    Raises:
        ATHError: RESPONSE_TOO_LARGE if it would take a multiple of the limit in memory.
        Exception: one of UNREADABLE if it is not JSON.
    """
    if len(body) > _SMALL and _parsed_size(body) > _GROWTH * max(limit, 16 * _SMALL):
        raise too_large(limit)
    return json.loads(body)


def _parsed_size(body: bytes) -> int:
    """About how many bytes a JSON text will take when it is parsed, never too few.

    A text as a whole and its strings have 1, 2 or 4 bytes a character, and that from a single
    one of their characters on: those with 4 begin with one of five bytes in UTF-8.
    """
    wide = 4 if any(bytes([lead]) in body for lead in range(0xF0, 0xF5)) else 2
    text = 2 * len(body) * (1 if body.isascii() else wide)
    sizes = {b",": 40, b"[": 72, b"{": 80, b":": 130, b'"': 28}
    return text + sum(size * body.count(mark) for mark, size in sizes.items())


def decompress(reply: Reply, limit: int) -> bytes:
    """The body without its content encoding.

    Raises:
        ATHError: INVALID_RESPONSE if it is damaged; RESPONSE_TOO_LARGE.
    """
    unzip = _decompressor(reply)
    if unzip is None:
        return reply.body
    damaged = ATHError("INVALID_RESPONSE", "The answer's compressed body is damaged.", reply.status)
    try:
        body: bytes = unzip.decompress(reply.body, limit + 1)
    except zlib.error:
        raise damaged from None
    if len(body) > limit:
        raise too_large(limit)
    # Cut short, or followed by another part, which no server is known to send: never half a text.
    if not unzip.eof or unzip.unused_data.startswith(b"\x1f\x8b"):
        raise damaged
    return body


def read_beginning(reply: Reply, size: int) -> tuple[bytes, bool]:
    """At most that many bytes of the body, decompressed if it can be, and whether more follow."""
    unzip = _decompressor(reply)
    with suppress(zlib.error):
        if unzip is not None and (body := unzip.decompress(reply.body, size + 1)):
            return body[:size], len(body) > size or not unzip.eof
    return reply.body[:size], len(reply.body) > size


def _decompressor(reply: Reply) -> Any:
    """What takes the content encoding off; None if there is none.

    We ask for none, but servers compress all the same; and one names gzip over a body that it has
    decoded already, which therefore is taken as it is.
    """
    encoding = (reply.header(b"content-encoding") or "identity").strip().lower()
    gzip = encoding in ("gzip", "x-gzip") and reply.body[:2] == b"\x1f\x8b"
    if not gzip and not (encoding == "deflate" and reply.body[:1] == b"\x78"):
        return None
    return zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # 32: header of gzip or zlib


def invalid_response(origin_label: str, what: str, status: int) -> ATHError:
    """The error for an answer that does not fit the protocol or its own headers."""
    return ATHError("INVALID_RESPONSE", f"The answer to {origin_label} {what}.", status)
