"""The body of a reply: decompressed, decoded and parsed, within the limit on its size.

Servers are not trusted: whatever the bytes are, nothing but an ATHError comes out.
"""

from __future__ import annotations

import codecs
import json
import zlib
from contextlib import suppress
from typing import Any

from .._http.messages import Reply, Request, too_large
from ..errors import ATHError

UNREADABLE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What json and the generated models raise at input that is not what it should be."""


_NOT_FOR_TEXT = ("idna", "punycode", "raw_unicode_escape", "unicode_escape")
"""Codecs of Python's own, no charsets: they warn, or take time with the square of the length."""


def read_content(reply: Reply, request: Request, limit: int) -> Any:
    """What a provider answered: parsed JSON, str for text, bytes for the rest, None for no body.

    Raises:
        ATHError: INVALID_RESPONSE if the body is not what its headers say.
    """
    if not reply.body:
        return None
    kind, _, parameters = (reply.header(b"content-type") or "").lower().partition(";")
    kind = kind.strip()
    body = decompress(reply, limit)
    with suppress(*UNREADABLE):
        if kind == "application/json" or kind.endswith("+json"):
            return json.loads(body)
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
            charset = value.strip(" \"'")
            if codecs.lookup(charset).name.replace("-", "_") in _NOT_FOR_TEXT:
                raise LookupError(charset)
            return charset
    return "utf-8"


def decompress(reply: Reply, limit: int) -> bytes:
    """The body without its content encoding.

    We ask for none, but servers compress all the same; and one names gzip over a body that it has
    decoded already, which therefore is taken as it is.
    """
    encoding = (reply.header(b"content-encoding") or "identity").strip().lower()
    gzip = encoding in ("gzip", "x-gzip") and reply.body[:2] == b"\x1f\x8b"
    if not gzip and not (encoding == "deflate" and reply.body[:1] == b"\x78"):
        return reply.body
    damaged = ATHError("INVALID_RESPONSE", "The answer's compressed body is damaged.", reply.status)
    unzip = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # 32: header of gzip or zlib
    try:
        body = unzip.decompress(reply.body, limit + 1)
    except zlib.error:
        raise damaged from None
    if len(body) > limit:
        raise too_large(limit)
    # Cut short, or followed by another part, which no server is known to send: never half a text.
    if not unzip.eof or unzip.unused_data.startswith(b"\x1f\x8b"):
        raise damaged
    return body


def invalid_response(origin_label: str, what: str, status: int) -> ATHError:
    """The error for an answer that does not fit the protocol or its own headers."""
    return ATHError("INVALID_RESPONSE", f"The answer to {origin_label} {what}.", status)
