"""Phase A, the service's approval: discovery, registration, and its status."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

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
from ..errors import ATHError
from ..retry import READ, REGISTER, Retry
from ..stores.record import Registration
from .arguments import as_list, parse_model
from .context import Context, require_registration
from .failures import explain_lost_reply
from .replies import Answer, read_answer
from .requests import build_attested, build_request, build_same, encode_document
from .steps import Call, Flow, Learn, SaveRegistration, Share


def discover_gateway(context: Context, retry: Retry) -> Flow[DiscoveryDocument]:
    """Ask what the gateway offers."""
    answer = yield _read_call(context, gateway_endpoint._get_kwargs(), retry)
    return answer.model(DiscoveryDocument)  # type: ignore[no-any-return]


def discover_service(context: Context, retry: Retry) -> Flow[ServiceDiscoveryDocument]:
    """Ask what the native service offers, and where its API is."""
    answer = yield _read_call(context, service_endpoint._get_kwargs(), retry)
    document: ServiceDiscoveryDocument = answer.model(ServiceDiscoveryDocument)
    api_base = parse_base(document.api_base, "The service's api_base", "INVALID_RESPONSE")
    if context.settings.base.scheme == "https" and api_base.scheme != "https":
        raise ATHError("INVALID_RESPONSE", "The service's api_base leads from https down to http.")
    yield Learn(api_base)
    return document


def registration(context: Context, retry: Retry) -> Flow[AgentRegistration]:
    """Ask for the agent's own registration."""
    held = require_registration(context.credentials)
    basic = b64encode(f"{held.client_id}:{held.client_secret}".encode())
    try:
        kwargs = get_registration._get_kwargs(held.client_id)
    except ValueError:
        raise ATHError("INVALID_ARGUMENT", "The client_id cannot be part of a URL.") from None

    def build(_: str | None) -> Request:
        request = build_request(context, kwargs, (b"Authorization", b"Basic " + basic))
        request.secrets = (held.client_secret, basic.decode())
        return request

    answer = yield Call(build, partial(read_answer, context), READ, retry)
    return answer.model(AgentRegistration)  # type: ignore[no-any-return]


def register(
    context: Context,
    developer: Mapping[str, Any] | DeveloperInfo,
    providers: Sequence[Mapping[str, Any] | ProviderScopeRequest],
    purpose: str | None,
    redirect_uris: Sequence[str] | None,
    retry: Retry,
) -> Flow[AgentRegistrationResponse]:
    """Register; calls at the same time with the same arguments share one request."""
    wanted = {
        "agent_id": context.settings.agent_id,
        "agent_attestation": "",
        "developer": parse_model(developer, DeveloperInfo, "developer").to_dict(),
        "requested_providers": [
            parse_model(item, ProviderScopeRequest, "providers").to_dict()
            for item in as_list(providers, "providers")
        ],
        "purpose": purpose,
        "redirect_uris": None if redirect_uris is None else as_list(redirect_uris, "redirect_uris"),
    }
    body = parse_model(wanted, AgentRegistrationRequest, "register")
    key = encode_document(wanted, "An argument cannot be written as JSON.")
    response = yield Share(key, partial(_register, context, body, retry))
    return response  # type: ignore[no-any-return]


def _register(
    context: Context, body: AgentRegistrationRequest, retry: Retry
) -> Flow[AgentRegistrationResponse]:
    build = build_attested(context, register_agent, body)
    audiences = (context.settings.audience,)
    try:
        answer: Answer = yield Call(
            build, partial(read_answer, context), REGISTER, retry, audiences
        )
    except ATHError as error:
        if error.status == 409 and error.code == "HTTP_ERROR":
            raise ATHError("CONFLICT", error.message, 409, _conflict_details(error)) from None
        explain_lost_reply(error, "registered. Ask the implementor before you register again")
    # The secret is shown once: it is saved before anything else in the answer is looked at.
    held = Registration(
        answer.text("client_id"), answer.text("client_secret"), tuple(body.redirect_uris or ())
    )
    yield SaveRegistration(held)
    return answer.model(AgentRegistrationResponse)


def _read_call(context: Context, kwargs: dict[str, Any], retry: Retry) -> Call:
    """A call without an attestation that changes nothing."""
    return Call(build_same(context, kwargs), partial(read_answer, context), READ, retry)


def _conflict_details(error: ATHError) -> dict[str, Any]:
    """The details of a CONFLICT whose body is not in the protocol's form."""
    body = error.details.get("body")
    return body if isinstance(body, dict) else error.details
