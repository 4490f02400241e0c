"""The body of a reply without its content encoding, within the limit on its size.

Servers are not trusted: whatever the bytes are, nothing but an ATHError comes out.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from contextlib import suppress

from .._http.decoding import GZIP, damaged, decompressor
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
    unzip = decompressor(reply.header(b"content-encoding"), reply.body)
    if unzip is None:
        return reply.body
    try:
        body: bytes = unzip.decompress(reply.body, limit + 1)
    except zlib.error:
        raise damaged(reply.status) from None
    if len(body) > limit:
        raise too_large(limit)
    # Cut short, or followed by another part, which no server is known to send: never half a text.
    if not unzip.eof or unzip.unused_data.startswith(GZIP):
        raise damaged(reply.status)
    return body


def read_beginning(reply: Reply, size: int) -> tuple[bytes, bool]:
    """At most that many bytes of the body, decompressed if it can be, and whether more follow."""
    unzip = decompressor(reply.header(b"content-encoding"), reply.body)
    with suppress(zlib.error):
        if unzip is not None and (body := unzip.decompress(reply.body, size + 1)):
            return body[:size], len(body) > size or not unzip.eof
    return reply.body[:size], len(reply.body) > size


def invalid_response(
    origin_label: str, what: str, status: int, headers: Mapping[str, str]
) -> ATHError:
    """The error for an answer that does not fit the protocol."""
    message = f"The answer to {origin_label} {what}."
    return ATHError("INVALID_RESPONSE", message, status, headers=headers)
