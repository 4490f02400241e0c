"""The discovery documents of a gateway and of a native service."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Response

from ._core import Core


def gateway_document(core: Core) -> Response:
    return core.answer(
        {
            "ath_version": "0.1",
            "gateway_id": urlsplit(core.url()).netloc,
            "agent_registration_endpoint": f"{core.url()}/ath/agents/register",
            "supported_providers": [
                {
                    "provider_id": provider_id,
                    "display_name": provider.display_name,
                    "categories": [provider.category],
                    "available_scopes": list(provider.scopes),
                    "auth_mode": "OAUTH2",
                    "agent_approval_required": True,
                }
                for provider_id, provider in core.providers.items()
            ],
        }
    )


def service_document(core: Core) -> Response:
    assert core.app_id is not None  # noqa: S101  # only native services have this endpoint
    provider = core.providers[core.app_id]
    return core.answer(
        {
            "ath_version": "0.1",
            "app_id": core.app_id,
            "name": provider.display_name,
            "auth": {
                "type": "oauth2",
                "authorization_endpoint": f"{core.url()}/ath/authorize",
                "token_endpoint": f"{core.url()}/ath/token",
                "scopes_supported": list(provider.scopes),
                "agent_attestation_required": True,
            },
            "api_base": core.api_base(),
        }
    )
