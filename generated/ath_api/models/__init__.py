"""The JSON objects and enums of the spec."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .agent_identity_document import AgentIdentityDocument
    from .agent_registration import AgentRegistration
    from .agent_registration_request import AgentRegistrationRequest
    from .agent_registration_response import AgentRegistrationResponse
    from .agent_status import AgentStatus
    from .ath_error_code import ATHErrorCode
    from .authorization_request import AuthorizationRequest
    from .authorization_response import AuthorizationResponse
    from .developer_info import DeveloperInfo
    from .discovery_document import DiscoveryDocument
    from .error_body import ErrorBody
    from .provider_approval import ProviderApproval
    from .provider_info import ProviderInfo
    from .provider_scope_request import ProviderScopeRequest
    from .scope_intersection import ScopeIntersection
    from .service_auth_config import ServiceAuthConfig
    from .service_discovery_document import ServiceDiscoveryDocument
    from .token_exchange_request import TokenExchangeRequest
    from .token_response import TokenResponse
    from .token_revocation_request import TokenRevocationRequest

_MODULES = {
    "AgentIdentityDocument": ".agent_identity_document",
    "AgentRegistration": ".agent_registration",
    "AgentRegistrationRequest": ".agent_registration_request",
    "AgentRegistrationResponse": ".agent_registration_response",
    "AgentStatus": ".agent_status",
    "ATHErrorCode": ".ath_error_code",
    "AuthorizationRequest": ".authorization_request",
    "AuthorizationResponse": ".authorization_response",
    "DeveloperInfo": ".developer_info",
    "DiscoveryDocument": ".discovery_document",
    "ErrorBody": ".error_body",
    "ProviderApproval": ".provider_approval",
    "ProviderInfo": ".provider_info",
    "ProviderScopeRequest": ".provider_scope_request",
    "ScopeIntersection": ".scope_intersection",
    "ServiceAuthConfig": ".service_auth_config",
    "ServiceDiscoveryDocument": ".service_discovery_document",
    "TokenExchangeRequest": ".token_exchange_request",
    "TokenResponse": ".token_response",
    "TokenRevocationRequest": ".token_revocation_request",
}

__all__ = (
    "AgentIdentityDocument",
    "AgentRegistration",
    "AgentRegistrationRequest",
    "AgentRegistrationResponse",
    "AgentStatus",
    "ATHErrorCode",
    "AuthorizationRequest",
    "AuthorizationResponse",
    "DeveloperInfo",
    "DiscoveryDocument",
    "ErrorBody",
    "ProviderApproval",
    "ProviderInfo",
    "ProviderScopeRequest",
    "ScopeIntersection",
    "ServiceAuthConfig",
    "ServiceDiscoveryDocument",
    "TokenExchangeRequest",
    "TokenResponse",
    "TokenRevocationRequest",
)

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Import a model on first use, and keep it."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(_MODULES[name], __name__), name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *_MODULES})
