"""A user's consent that was asked for: what connect() and its parts hand out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .arguments import Receiver
from .grant import Grant

__all__ = ["AsyncConsent", "Consent", "PendingSession"]


@dataclass(frozen=True, slots=True)
class _Started:
    grant: Grant | None
    authorization_url: str | None = field(repr=False)
    session_id: str | None
    expires_at: datetime | None
    _wait: Callable[..., Any] = field(repr=False, compare=False)

    @property
    def connected(self) -> bool:
        """Whether the user has consented before, so that nothing is to be shown."""
        return self.grant is not None


class Consent(_Started):
    """What ``start_connect`` found or began.

    Attributes:
        grant: What is held already and suffices; None if the user has to be asked.
        authorization_url: Where to send the user; None if ``connected``.
        session_id: The session's id, for ``wait_for_token``; None if ``connected``.
        expires_at: When the session ends, as an aware UTC datetime; None if ``connected``.
    """

    __slots__ = ()

    def wait(self, timeout: float = 600, *, receiver: Receiver | None = None) -> Grant:
        """Wait until the user has consented; return at once what is held already.

        Args:
            timeout: Seconds, as for ``wait_for_token``.
            receiver: Listens for the browser meanwhile, such as a ``LoopbackReceiver``.

        Raises:
            ATHError: as ``wait_for_token``; RECEIVER_UNAVAILABLE if the receiver cannot listen.
        """
        if self.grant is not None:
            return self.grant
        granted: Grant = self._wait(self.session_id, timeout, receiver)
        return granted


class AsyncConsent(_Started):
    """What ``start_connect`` of an async client found or began; as :class:`Consent`."""

    __slots__ = ()

    async def wait(self, timeout: float = 600, *, receiver: Receiver | None = None) -> Grant:
        """Wait until the user has consented; see :meth:`Consent.wait`."""
        if self.grant is not None:
            return self.grant
        granted: Grant = await self._wait(self.session_id, timeout, receiver)
        return granted


@dataclass(frozen=True, slots=True)
class PendingSession:
    """A consent that was asked for and not answered yet, as far as is known here.

    Attributes:
        session_id: For ``wait_for_token``.
        provider: Whom the consent is for.
        scopes: Those asked for.
        authorization_url: Where to send the user; None if an older release opened the session.
        opened_at: When it was opened, as an aware UTC datetime.
        expires_at: When it ends, as an aware UTC datetime.
    """

    session_id: str
    provider: str
    scopes: tuple[str, ...]
    authorization_url: str | None = field(repr=False)
    opened_at: datetime
    expires_at: datetime
