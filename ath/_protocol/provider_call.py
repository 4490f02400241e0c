"""Calls to providers, through a gateway's proxy or at a native service."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn, TypeVar

from .._http.limits import parse_timeout
from .._http.messages import Base, RawHeaders, Reply, Request
from .._http.opened import OpenReply
from .._secret import SecretText
from ..errors import ATHError
from ..response import Response
from ..retry import READ, rule_for
from ..stores.record import Token
from .context import Context, is_expired, require_registration
from .failures import name_token, to_provider_error
from .provider_request import CallOptions, encode_provider, prepare_request
from .replies import read_response, read_value
from .requests import agent_header, standard_headers
from .steps import Call, Flow, Streamed

T = TypeVar("T")

FindToken = Callable[[], Token | None]
Read = Callable[[Context, Request, Reply], T]
_TOKEN_CODES = frozenset(
    {
        "NO_TOKEN",
        "SCOPE_NOT_APPROVED",
        "TOKEN_EXPIRED",
        "TOKEN_INVALID",
        "TOKEN_REVOKED",
    }
)
"""Errors that are about a user's token for a provider."""


def request(context: Context, provider: str | None, options: CallOptions) -> Flow[Response]:
    """Call a provider, or a native service; its own errors are answers too."""
    try:
        return (yield from _send(context, provider, options, read_response))
    except ATHError as error:
        if error.source != "provider" or error.response is None:
            raise
        return error.response


def call(context: Context, provider: str | None, options: CallOptions) -> Flow[Any]:
    """Call a provider, or a native service; the result is the value of the body."""
    return (yield from _send(context, provider, options, read_value))


def stream(
    context: Context, provider: str | None, options: CallOptions, total_timeout: object
) -> Flow[OpenReply]:
    """Call a provider, or a native service; the result is an answer whose body is to be pulled."""
    total = None if total_timeout is None else parse_timeout(total_timeout, 1).total
    options = options._replace(streamed=True)
    return (yield from _send(context, provider, options, _read_head, Streamed(total)))


def _read_head(context: Context, request: Request, reply: OpenReply | Reply) -> OpenReply:
    if isinstance(reply, OpenReply):
        return reply
    raise to_provider_error(context, request, reply)


def _send(
    context: Context,
    provider: str | None,
    options: CallOptions,
    read: Read[T],
    streamed: Streamed | None = None,
) -> Flow[T]:
    if context.settings.native:
        find_token: FindToken = context.credentials.latest_token
        call = _api_call(context, find_token, options, read, streamed)
    else:
        find_token = partial(context.credentials.token_for, provider or "")
        call = _proxy_call(context, provider, find_token, options, read, streamed)
    try:
        answer = yield call
    except ATHError as error:
        if error.code in _TOKEN_CODES and error.source != "provider":
            name_token(error, provider, context.user, find_token())
        raise
    return answer  # type: ignore[no-any-return]


def _proxy_call(
    context: Context,
    provider: object,
    find_token: FindToken,
    options: CallOptions,
    read: Read[Any],
    streamed: Streamed | None,
) -> Call:
    base = context.settings.base
    prefix = f"/ath/proxy/{encode_provider(provider)}"
    headers = context.provider_headers
    return _call(context, base, prefix, headers, find_token, options, read, streamed)


def _api_call(
    context: Context,
    find_token: FindToken,
    options: CallOptions,
    read: Read[Any],
    streamed: Streamed | None,
) -> Call:
    base = context.learned.api_base
    if base is None:
        return Call(
            partial(_refuse, context, find_token),
            partial(read, context),
            READ,
            None,
            credential=lambda: _text_of(find_token()),
        )
    headers = _headers_at(context, base)
    return _call(context, base, "", headers, find_token, options, read, streamed)


def _call(
    context: Context,
    base: Base,
    prefix: str,
    headers: RawHeaders,
    find_token: FindToken,
    options: CallOptions,
    read: Read[Any],
    streamed: Streamed | None,
) -> Call:
    request = prepare_request(base, prefix, headers, context.user_headers, options)
    timeout = options.timeout
    return Call(
        build=lambda _: _with_token(context, request, find_token()),
        read=partial(read, context),
        rule=rule_for(request.method.decode(), options.idempotent),
        retry=options.retry,
        limits=None
        if timeout is None
        else parse_timeout(timeout, context.settings.max_response_bytes),
        credential=lambda: _text_of(find_token()),
        streamed=None if streamed is None else streamed._replace(source=request.source),
    )


def _refuse(context: Context, find_token: FindToken, _: str | None) -> NoReturn:
    if find_token() is None:
        require_registration(context.credentials)
    raise ATHError("NOT_DISCOVERED", "The service's api_base is not known yet.")


def _text_of(token: Token | None) -> SecretText | None:
    return None if token is None else SecretText(token.access_token)


def _with_token(context: Context, request: Request, token: Token | None) -> Request:
    if token is None:
        require_registration(context.credentials)
        raise ATHError("NO_TOKEN", "This client holds no token for this call.")
    if is_expired(token, context.settings.clock()):
        raise ATHError("TOKEN_EXPIRED", "The token for this call has expired.")
    if not (token.access_token.isascii() and token.access_token.isprintable()):
        raise ATHError("INVALID_CREDENTIALS", "The token held for this call cannot be sent.")
    bearer = (b"Authorization", b"Bearer " + token.access_token.encode("ascii"))
    return Request(
        request.method,
        request.base,
        request.target,
        [*request.headers, bearer],
        request.content,
        (token.access_token,),
        request.source,
    )


def _headers_at(context: Context, base: Base) -> RawHeaders:
    """The headers of a call to a service's API; another origin gets none of the user's own."""
    if base.origin == context.settings.base.origin:
        return context.provider_headers
    return [*standard_headers(base), agent_header(context.settings.agent_id)]
