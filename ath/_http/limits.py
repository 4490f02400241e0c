"""How long a call may take, and how much it may bring."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..errors import ATHError

_LONGEST = 1e9  # seconds; infinity would overflow timers


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
        """The arguments of httpx.Timeout."""
        return {
            "connect": self.connect,
            "read": self.read,
            "write": self.write,
            "pool": self.pool,
        }

    def shorten(self, seconds: float) -> Limits:
        """The same, with every bound cut to that many seconds; what has no bound gets none."""
        return self._change(lambda value: None if value is None else min(value, seconds))

    def bound(self, seconds: float) -> Limits:
        """The same, but nothing takes more than that many seconds; what has no bound gets one."""
        return self._change(lambda value: seconds if value is None else min(value, seconds))

    def _change(self, change: Callable[[float | None], float | None]) -> Limits:
        phases = {name: change(value) for name, value in self.phases().items()}
        return Limits(
            **phases, total=change(self.total), max_response_bytes=self.max_response_bytes
        )


def parse_seconds(seconds: object, name: str) -> float:
    """Read a number of seconds above 0.

    Raises:
        ATHError: INVALID_ARGUMENT, which calls it by ``name``.
    """
    if isinstance(seconds, int | float) and not isinstance(seconds, bool) and seconds > 0:
        return float(min(seconds, _LONGEST))
    raise ATHError("INVALID_ARGUMENT", f"{name} must be more than 0 seconds.")


def parse_timeout(timeout: object, max_response_bytes: object) -> Limits:
    """Read the user's timeout: seconds for a whole attempt, an httpx.Timeout, or None for none.

    Raises:
        ATHError: INVALID_ARGUMENT.
    """
    if not isinstance(max_response_bytes, int) or max_response_bytes < 1:
        raise ATHError("INVALID_ARGUMENT", "max_response_bytes must be a number of bytes.")
    if timeout is None:
        return Limits(None, None, None, None, None, max_response_bytes)
    if isinstance(timeout, int | float) and not isinstance(timeout, bool):
        seconds = parse_seconds(timeout, "timeout")
        return Limits(seconds, seconds, seconds, seconds, seconds, max_response_bytes)
    any_timeout: Any = timeout  # an httpx.Timeout, which is not imported for this
    try:
        limits = Limits(**any_timeout.as_dict(), total=None, max_response_bytes=max_response_bytes)
        if all(value is None or value >= 0 for value in limits.phases().values()):
            return limits.shorten(_LONGEST)
    except (AttributeError, TypeError):
        pass
    raise ATHError("INVALID_ARGUMENT", "timeout must be seconds or an httpx.Timeout.")


def too_large(limit: int) -> ATHError:
    """The error for a body beyond the limit."""
    return ATHError("RESPONSE_TOO_LARGE", f"The answer is longer than {limit} bytes.")
