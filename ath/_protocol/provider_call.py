"""Calls to providers, through a gateway's proxy or at a native service."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NoReturn

from .._http.messages import Base, RawHeaders, Request, parse_timeout
from ..errors import ATHError
from ..retry import READ, rule_for
from ..stores.record import Token
from .context import Context, require_registration
from .provider_request import CallOptions, encode_provider, prepare_request
from .replies import read_provider_answer
from .requests import agent_header, standard_headers
from .steps import Call


def proxy_call(context: Context, provider: str, options: CallOptions) -> Call:
    """A call through the gateway's proxy.

    Raises:
        ATHError: INVALID_PATH or INVALID_ARGUMENT.
    """
    base = context.settings.base
    prefix = f"/ath/proxy/{encode_provider(provider)}"
    find_token = partial(context.credentials.token_for, provider)
    return _call(context, base, prefix, context.provider_headers, find_token, options)


def api_call(context: Context, options: CallOptions) -> Call:
    """A call to the native service's own API.

    Raises:
        ATHError: NOT_DISCOVERED, INVALID_PATH or INVALID_ARGUMENT.
    """
    find_token = context.credentials.latest_token
    base = context.learned.api_base
    if base is None:
        read, credential = partial(read_provider_answer, context), lambda: _text_of(find_token())
        return Call(partial(_refuse, context, find_token), read, READ, None, credential=credential)
    return _call(context, base, "", _headers_at(context, base), find_token, options)


def _call(
    context: Context,
    base: Base,
    prefix: str,
    headers: RawHeaders,
    find_token: Callable[[], Token | None],
    options: CallOptions,
) -> Call:
    request = prepare_request(base, prefix, headers, options)
    timeout = options.timeout
    return Call(
        build=lambda _: _with_token(context, request, find_token()),
        read=partial(read_provider_answer, context),
        rule=rule_for(request.method.decode(), options.idempotent),
        retry=options.retry,
        limits=None
        if timeout is None
        else parse_timeout(timeout, context.settings.max_response_bytes),
        credential=lambda: _text_of(find_token()),
    )


def _refuse(context: Context, find_token: Callable[[], Token | None], _: str | None) -> NoReturn:
    if find_token() is None:
        require_registration(context.credentials)
    raise ATHError("NOT_DISCOVERED", "The service's api_base is not known yet.")


def _text_of(token: Token | None) -> str | None:
    return None if token is None else token.access_token


def _with_token(context: Context, request: Request, token: Token | None) -> Request:
    if token is None:
        require_registration(context.credentials)
        raise ATHError("NO_TOKEN", "This client holds no token for this call.")
    if token.expires_at is not None and context.settings.clock() >= token.expires_at:
        raise ATHError("TOKEN_EXPIRED", "The token for this call has expired.")
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
