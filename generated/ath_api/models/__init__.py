"""Contains all the data models used in inputs/outputs"""

from .agent_identity_document import AgentIdentityDocument
from .agent_registration import AgentRegistration
from .agent_registration_request import AgentRegistrationRequest
from .agent_registration_response import AgentRegistrationResponse
from .agent_status import AgentStatus
from .ath_error import ATHError
from .ath_error_code import ATHErrorCode
from .authorization_request import AuthorizationRequest
from .authorization_response import AuthorizationResponse
from .developer_info import DeveloperInfo
from .discovery_document import DiscoveryDocument
from .provider_approval import ProviderApproval
from .provider_info import ProviderInfo
from .provider_scope_request import ProviderScopeRequest
from .scope_intersection import ScopeIntersection
from .service_auth_config import ServiceAuthConfig
from .service_discovery_document import ServiceDiscoveryDocument
from .token_exchange_request import TokenExchangeRequest
from .token_response import TokenResponse
from .token_revocation_request import TokenRevocationRequest

__all__ = (
    "AgentIdentityDocument",
    "AgentRegistration",
    "AgentRegistrationRequest",
    "AgentRegistrationResponse",
    "AgentStatus",
    "ATHError",
    "ATHErrorCode",
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
)
