"""PKCE (RFC 7636) with S256."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from hashlib import sha256

METHOD = "S256"


def s256_challenge(verifier: str) -> str:
    """The S256 ``code_challenge`` of a ``code_verifier`` (RFC 7636, section 4.2)."""
    digest = sha256(verifier.encode("ascii")).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
