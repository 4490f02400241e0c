"""Calls to providers, through a gateway's proxy or at a native service."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from .._http.limits import parse_seconds, parse_timeout
from .._http.messages import Base, RawHeaders, Reply, Request
from .._http.opened import OpenReply
from .._secret import SecretText
from ..errors import ATHError
from ..response import Response
from ..retry import READ, rule_for
from ..stores.record import Token
from .arguments import drop_reserved_headers
from .context import Context, is_expired, require_registration
from .failures import MAX_ERROR_BODY, name_token, to_provider_error
from .provider_request import CallOptions, prepare_request, proxy_prefix
from .replies import read_response, read_value
from .requests import agent_header, standard_headers
from .steps import Call, Flow, Streamed

if TYPE_CHECKING:
    from .._http.lent import LentRequest

T = TypeVar("T")

FindToken = Callable[[], Token | None]
Read = Callable[[Context, Request, Any], T]
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
    total = None if total_timeout is None else parse_seconds(total_timeout, "total_timeout")
    options = options._replace(streamed=True)
    return (yield from _send(context, provider, options, _read_head, Streamed(total)))


def forward(context: Context, provider: str | None, asked: LentRequest) -> Flow[OpenReply]:
    """Make the call of another library's client; what the provider answers is the result.

    Raises:
        ATHError: the implementor's refusal, or what cannot be sent safely.
    """
    options = CallOptions(
        asked.method,
        _path_below(_base_of(context, provider), asked),
        None,
        None,
        drop_reserved_headers(asked.headers, context.user_headers),
        asked.source,
        asked.timeout,
        False,
        None,
        streamed=True,
    )
    streamed = Streamed(None, for_others=True)
    return (yield from _send(context, provider, options, _read_for_others, streamed))


def base_url(context: Context, provider: str | None) -> str:
    """The URL below which a provider's paths are, without a slash at its end.

    Raises:
        ATHError: INVALID_ARGUMENT, or NOT_DISCOVERED.
    """
    base, prefix = _base_of(context, provider)
    return base.url + prefix


def _base_of(context: Context, provider: str | None) -> tuple[Base, str]:
    if not context.settings.native:
        return context.settings.base, proxy_prefix(provider)
    base = context.learned.api_base
    if base is None:
        raise ATHError("NOT_DISCOVERED", "The service's api_base is not known yet.")
    return base, ""


def _path_below(place: tuple[Base, str], asked: LentRequest) -> str:
    """The path and query below the provider's base."""
    base, prefix = place
    scheme, host, port = asked.origin
    if asked.origin != base.origin:
        raise ATHError(
            "INVALID_PATH",
            f"{scheme}://{host}:{port} is not called directly: calls go to {base.url}{prefix}, "
            "below which the path and query of such a link can be asked for.",
        )
    above = base.path + prefix
    path = asked.target.removeprefix(above)
    if not asked.target.startswith(above) or path[:1] not in ("", "/", "?"):
        raise ATHError("INVALID_PATH", f"Only paths below {base.url}{prefix} are called.")
    return path


def _read_for_others(context: Context, request: Request, reply: OpenReply) -> OpenReply:
    if not reply.ok and len(reply.beginning) <= MAX_ERROR_BODY:
        failure = Reply(reply.status, reply.headers, reply.beginning, reply.received_at)
        error = to_provider_error(context, request, failure)
        if error.source != "provider":
            raise error
    return reply


def _read_head(context: Context, request: Request, reply: OpenReply | Reply) -> OpenReply:
    if isinstance(reply, OpenReply):
        return reply
    return read_value(context, request, reply)  # type: ignore[no-any-return]  # raises the error


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
    base, prefix = context.settings.base, proxy_prefix(provider)
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
