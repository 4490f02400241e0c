"""What the implementor remembers: registrations, sessions and tokens."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import threading
from dataclasses import dataclass, field
from typing import Literal

Status = Literal["approved", "pending", "denied"]


def same_secret(given: str, expected: str) -> bool:
    """Compare in constant time, whatever characters the other side sends."""
    return hmac.compare_digest(digest(given), digest(expected))


def digest(secret: str) -> bytes:
    """What is kept of a secret that only has to be recognised again."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


@dataclass
class Registration:
    """An agent as one user, or everybody, registered it."""

    client_id: str
    client_secret: str = field(repr=False)
    agent_id: str
    user: str | None
    requested: dict[str, list[str]]
    redirect_uris: list[str]
    purpose: str | None
    developer: str
    decision: Status
    approval_expires: float


@dataclass
class Session:
    """One request for a user's consent.

    It is `open` until the browser comes back, then `consented`, `denied` or `failed`, and `used`
    once it was exchanged.
    """

    session_id: str
    registration: Registration
    provider_id: str
    scopes: list[str]
    user: str | None
    redirect_uri: str | None
    expires: float
    verifier: str = field(repr=False)
    agent_challenge: str | None = None
    agent_state: str = field(default="", repr=False)
    agent_code: str | None = field(default=None, repr=False)
    """The code that the browser brought to the agent; None if it brought none."""
    tries: int = 0
    """How often the agent has tried to exchange it after the user had consented."""
    status: Literal["open", "consented", "denied", "failed", "used"] = "open"
    oauth_state: str | None = field(default=None, repr=False)
    binding: bytes | None = field(default=None, repr=False)
    consented: list[str] = field(default_factory=list[str])
    provider_token: str | None = field(default=None, repr=False)


@dataclass
class Token:
    """An access token, bound to agent, user, provider and scopes."""

    registration: Registration
    user: str
    provider_id: str
    scopes: list[str]
    expires: float
    provider_token: str = field(repr=False)
    session_user: str | None = None
    revoked: bool = False


class State:
    """Everything remembered, and the one lock under which it changes."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.registrations: dict[str, Registration] = {}
        self.sessions: dict[str, Session] = {}
        self._tokens: dict[bytes, Token] = {}

    def issue(self, token: Token) -> str:
        """Keep a token and return its text, of which only a digest is kept."""
        text = new_secret("ath_tk_")
        self._tokens[digest(text)] = token
        return text

    def token(self, text: str) -> Token | None:
        """The token with that text. A look-up by digest tells nothing about near misses."""
        return self._tokens.get(digest(text))


def new_secret(prefix: str) -> str:
    """Unguessable text of 256 bits behind a prefix that names its kind."""
    return prefix + secrets.token_urlsafe(32)


def s256(verifier: str) -> str:
    """The S256 challenge of a PKCE verifier (RFC 7636 section 4.2)."""
    hashed = hashlib.sha256(verifier.encode("utf-8", "surrogatepass")).digest()
    return base64.urlsafe_b64encode(hashed).rstrip(b"=").decode()
