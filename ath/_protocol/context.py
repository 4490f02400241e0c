"""What a flow knows: the agent's settings, what was learned on the way, whose credentials. Data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from .._http.messages import Base, RawHeaders
from ..errors import ATHError
from ..stores.record import Registration, Session, Token


@dataclass(frozen=True, slots=True, eq=False)
class Settings:
    """What the user of a client decided; all views of the client share it."""

    base: Base
    agent_id: str
    key_id: str
    capabilities: tuple[str, ...]
    audience: str
    """The implementor's base URL as it knows itself."""
    require_pkce: bool
    max_response_bytes: int
    native: bool
    """Whether the implementor is a service that is its own provider."""
    clock: Callable[[], float]
    """Seconds UTC."""
    monotonic: Callable[[], float]
    """Seconds of a clock that nobody sets, for how long something takes."""
    random_text: Callable[[int], str]
    """That many bytes of a CSPRNG, as URL-safe text."""


@dataclass(slots=True, eq=False)
class Learned:
    """What the implementor's answers taught; the drivers write it, flows only read it."""

    clock_offset: float = 0.0
    """Seconds that the implementor's clock is ahead of this machine's."""
    needs_audience_list: bool = False
    """Whether the token endpoint refuses the audience of the specification."""
    api_base: Base | None = None
    """Where a native service's API is."""
    app_id: str | None = None
    """A native service's id, which is its provider_id."""


class Credentials(Protocol):
    """The credentials of one user, as a flow may read them."""

    @property
    def registration(self) -> Registration | None:
        """The agent's registration, or None."""
        ...

    def registration_of(self, client_id: str | None) -> Registration | None:
        """The registration of that client_id, current or one of the last ones, or None."""
        ...

    def token_for(self, provider: str) -> Token | None:
        """The token that serves a provider, or None."""
        ...

    def latest_token(self) -> Token | None:
        """The token that came last, or None."""
        ...

    def tokens(self, provider: str | None = None) -> list[Token]:
        """All tokens held, or the one that serves a provider."""
        ...

    def session(self, session_id: str) -> Session | None:
        """The session that this view opened, if its registration is still in use; or None."""
        ...

    def sessions(self) -> dict[str, Session]:
        """All such sessions by their id, the oldest first."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """One user's view of the agent."""

    settings: Settings
    learned: Learned
    credentials: Credentials
    user: str | None
    """Whose view it is; None for the agent itself."""
    user_headers: RawHeaders = field(repr=False)
    """Those of the user's own: the client's and the view's."""
    headers: RawHeaders = field(repr=False)
    """Those of every request to the implementor's own origin."""
    provider_headers: RawHeaders = field(repr=False)
    """Those of every call to a provider at that origin."""


_EXPIRY_MARGIN = 10.0
"""Seconds before its time that a token counts as expired: a call takes time to arrive."""


def is_expired(token: Token, now: float) -> bool:
    """Whether a token is not to be used any more; ``now`` is in seconds UTC."""
    return token.expires_at is not None and now >= token.expires_at - _EXPIRY_MARGIN


def require_registration(credentials: Credentials) -> Registration:
    """The registration.

    Raises:
        ATHError: NOT_REGISTERED without one.
    """
    registration = credentials.registration
    if registration is None:
        raise ATHError("NOT_REGISTERED", "This client holds no registration.")
    return registration


def current_client_id(credentials: Credentials) -> str | None:
    """The client_id of the registration, or None."""
    registration = credentials.registration
    return None if registration is None else registration.client_id
