"""When a failed call is tried again, and after how long: a retry policy in tenacity's terms."""

from __future__ import annotations

import random
from functools import lru_cache

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    wait_exponential,
    wait_random_exponential,
)
from tenacity.stop import stop_base
from tenacity.wait import wait_base

from ..errors import ATHError
from ..retry import RetryPolicy


class WaitAtLeastRetryAfter(wait_base):
    """The backoff, but no less than the server asked for and then some.

    Without the random part a whole fleet would come back at the same instant.
    """

    def __init__(self, backoff: wait_base, policy: RetryPolicy) -> None:
        self._backoff = backoff
        self._policy = policy

    def __call__(self, retry_state: RetryCallState) -> float:
        """Seconds."""
        retry_after = _error_of(retry_state).retry_after
        if retry_after is None:
            return self._backoff(retry_state)
        pause = max(retry_after, self._backoff(retry_state))
        if not self._policy.jitter:
            return pause
        elapsed = retry_state.seconds_since_start or 0.0
        left = self._policy.total - elapsed - pause
        spread = max(0.0, min(left, max(1.0, pause / 10)))
        return pause + random.uniform(0, spread)  # noqa: S311 - it only spreads callers


class StopBeforeTotal(stop_base):
    """Stop rather than begin an attempt more than that after the call's start."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __call__(self, retry_state: RetryCallState) -> bool:
        """Whether the next pause would be too long."""
        elapsed = retry_state.seconds_since_start or 0.0
        return elapsed + retry_state.upcoming_sleep > self._seconds


def _error_of(state: RetryCallState) -> ATHError:
    error = state.outcome.exception() if state.outcome is not None else None
    assert isinstance(error, ATHError)  # noqa: S101 - nothing else is handed to tenacity here
    return error


@lru_cache(maxsize=64)
def _retrying(policy: RetryPolicy) -> Retrying:
    exponential = wait_random_exponential if policy.jitter else wait_exponential
    return Retrying(
        stop=stop_after_attempt(policy.attempts) | StopBeforeTotal(policy.total),
        wait=WaitAtLeastRetryAfter(exponential(multiplier=policy.base, max=policy.maximum), policy),
        retry=retry_if_exception(lambda error: isinstance(error, ATHError) and error.retryable),
        reraise=True,
    )


class Backoff:
    """The failures of one call so far. The driver pauses by itself, blocking or not."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._retrying = _retrying(policy)
        self._retrying.begin()
        self._state = RetryCallState(self._retrying, None, (), {})

    def next_pause(self, error: ATHError, elapsed: float) -> float:
        """Seconds until the next attempt; raises the error if the policy wants none.

        Args:
            error: The last attempt's.
            elapsed: Seconds since the call's start.
        """
        self._state.set_exception((type(error), error, error.__traceback__))
        self._state.outcome_timestamp = self._state.start_time + elapsed
        self._retrying.iter(self._state)
        pause = self._state.upcoming_sleep
        self._state.prepare_for_next_attempt()
        return pause
