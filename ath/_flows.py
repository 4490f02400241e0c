"""The handshake, once: which call comes next and what a reply means, as pure generators.

A flow yields steps and is sent their results; it does no I/O of its own, and takes clock and
randomness from its context. A runner (_runner.py) carries the steps out, sync or async.
"""

from __future__ import annotations

import copy
import json
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from ._context import Context
from ._reply import UNREADABLE, Model, json_object, model, text_field
from ._steps import Blocking, Flow, Repeat, Send, Sign, Wait
from ._wire import Reply, Request, parse_base
from .attestation import compact, signing_input
from .credentials import Change, Registration, Session, Token
from .errors import ATHError, Delivery
from .pkce import METHOD, carries_challenge, challenge_of
from .retry import EXCHANGE, READ, REGISTER, Retry

if TYPE_CHECKING:
    from ath_api.models import (
        AgentRegistration,
        AgentRegistrationResponse,
        AuthorizationResponse,
        DeveloperInfo,
        DiscoveryDocument,
        ProviderScopeRequest,
        ServiceDiscoveryDocument,
        TokenResponse,
    )

T = TypeVar("T")

_GONE = frozenset({"TOKEN_INVALID", "TOKEN_REVOKED", "TOKEN_EXPIRED"})
"""What a server says of a token that cannot be used any more, revoked or never known."""


def discover_gateway(context: Context, retry: Retry) -> Flow[DiscoveryDocument]:
    """Ask what the gateway offers."""
    from ath_api.api.discovery import discover_gateway as endpoint
    from ath_api.models import DiscoveryDocument

    request = context.request(endpoint._get_kwargs())
    return (yield from _ask(context, request, DiscoveryDocument, retry))


def discover_service(context: Context, retry: Retry) -> Flow[ServiceDiscoveryDocument]:
    """Ask what the native service offers, and keep where its API is."""
    from ath_api.api.discovery import discover_service as endpoint
    from ath_api.models import ServiceDiscoveryDocument

    request = context.request(endpoint._get_kwargs())
    document = yield from _ask(context, request, ServiceDiscoveryDocument, retry)
    api_base = parse_base(document.api_base, "The service's api_base", "INVALID_RESPONSE")
    if context.agent.base.scheme == "https" and api_base.scheme != "https":
        raise ATHError("INVALID_RESPONSE", "The service's api_base leads from https down to http.")
    context.agent.api_base = api_base
    return document


def registration(context: Context, retry: Retry) -> Flow[AgentRegistration]:
    """Ask for one's own registration."""
    from ath_api.api.registration import get_registration as endpoint
    from ath_api.models import AgentRegistration

    held = context.vault.require_registration()
    basic = b64encode(f"{held.client_id}:{held.client_secret}".encode())
    try:
        kwargs = endpoint._get_kwargs(held.client_id)
    except ValueError:
        raise ATHError("INVALID_ARGUMENT", "The client_id cannot be part of a URL.") from None
    request = context.request(kwargs, (b"Authorization", b"Basic " + basic))
    request.secrets += (held.client_secret, basic.decode())
    return (yield from _ask(context, request, AgentRegistration, retry))


def register(
    context: Context,
    developer: Mapping[str, Any] | DeveloperInfo,
    providers: Sequence[Mapping[str, Any] | ProviderScopeRequest],
    purpose: str | None,
    redirect_uris: Sequence[str] | None,
    retry: Retry,
) -> Flow[AgentRegistrationResponse]:
    """Register; calls at the same time with the same arguments share one request."""
    from ath_api.models import AgentRegistrationRequest, DeveloperInfo, ProviderScopeRequest

    body: dict[str, Any] = {
        "agent_id": context.agent.agent_id,
        "developer": _given(developer, DeveloperInfo, "developer"),
        "requested_providers": [
            _given(item, ProviderScopeRequest, "providers") for item in _listed(providers)
        ],
    }
    if purpose is not None:
        body["purpose"] = purpose
    if redirect_uris is not None:
        body["redirect_uris"] = _texts(redirect_uris, "redirect_uris")
    _given({**body, "agent_attestation": ""}, AgentRegistrationRequest, "register")

    flights = context.vault.owner.flights
    while True:
        flight, leads = flights.join(json.dumps(body, sort_keys=True))
        if leads:
            break
        result = yield Wait(flight)
        if result is not None:
            return result  # type: ignore[no-any-return]
    try:
        result = yield from _register(context, body, retry)
    except ATHError as error:
        flights.land(flight, error=copy.copy(error))
        raise
    except BaseException:  # interrupted: whoever waits has to make the call
        flights.land(flight)
        raise
    flights.land(flight, result)
    return result


def _register(
    context: Context, body: dict[str, Any], retry: Retry
) -> Flow[AgentRegistrationResponse]:
    from ath_api.api.registration import register_agent as endpoint
    from ath_api.models import AgentRegistrationRequest, AgentRegistrationResponse

    def call(attestation: str) -> dict[str, Any]:
        document = {**body, "agent_attestation": attestation}
        return endpoint._get_kwargs(body=AgentRegistrationRequest.from_dict(document))

    attempt = partial(_attested, context, context.agent.audience, call)
    try:
        request, reply = yield Repeat(attempt, REGISTER, retry)
    except ATHError as error:
        if error.status == 409 and error.code == "HTTP_ERROR":
            raise ATHError("CONFLICT", error.message, 409, _unfolded(error.details)) from None
        _raise_known(error, "registered. Ask the implementor before you register again")
    document = json_object(reply, request, context.agent.max_response_bytes)
    # The secret is shown once: it is kept before anything else in the answer is looked at.
    held = Registration(
        text_field(document, "client_id", reply, request),
        text_field(document, "client_secret", reply, request),
        tuple(body.get("redirect_uris", ())),
    )
    yield from _keep(context, lambda record: record.keep_registration(held), owner=True)
    return model(AgentRegistrationResponse, document, reply, request)


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
    verifier = context.agent.nonce(48)
    body = {
        "client_id": held.client_id,
        "provider_id": provider,
        "scopes": _texts(scopes, "scopes"),
        "state": context.agent.nonce(32) if state is None else state,
        "user_redirect_uri": redirect_uri,
        "resource": resource,
        "code_challenge": challenge_of(verifier),
        "code_challenge_method": METHOD,
    }
    if redirect_uri is None and len(held.redirect_uris) == 1:
        body["user_redirect_uri"] = held.redirect_uris[0]
    _given({**body, "agent_attestation": ""}, AuthorizationRequest, "authorize")

    def call(attestation: str) -> dict[str, Any]:
        return endpoint._get_kwargs(
            body=AuthorizationRequest.from_dict({**body, "agent_attestation": attestation})
        )

    attempt = partial(_attested, context, context.agent.audience, call)
    request, reply = yield Repeat(attempt, READ, retry)
    document = json_object(reply, request, context.agent.max_response_bytes)
    answer = model(AuthorizationResponse, document, reply, request)
    if not answer.authorization_url.startswith(("https://", "http://")):
        raise ATHError("INVALID_RESPONSE", "The authorization_url is not a web address.")
    if context.agent.require_pkce and not carries_challenge(answer.authorization_url):
        raise ATHError(
            "PKCE_REQUIRED", "The authorization_url lacks the S256 code_challenge that ATH demands."
        )
    session = Session(provider, verifier, context.agent.clock())
    yield from _keep(context, lambda record: record.open_session(answer.ath_session_id, session))
    return answer


def exchange_token(
    context: Context, code: str, session_id: str, retry: Retry
) -> Flow[TokenResponse]:
    """Exchange a consented session for a token, and keep it."""
    from ath_api.api.token import exchange_token as endpoint
    from ath_api.models import TokenExchangeRequest, TokenResponse

    held = context.vault.require_registration()
    session = context.vault.session(session_id)
    body = {
        "grant_type": "authorization_code",
        "client_id": held.client_id,
        "client_secret": held.client_secret,
        "code": code,
        "ath_session_id": session_id,
        "code_verifier": None if session is None else session.code_verifier,
    }
    _given({**body, "agent_attestation": ""}, TokenExchangeRequest, "exchange_token")

    def call(attestation: str) -> dict[str, Any]:
        return endpoint._get_kwargs(
            body=TokenExchangeRequest.from_dict({**body, "agent_attestation": attestation})
        )

    request, reply = yield from _exchanged(context, call, retry)
    document = json_object(reply, request, context.agent.max_response_bytes)
    # The session is used up: the token is kept before the rest of the answer is looked at.
    token = Token(
        _header_safe(text_field(document, "access_token", reply, request)),
        _provider_of(document, session),
        _expiry_of(document, context.agent.clock()),
        tuple(scope for scope in _list_of(document, "effective_scopes") if isinstance(scope, str)),
    )
    yield from _keep(context, lambda record: record.keep_token(token, session_id))
    return model(TokenResponse, document, reply, request)


def _exchanged(
    context: Context, call: Callable[[str], dict[str, Any]], retry: Retry
) -> Flow[tuple[Request, Reply]]:
    """Exchange with the audience of the spec; where that is refused, with the list of both."""
    agent = context.agent
    token_url = f"{agent.audience}/ath/token"
    wider = [agent.audience, token_url]
    audiences = [wider] if agent.lists_audiences else [token_url, wider]
    for audience in audiences:
        try:
            answered = yield Repeat(partial(_attested, context, audience, call), EXCHANGE, retry)
        except ATHError as error:
            if error.code == "INVALID_ATTESTATION" and audience is not wider:
                continue
            # Any other answer means that the attestation itself was accepted.
            accepted = error.status is not None and error.code != "INVALID_ATTESTATION"
            agent.lists_audiences = agent.lists_audiences or (accepted and audience is wider)
            _raise_known(error, "got its token, and this session may be used up")
        agent.lists_audiences = audience is wider
        break
    return answered  # type: ignore[no-any-return]


def revoke(context: Context, provider: str | None, retry: Retry) -> Flow[None]:
    """Revoke one provider's token or all; every one is tried before the first error is raised."""
    from ath_api.api.token import revoke_token as endpoint
    from ath_api.models import TokenRevocationRequest

    held = context.vault.require_registration()
    if provider is None:
        tokens = context.vault.tokens()
    else:
        serving = context.vault.token_for(provider)
        tokens = [] if serving is None else [serving]
    first: ATHError | None = None
    for token in tokens:
        body = TokenRevocationRequest(
            client_id=held.client_id, client_secret=held.client_secret, token=token.access_token
        )
        request = context.request(endpoint._get_kwargs(body=body))
        try:
            yield Repeat(partial(_sent, context, request), READ, retry)
        except ATHError as error:
            if error.code not in _GONE:
                first = first or error
                continue
        yield from _keep(context, partial(_drop, token))
    if first is not None:
        raise first


def _drop(token: Token, record: Any) -> None:
    record.drop_token(token)


def sign_attestation(context: Context, audience: str | Sequence[str] | None) -> Flow[str]:
    """Sign a fresh attestation; the audience is the implementor's if none is given."""
    agent = context.agent
    message = signing_input(
        agent_id=agent.agent_id,
        key_id=agent.key_id,
        audience=agent.audience if audience is None else audience,
        now=int(agent.clock() + agent.clock_offset),
        nonce=agent.nonce(24),
        capabilities=agent.capabilities,
    )
    return compact(message, (yield Sign(message)))


def _ask(context: Context, request: Request, kind: Model[T], retry: Retry) -> Flow[T]:
    """Send a request that may be repeated, and read the answer."""
    reply = yield Repeat(partial(_sent, context, request), READ, retry)
    document = json_object(reply, request, context.agent.max_response_bytes)
    return model(kind, document, reply, request)


def _sent(context: Context, request: Request) -> Flow[Reply]:
    reply: Reply = yield Send(request)
    if reply.ok:
        return reply
    raise context.failure(reply, request)


def _attested(
    context: Context, audience: str | Sequence[str], call: Callable[[str], dict[str, Any]]
) -> Flow[tuple[Request, Reply]]:
    """Sign and send; once more if the attestation was refused because our clock is wrong."""
    corrected = False
    while True:
        attestation = yield from sign_attestation(context, audience)
        request = context.request(call(attestation))
        reply: Reply = yield Send(request)
        if reply.ok:
            return request, reply
        error = context.failure(reply, request)
        refused = error.code == "INVALID_ATTESTATION" and not corrected
        if not refused or not context.agent.corrects_clock(reply):
            raise error
        corrected = True


def _keep(context: Context, change: Change, *, owner: bool = False) -> Flow[None]:
    """Make a change in memory first, then in the store: what a server said is never lost."""
    vault = context.vault.owner if owner else context.vault
    vault.apply(change)
    if vault.store is not None:
        yield Blocking(partial(vault.persist, change))


def _raise_known(error: ATHError, done: str) -> NoReturn:
    """Raise the error, or a clearer one if the call may have succeeded unseen."""
    if error._delivery not in (Delivery.LOST, Delivery.TIMED_OUT):
        raise error
    raise ATHError(
        "OUTCOME_UNKNOWN", f"The reply was lost ({error.code}). The agent may have {done}."
    ) from error


def _unfolded(details: dict[str, Any]) -> dict[str, Any]:
    """A CONFLICT's details when its body is not in the protocol's form."""
    body = details.get("body")
    return body if isinstance(body, dict) else details


def _given(value: Any, kind: Any, name: str) -> Any:
    """A user's dict or model as checked JSON.

    Raises:
        ATHError: INVALID_ARGUMENT, naming the field.
    """
    try:
        document = value if isinstance(value, Mapping) else value.to_dict()
        return kind.from_dict(document).to_dict()
    except UNREADABLE as error:
        raise ATHError("INVALID_ARGUMENT", f"{name} does not fit: {error}.") from None


def _listed(values: Any) -> Iterable[Any]:
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise ATHError("INVALID_ARGUMENT", "providers must be a list.")
    return values


def _texts(values: Any, name: str) -> list[str]:
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise ATHError("INVALID_ARGUMENT", f"{name} must be a list of texts.")
    return list(values)


def _header_safe(access_token: str) -> str:
    if access_token.isascii() and access_token.isprintable():
        return access_token
    raise ATHError("INVALID_RESPONSE", "The access_token is not printable ASCII text.")


def _list_of(document: dict[str, Any], name: str) -> list[Any]:
    value = document.get(name)
    return value if isinstance(value, list) else []


def _provider_of(document: dict[str, Any], session: Session | None) -> str | None:
    named = document.get("provider_id")
    if isinstance(named, str):
        return named
    return None if session is None else session.provider


def _expiry_of(document: dict[str, Any], now: float) -> float | None:
    seconds = document.get("expires_in")
    if isinstance(seconds, int | float) and not isinstance(seconds, bool):
        return now + seconds
    return None
