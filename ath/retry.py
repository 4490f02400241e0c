"""What may be repeated after which failure, and how long to wait: by meaning, not by status alone.

One table for the whole library. A rule says what a call's repetition could do; a policy says how
often and how long its user is willing to try.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import Final

from .errors import ATHError, Delivery

__all__ = ["RetryPolicy"]


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a call is tried, how long in all, and with which pauses.

    Attributes:
        attempts: Tries in all, the first included.
        total: Seconds from the call's start until which another attempt may begin; that attempt
            has what is left of them, or its timeout if that is less. The first attempt always has
            its whole timeout. A Retry-After beyond them raises the error at once.
        base: Seconds of the first pause; it doubles with each further one.
        maximum: Seconds of the longest pause, a server's Retry-After aside.
        jitter: Whether a pause is drawn from between zero and its full length, and a random part is
            added to a Retry-After, which is the least that is waited.
    """

    attempts: int = 3
    total: float = 30.0
    base: float = 0.2
    maximum: float = 5.0
    jitter: bool = True

    def __post_init__(self) -> None:
        """Refuse what can only be a mistake."""
        times = (self.total, self.base, self.maximum)
        try:
            plausible = self.attempts >= 1 and all(0 <= time < math.inf for time in times)
        except TypeError:
            plausible = False
        if not plausible:
            raise ATHError(
                "INVALID_ARGUMENT",
                "A RetryPolicy needs at least one attempt and no negative seconds.",
            )


class Default(Enum):
    """Stands for an argument that was not given where None means something else."""

    CLIENT = "the client's own"

    def __repr__(self) -> str:
        """Short, for signatures in documentation."""
        return "CLIENT"


Retry = RetryPolicy | None | Default


def resolve_policy(retry: object, default: RetryPolicy | None) -> RetryPolicy | None:
    """The policy that an argument means; None for single attempts.

    Raises:
        ATHError: INVALID_ARGUMENT.
    """
    if retry is Default.CLIENT:
        return default
    if retry is None or isinstance(retry, RetryPolicy):
        return retry
    raise ATHError("INVALID_ARGUMENT", "retry must be a RetryPolicy, or None for single attempts.")


@dataclass(slots=True, eq=False)
class Rule:
    """After which failures a call may be sent again. No connection at all: always."""

    lost: bool = False
    timed_out: bool = False
    statuses: frozenset[int] = frozenset()
    only_when_told: bool = False
    """A status counts only with a Retry-After: the server says that it did nothing."""

    def allows(self, error: ATHError) -> bool:
        """Whether sending the call again can do no harm and may help."""
        match error._delivery:
            case Delivery.UNSENT:
                return True
            case Delivery.LOST:
                return self.lost
            case Delivery.TIMED_OUT:
                return self.timed_out
            case Delivery.ANSWERED:
                told = error.retry_after is not None or not self.only_when_told
                return error.status in self.statuses and told
            case Delivery.LOCAL:
                return False


# A 502 never proves that nothing was done: only calls that may be done twice are repeated after it.
READ: Final = Rule(True, True, frozenset({429, 502, 503, 504}))
"""Discovery, status, GET, HEAD, OPTIONS; authorize (a new session is harmless); revoke."""
REGISTER: Final = Rule(statuses=frozenset({429, 503}), only_when_told=True)
EXCHANGE: Final = Rule(statuses=frozenset({429, 503}))
IDEMPOTENT: Final = Rule(lost=True, statuses=frozenset({429, 503}))
"""PUT and DELETE through proxy and api, and what the caller marks so."""
WRITE: Final = Rule(statuses=frozenset({429}), only_when_told=True)
"""POST, PATCH and anything else, and what the caller marks so."""

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def rule_for(method: str, idempotent: bool | None) -> Rule:
    """The rule of a call to a provider; the caller's word goes before the method's meaning."""
    if idempotent is False:
        return WRITE
    if method in _SAFE:
        return READ
    return IDEMPOTENT if idempotent or method in ("PUT", "DELETE") else WRITE
