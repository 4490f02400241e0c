"""Phase B, the user's consent: opening a session, exchanging it for a token, revoking the token."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
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

from .._http.messages import Request
from .._secret import SecretText, hide
from ..errors import ATHError
from ..retry import EXCHANGE, READ, Retry
from ..stores.record import SESSION_LIFETIME, Record, Session, Token
from .arguments import as_list, optional_text, require_text
from .authorization_url import check_authorization_url
from .context import Context, current_client_id, require_registration
from .failures import explain_lost_reply, name_token
from .pkce import METHOD, s256_challenge
from .replies import Answer, check_success, read_answer
from .requests import build_attested, build_request, build_same
from .steps import Call, CheckRegistration, Flow, Reload, Save

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
    settings, credentials = context.settings, context.credentials
    verifier, state = SecretText(settings.random_text(48)), hide(state)
    body = AuthorizationRequest(
        client_id="",
        agent_attestation="",
        provider_id=require_text(provider, "provider"),
        scopes=[require_text(scope, "scopes") for scope in as_list(scopes, "scopes")],
        state=settings.random_text(32) if state is None else require_text(state, "state"),
        user_redirect_uri=optional_text(redirect_uri, "redirect_uri"),
        resource=optional_text(resource, "resource"),
        code_challenge=s256_challenge(verifier),
        code_challenge_method=METHOD,
    )

    def build(attestation: str | None) -> Request:
        held = require_registration(credentials)
        body.client_id, body.agent_attestation = held.client_id, attestation or ""
        if redirect_uri is None:  # anew: the registration may be another one by now
            uris = held.redirect_uris
            body.user_redirect_uri = uris[0] if len(uris) == 1 else None
        return build_request(context, authorize_endpoint._get_kwargs(body=body))

    call = Call(
        build,
        partial(read_answer, context),
        READ,
        retry,
        (settings.audience,),
        credential=partial(current_client_id, credentials),
    )
    try:
        answer: Answer = yield call
    except ATHError as error:
        if error.code == "SCOPE_NOT_APPROVED":
            name_token(error, provider, context.user, credentials.token_for(provider))
        raise
    response: AuthorizationResponse = answer.model(AuthorizationResponse)
    check_authorization_url(
        response.authorization_url,
        settings.base,
        require_pkce=settings.require_pkce,
        status=answer.status,
    )
    now = settings.clock()
    session = Session(
        provider=provider,
        code_verifier=verifier,
        opened_at=now,
        expires_at=now + SESSION_LIFETIME,
        client_id=body.client_id,
        scopes=tuple(body.scopes),
        state=body.state,
        redirect_uri=body.user_redirect_uri,
        authorization_url=response.authorization_url,
    )
    yield Save(partial(Record.open_session, session_id=response.ath_session_id, session=session))
    yield CheckRegistration(body.client_id)
    return response


def exchange_token(
    context: Context, code: str, session_id: str, retry: Retry
) -> Flow[TokenResponse]:
    """Exchange a consented session for a token, and keep the token."""
    settings, credentials = context.settings, context.credentials
    code = require_text(hide(code), "code")
    session = credentials.session(require_text(session_id, "session_id"))
    if session is None or credentials.registration is None:
        yield Reload()  # another process may have opened the session, or registered
        session = credentials.session(session_id)
    held = require_registration(credentials)
    if session is None and context.user is not None:
        raise ATHError(
            "SESSION_NOT_FOUND",
            f"This session was not opened for {context.user!r} under the present registration.",
        )
    body = TokenExchangeRequest(
        grant_type="authorization_code",
        client_id=held.client_id,
        client_secret=held.client_secret,
        agent_attestation="",
        code=code,
        ath_session_id=session_id,
        code_verifier=None if session is None else session.code_verifier,
    )
    build = build_attested(context, exchange_endpoint, body)
    try:
        answer: Answer = yield Call(
            build, partial(read_answer, context), EXCHANGE, retry, _token_audiences(context)
        )
    except ATHError as error:
        if error.code == "SCOPE_NOT_APPROVED" and session is not None:
            provider = session.provider
            name_token(error, provider, context.user, credentials.token_for(provider))
        if error.code == "AGENT_NOT_REGISTERED" and error.source == "implementor":
            with suppress(ATHError):  # what the server said counts more than a failing store
                yield Reload()
            if current_client_id(credentials) != held.client_id:
                raise ATHError(
                    "SESSION_NOT_FOUND",
                    "This session ended with its registration, which was replaced by another one.",
                ) from error
        explain_lost_reply(error, "got its token, and this session may be used up")
    # The session is used up: the token is saved before the rest of the answer is looked at.
    token = Token(
        access_token=_token_text(answer),
        provider=_provider_of(answer.document, session),
        expires_at=_expiry_of(answer.document, settings.clock()),
        scopes=_scopes_of(answer.document),
        client_id=held.client_id,
    )
    if session is not None and not settings.native and token.provider != session.provider:
        yield Save(partial(Record.close_session, session_id=session_id))
        raise ATHError(
            "INVALID_RESPONSE",
            f"The session was for the provider {session.provider!r}, but the answer names another. "
            "The session is used up and the token was not kept; call authorize() again.",
            answer.status,
        )
    yield Save(partial(Record.keep_token, token=token, session_id=session_id))
    yield CheckRegistration(held.client_id)
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
    first: ATHError | None = None
    try:
        yield Reload()  # what another process was granted meanwhile is to be revoked as well
    except ATHError as error:
        first = error  # at least what memory holds is revoked
    require_registration(context.credentials)
    for token in context.credentials.tokens(provider):
        try:
            yield from _revoke_token(context, token, retry)
        except ATHError as error:
            first = first or error
    if first is not None:
        raise first


def _revoke_token(context: Context, token: Token, retry: Retry) -> Flow[None]:
    """Revoke with the registration that the token was granted to, and forget the token.

    Where that registration is known no more, the server is asked with the present one; if it
    refuses, the token cannot be revoked in any other way, so it is forgotten.
    """
    own = context.credentials.registration_of(token.client_id)
    held = own or require_registration(context.credentials)
    body = TokenRevocationRequest(
        client_id=held.client_id, client_secret=held.client_secret, token=token.access_token
    )
    build = build_same(context, revoke_endpoint._get_kwargs(body=body))
    refusal: ATHError | None = None
    try:
        yield Call(build, partial(check_success, context), READ, retry)
    except ATHError as error:
        if error.code not in _UNUSABLE_TOKEN_CODES:
            refusal = error
            refused = error.source == "implementor" and error.status in (400, 401, 403)
            if not refused or token.client_id is None or own is not None:
                raise
    yield Save(partial(Record.drop_token, access_token=hide(token.access_token)))
    if refusal is not None:
        raise refusal


def _token_text(answer: Answer) -> str:
    """The token, which has to fit into a header."""
    access_token = hide(answer.text("access_token"))
    if access_token.isascii() and access_token.isprintable():
        return access_token
    raise answer.misfit("access_token must be printable ASCII text")


def _provider_of(document: dict[str, Any], session: Session | None) -> str:
    """Whom the token is for; a name that no provider has, rather than any provider at all."""
    named = document.get("provider_id")
    if isinstance(named, str):
        return named
    return "" if session is None else session.provider


def _expiry_of(document: dict[str, Any], now: float) -> float | None:
    seconds = document.get("expires_in")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    return now + seconds if abs(seconds) < _MAX_EXPIRES_IN else None


def _scopes_of(document: dict[str, Any]) -> tuple[str, ...]:
    scopes = document.get("effective_scopes")
    if not isinstance(scopes, list):
        return ()
    return tuple(scope for scope in scopes if isinstance(scope, str))
