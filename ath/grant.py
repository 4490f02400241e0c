"""What a user has allowed, as the client tells it: never the secret itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["Grant"]


@dataclass(frozen=True, slots=True)
class Grant:
    """A token that is held and usable, without the token.

    Attributes:
        provider: Whom it is for; None if it serves any provider.
        scopes: Those granted; empty if they are not known.
        expires_at: When it ends, as an aware UTC datetime; None if that is not known.
        user: The user of the view that holds it; None for the agent itself.
    """

    provider: str | None
    scopes: tuple[str, ...]
    expires_at: datetime | None
    user: str | None
