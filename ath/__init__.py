"""Agent Trust Handshake: agents call APIs with the service's approval and the user's consent.

Names load at first use, so that ``import ath`` costs next to nothing (PEP 562).
"""

from __future__ import annotations

# Type checkers know this name; importing it from typing would cost most of the time. Without the
# annotation, editors that complete with jedi would skip the block.
TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from typing import Any

    from ath_api.models import (
        AgentIdentityDocument,
        AgentRegistrationRequest,
        AgentRegistrationResponse,
        AgentStatus,
        ATHErrorCode,
        AuthorizationRequest,
        AuthorizationResponse,
        DeveloperInfo,
        DiscoveryDocument,
        ProviderApproval,
        ProviderInfo,
        ProviderScopeRequest,
        ScopeIntersection,
        ServiceAuthConfig,
        ServiceDiscoveryDocument,
        TokenExchangeRequest,
        TokenResponse,
        TokenRevocationRequest,
    )

    from .arguments import Developer, ProviderScopes
    from .codes import CODES, ErrorCode
    from .consent import AsyncConsent, Consent, PendingSession
    from .errors import ATHError, ATHSecurityWarning, ATHWarning
    from .gateway import AsyncATHGatewayClient, ATHGatewayClient
    from .grant import Grant
    from .identity import IdentityFinding, agent_identity_document, check_identity
    from .keys import AgentKey, AsyncSigner, Signer
    from .loopback import LoopbackReceiver
    from .low_level import proxy_url, sign_attestation
    from .native import AsyncATHNativeClient, ATHNativeClient
    from .response import Response
    from .retry import RetryPolicy
    from .show import open_browser, print_url
    from .stores.base import AsyncCredentialStore, CredentialKey, CredentialStore, MemoryStore
    from .stores.encrypted import AsyncEncryptedStore, EncryptedStore
    from .stores.files import FileStore, FolderStore
    from .stores.redis import AsyncRedisStore, RedisStore
    from .stores.sql import AsyncSQLStore, SQLStore
    from .streams import AsyncStreamedResponse, ServerSentEvent, StreamedResponse

__version__ = "0.2.0"

ATH_VERSION = "0.1"
"""The version of the protocol."""

__all__ = [
    "ATH_VERSION",
    "CODES",
    "ATHError",
    "ATHErrorCode",
    "ATHGatewayClient",
    "ATHNativeClient",
    "ATHSecurityWarning",
    "ATHWarning",
    "AgentIdentityDocument",
    "AgentKey",
    "AgentRegistrationRequest",
    "AgentRegistrationResponse",
    "AgentStatus",
    "AsyncATHGatewayClient",
    "AsyncATHNativeClient",
    "AsyncConsent",
    "AsyncCredentialStore",
    "AsyncEncryptedStore",
    "AsyncRedisStore",
    "AsyncSQLStore",
    "AsyncSigner",
    "AsyncStreamedResponse",
    "AuthorizationRequest",
    "AuthorizationResponse",
    "Consent",
    "CredentialKey",
    "CredentialStore",
    "Developer",
    "DeveloperInfo",
    "DiscoveryDocument",
    "EncryptedStore",
    "ErrorCode",
    "FileStore",
    "FolderStore",
    "Grant",
    "IdentityFinding",
    "LoopbackReceiver",
    "MemoryStore",
    "PendingSession",
    "ProviderApproval",
    "ProviderInfo",
    "ProviderScopeRequest",
    "ProviderScopes",
    "RedisStore",
    "Response",
    "RetryPolicy",
    "SQLStore",
    "ScopeIntersection",
    "ServerSentEvent",
    "ServiceAuthConfig",
    "ServiceDiscoveryDocument",
    "Signer",
    "StreamedResponse",
    "TokenExchangeRequest",
    "TokenResponse",
    "TokenRevocationRequest",
    "agent_identity_document",
    "check_identity",
    "open_browser",
    "print_url",
    "proxy_url",
    "sign_attestation",
]

_HOMES = {
    "ath.arguments": ("Developer", "ProviderScopes"),
    "ath.codes": ("CODES", "ErrorCode"),
    "ath.consent": ("AsyncConsent", "Consent", "PendingSession"),
    "ath.errors": ("ATHError", "ATHSecurityWarning", "ATHWarning"),
    "ath.gateway": ("ATHGatewayClient", "AsyncATHGatewayClient"),
    "ath.grant": ("Grant",),
    "ath.identity": ("IdentityFinding", "agent_identity_document", "check_identity"),
    "ath.keys": ("AgentKey", "AsyncSigner", "Signer"),
    "ath.low_level": ("proxy_url", "sign_attestation"),
    "ath.loopback": ("LoopbackReceiver",),
    "ath.native": ("ATHNativeClient", "AsyncATHNativeClient"),
    "ath.response": ("Response",),
    "ath.retry": ("RetryPolicy",),
    "ath.show": ("open_browser", "print_url"),
    "ath.stores.base": (
        "AsyncCredentialStore",
        "CredentialKey",
        "CredentialStore",
        "MemoryStore",
    ),
    "ath.stores.encrypted": ("AsyncEncryptedStore", "EncryptedStore"),
    "ath.stores.files": ("FileStore", "FolderStore"),
    "ath.streams": ("AsyncStreamedResponse", "ServerSentEvent", "StreamedResponse"),
    "ath.stores.redis": ("AsyncRedisStore", "RedisStore"),
    "ath.stores.sql": ("AsyncSQLStore", "SQLStore"),
    "ath_api.models": (
        "ATHErrorCode",
        "AgentIdentityDocument",
        "AgentRegistrationRequest",
        "AgentRegistrationResponse",
        "AgentStatus",
        "AuthorizationRequest",
        "AuthorizationResponse",
        "DeveloperInfo",
        "DiscoveryDocument",
        "ProviderApproval",
        "ProviderInfo",
        "ProviderScopeRequest",
        "ScopeIntersection",
        "ServiceAuthConfig",
        "ServiceDiscoveryDocument",
        "TokenExchangeRequest",
        "TokenResponse",
        "TokenRevocationRequest",
    ),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            from importlib import import_module

            value = globals()[name] = getattr(import_module(home), name)
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
