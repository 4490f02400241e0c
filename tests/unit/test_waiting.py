"""Waiting for consent and approval: when it tries, what it waits out, and how it ends."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from ath._protocol import waiting
from ath._protocol.approval import wait_for_approval
from ath._protocol.completing import complete_authorization
from ath._protocol.steps import Call, Share, Step
from ath.errors import ATHError, Delivery
from ath.stores.record import Record, Session, Token

from .flows import body_of, failed, lost, refusal
from .support import NOW, error_of, json_reply
from .test_flows import GRANTED, HELD
from .waiting import Clock, FakeReceiver, TimedRun, seconds_of, timed_context

NOT_YET = refusal("SESSION_NOT_FOUND", 400)
TOKEN = json_reply(GRANTED)
STATE = "state-of-the-agent"
SESSION = Session(
    "github",
    "v" * 48,
    NOW,
    NOW + 600,
    "c-1",
    ("repo",),
    STATE,
    authorization_url="https://x.example",
)
ABOUT = {"provider": "github", "scopes": ["repo"], "session_id": "sess-1"}


def make_run(*replies: Any, session: Session | None = SESSION, user: str | None = None) -> TimedRun:
    """A run whose credentials hold a registration and an open session."""
    clock = Clock()
    made = timed_context(clock, user=user)
    run = TimedRun(deque(replies), context=made, clock=clock)
    run.credentials._owner.change(lambda record: record.set_registration(HELD))
    if session is not None:
        run.credentials.change(lambda record: record.open_session("sess-1", session))
    if not replies:
        run.answer = lambda _: NOT_YET
    return run


def wait(run: TimedRun, timeout: float = 600, receiver: Any = None) -> Any:
    return run.run(waiting.wait_for_token(run.context, "sess-1", timeout, receiver))


def test_the_first_try_is_made_at_once() -> None:
    run = make_run(TOKEN)
    granted = wait(run)
    assert (granted.provider, granted.scopes, granted.user) == ("github", ("repo",), None)
    assert run.pauses == []
    assert run.credentials.session("sess-1") is None


@pytest.mark.parametrize("seconds", [-1e11, -9e11, 1 - 10**12])
def test_a_token_that_expired_before_the_calendar_began_is_granted_as_it_is(seconds: float) -> None:
    run = make_run(json_reply({**GRANTED, "expires_in": seconds}))
    assert wait(run).expires_at == datetime.fromtimestamp(0, UTC)
    assert len(run.credentials.tokens()) == 1


def test_pauses_grow_by_half_from_one_second_to_five_and_are_spread() -> None:
    run = make_run(*[NOT_YET] * 7, TOKEN)
    assert wait(run)
    assert seconds_of(run) == [1, 1.5, 2.25, 3.375, 5, 5, 5]
    assert {pause.spread for pause in run.pauses} == {0.2}


def test_each_try_is_a_single_call_with_an_attestation_of_its_own() -> None:
    run = make_run(NOT_YET, TOKEN)
    wait(run)
    assert [(call.retry, bool(call.audiences)) for call in run.calls] == [(None, True)] * 2
    assert [body_of(request)["code"] for request in run.requests] == ["exchange"] * 2


@pytest.mark.parametrize(
    "failure",
    [
        refusal("RATE_LIMITED", 429),
        refusal("INTERNAL_ERROR", 500),
        refusal("TEMPORARILY_UNAVAILABLE", 503),
        refusal("OAUTH_ERROR", 502),
        failed(Delivery.UNSENT),
        failed(Delivery.TIMED_OUT),
        lost(),
    ],
    ids=["429", "500", "503", "502", "refused", "timed out", "lost"],
)
def test_what_may_pass_is_waited_out(failure: Any) -> None:
    run = make_run(failure, failure, TOKEN)
    assert wait(run).provider == "github"
    assert len(run.calls) == 3


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (refusal("INVALID_GRANT", 400), "INVALID_GRANT"),
        (refusal("INTERNAL_ERROR", 400), "INTERNAL_ERROR"),
        (refusal("INVALID_ATTESTATION", 401), "INVALID_ATTESTATION"),
        (refusal("SCOPE_NOT_APPROVED", 403), "SCOPE_NOT_APPROVED"),
        (refusal("SESSION_EXPIRED", 400), "SESSION_EXPIRED"),
        (failed(Delivery.LOCAL), "NETWORK_ERROR"),
    ],
)
def test_what_cannot_pass_is_raised_at_once(reply: Any, code: str) -> None:
    run = make_run(reply)
    assert error_of(lambda: wait(run)).code == code
    assert run.pauses == []


def test_a_retry_after_is_the_least_that_is_waited() -> None:
    run = make_run(refusal("RATE_LIMITED", 429, retry_after="8"), TOKEN)
    wait(run)
    [pause] = run.pauses
    assert pause.seconds * (1 - pause.spread) == pytest.approx(8)


def test_a_retry_after_beyond_the_time_ends_the_wait() -> None:
    run = make_run(refusal("RATE_LIMITED", 429, retry_after="20"))
    error = error_of(lambda: wait(run, timeout=10))
    assert error.code == "CONSENT_TIMEOUT"
    assert "RATE_LIMITED" in error.message
    assert run.pauses == []


def test_the_last_try_is_made_when_the_time_is_over() -> None:
    run = make_run()
    error = error_of(lambda: wait(run, timeout=10))
    assert error.code == "CONSENT_TIMEOUT"
    assert "do not tell" in error.message
    assert error.details == ABOUT
    assert sum(seconds_of(run)) == pytest.approx(10)
    assert run.pauses[-1].spread == 0
    assert run.credentials.session("sess-1") == SESSION


@pytest.mark.parametrize(
    ("left", "said"), [(600, "600"), (599.98123, "600"), (1.48123, "1.5"), (0.25, "0.2"), (0, "0")]
)
def test_the_time_is_told_as_a_person_reads_it(left: float, said: str) -> None:
    session = replace(SESSION, expires_at=NOW + 1000)
    error = error_of(lambda: wait(make_run(session=session), timeout=left))
    assert f" within {said} seconds." in error.message


def test_a_timeout_of_zero_is_one_try() -> None:
    run = make_run()
    assert error_of(lambda: wait(run, timeout=0)).code == "CONSENT_TIMEOUT"
    assert len(run.calls) == 1


def test_the_wait_ends_with_the_life_of_the_session() -> None:
    run = make_run(session=Session("github", "v" * 48, NOW - 580, NOW + 20, "c-1"))
    error = error_of(lambda: wait(run))
    assert error.code == "SESSION_EXPIRED"
    assert "do not tell" in error.message
    assert sum(seconds_of(run)) == pytest.approx(20)


def test_after_a_lost_reply_the_outcome_is_unknown() -> None:
    run = make_run()
    run.answer = lambda number: lost() if number == 2 else NOT_YET
    error = error_of(lambda: wait(run, timeout=10))
    assert error.code == "OUTCOME_UNKNOWN"
    assert error.details == ABOUT
    assert run.credentials.session("sess-1").expires_at == run.clock.now()


def test_after_a_lost_reply_a_session_that_is_over_may_have_been_granted() -> None:
    run = make_run(lost(), refusal("SESSION_EXPIRED", 400))
    error = error_of(lambda: wait(run))
    assert error.code == "OUTCOME_UNKNOWN"
    assert error.details == ABOUT
    assert len(run.calls) == 2


def test_a_try_has_what_is_left_of_the_time_but_never_too_little_to_lose_a_token() -> None:
    run = make_run()
    error_of(lambda: wait(run, timeout=10))
    assert run.calls[0].within == 10
    assert run.calls[-1].within == waiting.LEAST_ATTEMPT


def test_a_denial_is_told_and_remembered() -> None:
    run = make_run(NOT_YET, refusal("USER_DENIED", 400))
    error = error_of(lambda: wait(run))
    assert (error.code, error.status) == ("USER_DENIED", 400)
    assert ABOUT.items() <= error.details.items()
    again = error_of(lambda: wait(run))
    assert (again.code, again.details) == ("USER_DENIED", ABOUT)
    assert len(run.calls) == 2


@pytest.mark.parametrize("user", [None, "alice"])
def test_a_session_that_is_not_held_is_not_asked_for(user: str | None) -> None:
    run = make_run(session=None, user=user)
    assert error_of(lambda: wait(run)).code == "SESSION_NOT_FOUND"
    assert run.calls == []


def other_worker(run: TimedRun, change: Any, at: int) -> None:
    """Let another worker change the record before that look at it."""
    run.before_reload = lambda number: run.credentials.change(change) if number == at else None


def grant_it(record: Record) -> None:
    token = Token("tk-9", "github", NOW + 3600, ("repo",), "c-1", session_id="sess-1")
    record.keep_token(token, "sess-1")


def test_a_token_that_another_worker_got_ends_the_wait() -> None:
    run = make_run()
    other_worker(run, grant_it, at=3)
    assert wait(run).scopes == ("repo",)
    assert len(run.calls) == 2


def test_the_record_is_looked_at_once_more_when_the_time_is_over() -> None:
    run = make_run()
    other_worker(run, grant_it, at=2)
    assert wait(run, timeout=0).provider == "github"
    assert len(run.calls) == 1


def test_a_denial_that_another_worker_saw_ends_the_wait() -> None:
    run = make_run()
    other_worker(run, lambda record: record.deny_session("sess-1"), at=2)
    assert error_of(lambda: wait(run)).code == "USER_DENIED"
    assert len(run.calls) == 1


def test_a_token_of_another_session_does_not_end_the_wait() -> None:
    run = make_run()
    other_worker(run, lambda r: r.keep_token(Token("tk-9", "github", session_id="sess-2")), at=2)
    assert error_of(lambda: wait(run, timeout=5)).code == "CONSENT_TIMEOUT"


def test_tries_of_one_session_are_shared() -> None:
    run = make_run(TOKEN)
    flow = waiting.wait_for_token(run.context, "sess-1", 5)
    steps = [next(flow), flow.send(None)]
    assert isinstance(steps[1], Share)
    assert steps[1].key == b"exchange sess-1"
    assert isinstance(next(steps[1].make_flow()), Call)


class Following(TimedRun):
    """A run whose first exchange joins another caller's, which fails."""

    theirs: ATHError | None = None

    def perform(self, step: Step) -> Any:
        if isinstance(step, Share) and self.theirs is not None:
            error, self.theirs = self.theirs, None
            raise error
        return super().perform(step)


def make_following(theirs: str, *replies: Any) -> Following:
    run = make_run(*replies)
    following = Following(run.replies, context=run.context, clock=run.clock)
    following.theirs = ATHError(theirs, "Another caller's exchange failed.")
    return following


FAILURES = ["INVALID_GRANT", "RATE_LIMITED", "OUTCOME_UNKNOWN", "SESSION_NOT_FOUND"]


@pytest.mark.parametrize("theirs", FAILURES)
def test_a_callback_that_joined_anothers_failure_exchanges_its_own_code(theirs: str) -> None:
    run = make_following(theirs, TOKEN)
    came = f"https://app.example{CAME}&code=c-9&state={STATE}"
    assert run.run(complete_authorization(run.context, came)).provider == "github"
    assert [body_of(request)["code"] for request in run.requests] == ["c-9"]


@pytest.mark.parametrize("theirs", FAILURES)
def test_a_wait_that_joined_anothers_failure_makes_its_own_try(theirs: str) -> None:
    run = make_following(theirs, TOKEN)
    assert wait(run).provider == "github"
    assert run.pauses == []


def test_one_that_joined_anothers_failure_takes_what_was_granted_meanwhile() -> None:
    run = make_following("OUTCOME_UNKNOWN")
    granted = Token("t-1", "github", NOW + 60, ("repo",), "c-1", session_id="sess-1")
    run.before_reload = lambda _: run.credentials.change(
        partial(Record.keep_token, token=granted, session_id="sess-1")
    )
    came = f"https://app.example{CAME}&code=c-9&state={STATE}"
    assert run.run(complete_authorization(run.context, came)).provider == "github"
    assert run.calls == []


@pytest.mark.parametrize("timeout", [-1, float("inf"), float("nan"), None, True, "5"])
def test_a_timeout_is_a_number_of_seconds(timeout: Any) -> None:
    run = make_run()
    assert error_of(lambda: wait(run, timeout)).code == "INVALID_ARGUMENT"
    assert run.calls == []


CAME = "/callback?session_id=sess-1&success=true"


def browser_comes(run: TimedRun, receiver: FakeReceiver, *urls: str) -> None:
    """Let a browser come during each of the first pauses."""
    left = list(urls)

    def come(_: Any) -> None:
        if left:
            receiver.come(left.pop(0))

    run.during_pause = come


def test_a_browser_that_comes_back_ends_the_pause() -> None:
    run, receiver = make_run(NOT_YET, TOKEN), FakeReceiver()
    browser_comes(run, receiver, f"{CAME}&code=c-9&state={STATE}")
    assert wait(run, receiver=receiver).provider == "github"
    assert run.clock.passed == 0
    assert body_of(run.requests[-1])["code"] == "c-9"
    assert receiver.pages == ["granted"]
    assert receiver.states == ["open", "closed"]


def test_a_browser_that_never_comes_back_harms_nobody() -> None:
    run, receiver = make_run(NOT_YET, NOT_YET, TOKEN), FakeReceiver()
    assert wait(run, receiver=receiver).provider == "github"
    assert seconds_of(run) == [1, 1.5, waiting.LATE_BROWSER]
    assert receiver.pages == ["granted"]


@pytest.mark.parametrize(
    "stranger",
    [
        "/callback",
        "/callback?error=access_denied",
        "/callback?session_id=sess-2&success=true",
        "/callback?error=access_denied&ath_session_id=sess-2",
        "/callback?session_id=sess-1&ath_session_id=sess-2",
        "/callback?session_id=sess-1&success=true&state=other",
        "/callback?success=true&state=other",
    ],
)
def test_a_strangers_browser_is_turned_away(stranger: str) -> None:
    run, receiver = make_run(NOT_YET, NOT_YET, TOKEN), FakeReceiver()
    browser_comes(run, receiver, stranger, CAME)
    assert wait(run, receiver=receiver).provider == "github"
    assert receiver.pages == ["failed", "granted"]


@pytest.mark.parametrize(
    ("url", "code", "page"),
    [
        ("/callback?error=access_denied&ath_session_id=sess-1", "USER_DENIED", "denied"),
        ("/callback?session_id=sess-1&success=false", "USER_DENIED", "denied"),
        ("/callback?session_id=sess-1&error=server_error", "OAUTH_ERROR", "failed"),
    ],
)
def test_a_browser_that_brings_a_refusal_ends_the_wait(url: str, code: str, page: str) -> None:
    run, receiver = make_run(), FakeReceiver()
    browser_comes(run, receiver, url)
    assert error_of(lambda: wait(run, receiver=receiver)).code == code
    assert len(run.calls) == 1
    assert receiver.pages == [page]
    assert receiver.states == ["open", "closed"]


def test_after_the_browser_came_the_pauses_are_whole() -> None:
    run, receiver = make_run(NOT_YET, NOT_YET, NOT_YET, TOKEN), FakeReceiver()
    browser_comes(run, receiver, CAME)
    wait(run, receiver=receiver)
    assert [pause.until is None for pause in run.pauses] == [False, True, True, False]


APPROVED = {"client_id": "c-1", "agent_status": "approved", "approved_providers": []}
PENDING = json_reply({**APPROVED, "agent_status": "pending"})


def approval(run: TimedRun, timeout: float = 600) -> Any:
    return run.run(wait_for_approval(run.context, timeout))


def test_approval_is_waited_for() -> None:
    run = make_run(PENDING, refusal("INTERNAL_ERROR", 500), lost(), json_reply(APPROVED))
    assert approval(run).agent_status == "approved"
    assert seconds_of(run) == [1, 1.5, 2.25]


def test_a_denied_agent_is_told() -> None:
    provider = {"provider_id": "github", "approved_scopes": [], "denied_scopes": ["repo"]}
    denied = {**APPROVED, "agent_status": "denied", "approved_providers": [provider]}
    error = error_of(lambda: approval(make_run(PENDING, json_reply(denied))))
    assert error.code == "AGENT_UNAPPROVED"
    assert error.details["client_id"] == "c-1"
    assert error.details["agent_status"] == "denied"
    assert error.details["approved_providers"][0]["denied_scopes"] == ["repo"]


def test_an_approval_that_does_not_come_is_a_timeout() -> None:
    run = make_run()
    run.answer = lambda _: PENDING
    error = error_of(lambda: approval(run, timeout=7))
    assert (error.code, error.details["agent_status"]) == ("APPROVAL_TIMEOUT", "pending")
    assert run.clock.passed == pytest.approx(7)


def test_a_refusal_to_show_the_registration_is_raised() -> None:
    run = make_run(refusal("AUTH_REQUIRED", 401))
    assert error_of(lambda: approval(run)).code == "AUTH_REQUIRED"
