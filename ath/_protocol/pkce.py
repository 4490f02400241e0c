"""PKCE (RFC 7636) with S256: our own pair, and the check of an implementor's authorization URL."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from urllib.parse import parse_qs, urlsplit

METHOD = "S256"


def s256_challenge(verifier: str) -> str:
    """The S256 ``code_challenge`` of a ``code_verifier`` (RFC 7636, section 4.2)."""
    from hashlib import sha256  # slow to import, and calls to providers need none

    digest = sha256(verifier.encode("ascii")).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def has_challenge(authorization_url: str) -> bool:
    """Whether the URL starts an OAuth flow protected by S256, as ATH 0.1 demands."""
    try:
        query = parse_qs(urlsplit(authorization_url).query)
    except ValueError:  # it is no URL at all
        return False
    return query.get("code_challenge_method") == [METHOD] and bool(query.get("code_challenge"))
