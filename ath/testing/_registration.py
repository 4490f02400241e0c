"""Phase A: an agent registers, and reads later what became of it."""

from __future__ import annotations

from urllib.parse import urlsplit

from ath_api.models import AgentRegistrationRequest
from flask import Response, request

from ._attestation import is_loopback, valid_agent_id
from ._body import parsed
from ._core import APPROVAL_SECONDS, Core
from ._errors import Refused
from ._state import Registration, new_secret, same_secret


def register(core: Core) -> Response:
    user = core.session_user()
    asked = parsed(AgentRegistrationRequest)
    if not valid_agent_id(asked.agent_id):
        raise Refused("INVALID_REQUEST", "agent_id must be https, or http on loopback")
    if not asked.requested_providers:
        raise Refused("INVALID_REQUEST", "requested_providers is empty")
    redirect_uris = list(asked.redirect_uris or [])
    for uri in redirect_uris:
        if not _valid_redirect(uri):
            raise Refused("INVALID_REQUEST", "a redirect URI must be https, or http on loopback")
    with core.attested(asked.agent_attestation, asked.agent_id, "register"), core.state.lock:
        if core.quirks.register_conflict:
            for known in core.state.registrations.values():
                if (known.agent_id, known.user) == (asked.agent_id, user):
                    raise Refused(
                        "CONFLICT", "the agent is registered already", client_id=known.client_id
                    )
        if not redirect_uris and core.quirks.omitted_redirect_is_callback:
            redirect_uris = [f"{core.browser_url()}/ath/callback"]
        requested: dict[str, list[str]] = {}
        for wanted in asked.requested_providers:
            requested.setdefault(wanted.provider_id, []).extend(wanted.scopes)
        registration = Registration(
            client_id=new_secret("ath_client_"),
            client_secret=new_secret("ath_secret_"),
            agent_id=asked.agent_id,
            user=user,
            requested={name: list(dict.fromkeys(scopes)) for name, scopes in requested.items()},
            redirect_uris=redirect_uris,
            purpose=asked.purpose or None,
            developer=asked.developer.name,
            decision=core.approval,
            approval_expires=core.clock() + APPROVAL_SECONDS,
        )
        core.state.registrations[registration.client_id] = registration
        core.counts.add("registrations")
    body = core.describe(registration) | {"client_secret": registration.client_secret}
    return core.answer(body, core.quirks.register_status)


def registration_status(core: Core, client_id: str) -> Response:
    core.session_user()
    if core.quirks.registration_status == "basic":
        given = request.authorization
        if given is None or given.type != "basic":
            raise Refused("AUTH_REQUIRED", "authenticate as the client with HTTP Basic")
        caller = core.state.registrations.get(given.username or "")
        if caller is None or not same_secret(given.password or "", caller.client_secret):
            raise Refused("AUTH_REQUIRED", "the client could not be authenticated")
        if caller.client_id != client_id:
            raise Refused("FORBIDDEN", "a client may read its own registration only")
    elif core.user_sessions is None:
        raise Refused("AUTH_REQUIRED", "only a logged-in user may read a registration")
    registration = core.registration(client_id)
    body = core.describe(registration) | {
        "agent_id": registration.agent_id,
        "redirect_uris": registration.redirect_uris,
        "purpose": registration.purpose,
    }
    return core.answer(body)


def _valid_redirect(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
        host = parts.hostname
    except ValueError:
        return False
    if parts.fragment or "#" in uri:
        return False
    return bool(host) and (
        parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))
    )
