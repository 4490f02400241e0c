"""Phase B, the user's consent: opening a session, exchanging it for a token, revoking the token."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from ath_api.api.authorization import authorize as authorize_endpoint
from ath_api.api.token import exchange_token as exchange_endpoint
from ath_api.api.token import revoke_token as revoke_endpoint
from ath_api.models import (
    AuthorizationRequest,
    AuthorizationResponse,
    TokenExchangeRequest,
    TokenResponse,
    TokenRevocationRequest,
)

from ..errors import ATHError
from ..retry import EXCHANGE, READ, Retry
from ..stores.record import Record, Session, Token
from .arguments import as_list, parse_model, require_text
from .context import Context, require_registration
from .failures import explain_lost_reply
from .pkce import METHOD, has_challenge, s256_challenge
from .replies import Answer, check_success, read_answer
from .requests import build_attested, build_same
from .steps import Call, Flow, Save

_UNUSABLE_TOKEN_CODES = frozenset({"TOKEN_INVALID", "TOKEN_REVOKED", "TOKEN_EXPIRED"})
"""What a server says of a token that cannot be used any more, revoked or never known."""
_MAX_EXPIRES_IN = 1e12  # seconds; larger values overflow datetime, or are no numbers


def authorize(
    context: Context,
    provider: str,
    scopes: Sequence[str],
    redirect_uri: str | None,
    resource: str | None,
    state: str | None,
    retry: Retry,
) -> Flow[AuthorizationResponse]:
    """Open a session in which the user is asked for consent."""
    settings = context.settings
    held = require_registration(context.credentials)
    if redirect_uri is None and len(held.redirect_uris) == 1:
        redirect_uri = held.redirect_uris[0]
    verifier = settings.random_text(48)
    wanted = {
        "client_id": held.client_id,
        "agent_attestation": "",
        "provider_id": provider,
        "scopes": as_list(scopes, "scopes"),
        "state": settings.random_text(32) if state is None else state,
        "user_redirect_uri": redirect_uri,
        "resource": resource,
        "code_challenge": s256_challenge(verifier),
        "code_challenge_method": METHOD,
    }
    body = parse_model(wanted, AuthorizationRequest, "authorize")
    build = build_attested(context, authorize_endpoint, body)

    answer = yield Call(build, partial(read_answer, context), READ, retry, (settings.audience,))
    response: AuthorizationResponse = answer.model(AuthorizationResponse)
    if not response.authorization_url.startswith(("https://", "http://")):
        raise ATHError("INVALID_RESPONSE", "The authorization_url is not a web address.")
    if settings.require_pkce and not has_challenge(response.authorization_url):
        raise ATHError(
            "PKCE_REQUIRED", "The authorization_url lacks the S256 code_challenge that ATH demands."
        )
    session = Session(provider, verifier, settings.clock())
    change = partial(Record.open_session, session_id=response.ath_session_id, session=session)
    yield Save(change, held.client_id)
    return response


def exchange_token(
    context: Context, code: str, session_id: str, retry: Retry
) -> Flow[TokenResponse]:
    """Exchange a consented session for a token, and keep the token."""
    settings = context.settings
    held = require_registration(context.credentials)
    wanted = {
        "grant_type": "authorization_code",
        "client_id": held.client_id,
        "client_secret": held.client_secret,
        "agent_attestation": "",
        "code": code,
        "ath_session_id": session_id,
    }
    body = parse_model(wanted, TokenExchangeRequest, "exchange_token")
    session = context.credentials.session(session_id)
    if session is not None:
        body.code_verifier = session.code_verifier
    build = build_attested(context, exchange_endpoint, body)

    try:
        answer: Answer = yield Call(
            build, partial(read_answer, context), EXCHANGE, retry, _token_audiences(context)
        )
    except ATHError as error:
        explain_lost_reply(error, "got its token, and this session may be used up")
    # The session is used up: the token is saved before the rest of the answer is looked at.
    document = answer.document
    token = Token(
        _require_ascii(answer.text("access_token")),
        _provider_of(document, session),
        _expiry_of(document, settings.clock()),
        _scopes_of(document),
    )
    yield Save(partial(Record.keep_token, token=token, session_id=session_id), held.client_id)
    return answer.model(TokenResponse)


def _token_audiences(context: Context) -> tuple[str | list[str], ...]:
    """The audience of the specification, then the list that some servers want instead."""
    base = context.settings.audience
    token_url = f"{base}/ath/token"
    both = [base, token_url]
    return (both,) if context.learned.needs_audience_list else (token_url, both)


def revoke(context: Context, provider: str | None, retry: Retry) -> Flow[None]:
    """Revoke one provider's token or all; every one is tried before the first error is raised."""
    if provider is not None:
        require_text(provider, "provider")
    held = require_registration(context.credentials)
    first: ATHError | None = None
    for token in context.credentials.tokens(provider):
        body = TokenRevocationRequest(
            client_id=held.client_id, client_secret=held.client_secret, token=token.access_token
        )
        build = build_same(context, revoke_endpoint._get_kwargs(body=body))
        try:
            try:
                yield Call(build, partial(check_success, context), READ, retry)
            except ATHError as error:
                if error.code not in _UNUSABLE_TOKEN_CODES:
                    raise
            yield Save(partial(Record.drop_token, token=token), held.client_id)
        except ATHError as error:
            first = first or error
    if first is not None:
        raise first


def _require_ascii(access_token: str) -> str:
    """The token, which has to fit into a header."""
    if access_token.isascii() and access_token.isprintable():
        return access_token
    raise ATHError("INVALID_RESPONSE", "The access_token is not printable ASCII text.")


def _provider_of(document: dict[str, Any], session: Session | None) -> str:
    """Whom the token is for; a name that no provider has, rather than any provider at all."""
    named = document.get("provider_id")
    if isinstance(named, str):
        return named
    return "" if session is None else session.provider


def _expiry_of(document: dict[str, Any], now: float) -> float | None:
    seconds = document.get("expires_in")
    if isinstance(seconds, int | float) and abs(seconds) < _MAX_EXPIRES_IN:
        return now + seconds
    return None


def _scopes_of(document: dict[str, Any]) -> tuple[str, ...]:
    scopes = document.get("effective_scopes")
    if not isinstance(scopes, list):
        return ()
    return tuple(scope for scope in scopes if isinstance(scope, str))
