"""Phase A, the service's approval: what is on offer, registration, and how it stands."""

from __future__ import annotations

import copy
from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from .context import Context
from .flow import ask, attested, given, listed, raise_known
from .replies import json_object, model, text_field
from .steps import Blocking, Flow, Repeat, Wait
from .._http.messages import parse_base
from ..stores.base import Registration
from ..errors import ATHError
from ..retry import REGISTER, Retry

if TYPE_CHECKING:
    from ath_api.models import (
        AgentRegistration,
        AgentRegistrationRequest,
        AgentRegistrationResponse,
        DeveloperInfo,
        DiscoveryDocument,
        ProviderScopeRequest,
        ServiceDiscoveryDocument,
    )


_INTERRUPTED = ATHError(
    "OUTCOME_UNKNOWN",
    "The call that was registering the agent was interrupted. The agent may have registered.",
)
"""What those get who waited for a call that was cancelled: asking again could register twice."""


def discover_gateway(context: Context, retry: Retry) -> Flow[DiscoveryDocument]:
    """Ask what the gateway offers."""
    from ath_api.api.discovery import discover_gateway as endpoint
    from ath_api.models import DiscoveryDocument

    request = context.request(endpoint._get_kwargs())
    return (yield from ask(context, request, DiscoveryDocument, retry))


def discover_service(context: Context, retry: Retry) -> Flow[ServiceDiscoveryDocument]:
    """Ask what the native service offers, and keep where its API is."""
    from ath_api.api.discovery import discover_service as endpoint
    from ath_api.models import ServiceDiscoveryDocument

    request = context.request(endpoint._get_kwargs())
    document = yield from ask(context, request, ServiceDiscoveryDocument, retry)
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
    return (yield from ask(context, request, AgentRegistration, retry))


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

    wanted = {
        "agent_id": context.agent.agent_id,
        "agent_attestation": "",
        "developer": given(developer, DeveloperInfo, "developer").to_dict(),
        "requested_providers": [
            given(item, ProviderScopeRequest, "providers").to_dict()
            for item in listed(providers, "providers")
        ],
        "purpose": purpose,
        "redirect_uris": None if redirect_uris is None else listed(redirect_uris, "redirect_uris"),
    }
    body = given(wanted, AgentRegistrationRequest, "register")

    flights = context.vault.owner.flights
    flight, leads = flights.join(context.encoded(wanted))
    if not leads:
        result, error = yield Wait(flight)
        if error is not None:
            raise copy.copy(error)  # each caller its own: an error collects notes and tracebacks
        return result  # type: ignore[no-any-return]
    outcome: tuple[AgentRegistrationResponse | None, ATHError | None] = (None, _INTERRUPTED)
    try:
        result = yield from _registered(context, body, retry)
        outcome = (result, None)
        return result
    except ATHError as error:
        outcome = (None, error)
        raise
    finally:
        flights.land(flight, outcome)


def _registered(
    context: Context, body: AgentRegistrationRequest, retry: Retry
) -> Flow[AgentRegistrationResponse]:
    from ath_api.api.registration import register_agent as endpoint
    from ath_api.models import AgentRegistrationResponse

    attempt = partial(attested, context, None, endpoint, body)
    try:
        request, reply = yield Repeat(attempt, REGISTER, retry)
    except ATHError as error:
        if error.status == 409 and error.code == "HTTP_ERROR":
            raise ATHError("CONFLICT", error.message, 409, _unfolded(error.details)) from None
        raise_known(error, "registered. Ask the implementor before you register again")
    document = json_object(reply, request, context.agent.max_response_bytes)
    # The secret is shown once: it is kept before anything else in the answer is looked at.
    held = Registration(
        text_field(document, "client_id", reply, request),
        text_field(document, "client_secret", reply, request),
        tuple(body.redirect_uris or ()),
    )
    owner = context.vault.owner
    owner.enroll(held)
    if owner.store is not None:
        yield Blocking(partial(owner.persist_registration, held))
    return model(AgentRegistrationResponse, document, reply, request)


def _unfolded(details: dict[str, Any]) -> dict[str, Any]:
    """A CONFLICT's details when its body is not in the protocol's form."""
    body = details.get("body")
    return body if isinstance(body, dict) else details
