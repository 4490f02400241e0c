"""When a failed call is tried again, and after how long: a retry policy in tenacity's terms."""

from __future__ import annotations

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


class WaitRetryAfter(wait_base):
    """The pause that the server asked for; where it asked for none, another one."""

    def __init__(self, otherwise: wait_base) -> None:
        self._otherwise = otherwise

    def __call__(self, retry_state: RetryCallState) -> float:
        """Seconds."""
        retry_after = _error_of(retry_state).retry_after
        return self._otherwise(retry_state) if retry_after is None else retry_after


class StopBeforeTotal(stop_base):
    """Stop rather than let all pauses together last longer than that."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __call__(self, retry_state: RetryCallState) -> bool:
        """Whether the next pause would be too long."""
        return retry_state.idle_for + retry_state.upcoming_sleep > self._seconds


def _error_of(state: RetryCallState) -> ATHError:
    error = state.outcome.exception() if state.outcome is not None else None
    assert isinstance(error, ATHError)  # noqa: S101 - nothing else is handed to tenacity here
    return error


@lru_cache(maxsize=64)
def _retrying(policy: RetryPolicy) -> Retrying:
    exponential = wait_random_exponential if policy.jitter else wait_exponential
    return Retrying(
        stop=stop_after_attempt(policy.attempts) | StopBeforeTotal(policy.total),
        wait=WaitRetryAfter(exponential(multiplier=policy.base, max=policy.maximum)),
        retry=retry_if_exception(lambda error: isinstance(error, ATHError) and error.retryable),
        reraise=True,
    )


class Backoff:
    """The failures of one call so far. The driver pauses by itself, blocking or not."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._retrying = _retrying(policy)
        self._retrying.begin()
        self._state = RetryCallState(self._retrying, None, (), {})

    def next_pause(self, error: ATHError) -> float:
        """Seconds until the next attempt; raises the error if the policy wants none."""
        self._state.set_exception((type(error), error, error.__traceback__))
        self._retrying.iter(self._state)
        pause = self._state.upcoming_sleep
        self._state.prepare_for_next_attempt()
        return pause
