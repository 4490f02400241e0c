"""Phase B, the user's consent: asking for it, the token that follows, and its end."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from .context import Context
from .flow import attested, given, keep, listed, raise_known, require_text, sent
from .replies import json_object, model, text_field
from .steps import Flow, Repeat
from .._http.messages import Reply, Request
from ..stores.base import Record, Session, Token
from ..errors import ATHError
from .pkce import METHOD, carries_challenge, challenge_of
from ..retry import EXCHANGE, READ, Retry

if TYPE_CHECKING:
    from ath_api.models import AuthorizationResponse, TokenExchangeRequest, TokenResponse

_GONE = frozenset({"TOKEN_INVALID", "TOKEN_REVOKED", "TOKEN_EXPIRED"})
"""What a server says of a token that cannot be used any more, revoked or never known."""
_SAYS_NOTHING = frozenset({"INVALID_ATTESTATION", "HTTP_ERROR"})
"""What leaves open whether the server liked the attestation."""
_AGES = 1e12  # seconds; what is beyond is no time any more, and may not even be a number


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
    from ath_api.api.authorization import authorize as endpoint
    from ath_api.models import AuthorizationRequest, AuthorizationResponse

    held = context.vault.require_registration()
    if redirect_uri is None and len(held.redirect_uris) == 1:
        redirect_uri = held.redirect_uris[0]
    verifier = context.agent.nonce(48)
    wanted = {
        "client_id": held.client_id,
        "agent_attestation": "",
        "provider_id": provider,
        "scopes": listed(scopes, "scopes"),
        "state": context.agent.nonce(32) if state is None else state,
        "user_redirect_uri": redirect_uri,
        "resource": resource,
        "code_challenge": challenge_of(verifier),
        "code_challenge_method": METHOD,
    }
    body = given(wanted, AuthorizationRequest, "authorize")
    request, reply = yield Repeat(partial(attested, context, None, endpoint, body), READ, retry)
    document = json_object(reply, request, context.agent.max_response_bytes)
    answer = model(AuthorizationResponse, document, reply, request)
    if not answer.authorization_url.startswith(("https://", "http://")):
        raise ATHError("INVALID_RESPONSE", "The authorization_url is not a web address.")
    if context.agent.require_pkce and not carries_challenge(answer.authorization_url):
        raise ATHError(
            "PKCE_REQUIRED", "The authorization_url lacks the S256 code_challenge that ATH demands."
        )
    session = Session(provider, verifier, context.agent.clock())
    change = partial(Record.open_session, session_id=answer.ath_session_id, session=session)
    yield from keep(context, change, held.client_id)
    return answer


def exchange_token(
    context: Context, code: str, session_id: str, retry: Retry
) -> Flow[TokenResponse]:
    """Exchange a consented session for a token, and keep it."""
    from ath_api.models import TokenExchangeRequest, TokenResponse

    held = context.vault.require_registration()
    wanted = {
        "grant_type": "authorization_code",
        "client_id": held.client_id,
        "client_secret": held.client_secret,
        "agent_attestation": "",
        "code": code,
        "ath_session_id": session_id,
    }
    body = given(wanted, TokenExchangeRequest, "exchange_token")
    session = context.vault.session(session_id)
    if session is not None:
        body.code_verifier = session.code_verifier
    request, reply = yield from _exchanged(context, body, retry)
    document = json_object(reply, request, context.agent.max_response_bytes)
    # The session is used up: the token is kept before the rest of the answer is looked at.
    token = Token(
        _header_safe(text_field(document, "access_token", reply, request)),
        _provider_of(document, session),
        _expiry_of(document, context.agent.clock()),
        _scopes_of(document),
    )
    yield from keep(context, lambda record: record.keep_token(token, session_id), held.client_id)
    return model(TokenResponse, document, reply, request)


def _exchanged(
    context: Context, body: TokenExchangeRequest, retry: Retry
) -> Flow[tuple[Request, Reply]]:
    """Exchange with the audience of the spec; where that is refused, with the list of both."""
    from ath_api.api.token import exchange_token as endpoint

    agent = context.agent
    token_url = f"{agent.audience}/ath/token"
    wider = [agent.audience, token_url]
    audiences: list[str | list[str]] = [wider] if agent.lists_audiences else [token_url, wider]
    while True:
        audience = audiences.pop(0)
        attempt = partial(attested, context, audience, endpoint, body)
        try:
            answered = yield Repeat(attempt, EXCHANGE, retry)
        except ATHError as error:
            if error.code == "INVALID_ATTESTATION" and audiences:
                continue
            # An error of the protocol's own means that the attestation itself was accepted.
            if error.status is not None and error.code not in _SAYS_NOTHING:
                agent.lists_audiences = audience is wider
            raise_known(error, "got its token, and this session may be used up")
        agent.lists_audiences = audience is wider
        return answered  # type: ignore[no-any-return]


def revoke(context: Context, provider: str | None, retry: Retry) -> Flow[None]:
    """Revoke one provider's token or all; every one is tried before the first error is raised."""
    from ath_api.api.token import revoke_token as endpoint
    from ath_api.models import TokenRevocationRequest

    if provider is not None:
        require_text(provider, "provider")
    held = context.vault.require_registration()
    first: ATHError | None = None
    for token in context.vault.tokens(provider):
        body = TokenRevocationRequest(
            client_id=held.client_id, client_secret=held.client_secret, token=token.access_token
        )
        request = context.request(endpoint._get_kwargs(body=body))
        try:
            try:
                yield Repeat(partial(sent, context, request), READ, retry)
            except ATHError as error:
                if error.code not in _GONE:
                    raise
            yield from keep(context, partial(Record.drop_token, token=token), held.client_id)
        except ATHError as error:
            first = first or error
    if first is not None:
        raise first


def _header_safe(access_token: str) -> str:
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
    if isinstance(seconds, int | float) and abs(seconds) < _AGES:
        return now + seconds
    return None


def _scopes_of(document: dict[str, Any]) -> tuple[str, ...]:
    scopes = document.get("effective_scopes")
    if not isinstance(scopes, list):
        return ()
    return tuple(scope for scope in scopes if isinstance(scope, str))
