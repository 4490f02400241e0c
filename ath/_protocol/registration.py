"""Phase A, the service's approval: discovery, registration, and its status."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

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
from ..errors import ATHError
from ..retry import READ, REGISTER, Retry
from ..stores.record import Registration
from .arguments import as_list, as_text, as_texts, parse_model
from .context import Context, require_registration
from .failures import explain_lost_reply
from .replies import ask
from .requests import encode_document
from .steps import Flow, Learn, SaveRegistration, Share

if TYPE_CHECKING:
    from ath_api.types import PreparedCall

SAVED_FIRST: Mapping[str, object] = {"client_id": str, "client_secret": str}
"""What is taken from a registration's answer before the rest is looked at."""


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
    api_base = parse_base(document.api_base, "The service's api_base", "INVALID_RESPONSE")
    if context.settings.base.scheme == "https" and api_base.scheme != "https":
        raise ATHError("INVALID_RESPONSE", "The service's api_base leads from https down to http.")
    yield Learn(api_base)
    return document


def registration(context: Context, retry: Retry) -> Flow[AgentRegistration]:
    """Ask for the agent's own registration."""
    held = require_registration(context.credentials)
    basic = b64encode(f"{held.client_id}:{held.client_secret}".encode()).decode()
    try:
        call = get_registration.prepare(held.client_id)
    except ValueError:
        raise ATHError("INVALID_ARGUMENT", "The client_id cannot be part of a URL.") from None
    call = call.with_headers({"Authorization": f"Basic {basic}"}, held.client_secret, basic)
    answer = yield from ask(context, lambda _: call, AgentRegistration, READ, retry)
    return answer.model()


def register(
    context: Context,
    developer: Mapping[str, Any] | DeveloperInfo,
    providers: Sequence[Mapping[str, Any] | ProviderScopeRequest],
    purpose: str | None,
    redirect_uris: Sequence[str] | None,
    retry: Retry,
) -> Flow[AgentRegistrationResponse]:
    """Register; calls at the same time with the same arguments share one request."""
    who = parse_model(developer, DeveloperInfo, "developer")
    wanted = [
        parse_model(item, ProviderScopeRequest, "providers")
        for item in as_list(providers, "providers")
    ]
    purpose = None if purpose is None else as_text(purpose, "purpose")
    uris = None if redirect_uris is None else as_texts(redirect_uris, "redirect_uris")

    def prepare(attestation: str) -> PreparedCall[AgentRegistrationResponse, Any]:
        return register_agent.prepare(
            body=AgentRegistrationRequest(
                agent_id=context.settings.agent_id,
                agent_attestation=attestation,
                developer=who,
                requested_providers=wanted,
                purpose=purpose,
                redirect_uris=uris,
            )
        )

    arguments = [who.to_dict(), [item.to_dict() for item in wanted], purpose, uris]
    key = encode_document(arguments, "An argument cannot be written as JSON.")
    response = yield Share(key, partial(_register, context, prepare, tuple(uris or ()), retry))
    return response  # type: ignore[no-any-return]


def _register(
    context: Context,
    prepare: Callable[[str], PreparedCall[AgentRegistrationResponse, Any]],
    redirect_uris: tuple[str, ...],
    retry: Retry,
) -> Flow[AgentRegistrationResponse]:
    audiences = (context.settings.audience,)
    try:
        answer = yield from ask(
            context, prepare, AgentRegistrationResponse, REGISTER, retry, audiences
        )
    except ATHError as error:
        if error.status == 409 and error.code == "HTTP_ERROR":
            raise ATHError("CONFLICT", error.message, 409, _conflict_details(error)) from None
        explain_lost_reply(error, "registered. Ask the implementor before you register again")
    # The secret is shown once: it is saved before anything else in the answer is looked at.
    client_id, client_secret = map(answer.text, SAVED_FIRST)
    yield SaveRegistration(Registration(client_id, client_secret, redirect_uris))
    return answer.model()


def _conflict_details(error: ATHError) -> dict[str, Any]:
    """The details of a CONFLICT whose body is not in the protocol's form."""
    body = error.details.get("body")
    return body if isinstance(body, dict) else error.details
