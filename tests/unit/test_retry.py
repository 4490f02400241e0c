"""The policy table: which call is repeated after which failure, and how long is waited."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ath
from ath import RetryPolicy, retry
from ath.errors import ATHError, Delivery
from ath.retry import EXCHANGE, IDEMPOTENT, READ, REGISTER, WRITE, Plan, Rule, rule_of

from .support import error_of

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
        (verb, rule_of(verb, None), BROKEN | either(429, 502, 503, 504))
        for verb in ("GET", "HEAD", "OPTIONS")
    ),
    *((verb, rule_of(verb, None), {"reply lost"} | either(429, 503)) for verb in ("PUT", "DELETE")),
    *((verb, rule_of(verb, None), told(429)) for verb in ("POST", "PATCH", "PROPFIND", "get")),
    *(
        (f"{verb}, idempotent", rule_of(verb, True), {"reply lost"} | either(429, 503))
        for verb in ("POST", "PATCH", "PUT", "DELETE", "PROPFIND")
    ),
    *(
        (f"{verb}, not idempotent", rule_of(verb, False), told(429))
        for verb in ("PUT", "DELETE", "POST", "PATCH", "GET", "HEAD", "OPTIONS")
    ),
    ("GET, idempotent", rule_of("GET", True), BROKEN | either(429, 502, 503, 504)),
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
    plan = Plan(RetryPolicy(jitter=False), rule)
    assert plan.goes_on(error, 1, 0.0) is repeated
    assert error.retryable is repeated


@pytest.mark.parametrize("error", [None, ValueError(), KeyboardInterrupt()])
def test_nothing_but_an_ath_error_is_repeated(error: BaseException | None) -> None:
    assert not Plan(RetryPolicy(), READ).goes_on(error, 1, 0.0)


def test_the_default_policy_is_the_documented_one() -> None:
    assert RetryPolicy() == RetryPolicy(attempts=3, total=30, base=0.2, maximum=5, jitter=True)


@pytest.mark.parametrize(("attempts", "made"), [(1, 1), (2, 2), (3, 3), (10, 10)])
def test_so_many_attempts_are_made_and_no_more(attempts: int, made: int) -> None:
    plan = Plan(RetryPolicy(attempts=attempts, base=0), READ)
    tries = 1
    while plan.goes_on(FAILURES["timeout"], tries, 0.0):
        tries += 1
    assert tries == made


def test_asked_too_late_a_plan_still_says_no() -> None:
    plan = Plan(RetryPolicy(attempts=2, base=0), READ)
    assert not plan.goes_on(FAILURES["timeout"], 3, 0.0)


def test_an_error_that_is_not_repeated_any_more_still_says_that_it_may_be() -> None:
    error = failed(Delivery.UNSENT)
    assert not Plan(RetryPolicy(attempts=1), READ).goes_on(error, 1, 0.0)
    assert error.retryable


def pauses(policy: RetryPolicy, error: ATHError, waited: float = 0.0) -> list[float]:
    plan, found = Plan(policy, READ), []
    for attempt in itertools.count(1):
        if not plan.goes_on(error, attempt, waited):
            return found
        found.append(plan.pause)
        waited += plan.pause
    raise AssertionError


def test_pauses_double_up_to_the_longest() -> None:
    policy = RetryPolicy(attempts=7, base=0.2, maximum=2, jitter=False)
    assert pauses(policy, answered(503)) == pytest.approx([0.2, 0.4, 0.8, 1.6, 2, 2])


def test_jitter_draws_from_the_whole_of_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[tuple[float, float]] = []

    def uniform(low: float, high: float) -> float:
        drawn.append((low, high))
        return high / 2

    monkeypatch.setattr(retry.random, "uniform", uniform)
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
            assert pause == retry_after


def test_a_huge_number_of_attempts_overflows_nothing() -> None:
    plan = Plan(RetryPolicy(attempts=10**9, jitter=False), READ)
    assert plan.goes_on(answered(503), 10**8, 0.0)
    assert plan.pause == 5


@pytest.mark.parametrize(
    ("retry_after", "waited", "goes_on"),
    [
        (0.0, 0.0, True),
        (29.9, 0.0, True),
        (30.0, 0.0, True),
        (30.1, 0.0, False),
        (10.0, 20.0, True),
        (10.1, 20.0, False),
        (86_400.0, 0.0, False),
    ],
)
def test_retry_after_is_obeyed_within_the_budget_and_raised_beyond_it(
    retry_after: float, waited: float, goes_on: bool
) -> None:
    error = answered(429, retry_after)
    plan = Plan(RetryPolicy(), READ)
    assert plan.goes_on(error, 1, waited) is goes_on
    assert error.retry_after == retry_after
    assert error.retryable  # the user may wait longer than the policy does
    if goes_on:
        assert plan.pause == retry_after


def test_no_pause_goes_beyond_the_total() -> None:
    policy = RetryPolicy(attempts=100, total=3, base=1, maximum=1, jitter=False)
    assert pauses(policy, failed(Delivery.UNSENT)) == [1, 1, 1]
    assert pauses(policy, failed(Delivery.UNSENT), waited=2.5) == []


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
