"""A client library for accessing Agent Trust Handshake (ATH)"""

from .client import AuthenticatedClient, Client

__all__ = (
    "AuthenticatedClient",
    "Client",
)
