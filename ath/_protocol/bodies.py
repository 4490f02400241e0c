"""The body of a reply without its content encoding, within the limit on its size.

Servers are not trusted: whatever the bytes are, nothing but an ATHError comes out.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from .._http.limits import too_large
from .._http.messages import Reply, Request
from ..errors import ATHError
from ..response import Response


def to_response(request: Request, reply: Reply, limit: int) -> Response:
    """The reply with its body decompressed.

    Raises:
        ATHError: RESPONSE_TOO_LARGE for a success.
    """
    body, damaged = reply.body, False
    try:
        body = decompress(reply, limit)
    except ATHError as error:
        if error.code != "INVALID_RESPONSE" and reply.ok:
            raise  # of an error, the status tells what matters
        damaged = True
    label = request.origin_label
    return Response(reply.status, reply.headers, body, label, reply.seconds, damaged, limit)


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


def invalid_response(
    origin_label: str, what: str, status: int, headers: Mapping[str, str]
) -> ATHError:
    """The error for an answer that does not fit the protocol."""
    message = f"The answer to {origin_label} {what}."
    return ATHError("INVALID_RESPONSE", message, status, headers=headers)
