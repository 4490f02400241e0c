"""Phase A, the service's approval: discovery, registration, and its status."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

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

from .._http.messages import Request, parse_base
from .._secret import SecretText
from ..arguments import Developer, ProviderScopes
from ..errors import ATHError
from ..retry import READ, REGISTER, Retry
from ..stores.record import Registration
from .arguments import as_list, parse_model
from .context import Context, current_client_id, require_registration
from .failures import explain_lost_reply
from .replies import Answer, read_answer
from .requests import build_attested, build_request, build_same, encode_document
from .steps import (
    Call,
    CheckRegistration,
    Exclude,
    Flow,
    Learn,
    Pause,
    Reload,
    SaveRegistration,
    Share,
)

_CONFLICT_SECONDS = 2.0
"""How long the winner of a race to register may take until its registration is in the store."""
_CONFLICT_READS = 10


def discover_gateway(context: Context, retry: Retry) -> Flow[DiscoveryDocument]:
    """Ask what the gateway offers."""
    answer = yield _read_call(context, gateway_endpoint._get_kwargs(), retry)
    return answer.model(DiscoveryDocument)  # type: ignore[no-any-return]


def discover_service(context: Context, retry: Retry) -> Flow[ServiceDiscoveryDocument]:
    """Ask what the native service offers, and where its API is."""
    answer = yield _read_call(context, service_endpoint._get_kwargs(), retry)
    document: ServiceDiscoveryDocument = answer.model(ServiceDiscoveryDocument)
    try:
        api_base = parse_base(document.api_base, "api_base")
    except ATHError as error:
        raise answer.misfit(error.message.rstrip(".")) from None
    if context.settings.base.scheme == "https" and api_base.scheme != "https":
        raise answer.misfit("api_base leads from https down to http")
    yield Learn(api_base)
    return document


def registration(context: Context, retry: Retry) -> Flow[AgentRegistration]:
    """Ask for the agent's own registration."""

    def build(_: str | None) -> Request:
        held = require_registration(context.credentials)
        try:
            kwargs = get_registration._get_kwargs(held.client_id)
            basic = SecretText(_basic_credentials(held))
        except ValueError:
            raise ATHError(
                "INVALID_CREDENTIALS", "The client_id or client_secret held cannot be sent."
            ) from None
        request = build_request(context, kwargs, (b"Authorization", f"Basic {basic}".encode()))
        request.secrets = (held.client_secret, basic)
        return request

    answer = yield Call(
        build,
        partial(read_answer, context),
        READ,
        retry,
        credential=partial(current_client_id, context.credentials),
    )
    return answer.model(AgentRegistration)  # type: ignore[no-any-return]


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


def register(context: Context, options: RegistrationOptions) -> Flow[AgentRegistrationResponse]:
    """Register; calls at the same time with the same arguments share one request."""
    body, key = _registration_request(context, options)
    response = yield Share(key, partial(_register, context, body, options.retry))
    return response  # type: ignore[no-any-return]


def ensure_registered(context: Context, options: RegistrationOptions) -> Flow[None]:
    """Register unless a registration is held or stored: one thread of one process does."""
    if context.credentials.registration is not None:
        return
    body, _ = _registration_request(context, options)
    once = partial(_register_once, context, body, options.retry)
    yield Share(b"ensure_registered", partial(_exclude, context, once, options.retry))


def _exclude(context: Context, make_flow: Callable[[], Flow[None]], retry: Retry) -> Flow[None]:
    yield Exclude(make_flow, lambda: context.credentials.registration is not None, retry)


def _register_once(context: Context, body: AgentRegistrationRequest, retry: Retry) -> Flow[None]:
    """Register; a conflict is no error if the registration appears in the store soon after."""
    try:
        yield from _register(context, body, retry)
    except ATHError as error:
        if error.code == "REGISTRATION_REPLACED":
            return
        if error.code != "CONFLICT":
            raise
        for _ in range(_CONFLICT_READS):
            yield Reload()
            if context.credentials.registration is not None:
                return
            yield Pause(_CONFLICT_SECONDS / _CONFLICT_READS)
        raise


def _registration_request(
    context: Context, options: RegistrationOptions
) -> tuple[AgentRegistrationRequest, bytes]:
    """The request, and a key that is the same for the same request."""
    uris = options.redirect_uris
    wanted = {
        "agent_id": context.settings.agent_id,
        "agent_attestation": "",
        "developer": parse_model(options.developer, DeveloperInfo, "developer").to_dict(),
        "requested_providers": [
            parse_model(item, ProviderScopeRequest, "providers").to_dict()
            for item in as_list(options.providers, "providers")
        ],
        "purpose": options.purpose,
        "redirect_uris": None if uris is None else as_list(uris, "redirect_uris"),
    }
    key = encode_document(wanted, "An argument cannot be written as JSON.")
    return parse_model(wanted, AgentRegistrationRequest, "register"), key


def _register(
    context: Context, body: AgentRegistrationRequest, retry: Retry
) -> Flow[AgentRegistrationResponse]:
    yield Reload()  # so that only what is registered from now on counts as having come first
    former = current_client_id(context.credentials)
    build = build_attested(context, register_agent, body)
    audiences = (context.settings.audience,)
    try:
        answer: Answer = yield Call(
            build, partial(read_answer, context), REGISTER, retry, audiences
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
    held = Registration(
        answer.text("client_id"), answer.text("client_secret"), tuple(body.redirect_uris or ())
    )
    yield SaveRegistration(held, instead_of=former)
    yield CheckRegistration(held.client_id)
    return answer.model(AgentRegistrationResponse)


def _read_call(context: Context, kwargs: dict[str, Any], retry: Retry) -> Call:
    """A call without an attestation that changes nothing."""
    return Call(build_same(context, kwargs), partial(read_answer, context), READ, retry)


def _conflict_details(error: ATHError) -> dict[str, Any]:
    """The details of a CONFLICT whose body is not in the protocol's form."""
    body = error.details.get("body")
    return body if isinstance(body, dict) else error.details
