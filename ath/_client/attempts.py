"""What comes after a failed attempt of a call: another one, or the error.

Another attempt follows at once with the corrected clock or with the next audience, where the
server refused the attestation; or after a pause, where the call's rule and the policy allow it.
"""

from __future__ import annotations

import time
import warnings
from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING

from .._http.limits import Limits
from .._http.messages import Reply
from .._http.opened import OpenReply
from .._protocol.context import Learned
from .._protocol.failures import server_time
from .._protocol.steps import Audience, Call
from ..errors import ATHError, ATHWarning
from ..retry import RetryPolicy

if TYPE_CHECKING:
    from .backoff import Backoff

MAX_CLOCK_DIFFERENCE = 30.0
"""Seconds that the clocks may differ before a refused attestation is the clock's fault."""
_DAY = 86_400.0

INCONCLUSIVE_CODES = frozenset({"INVALID_ATTESTATION", "HTTP_ERROR"})
"""Errors that do not tell whether the server accepted the attestation."""


class Attempts:
    """The attempts of one call. The driver asks it for the audience, and after each failure."""

    __slots__ = (
        "_audiences", "_backoff", "_begun", "_call", "_clock_corrected", "_codes", "_learned",
        "_limits", "_made", "_policy", "_since",
    )  # fmt: skip

    def __init__(
        self, learned: Learned, call: Call, policy: RetryPolicy | None, limits: Limits
    ) -> None:
        self._since = time.monotonic()
        self._begun = False
        if call.streamed is not None:
            policy, limits = _bound(policy, limits, call.streamed.total)
        self._limits = limits
        self._learned = learned
        self._call = call
        self._policy = policy
        self._audiences = call.audiences
        self._clock_corrected = False
        self._codes: list[str] = []
        self._backoff: Backoff | None = None
        self._made = 0

    @property
    def audience(self) -> Audience | None:
        """Whom the next attestation is for; None for a call without one."""
        return self._audiences[0] if self._audiences else None

    @property
    def made(self) -> int:
        """How many attempts have failed."""
        return self._made

    def succeed(self) -> None:
        """Remember the audience that was accepted, where there was a choice."""
        if len(self._call.audiences) > 1:
            self._learned.needs_audience_list = not isinstance(self.audience, str)

    def begin(self) -> Limits:
        """The limits of an attempt that begins now.

        The first one has all its time, a further one what is left of the policy's.
        """
        limits = self._limits
        if self._begun and self._policy is not None:
            limits = limits.shorten(max(0.0, self._policy.total - self._elapsed))
        self._begun = True
        return limits

    def bound_body(self, reply: Reply | OpenReply) -> None:
        """Say how long the reader of an answer waits: this attempt's place is not its business."""
        if isinstance(reply, OpenReply):
            total = self._limits.total
            reply.wait = self._limits.read
            reply.ends = inf if total is None else self._since + total

    @property
    def can_repeat(self) -> bool:
        """Whether what was sent can be sent again."""
        return self._call.streamed is None or self._call.streamed.can_repeat

    @property
    def in_time(self) -> bool:
        """Whether a further attempt may still begin."""
        return self._policy is None or self._elapsed <= self._policy.total

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._since

    def next_pause(self, error: ATHError, reply: Reply | None) -> float:
        """Seconds until the next attempt.

        Raises:
            ATHError: the error itself if no attempt follows; CLOCK_SKEW if the clocks are more
                than a day apart.
        """
        self._made += 1
        if error.code == "INVALID_ATTESTATION" and reply is not None and self._audiences:
            if self._can_sign_anew(reply) and self.in_time:
                return 0.0
        elif error.status is not None and error.code not in INCONCLUSIVE_CODES:
            self.succeed()  # the server looked beyond the attestation
        return self._scheduled_pause(error)

    def _can_sign_anew(self, reply: Reply) -> bool:
        """Whether there is a corrected clock, or another audience, to sign with."""
        if not self._clock_corrected and self._correct_clock(reply):
            self._clock_corrected = True
            return True
        if len(self._audiences) > 1:
            self._audiences = self._audiences[1:]
            self._clock_corrected = False
            return True
        return False

    def _scheduled_pause(self, error: ATHError) -> float:
        """The pause that the retry policy wants, or the error."""
        error.retryable = self._call.rule.allows(error) and self.can_repeat
        self._codes.append(error.code)
        try:
            if not error.retryable or self._policy is None:
                raise error
            if self._backoff is None:
                from .backoff import Backoff  # tenacity is slow to import, and most calls succeed

                self._backoff = Backoff(self._policy)
            return self._backoff.next_pause(error, self._elapsed)
        except ATHError:
            if len(self._codes) > 1:
                error.add_note(f"{len(self._codes)} attempts: {', '.join(self._codes)}.")
            raise

    def _correct_clock(self, reply: Reply) -> bool:
        """Whether this machine's clock was to blame; it is corrected then, for attestations."""
        theirs = server_time(reply)
        if theirs is None:
            return False
        learned = self._learned
        ahead = theirs - reply.received_at
        if abs(ahead - learned.clock_offset) <= MAX_CLOCK_DIFFERENCE:
            return False
        difference = (
            f"{abs(ahead):.0f} seconds {'behind' if ahead > 0 else 'ahead of'} the server's"
        )
        if abs(ahead) > _DAY:
            raise ATHError(
                "CLOCK_SKEW",
                f"This machine's clock is {difference}.",
                reply.status,
                source="client",
            )
        learned.clock_offset = ahead
        if abs(ahead) > MAX_CLOCK_DIFFERENCE:  # else the machine's clock was set meanwhile
            warnings.warn(
                f"This machine's clock is {difference}; attestations are signed with the server's "
                "time from now on. Set the clock.",
                ATHWarning,
                stacklevel=2,
            )
        return True


def _bound(
    policy: RetryPolicy | None, limits: Limits, total: float | None
) -> tuple[RetryPolicy | None, Limits]:
    """The bounds of a call whose answer is read piece by piece.

    The limits bound each wait; the whole, further attempts included, has its own bound.
    """
    if total is not None and policy is not None:
        policy = replace(policy, total=min(policy.total, total))
    return policy, replace(limits, total=total)
