"""The check of the URL that a user's browser is sent to."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

from .._http.messages import Base, is_loopback_host
from ..errors import ATHError
from .pkce import METHOD

_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")
_CHALLENGE = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636, section 4.2


def check_authorization_url(
    url: str, implementor: Base, *, require_pkce: bool, status: int | None = None
) -> None:
    """Refuse what no browser should open, and what does not protect the code (ATH 0.1, PKCE).

    Raises:
        ATHError: INVALID_RESPONSE for a URL that is not https (http on loopback, or where the
            implementor itself is http), carries user info, or is malformed; PKCE_REQUIRED if it
            lacks an S256 code_challenge.
    """
    if _UNSAFE.search(url) or not url.isprintable() or not _is_safe(url, implementor):
        raise ATHError(
            "INVALID_RESPONSE", "The authorization_url is not a safe web address.", status
        )
    if not require_pkce:
        return
    query = parse_qs(urlsplit(url).query)
    challenges = query.get("code_challenge", [])
    if not challenges or query.get("code_challenge_method") != [METHOD]:
        raise ATHError(
            "PKCE_REQUIRED", "The authorization_url lacks the S256 code_challenge that ATH demands."
        )
    if len(challenges) != 1 or not _CHALLENGE.fullmatch(challenges[0]):
        raise ATHError(
            "INVALID_RESPONSE", "The authorization_url's code_challenge is malformed.", status
        )


def _is_safe(url: str, implementor: Base) -> bool:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or "@" in parts.netloc:
        return False
    if parts.scheme == "http":
        return implementor.scheme == "http" or is_loopback_host(host)
    return parts.scheme == "https"
