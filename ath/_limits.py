"""How long an attempt may take and how much a reply may hold."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import ATHError


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds for each phase of an attempt and for the whole of it, and bytes of a reply."""

    connect: float | None
    read: float | None
    write: float | None
    pool: float | None
    total: float | None
    max_response_bytes: int

    def phases(self) -> dict[str, float | None]:
        """The form that httpcore and httpx share."""
        return {
            "connect": self.connect,
            "read": self.read,
            "write": self.write,
            "pool": self.pool,
        }


def limits_of(timeout: object, max_response_bytes: object) -> Limits:
    """Read the user's timeout: seconds for a whole attempt, an httpx.Timeout, or None for none.

    Raises:
        ATHError: INVALID_ARGUMENT.
    """
    if not isinstance(max_response_bytes, int) or max_response_bytes < 1:
        raise ATHError("INVALID_ARGUMENT", "max_response_bytes must be a number of bytes.")
    if timeout is None:
        return Limits(None, None, None, None, None, max_response_bytes)
    if isinstance(timeout, int | float) and not isinstance(timeout, bool):
        if not timeout > 0:
            raise ATHError("INVALID_ARGUMENT", "timeout must be more than 0 seconds.")
        seconds = float(min(timeout, 1e9))  # infinity would overflow a socket's timer
        return Limits(seconds, seconds, seconds, seconds, seconds, max_response_bytes)
    try:
        phases = timeout.as_dict()  # type: ignore[attr-defined]  # of httpx.Timeout, not imported
        return Limits(**phases, total=None, max_response_bytes=max_response_bytes)
    except (AttributeError, TypeError):
        raise ATHError("INVALID_ARGUMENT", "timeout must be seconds or an httpx.Timeout.") from None
