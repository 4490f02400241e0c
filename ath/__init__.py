"""Agent Trust Handshake: agents call APIs with the service's approval and the user's consent.

Names load at first use, so that ``import ath`` costs next to nothing (PEP 562).
"""

from __future__ import annotations

TYPE_CHECKING = False  # type checkers know better; importing typing would cost most of the time
if TYPE_CHECKING:
    from typing import Any

    from .attestation import AsyncSigner, Signer
    from .credentials import CredentialKey, CredentialStore
    from .errors import CODES, ATHError, ATHSecurityWarning, ATHWarning
    from .gateway import AsyncATHGatewayClient, ATHGatewayClient
    from .native import AsyncATHNativeClient, ATHNativeClient
    from .retry import RetryPolicy
    from .store import FileStore, FolderStore, MemoryStore

__version__ = "0.2.0"

__all__ = [
    "CODES",
    "ATHError",
    "ATHGatewayClient",
    "ATHNativeClient",
    "ATHSecurityWarning",
    "ATHWarning",
    "AsyncATHGatewayClient",
    "AsyncATHNativeClient",
    "AsyncSigner",
    "CredentialKey",
    "CredentialStore",
    "FileStore",
    "FolderStore",
    "MemoryStore",
    "RetryPolicy",
    "Signer",
]

_HOMES = {
    "attestation": ("AsyncSigner", "Signer"),
    "credentials": ("CredentialKey", "CredentialStore"),
    "errors": ("CODES", "ATHError", "ATHSecurityWarning", "ATHWarning"),
    "gateway": ("ATHGatewayClient", "AsyncATHGatewayClient"),
    "native": ("ATHNativeClient", "AsyncATHNativeClient"),
    "retry": ("RetryPolicy",),
    "store": ("FileStore", "FolderStore", "MemoryStore"),
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
