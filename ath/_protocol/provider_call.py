"""Calls to providers: the guards, the token, and the request, put together for the runner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .context import Context
from .._http.messages import parse_timeout
from .provider_request import prepare, segment
from .steps import Call
from .._http.messages import Request
from ..stores.base import Token
from ..errors import ATHError
from ..retry import Retry, rule_of


def gateway_call(
    context: Context,
    provider: str,
    method: str,
    path: str,
    body: Any,
    params: Mapping[str, Any] | None,
    headers: Mapping[str, str] | None,
    content: bytes | str | None,
    timeout: Any,
    idempotent: bool | None,
    retry: Retry,
) -> Call:
    """A call through the gateway's proxy."""
    base = context.agent.base
    prefix = f"/ath/proxy/{segment(provider)}"
    request = prepare(base, prefix, context.provider, method, path, body, params, headers, content)
    _authorize(context, request, context.vault.token_for(provider))
    return _call(context, request, timeout, idempotent, retry)


def native_call(
    context: Context,
    method: str,
    path: str,
    body: Any,
    params: Mapping[str, Any] | None,
    headers: Mapping[str, str] | None,
    content: bytes | str | None,
    timeout: Any,
    idempotent: bool | None,
    retry: Retry,
) -> Call:
    """A call to the native service's own API."""
    base, token = context.agent.api_base, context.vault.latest_token()
    if token is None:
        context.vault.require_registration()
    if base is None:
        raise ATHError("NOT_DISCOVERED", "The service's api_base is not known yet.")
    standard = context.provider_headers(base)
    request = prepare(base, "", standard, method, path, body, params, headers, content)
    _authorize(context, request, token)
    return _call(context, request, timeout, idempotent, retry)


def _authorize(context: Context, request: Request, token: Token | None) -> None:
    if token is None:
        context.vault.require_registration()
        raise ATHError("NO_TOKEN", "This client holds no token for this call.")
    if token.expires_at is not None and context.agent.clock() >= token.expires_at:
        raise ATHError("TOKEN_EXPIRED", "The token for this call has expired.")
    request.headers = [
        *request.headers,
        (b"Authorization", b"Bearer " + token.access_token.encode("ascii")),
    ]
    request.secrets = (token.access_token,)
    if request.base.is_plaintext:
        context.agent.warn_of(request.base)


def _call(
    context: Context, request: Request, timeout: Any, idempotent: bool | None, retry: Retry
) -> Call:
    limits = None if timeout is None else parse_timeout(timeout, context.agent.max_response_bytes)
    return Call(request, context, rule_of(request.method.decode(), idempotent), retry, limits)
