"""The policy table: which call is repeated after which failure, and how long is waited."""

from __future__ import annotations

import itertools
import math
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ath
from ath import RetryPolicy, retry
from ath._client.attempts import Attempts
from ath._http.limits import Limits, parse_timeout
from ath._protocol.context import Learned
from ath._protocol.steps import Call
from ath.errors import ATHError, Delivery
from ath.retry import EXCHANGE, IDEMPOTENT, READ, REGISTER, WRITE, Rule, rule_for

from .support import REQUEST, error_of, outcome, reply

LIMITS = parse_timeout(60.0, 1000)
STATUSES = (400, 401, 403, 404, 408, 409, 425, 429, 500, 501, 502, 503, 504)


def failed(delivery: Delivery) -> ATHError:
    error = ATHError("NETWORK_ERROR", "m")
    error._delivery = delivery
    return error


def answered(status: int, retry_after: float | None = None) -> ATHError:
    return ATHError("HTTP_ERROR", "m", status, retry_after=retry_after)


FAILURES: dict[str, ATHError] = {
    "refused here": failed(Delivery.LOCAL),
    "no connection": failed(Delivery.UNSENT),
    "reply lost": failed(Delivery.LOST),
    "timeout": failed(Delivery.TIMED_OUT),
    **{str(status): answered(status) for status in STATUSES},
    **{f"{status} told when": answered(status, 1.0) for status in STATUSES},
}


class Clock:
    """Stands for the module time."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


CLOCK = Clock()


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ath._client.attempts.time", CLOCK)


class Failing:
    """A call that fails again and again, as a driver sees it."""

    def __init__(self, policy: RetryPolicy | None, rule: Rule = READ) -> None:
        call = Call(lambda _: REQUEST, lambda *_: None, rule, policy)
        self.attempts = Attempts(Learned(), call, policy, LIMITS)

    def pause(self, error: ATHError, took: float = 0.0) -> float | None:
        """Seconds until the next attempt, or None if the error is raised after that long a try."""
        CLOCK.now += took
        found = outcome(lambda: self.attempts.next_pause(error, None))
        assert found is error or isinstance(found, float | int)
        if isinstance(found, ATHError):
            return None
        CLOCK.now += found
        return found

    def pauses(self, error: ATHError) -> list[float]:
        return [p for p in iter(lambda: self.pause(error), None) if p is not None]


def told(*statuses: int) -> set[str]:
    return {f"{status} told when" for status in statuses}


def either(*statuses: int) -> set[str]:
    return told(*statuses) | {str(status) for status in statuses}


BROKEN = {"reply lost", "timeout"}
REPEATED: list[tuple[str, Rule, set[str]]] = [
    # the table, row by row: what is repeated besides "no connection"
    ("discover, registration, authorize, revoke", READ, BROKEN | either(429, 502, 503, 504)),
    ("register", REGISTER, told(429, 503)),
    ("exchange_token", EXCHANGE, either(429, 503)),
    *(
        (verb, rule_for(verb, None), BROKEN | either(429, 502, 503, 504))
        for verb in ("GET", "HEAD", "OPTIONS")
    ),
    *(
        (verb, rule_for(verb, None), {"reply lost"} | either(429, 503))
        for verb in ("PUT", "DELETE")
    ),
    *((verb, rule_for(verb, None), told(429)) for verb in ("POST", "PATCH", "PROPFIND", "get")),
    *(
        (f"{verb}, idempotent", rule_for(verb, True), {"reply lost"} | either(429, 503))
        for verb in ("POST", "PATCH", "PUT", "DELETE", "PROPFIND")
    ),
    *(
        (f"{verb}, not idempotent", rule_for(verb, False), told(429))
        for verb in ("PUT", "DELETE", "POST", "PATCH", "GET", "HEAD", "OPTIONS")
    ),
    ("GET, idempotent", rule_for("GET", True), BROKEN | either(429, 502, 503, 504)),
]


@pytest.mark.parametrize(
    ("rule", "failure", "repeated"),
    [
        pytest.param(rule, failure, failure in repeated or failure == "no connection",
                     id=f"{call}: {failure}")
        for (call, rule, repeated), failure in itertools.product(REPEATED, FAILURES)
    ],
)  # fmt: skip
def test_the_policy_table(rule: Rule, failure: str, repeated: bool) -> None:
    error = FAILURES[failure]
    assert rule.allows(error) is repeated
    assert (Failing(RetryPolicy(jitter=False), rule).pause(error) is not None) is repeated
    assert error.retryable is repeated
    assert Failing(None, rule).pause(error) is None


def test_the_default_policy_is_the_documented_one() -> None:
    assert RetryPolicy() == RetryPolicy(attempts=3, total=30, base=0.2, maximum=5, jitter=True)


@pytest.mark.parametrize(("attempts", "made"), [(1, 1), (2, 2), (3, 3), (10, 10)])
def test_so_many_attempts_are_made_and_no_more(attempts: int, made: int) -> None:
    failing = Failing(RetryPolicy(attempts=attempts, base=0))
    assert 1 + len(failing.pauses(FAILURES["timeout"])) == made


def test_an_error_that_is_not_repeated_any_more_still_says_that_it_may_be() -> None:
    error = failed(Delivery.UNSENT)
    assert Failing(RetryPolicy(attempts=1)).pause(error) is None
    assert error.retryable


def test_the_last_error_tells_of_all_attempts() -> None:
    failing = Failing(RetryPolicy(attempts=3, base=0))
    assert failing.pause(answered(503)) == failing.pause(failed(Delivery.LOST)) == 0
    last = answered(429)
    assert failing.pause(last) is None
    assert last.__notes__ == ["3 attempts: HTTP_ERROR, NETWORK_ERROR, HTTP_ERROR."]


def test_a_single_attempt_adds_no_note() -> None:
    error = answered(404)
    assert Failing(RetryPolicy()).pause(error) is None
    assert not hasattr(error, "__notes__")


def pauses(policy: RetryPolicy, error: ATHError) -> list[float]:
    return Failing(policy).pauses(error)


def test_pauses_double_up_to_the_longest() -> None:
    policy = RetryPolicy(attempts=7, base=0.2, maximum=2, jitter=False)
    assert pauses(policy, answered(503)) == pytest.approx([0.2, 0.4, 0.8, 1.6, 2, 2])


def test_jitter_draws_from_the_whole_of_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[tuple[float, float]] = []

    def uniform(low: float, high: float) -> float:
        drawn.append((low, high))
        return high / 2

    monkeypatch.setattr(random, "uniform", uniform)
    found = pauses(RetryPolicy(attempts=4, base=1, maximum=3), answered(503))
    assert drawn[:3] == [(0, 1), (0, 2), (0, 3)]
    assert found == [0.5, 1.0, 1.5]


policies = st.builds(
    RetryPolicy,
    attempts=st.integers(1, 50),
    total=st.floats(0, 1000),
    base=st.floats(0, 100),
    maximum=st.floats(0, 100),
    jitter=st.booleans(),
)


@given(policies, st.none() | st.floats(0, 2000))
def test_pauses_keep_to_every_bound(policy: RetryPolicy, retry_after: float | None) -> None:
    found = pauses(policy, answered(503, retry_after))
    assert len(found) < policy.attempts
    assert sum(found) <= policy.total + 1e-6
    for nth, pause in enumerate(found):
        if retry_after is None:
            assert 0 <= pause <= min(policy.maximum, policy.base * 2**nth)
        else:
            assert pause >= retry_after


def test_a_huge_number_of_attempts_overflows_nothing() -> None:
    policy = RetryPolicy(attempts=2000, total=1e9, base=0.2, maximum=5, jitter=False)
    found = pauses(policy, answered(503))
    assert len(found) == 1999
    assert found[-1] == 5


@pytest.mark.parametrize(
    ("retry_after", "repeated"),
    [
        (0.0, [0.2, 0.4]),
        (15.0, [15.0, 15.0]),
        (15.1, [15.1]),
        (30.0, [30.0]),
        (30.1, []),
        (86_400.0, []),
    ],
)
def test_retry_after_is_obeyed_within_the_total_and_raised_beyond_it(
    retry_after: float, repeated: list[float]
) -> None:
    error = answered(429, retry_after)
    assert pauses(RetryPolicy(jitter=False), error) == repeated
    assert error.retry_after == retry_after
    assert error.retryable  # the user may wait longer than the policy does


@pytest.mark.parametrize(
    ("retry_after", "longest"), [(0.0, 1.0), (0.1, 1.1), (8.0, 9.0), (10.0, 11.0), (20.0, 22.0)]
)
def test_retry_after_is_a_lower_bound_with_a_random_part(
    monkeypatch: pytest.MonkeyPatch, retry_after: float, longest: float
) -> None:
    """So that the callers that a server sent away do not come back at one instant."""
    policy = RetryPolicy(attempts=2, base=0)
    for part in (0.0, 0.5, 1.0):
        monkeypatch.setattr(random, "uniform", lambda low, high, p=part: low + p * (high - low))
        [pause] = pauses(policy, answered(429, retry_after))
        assert pause == pytest.approx(retry_after + part * (longest - retry_after))


def test_the_longer_of_retry_after_and_the_backoff_counts() -> None:
    policy = RetryPolicy(attempts=4, base=1, jitter=False)
    assert pauses(policy, answered(503, 1.5)) == [1.5, 2, 4]


def test_the_random_part_stays_within_the_total(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "uniform", lambda _, high: high)
    assert pauses(RetryPolicy(), answered(429, 29.5)) == [30.0]
    assert pauses(RetryPolicy(total=0), answered(429, 0)) in ([], [0.0, 0.0])


def test_no_attempt_begins_after_the_total() -> None:
    policy = RetryPolicy(attempts=100, total=3, base=1, maximum=1, jitter=False)
    assert pauses(policy, failed(Delivery.UNSENT)) == [1, 1, 1]


def test_the_time_that_attempts_take_counts_as_well() -> None:
    failing = Failing(RetryPolicy(attempts=100, total=10, base=1, maximum=1, jitter=False))
    assert failing.pause(FAILURES["timeout"], took=4) == 1
    assert failing.pause(FAILURES["timeout"], took=4) == 1  # begins after 10 seconds
    assert failing.pause(FAILURES["timeout"]) is None
    slow = Failing(RetryPolicy())
    assert slow.pause(FAILURES["timeout"], took=60) is None


def attempts_of(
    policy: RetryPolicy | None, limits: Limits = LIMITS, *audiences: Any, rule: Rule = READ
) -> Attempts:
    call = Call(lambda _: REQUEST, lambda *_: None, rule, policy, tuple(audiences))
    return Attempts(Learned(), call, policy, limits)


def test_a_further_attempt_has_what_is_left_of_the_total() -> None:
    attempts = attempts_of(RetryPolicy())
    assert attempts.begin() == LIMITS
    CLOCK.now += 5
    assert attempts.begin() == LIMITS.shorten(25)
    CLOCK.now += 10
    assert attempts.begin() == LIMITS.shorten(15)


def test_the_first_attempt_has_all_its_time_though_signing_took_long() -> None:
    attempts = attempts_of(RetryPolicy())
    CLOCK.now += 100
    assert attempts.begin() == LIMITS
    assert not attempts.in_time


@pytest.mark.parametrize("timeout", [2.0, None])
def test_a_timeout_that_is_shorter_than_what_is_left_or_none_at_all_stays(
    timeout: float | None,
) -> None:
    limits = parse_timeout(timeout, 1000)
    attempts = attempts_of(RetryPolicy(), limits)
    assert attempts.begin() == attempts.begin() == limits


def test_without_a_policy_nothing_is_left_to_count() -> None:
    attempts = attempts_of(None)
    attempts.begin()
    CLOCK.now += 1000
    assert attempts.begin() == LIMITS
    assert attempts.in_time


@pytest.mark.parametrize(("took", "again"), [(29.0, True), (31.0, False)])
def test_an_attestation_is_not_signed_again_when_the_time_is_over(took: float, again: bool) -> None:
    refused = ATHError("INVALID_ATTESTATION", "m", 401)
    attempts = attempts_of(RetryPolicy(), LIMITS, "one", ["one", "two"], rule=EXCHANGE)
    CLOCK.now += took
    found = outcome(lambda: attempts.next_pause(refused, reply(401)))
    assert (found == 0.0) is again
    assert (found is refused) is not again


@pytest.mark.parametrize(
    "wrong",
    [
        {"attempts": 0},
        {"attempts": -1},
        {"attempts": "3"},
        {"attempts": None},
        {"total": -1},
        {"total": math.inf},
        {"base": -0.1},
        {"base": math.nan},
        {"maximum": -5},
        {"maximum": float("inf")},
        {"maximum": "5"},
    ],
)
def test_a_policy_that_can_only_be_a_mistake_is_refused(wrong: dict[str, Any]) -> None:
    assert error_of(lambda: RetryPolicy(**wrong)).code == "INVALID_ARGUMENT"


def test_a_policy_is_a_value() -> None:
    assert ath.RetryPolicy is RetryPolicy
    assert RetryPolicy(attempts=5) == RetryPolicy(attempts=5)
    assert hash(RetryPolicy()) == hash(RetryPolicy())
    with pytest.raises(AttributeError):
        RetryPolicy().attempts = 4  # type: ignore[misc]
    assert repr(retry.Default.CLIENT) == "CLIENT"


@pytest.mark.parametrize("rule", [READ, REGISTER, EXCHANGE, IDEMPOTENT, WRITE])
def test_a_502_is_repeated_only_by_those_that_may_be_done_twice(rule: Rule) -> None:
    assert rule.allows(answered(502, 1.0)) is (rule is READ)
