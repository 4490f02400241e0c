"""Phase B, the user's consent: opening a session, and exchanging it for a token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from ath_api.api.authorization import authorize as authorize_endpoint
from ath_api.api.token import exchange_token as exchange_endpoint
from ath_api.models import (
    AuthorizationRequest,
    AuthorizationResponse,
    TokenExchangeRequest,
    TokenResponse,
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
from .replies import Answer, ask
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

_SESSION_IS_OVER = frozenset({"SESSION_EXPIRED", "SCOPE_NOT_APPROVED", "INTERNAL_ERROR"})
"""What a server says, with 400 or 403, of a session that can never be exchanged any more."""
_ABOUT_SESSION = frozenset({"USER_DENIED", "SESSION_EXPIRED", "SCOPE_NOT_APPROVED"})
"""Errors of an exchange that tell in their details what the user was asked."""
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
    state = hide(state)
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
    code = hide(code)
    try:
        _, answer = yield from exchange(context, code, session_id, retry)
    except ATHError as error:
        if error.code == "OUTCOME_UNKNOWN":
            yield from end_session(context, session_id)
        raise
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
        if error.code in _ABOUT_SESSION and session is not None:
            error.details |= describe_session(session_id, session)
        if error.source == "implementor":
            yield from _note_end(context, session_id, error)
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
    former = credentials.token_for(token.provider or "")
    known = None if former is None else hide(former.access_token)
    keep = partial(Record.keep_token, token=token, session_id=session_id, instead_of=known)
    yield Save(keep)
    yield CheckRegistration(held.client_id)
    return token, answer


def _note_end(context: Context, session_id: str, error: ATHError) -> Flow[None]:
    """Remember that the session is over, so that nobody is sent to its URL again."""
    if error.code == "USER_DENIED":
        yield from deny_session(session_id)
    elif error.code in _SESSION_IS_OVER and error.status in (400, 403):
        yield from end_session(context, session_id)


def deny_session(session_id: str) -> Flow[None]:
    """Remember that the user has denied."""
    with suppress(ATHError):  # what has happened counts more than a failing store
        yield Save(partial(Record.deny_session, session_id=session_id))


def end_session(context: Context, session_id: str) -> Flow[None]:
    """Let nobody be sent to a session's URL again: it is over, or may be. It is exchanged still."""
    now = context.settings.clock()
    with suppress(ATHError):  # as above
        yield Save(partial(Record.end_session, session_id=session_id, now=now))


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
