"""Calls to providers, through a gateway's proxy or at a native service."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn, TypeVar

from .._http.limits import parse_timeout
from .._http.messages import Base, RawHeaders, Reply, Request
from .._secret import SecretText
from ..errors import ATHError
from ..response import Response
from ..retry import READ, rule_for
from ..stores.record import Token
from .context import Context, is_expired, require_registration
from .failures import name_token
from .provider_request import CallOptions, prepare_request, proxy_prefix
from .replies import read_response, read_value
from .requests import agent_header, standard_headers
from .steps import Call, Flow

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


def _send(context: Context, provider: str | None, options: CallOptions, read: Read[T]) -> Flow[T]:
    if context.settings.native:
        find_token: FindToken = context.credentials.latest_token
        call = _api_call(context, find_token, options, read)
    else:
        find_token = partial(context.credentials.token_for, provider or "")
        call = _proxy_call(context, provider, find_token, options, read)
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
) -> Call:
    base, prefix = context.settings.base, proxy_prefix(provider)
    return _call(context, base, prefix, context.provider_headers, find_token, options, read)


def _api_call(
    context: Context, find_token: FindToken, options: CallOptions, read: Read[Any]
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
    return _call(context, base, "", _headers_at(context, base), find_token, options, read)


def _call(
    context: Context,
    base: Base,
    prefix: str,
    headers: RawHeaders,
    find_token: FindToken,
    options: CallOptions,
    read: Read[Any],
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
    )


def _headers_at(context: Context, base: Base) -> RawHeaders:
    """The headers of a call to a service's API; another origin gets none of the user's own."""
    if base.origin == context.settings.base.origin:
        return context.provider_headers
    return [*standard_headers(base), agent_header(context.settings.agent_id)]
