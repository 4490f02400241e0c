"""The ways in which real implementors differ, each behind one switch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Quirks:
    """How the local gateway departs from the specification; by default nowhere.

    Each switch is a behaviour that was seen on a real implementor.
    """

    # Registration
    register_status: Literal[201, 200] = 201
    register_conflict: bool = False
    """A second registration of an agent: 409 CONFLICT with the `client_id`, without a secret."""
    no_scope_status: Literal["denied", "approved"] = "denied"
    """The status of an agent of which no scope at all was approved."""
    omitted_redirect_is_callback: bool = False
    """Read omitted `redirect_uris` as the gateway's own callback instead of as none."""
    registration_status: Literal["basic", "session", "absent"] = "basic"
    """What `GET /ath/agents/{clientId}` wants: HTTP Basic with the client's credentials, only the
    user's session header, or nothing, since there is no such endpoint."""

    # Attestation
    one_audience: bool = False
    """Know the base URL as the only audience, at the token endpoint too."""
    refused_attestation_is_used: bool = True
    """Count a `jti` as used although the request was refused."""

    # Consent
    pkce_in_url: bool = True
    """False: authorization URLs without PKCE, like a gateway in demo mode."""
    own_page: bool = False
    """Always end on the gateway's own page, whatever `user_redirect_uri` was."""
    callback_session: Literal["session_id", "ath_session_id", "both"] | None = None
    """How the URL of the agent's page names the session; by default `session_id` after consent and
    `ath_session_id` after a denial."""
    callback_success: bool = True
    """Say `success=true` in that URL after consent."""
    denied_callback: Literal["error", "success"] = "error"
    """How that URL says that the user denied: `error=access_denied`, or `success=false`."""
    callback_code: bool = False
    """Put a `code` into that URL, which the token endpoint then wants to see."""
    callback_state: bool = False
    """Put the agent's own `state` into that URL."""
    tries_before_consent: int = 0
    """How often the token endpoint says SESSION_NOT_FOUND of a session after the user consented,
    before it knows of the consent."""
    after_denial: Literal["SESSION_NOT_FOUND", "USER_DENIED", "INTERNAL_ERROR"] = (
        "SESSION_NOT_FOUND"
    )
    """What the token endpoint says, always with 400, after the user has denied."""
    expired_session_code: Literal["SESSION_EXPIRED", "SESSION_NOT_FOUND", "INTERNAL_ERROR"] = (
        "SESSION_EXPIRED"
    )

    # Token and revocation
    token_type: str = "Bearer"  # noqa: S105  # the name of a scheme
    revoke_unknown: Literal["ok", "TOKEN_INVALID"] = "ok"
    """What revoking a token that never existed gives: 200, or 400 TOKEN_INVALID."""

    # Proxy
    agent_id_header_optional: bool = False
    """Refuse a wrong `X-ATH-Agent-ID` only when one is sent."""
    proxy_drops_query: bool = False
    proxy_drops_headers: bool = False
    """Forward no request header but the content type and pass on no response header."""
    proxy_json_only: bool = False
    """Always answer JSON: another reply of the provider becomes 502 `{"error": "Proxy failed"}`
    after the call has happened."""
    proxy_empty_is_500: bool = False
    """Turn the provider's 204 into a 500."""
    proxy_stale_encoding: bool = False
    """Decode the provider's body and pass on its `content-encoding` all the same."""

    # Every answer
    error_style: Literal["ath", "html", "text", "oauth", "proxy", "empty"] = "ath"
    error_status: Mapping[str, int] = field(default_factory=dict[str, int])
    """Statuses that differ from the specification's, by code: `{"AGENT_UNAPPROVED": 401}`."""
    null_side_fields: bool = False
    """Answer null where a side field has no use: `approval_expires`, `denial_reason`."""
    extra_fields: bool = False
    """Add fields that no client knows to every JSON answer."""
