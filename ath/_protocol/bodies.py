"""The body of a reply without its content encoding, within the limit on its size.

Servers are not trusted: whatever the bytes are, nothing but an ATHError comes out.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from .._http.decoding import Decoder
from .._http.limits import too_large
from .._http.messages import Reply, Request
from ..errors import ATHError
from ..response import Response

_ENCODING = b"content-encoding"


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
    if reply.header(_ENCODING) is None:
        return reply.body
    decoder, limit = _decoder(reply), max(limit, len(reply.body))  # what came was counted already
    body, part = bytearray(), b""
    try:
        while part := decoder.take():
            body += part
            if len(body) > limit:
                raise too_large(limit)
        return bytes(body)
    finally:
        body, part = bytearray(), b""  # an error tracker records the variables of this frame


def read_beginning(reply: Reply, size: int) -> tuple[bytes, bool]:
    """At most that many bytes of the body, decompressed if it can be, and whether more follow."""
    decoder, body = _decoder(reply), b""
    with suppress(ATHError):
        while len(body) <= size and (part := decoder.take()):
            body += part
        return body[:size], len(body) > size
    if body:
        return body[:size], True
    return reply.body[:size], len(reply.body) > size


def _decoder(reply: Reply) -> Decoder:
    decoder = Decoder(reply.header(_ENCODING), reply.status, source=None)
    decoder.feed(reply.body)
    decoder.feed(b"")
    return decoder


def invalid_response(
    origin_label: str, what: str, status: int, headers: Mapping[str, str]
) -> ATHError:
    """The error for an answer that does not fit the protocol."""
    message = f"The answer to {origin_label} {what}."
    return ATHError("INVALID_RESPONSE", message, status, headers=headers)
