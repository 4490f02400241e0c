"""Headers that calls share, and requests to the implementor made from the generated calls."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .. import __version__
from .._http.messages import Base, RawHeaders, Request, encode_json, merge_headers
from ..errors import ATHError
from .context import Context, Credentials, Learned, Settings

if TYPE_CHECKING:
    from ath_api.types import PreparedCall

USER_AGENT = f"ath-sdk/{__version__}".encode()


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


def make_context(
    settings: Settings,
    learned: Learned,
    credentials: Credentials,
    user: str | None,
    user_headers: RawHeaders,
) -> Context:
    """A context with its headers encoded once for all calls."""
    headers = merge_headers(standard_headers(settings.base), user_headers)
    provider_headers = [*headers, agent_header(settings.agent_id)]
    return Context(settings, learned, credentials, user, user_headers, headers, provider_headers)


def context_of_user(
    shared: Context, credentials: Credentials, user: str | None, headers: RawHeaders
) -> Context:
    """The same agent with another user's credentials, and headers of their own if any."""
    if not headers:
        return replace(shared, credentials=credentials, user=user)
    every = merge_headers(shared.user_headers, headers)
    return make_context(shared.settings, shared.learned, credentials, user, every)


def content_length(length: int) -> tuple[bytes, bytes]:
    """The Content-Length header of a body."""
    return b"Content-Length", b"%d" % length


def encode_document(document: Any, refusal: str) -> bytes:
    """The JSON of what a user passed.

    Raises:
        ATHError: INVALID_ARGUMENT with that message if it has none. Nothing leads back to json's
            own error, which may hold secrets.
    """
    with suppress(RecursionError, TypeError, ValueError):
        return encode_json(document)
    raise ATHError("INVALID_ARGUMENT", refusal)


def build_request(context: Context, call: PreparedCall[Any, Any]) -> Request:
    """A generated endpoint's call as a request to the implementor: all that it says is sent.

    Raises:
        ATHError: INVALID_ARGUMENT if what the user passed has no JSON.
    """
    base = context.settings.base
    headers = [(name.encode(), value.encode()) for name, value in call.headers.items()]
    if call.cookies:
        held = [value for name, value in context.headers if name.lower() == b"cookie"]
        added = [f"{name}={value}".encode() for name, value in call.cookies.items()]
        headers.append((b"Cookie", b"; ".join([*held, *added])))
    content = _content_of(call)
    if content is not None:
        headers.append(content_length(len(content)))
    return Request(
        call.method.encode(),
        base,
        (base.path + call.target).encode(),
        merge_headers(context.headers, headers),
        content or b"",
        call.secrets,
    )


def _content_of(call: PreparedCall[Any, Any]) -> bytes | None:
    with suppress(RecursionError, TypeError, ValueError):  # their messages may hold secrets
        return call.content
    raise ATHError("INVALID_ARGUMENT", "An argument cannot be written as JSON.")
