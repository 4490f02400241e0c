"""Requests to the implementor's own endpoints, made from the generated ones."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from .. import __version__
from .._http.messages import Base, RawHeaders, Request, encode_json, merge_headers
from ..errors import ATHError
from .context import Context

USER_AGENT = f"ath-sdk/{__version__}".encode()
_SECRET_FIELDS = ("agent_attestation", "client_secret", "code", "code_verifier", "state", "token")


def standard_headers(base: Base) -> RawHeaders:
    """The headers of every request to that origin."""
    # Identity: a gateway is known that names gzip over a body it has already decoded.
    return [
        (b"Host", base.host_header),
        (b"Accept", b"*/*"),
        (b"Accept-Encoding", b"identity"),
        (b"User-Agent", USER_AGENT),
    ]


def agent_header(agent_id: str) -> tuple[bytes, bytes]:
    """The header that tells a proxy or a service which agent calls."""
    return b"X-ATH-Agent-ID", agent_id.encode("ascii")


def content_length(content: bytes) -> tuple[bytes, bytes]:
    """The Content-Length header of a body."""
    return b"Content-Length", b"%d" % len(content)


def encode_document(document: Any, refusal: str) -> bytes:
    """The JSON of what a user passed.

    Raises:
        ATHError: INVALID_ARGUMENT with that message if it has none. Nothing leads back to json's
            own error, which may hold secrets.
    """
    with suppress(RecursionError, TypeError, ValueError):
        return encode_json(document)
    raise ATHError("INVALID_ARGUMENT", refusal)


def build_request(
    context: Context, kwargs: dict[str, Any], authorization: tuple[bytes, bytes] | None = None
) -> Request:
    """A generated endpoint's call as a request to the implementor.

    Raises:
        ATHError: INVALID_ARGUMENT if what the user passed has no JSON.
    """
    base, document = context.settings.base, kwargs.get("json")
    headers, content = context.headers, b""
    if document is not None:
        content = encode_document(document, "An argument cannot be written as JSON.")
        media_type = (b"Content-Type", b"application/json")
        headers = merge_headers(headers, [media_type, content_length(content)])
    if authorization is not None:
        headers = [*headers, authorization]
    target = base.path + kwargs["url"]
    request = Request(kwargs["method"].upper().encode(), base, target.encode(), headers, content)
    found = [(document or {}).get(name) for name in _SECRET_FIELDS]
    request.secrets = tuple(secret for secret in found if secret)
    return request


class Endpoint(Protocol):
    """A generated module: how its call goes over the wire."""

    def _get_kwargs(self, *, body: Any) -> dict[str, Any]:
        """Method, path and JSON."""
        ...


BuildRequest = Callable[[str | None], Request]
"""Makes the request of an attempt from the attempt's attestation, or None where it has none."""


def build_same(context: Context, kwargs: dict[str, Any]) -> BuildRequest:
    """Make every attempt of a call without an attestation alike."""
    return lambda _: build_request(context, kwargs)


def build_attested(context: Context, endpoint: Endpoint, body: Any) -> BuildRequest:
    """Put each attempt's own attestation into the body."""

    def build(attestation: str | None) -> Request:
        body.agent_attestation = attestation
        return build_request(context, endpoint._get_kwargs(body=body))

    return build
