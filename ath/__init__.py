"""Agent Trust Handshake: agents call APIs with the service's approval and the user's consent.

Names load at first use, so that ``import ath`` costs next to nothing (PEP 562).
"""

from __future__ import annotations

TYPE_CHECKING = False  # type checkers know better; importing typing would cost most of the time
if TYPE_CHECKING:
    from typing import Any

    from .errors import CODES, ATHError, ATHSecurityWarning, ATHWarning
    from .gateway import AsyncATHGatewayClient, ATHGatewayClient
    from .identity import IdentityFinding, agent_identity_document, check_identity
    from .keys import AgentKey, AsyncSigner, Signer
    from .native import AsyncATHNativeClient, ATHNativeClient
    from .response import Response
    from .retry import RetryPolicy
    from .stores.base import CredentialKey, CredentialStore, MemoryStore
    from .stores.files import FileStore, FolderStore

__version__ = "0.2.0"

__all__ = [
    "CODES",
    "ATHError",
    "ATHGatewayClient",
    "ATHNativeClient",
    "ATHSecurityWarning",
    "ATHWarning",
    "AgentKey",
    "AsyncATHGatewayClient",
    "AsyncATHNativeClient",
    "AsyncSigner",
    "CredentialKey",
    "CredentialStore",
    "FileStore",
    "FolderStore",
    "IdentityFinding",
    "MemoryStore",
    "Response",
    "RetryPolicy",
    "Signer",
    "agent_identity_document",
    "check_identity",
]

_HOMES = {
    "errors": ("CODES", "ATHError", "ATHSecurityWarning", "ATHWarning"),
    "gateway": ("ATHGatewayClient", "AsyncATHGatewayClient"),
    "identity": ("IdentityFinding", "agent_identity_document", "check_identity"),
    "keys": ("AgentKey", "AsyncSigner", "Signer"),
    "native": ("ATHNativeClient", "AsyncATHNativeClient"),
    "response": ("Response",),
    "retry": ("RetryPolicy",),
    "stores.base": ("CredentialKey", "CredentialStore", "MemoryStore"),
    "stores.files": ("FileStore", "FolderStore"),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            from importlib import import_module

            value = globals()[name] = getattr(import_module(f".{home}", __name__), name)
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
