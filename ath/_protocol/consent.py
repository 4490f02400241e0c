"""Phase B, the user's consent: opening a session, exchanging it for a token, revoking the token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

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

from .._secret import SecretText, hide
from ..errors import ATHError
from ..retry import EXCHANGE, READ, Retry
from ..stores.record import SESSION_LIFETIME, Record, Registration, Session, Token
from .arguments import as_texts, optional_text, require_text
from .authorization_url import check_authorization_url
from .context import Context, current_client_id, require_registration
from .failures import explain_lost_reply, name_token
from .pkce import METHOD, s256_challenge
from .replies import Answer, ask, tell
from .steps import CheckRegistration, Flow, Reload, Save

if TYPE_CHECKING:
    from ath_api.types import PreparedCall

SAVED_FIRST: Mapping[str, object] = {
    "access_token": str,
    "provider_id": str,
    "expires_in": int,
    "effective_scopes": list[str],
}
"""What is taken from a token's answer before the rest is looked at, as TokenResponse has it."""

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
    response, _ = yield from open_session(
        context, provider, scopes, redirect_uri, resource, state, retry
    )
    return response


def open_session(
    context: Context,
    provider: str,
    scopes: Sequence[str],
    redirect_uri: str | None,
    resource: str | None,
    state: str | None,
    retry: Retry,
) -> Flow[tuple[AuthorizationResponse, Session]]:
    """The same, with the session as it is kept."""
    settings, credentials = context.settings, context.credentials
    verifier, state = SecretText(settings.random_text(48)), hide(state)
    provider_id, wanted = require_text(provider, "provider"), as_texts(scopes, "scopes")
    sent_state = settings.random_text(32) if state is None else require_text(state, "state")
    optional_text(redirect_uri, "redirect_uri")
    optional_text(resource, "resource")
    bodies: list[AuthorizationRequest] = []

    def prepare(attestation: str) -> PreparedCall[AuthorizationResponse, Any]:
        held = require_registration(credentials)
        # of each attempt: the registration may be another one by now
        default = default_redirect_uri(held)
        body = AuthorizationRequest(
            client_id=held.client_id,
            agent_attestation=attestation,
            provider_id=provider_id,
            scopes=wanted,
            state=sent_state,
            user_redirect_uri=default if redirect_uri is None else redirect_uri,
            resource=resource,
            code_challenge=s256_challenge(verifier),
            code_challenge_method=METHOD,
        )
        bodies.append(body)
        return authorize_endpoint.prepare(body=body)

    credential, audiences = partial(current_client_id, credentials), (settings.audience,)
    try:
        answer = yield from ask(
            context, prepare, AuthorizationResponse, READ, retry, audiences, credential
        )
    except ATHError as error:
        if error.code == "SCOPE_NOT_APPROVED":
            name_token(error, provider, context.user, credentials.token_for(provider))
        raise
    response, body = answer.model(), bodies[-1]
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
    return response, session


def default_redirect_uri(registration: Registration) -> str | None:
    """Where the browser is sent if nobody says so: the redirect URI, if there is just one."""
    uris = registration.redirect_uris
    return uris[0] if len(uris) == 1 else None


def exchange_token(
    context: Context, code: str, session_id: str, retry: Retry
) -> Flow[TokenResponse]:
    """Exchange a consented session for a token, and keep the token."""
    _, answer = yield from exchange(context, code, session_id, retry)
    return answer.model()


def exchange(
    context: Context, code: str, session_id: str, retry: Retry, within: float | None = None
) -> Flow[tuple[Token, Answer[TokenResponse]]]:
    """The token that a consented session was exchanged for, which is kept, and the whole answer.

    ``within`` is the number of seconds that each attempt may take.
    """
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

    def prepare(attestation: str) -> PreparedCall[TokenResponse, Any]:
        return exchange_endpoint.prepare(
            body=TokenExchangeRequest(
                client_id=held.client_id,
                client_secret=held.client_secret,
                agent_attestation=attestation,
                code=code,
                ath_session_id=session_id,
                code_verifier=None if session is None else session.code_verifier,
            )
        )

    try:
        answer = yield from ask(
            context, prepare, TokenResponse, EXCHANGE, retry, _token_audiences(context),
            within=within,
        )  # fmt: skip
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
        if error.code == "USER_DENIED" and session is not None:
            error.details |= describe_session(session_id, session)
            with suppress(ATHError):  # as above
                yield Save(partial(Record.deny_session, session_id=session_id))
        explain_lost_reply(error, "got its token, and this session may be used up")
    # The session is used up: the token is saved before the rest of the answer is looked at.
    provider, expires_in, granted = list(answer.first(SAVED_FIRST))[1:]
    token = Token(
        access_token=_token_text(answer),
        provider=_provider_of(provider, session),
        expires_at=_expiry_of(expires_in, settings.clock()),
        scopes=_scopes_of(granted),
        client_id=held.client_id,
        session_id=session_id,
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
    return token, answer


def describe_session(session_id: str, session: Session) -> dict[str, object]:
    """Which consent an error is about, for its details."""
    return {
        "provider": session.provider,
        "scopes": list(session.scopes),
        "session_id": session_id,
    }


def _token_audiences(context: Context) -> tuple[str | list[str], ...]:
    """The audience of the specification, then the list that some servers want instead."""
    base = context.settings.audience
    token_url = base + exchange_endpoint.PATH
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
    refusal: ATHError | None = None
    try:
        yield from tell(context, revoke_endpoint.prepare(body=body), READ, retry)
    except ATHError as error:
        if error.code not in _UNUSABLE_TOKEN_CODES:
            refusal = error
            refused = error.source == "implementor" and error.status in (400, 401, 403)
            if not refused or token.client_id is None or own is not None:
                raise
    yield Save(partial(Record.drop_token, access_token=hide(token.access_token)))
    if refusal is not None:
        raise refusal


def _token_text(answer: Answer[TokenResponse]) -> str:
    """The token, which has to fit into a header."""
    access_token = hide(answer.text("access_token"))
    if access_token.isascii() and access_token.isprintable():
        return access_token
    raise answer.misfit("access_token must be printable ASCII text")


def _provider_of(named: object, session: Session | None) -> str:
    """Whom the token is for; a name that no provider has, rather than any provider at all."""
    if isinstance(named, str):
        return named
    return "" if session is None else session.provider


def _expiry_of(seconds: object, now: float) -> float | None:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    return now + seconds if abs(seconds) < _MAX_EXPIRES_IN else None


def _scopes_of(scopes: object) -> tuple[str, ...]:
    if not isinstance(scopes, list):
        return ()
    return tuple(scope for scope in scopes if isinstance(scope, str))
