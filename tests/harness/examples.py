"""Answers of an implementor, as JSON; tests change what they are about."""

from __future__ import annotations

from typing import Any

from .clients import AGENT_ID

REGISTRATION = {
    "client_id": "ath_client_1",
    "client_secret": "ath_secret_1",
    "agent_status": "approved",
    "approved_providers": [
        {"provider_id": "github", "approved_scopes": ["read:user"], "denied_scopes": []}
    ],
    "approval_expires": "2099-01-01T00:00:00Z",
}
AUTHORIZATION = {
    "authorization_url": "https://auth.example/go?code_challenge_method=S256&code_challenge="
    + "c" * 43,
    "ath_session_id": "ath_sess_1",
}
TOKEN = {
    "access_token": "ath_tk_1",
    "token_type": "Bearer",
    "expires_in": 3600,
    "effective_scopes": ["read:user"],
    "provider_id": "github",
    "agent_id": AGENT_ID,
    "scope_intersection": {
        "agent_approved": ["read:user"],
        "user_consented": ["read:user"],
        "effective": ["read:user"],
    },
}


def refusal(code: str, message: str = "No.", **more: Any) -> dict[str, Any]:
    """An error body of the protocol."""
    return {"code": code, "message": message, **more}


def service_document(api_base: str) -> dict[str, Any]:
    """What a native service answers to discover()."""
    return {
        "ath_version": "0.1",
        "app_id": "com.example",
        "name": "Example",
        "auth": {
            "type": "oauth2",
            "authorization_endpoint": "https://a.example/authorize",
            "token_endpoint": "https://a.example/token",
            "scopes_supported": [],
            "agent_attestation_required": True,
        },
        "api_base": api_base,
    }
