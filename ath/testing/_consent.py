"""The pages a user's browser passes through: the start of consent and the OAuth callback."""

from __future__ import annotations

from hmac import compare_digest
from urllib.parse import urlencode

import httpx
from flask import Blueprint, Response, request

from ._core import Core
from ._errors import Refused, refusal
from ._loopback import loopback_client
from ._pages import notice
from ._quirks import Quirks
from ._state import Session, digest, new_secret, s256
from ._web_safety import forbid_frames


def consent_routes(core: Core) -> Blueprint:
    """`/ath/consent`, where `authorization_url` points, and `/ath/callback`."""
    routes = Blueprint("consent", __name__)
    states: dict[bytes, Session] = {}

    routes.after_request(forbid_frames)

    @routes.errorhandler(Refused)
    def refused(error: Refused) -> Response:
        if "text/html" in request.headers.get("Accept", ""):
            return _page(error.message.capitalize() + ".", error.code, error.status)
        return refusal(error, core.quirks)

    @routes.get("/ath/consent")
    def start() -> Response:
        with core.state.lock:
            session = core.state.sessions.get(request.args.get("session", ""))
            if session is None or session.status != "open":
                raise Refused("SESSION_NOT_FOUND", "this link has been used or never existed")
            _check_expiry(core, session)
            # The browser that starts is the one that must come back; a later start (the link
            # opened a second time) takes over and voids the earlier one.
            if session.oauth_state is not None:
                states.pop(digest(session.oauth_state), None)
            binding = new_secret("")
            session.oauth_state = new_secret("")
            session.binding = digest(binding)
            states[digest(session.oauth_state)] = session
            response = Response(status=302)
            response.headers["Location"] = _oauth_url(core, session)
        response.set_cookie(
            _cookie(session), binding, httponly=True, samesite="Lax", path="/", max_age=600
        )
        response.headers["Cache-Control"] = "no-store"
        return response

    @routes.get("/ath/callback")
    def callback() -> Response:
        key = digest(request.args.get("state", ""))
        with core.state.lock:
            session = states.get(key)
            if session is None:
                raise Refused("STATE_MISMATCH", "state is not one that waits here")
            cookie = request.cookies.get(_cookie(session), "")
            if session.binding is None or not compare_digest(digest(cookie), session.binding):
                raise Refused("STATE_MISMATCH", "this browser did not start this consent")
            del states[key]
            _check_expiry(core, session)
        if "error" in request.args:
            session.status = "denied"
            return _finish(core, session, allowed=False)
        _exchange(core, session, request.args.get("code", ""))
        return _finish(core, session, allowed=True)

    return routes


def _oauth_url(core: Core, session: Session) -> str:
    provider = core.providers[session.provider_id]
    query = {
        "response_type": "code",
        "client_id": core.oauth.client_id,
        "redirect_uri": f"{core.browser_url()}/ath/callback",
        "scope": " ".join(session.scopes),
        "state": session.oauth_state or "",
        "code_challenge": s256(session.verifier),
        "code_challenge_method": "S256",
        "agent_name": session.registration.developer,
        "agent_id": session.registration.agent_id,
        "agent_purpose": session.registration.purpose or "",
        "provider_name": provider.display_name,
    }
    if session.user is not None:
        query["login_hint"] = session.user
    return f"{core.upstream_url()}/oauth/authorize?{urlencode(query)}"


def _exchange(core: Core, session: Session, code: str) -> None:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": f"{core.browser_url()}/ath/callback",
        "code_verifier": session.verifier,
    }
    try:
        with loopback_client() as client:
            reply = client.post(
                f"{core.upstream_url()}/oauth/token",
                data=form,
                auth=(core.oauth.client_id, core.oauth.client_secret),
            )
        reply.raise_for_status()
        granted = reply.json()
        token, account = str(granted["access_token"]), str(granted["account"])
        scopes = str(granted.get("scope", "")).split()
    except (httpx.HTTPError, ValueError, LookupError) as error:
        session.status = "failed"
        raise Refused("OAUTH_ERROR", "the OAuth server did not honour the code") from error
    with core.state.lock:
        session.consented = scopes
        session.provider_token = token
        session.user = session.user or account
        session.status = "consented"


def _finish(core: Core, session: Session, *, allowed: bool) -> Response:
    if session.redirect_uri is None or core.quirks.own_page:
        text = "Access was allowed." if allowed else "Access was denied."
        response = _page(f"{text} You can close this window.", session.session_id, 200)
    else:
        query = _callback_query(core.quirks, session, allowed=allowed)
        joint = "&" if "?" in session.redirect_uri else "?"
        response = Response(status=302)
        response.headers["Location"] = f"{session.redirect_uri}{joint}{urlencode(query)}"
    response.delete_cookie(_cookie(session), path="/", httponly=True, samesite="Lax")
    return response


def _callback_query(quirks: Quirks, session: Session, *, allowed: bool) -> dict[str, str]:
    """What the agent's own page is told."""
    name = quirks.callback_session or ("session_id" if allowed else "ath_session_id")
    names: list[str] = ["session_id", "ath_session_id"] if name == "both" else [name]
    query = dict.fromkeys(names, session.session_id)
    if not allowed:
        told = {"error": {"error": "access_denied"}, "success": {"success": "false"}}
        query |= told[quirks.denied_callback]
    elif quirks.callback_success:
        query["success"] = "true"
    if quirks.callback_code and allowed:
        session.agent_code = query["code"] = new_secret("")
    if quirks.callback_state:
        query["state"] = session.agent_state
    return query


def _check_expiry(core: Core, session: Session) -> None:
    if core.clock() >= session.expires:
        raise Refused("SESSION_EXPIRED", "this request for consent has expired")


def _cookie(session: Session) -> str:
    # Named by session: one browser may have several consents open, and on loopback it shares its
    # cookies between ports.
    return f"ath_{digest(session.session_id).hex()[:16]}"


def _page(text: str, note: str, status: int) -> Response:
    return Response(notice(text, note), status, mimetype="text/html")
