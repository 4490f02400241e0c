"""Phase A, the service's approval: discovery, registration, and its status."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from ath_api.api.discovery import discover_gateway as gateway_endpoint
from ath_api.api.discovery import discover_service as service_endpoint
from ath_api.api.registration import get_registration, register_agent
from ath_api.models import (
    AgentRegistration,
    AgentRegistrationRequest,
    AgentRegistrationResponse,
    DeveloperInfo,
    DiscoveryDocument,
    ProviderScopeRequest,
    ServiceDiscoveryDocument,
)

from .._http.messages import parse_base
from .._secret import SecretText, hide
from ..arguments import Developer, ProviderScopes
from ..errors import ATHError
from ..retry import READ, REGISTER, Retry
from ..stores.record import Registration
from .arguments import as_list, as_text, as_texts, parse_model
from .context import Context, current_client_id, require_registration
from .failures import explain_lost_reply
from .replies import ask
from .requests import encode_document
from .steps import (
    CheckRegistration,
    Exclude,
    Flow,
    Learn,
    Pause,
    Reload,
    SaveRegistration,
    Share,
)

if TYPE_CHECKING:
    from ath_api.types import PreparedCall

SAVED_FIRST: Mapping[str, object] = {"client_id": str, "client_secret": str}
"""What is taken from a registration's answer before the rest is looked at."""
_CONFLICT_SECONDS = 2.0
"""How long the winner of a race to register may take until its registration is in the store."""
_CONFLICT_READS = 10


def discover_gateway(context: Context, retry: Retry) -> Flow[DiscoveryDocument]:
    """Ask what the gateway offers."""
    call = gateway_endpoint.prepare()
    answer = yield from ask(context, lambda _: call, DiscoveryDocument, READ, retry)
    return answer.model()


def discover_service(context: Context, retry: Retry) -> Flow[ServiceDiscoveryDocument]:
    """Ask what the native service offers, and where its API is."""
    call = service_endpoint.prepare()
    answer = yield from ask(context, lambda _: call, ServiceDiscoveryDocument, READ, retry)
    document = answer.model()
    try:
        api_base = parse_base(document.api_base, "api_base")
    except ATHError as error:
        raise answer.misfit(error.message.rstrip(".")) from None
    if context.settings.base.scheme == "https" and api_base.scheme != "https":
        raise answer.misfit("api_base leads from https down to http")
    yield Learn(api_base, document.app_id)
    return document


def registration(
    context: Context, retry: Retry, within: float | None = None
) -> Flow[AgentRegistration]:
    """Ask for the agent's own registration; ``within`` bounds each attempt, in seconds."""

    def prepare(_: str) -> PreparedCall[AgentRegistration, Any]:
        held = require_registration(context.credentials)
        try:
            call = get_registration.prepare(held.client_id)
            basic = SecretText(_basic_credentials(held))
        except ValueError:
            raise ATHError(
                "INVALID_CREDENTIALS", "The client_id or client_secret held cannot be sent."
            ) from None
        return call.with_headers({"Authorization": f"Basic {basic}"}, held.client_secret, basic)

    credential = partial(current_client_id, context.credentials)
    answer = yield from ask(
        context, prepare, AgentRegistration, READ, retry, credential=credential, within=within
    )
    return answer.model()


def _basic_credentials(held: Registration) -> str:
    """RFC 7617, section 2."""
    return b64encode(f"{held.client_id}:{held.client_secret}".encode()).decode()


class RegistrationOptions(NamedTuple):
    """What the user of ``register()`` asked for; the public methods document it."""

    developer: Developer | DeveloperInfo
    providers: Sequence[ProviderScopes | ProviderScopeRequest]
    purpose: str | None
    redirect_uris: Sequence[str] | None
    retry: Retry


class _Request(NamedTuple):
    """The same, checked."""

    developer: DeveloperInfo
    providers: list[ProviderScopeRequest]
    purpose: str | None
    redirect_uris: list[str] | None

    def key(self) -> bytes:
        """The same for the same request."""
        providers = [provider.to_dict() for provider in self.providers]
        parts = [self.developer.to_dict(), providers, self.purpose, self.redirect_uris]
        return encode_document(parts, "An argument cannot be written as JSON.")


def register(context: Context, options: RegistrationOptions) -> Flow[AgentRegistrationResponse]:
    """Register; calls at the same time with the same arguments share one request."""
    wanted = _check(options)
    response = yield Share(wanted.key(), partial(_register, context, wanted, options.retry))
    return response  # type: ignore[no-any-return]


def ensure_registered(context: Context, options: RegistrationOptions) -> Flow[None]:
    """Register unless a registration is held or stored: one thread of one process does."""
    yield from register_if_needed(context, options)


_IfMade = AgentRegistrationResponse | None
"""The answer, if the agent was registered just now."""


def register_if_needed(context: Context, options: RegistrationOptions) -> Flow[_IfMade]:
    """The same, with the answer if the agent was registered just now."""
    if context.credentials.registration is not None:
        return None
    once = partial(_register_once, context, _check(options), options.retry)
    made = yield Share(b"ensure_registered", partial(_exclude, context, once, options.retry))
    return made  # type: ignore[no-any-return]


def _exclude(
    context: Context, make_flow: Callable[[], Flow[_IfMade]], retry: Retry
) -> Flow[_IfMade]:
    made = yield Exclude(make_flow, lambda: context.credentials.registration is not None, retry)
    return made  # type: ignore[no-any-return]


def _register_once(context: Context, wanted: _Request, retry: Retry) -> Flow[_IfMade]:
    """Register; a conflict is no error if the registration appears in the store soon after."""
    try:
        return (yield from _register(context, wanted, retry))
    except ATHError as error:
        if error.code == "REGISTRATION_REPLACED":
            return None
        if error.code != "CONFLICT":
            raise
        for _ in range(_CONFLICT_READS):
            yield Reload()
            if context.credentials.registration is not None:
                return None
            yield Pause(_CONFLICT_SECONDS / _CONFLICT_READS)
        raise


def _check(options: RegistrationOptions) -> _Request:
    purpose, uris = options.purpose, options.redirect_uris
    return _Request(
        parse_model(options.developer, DeveloperInfo, "developer"),
        [
            parse_model(item, ProviderScopeRequest, "providers")
            for item in as_list(options.providers, "providers")
        ],
        None if purpose is None else as_text(purpose, "purpose"),
        None if uris is None else as_texts(uris, "redirect_uris"),
    )


def _prepare(
    context: Context, wanted: _Request, attestation: str
) -> PreparedCall[AgentRegistrationResponse, Any]:
    return register_agent.prepare(
        body=AgentRegistrationRequest(
            agent_id=context.settings.agent_id,
            agent_attestation=attestation,
            developer=wanted.developer,
            requested_providers=wanted.providers,
            purpose=wanted.purpose,
            redirect_uris=wanted.redirect_uris,
        )
    )


def _register(context: Context, wanted: _Request, retry: Retry) -> Flow[AgentRegistrationResponse]:
    yield Reload()  # so that only what is registered from now on counts as having come first
    former = current_client_id(context.credentials)
    prepare, audiences = partial(_prepare, context, wanted), (context.settings.audience,)
    try:
        answer = yield from ask(
            context, prepare, AgentRegistrationResponse, REGISTER, retry, audiences
        )
    except ATHError as error:
        if error.status == 409 and error.code == "HTTP_ERROR":
            raise ATHError(
                "CONFLICT",
                error.message,
                409,
                _conflict_details(error),
                retry_after=error.retry_after,
                headers=error.headers,
            ) from None
        explain_lost_reply(error, "registered. Ask the implementor before you register again")
    # The secret is shown once: it is saved before anything else in the answer is looked at.
    client_id, client_secret = (hide(answer.text(name)) for name in SAVED_FIRST)
    held = Registration(str.__str__(client_id), client_secret, tuple(wanted.redirect_uris or ()))
    yield SaveRegistration(held, instead_of=former)
    yield CheckRegistration(held.client_id)
    return answer.model()


def _conflict_details(error: ATHError) -> dict[str, Any]:
    """The details of a CONFLICT whose body is not in the protocol's form."""
    body = error.details.get("body")
    return body if isinstance(body, dict) else error.details
