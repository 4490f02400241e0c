"""The endpoints that agents call: discovery, registration, authorization, token, revocation."""

from __future__ import annotations

import re
from urllib.parse import urlencode, urlsplit

from ath_api.models import (
    AuthorizationRequest,
    TokenExchangeRequest,
    TokenRevocationRequest,
)
from flask import Blueprint, Response

from ._body import json_object, parsed
from ._core import Core
from ._discovery import gateway_document, service_document
from ._errors import Refused
from ._registration import register, registration_status
from ._state import Registration, Session, Token, new_secret, s256, same_secret

# 128 bits take 22 characters of base64url. Whether they are random cannot be seen from here.
STATE_LENGTH = 22
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")


def handshake_routes(core: Core) -> Blueprint:
    """The endpoints of one implementor."""
    routes = Blueprint("handshake", __name__)

    if core.app_id is None:
        routes.add_url_rule("/.well-known/ath.json", view_func=lambda: gateway_document(core))
    else:
        routes.add_url_rule("/.well-known/ath-app.json", view_func=lambda: service_document(core))
    endpoints = {
        "/ath/agents/register": register,
        "/ath/authorize": _authorize,
        "/ath/token": _token,
        "/ath/revoke": _revoke,
    }
    for path, view in endpoints.items():
        routes.add_url_rule(
            path,
            endpoint=path.rpartition("/")[2],
            view_func=lambda view=view: view(core),
            methods=["POST"],
            provide_automatic_options=False,
        )
    if core.quirks.registration_status != "absent":
        routes.add_url_rule(
            "/ath/agents/<client_id>",
            endpoint="agent",
            view_func=lambda client_id: registration_status(core, client_id),
        )
    return routes


def _authorize(core: Core) -> Response:
    core.session_user()
    state = json_object().get("state")
    if not isinstance(state, str) or len(state) < STATE_LENGTH:
        raise Refused("STATE_MISMATCH", "state must be there and hold at least 128 bits")
    asked = parsed(AuthorizationRequest)
    registration = core.registration(asked.client_id)
    with core.attested(asked.agent_attestation, registration.agent_id, "authorize"):
        core.check_approved(registration)
        approved = core.approved_scopes(registration, asked.provider_id)
        if not approved:
            raise Refused("PROVIDER_NOT_APPROVED", "the agent has no approval for this provider")
        if not asked.scopes:
            raise Refused("INVALID_REQUEST", "scopes is empty")
        beyond = [scope for scope in asked.scopes if scope not in approved]
        if beyond:
            raise Refused("SCOPE_NOT_APPROVED", f"not approved: {' '.join(beyond)}")
        redirect_uri = asked.user_redirect_uri or None
        if redirect_uri is not None and redirect_uri not in registration.redirect_uris:
            raise Refused("INVALID_REQUEST", "user_redirect_uri is not one that was registered")
        resource = asked.resource or None
        if resource is not None and (not urlsplit(resource).scheme or "#" in resource):
            # RFC 8707 section 2.
            raise Refused("INVALID_REQUEST", "resource must be absolute, without a fragment")
        session = Session(
            session_id=new_secret("ath_sess_"),
            registration=registration,
            provider_id=asked.provider_id,
            scopes=list(dict.fromkeys(asked.scopes)),
            user=registration.user,
            redirect_uri=redirect_uri,
            expires=core.clock() + core.session_lifetime,
            verifier=new_secret(""),
            agent_challenge=_agent_challenge(asked),
            agent_state=asked.state,
        )
        with core.state.lock:
            core.state.sessions[session.session_id] = session
        core.counts.add("sessions")
    query = {"session": session.session_id}
    if core.quirks.pkce_in_url:
        query["code_challenge"] = s256(session.verifier)
        query["code_challenge_method"] = "S256"
    url = f"{core.browser_url()}/ath/consent?{urlencode(query)}"
    return core.answer({"authorization_url": url, "ath_session_id": session.session_id})


def _agent_challenge(asked: AuthorizationRequest) -> str | None:
    challenge, method = asked.code_challenge or None, asked.code_challenge_method or None
    if challenge is None and method is None:
        return None
    if challenge is None or method != "S256" or not CHALLENGE.fullmatch(challenge):
        raise Refused("INVALID_REQUEST", "code_challenge must be an S256 challenge")
    return challenge


def _token(core: Core) -> Response:
    core.session_user()
    asked = parsed(TokenExchangeRequest)
    if asked.grant_type != "authorization_code" or not asked.code:
        raise Refused("INVALID_REQUEST", "grant_type must be authorization_code, with a code")
    registration = core.registration(asked.client_id)
    with core.attested(asked.agent_attestation, registration.agent_id, "token"), core.state.lock:
        if not same_secret(asked.client_secret, registration.client_secret):
            raise Refused("AGENT_NOT_REGISTERED", "the client could not be authenticated")
        core.check_approved(registration)
        session = _consented_session(core, registration, asked.ath_session_id)
        if session.agent_code is not None and not same_secret(asked.code, session.agent_code):
            raise Refused("INVALID_GRANT", "this is not the code that the browser was given")
        # An absent challenge leaves the session unbound; a verifier without one is a downgrade
        # (RFC 9700 section 4.8.2).
        verifier = asked.code_verifier or None
        challenge = None if verifier is None else s256(verifier)
        if challenge != session.agent_challenge:
            raise Refused("INVALID_GRANT", "code_verifier does not match the session's challenge")
        session.status = "used"
        approved = core.approved_scopes(registration, session.provider_id)
        effective = [s for s in session.scopes if s in approved and s in session.consented]
        if not effective or session.provider_token is None:
            raise Refused("SCOPE_NOT_APPROVED", "no scope is approved, consented and requested")
        token = core.state.issue(
            Token(
                registration=registration,
                user=session.user or "",
                session_user=registration.user,
                provider_id=session.provider_id,
                scopes=effective,
                expires=core.clock() + core.token_lifetime,
                provider_token=session.provider_token,
            )
        )
        core.counts.add("tokens")
    return core.answer(
        {
            "access_token": token,
            "token_type": core.quirks.token_type,
            "expires_in": int(core.token_lifetime),
            "effective_scopes": effective,
            "provider_id": session.provider_id,
            "agent_id": registration.agent_id,
            "scope_intersection": {
                "agent_approved": approved,
                "user_consented": session.consented,
                "effective": effective,
            },
        }
    )


def _consented_session(core: Core, registration: Registration, session_id: str) -> Session:
    session = core.state.sessions.get(session_id)
    # One answer for all of these: whether a session exists is its owner's business.
    absent = Refused("SESSION_NOT_FOUND", "there is no such session that could be exchanged")
    if session is None or session.registration is not registration:
        raise absent
    if session.status == "denied":
        raise Refused(core.quirks.after_denial, "the user did not consent", status=400)
    if session.status != "used" and core.clock() >= session.expires:
        raise Refused(core.quirks.expired_session_code, "the session has expired", status=400)
    if session.status != "consented":
        raise absent
    session.tries += 1
    if session.tries <= core.quirks.tries_before_consent:
        raise absent
    return session


def _revoke(core: Core) -> Response:
    core.session_user()
    asked = parsed(TokenRevocationRequest)
    if not asked.client_id or not asked.client_secret:
        raise Refused("AUTH_REQUIRED", "client_id and client_secret are required of an agent")
    registration = core.registration(asked.client_id)
    if not same_secret(asked.client_secret, registration.client_secret):
        raise Refused("AGENT_NOT_REGISTERED", "the client could not be authenticated")
    with core.state.lock:
        token = core.state.token(asked.token)
        if token is None:
            if core.quirks.revoke_unknown == "TOKEN_INVALID":
                raise Refused("TOKEN_INVALID", "there is no such token", status=400)
        elif token.registration is not registration:
            raise Refused("AGENT_IDENTITY_MISMATCH", "the token was issued to another client")
        elif not token.revoked:
            token.revoked = True
            core.counts.add("revocations")
    return core.answer({})
