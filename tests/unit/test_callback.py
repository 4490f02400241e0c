"""The URL that a browser comes back with: each spelling, and each thing that it may say."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ath._protocol.callback import is_about, parse_callback
from ath._protocol.completing import complete_authorization
from ath._protocol.steps import Share
from ath.errors import ATHError
from ath.stores.record import Record, Session, Token

from .flows import body_of, refusal
from .support import NOW, error_of, json_reply, outcome
from .test_flows import GRANTED, HELD
from .waiting import Clock, TimedRun, timed_context

STATE = "state-of-the-agent"
SESSION = Session("github", "v" * 48, NOW, NOW + 600, "c-1", ("repo",), STATE)
TOKEN = json_reply(GRANTED)
ABOUT = {"provider": "github", "scopes": ["repo"], "session_id": "sess-1"}


def make_run(*replies: Any, user: str | None = None, session: Session = SESSION) -> TimedRun:
    clock = Clock()
    run = TimedRun(deque(replies), context=timed_context(clock, user=user), clock=clock)
    run.credentials._owner.change(lambda record: record.set_registration(HELD))
    run.credentials.change(lambda record: record.open_session("sess-1", session))
    return run


def complete(run: TimedRun, url: Any) -> Any:
    return run.run(complete_authorization(run.context, url))


@pytest.mark.parametrize(
    "url",
    [
        "https://app.example/cb?session_id=sess-1&success=true",
        "https://app.example/cb?ath_session_id=sess-1&success=true",
        "http://10.0.0.7:8080/other/path?session_id=sess-1&ath_session_id=sess-1",
        "/cb?session_id=sess-1",
        "?session_id=sess-1&success=true",
        "session_id=sess-1&success=true",
        "success=true&session_id=sess-1&success=true&session_id=sess-1",
        f"session_id=sess-1&state={STATE}",
        f"success=true&state={STATE}",
        "https://app.example/cb?session_id=sess%2D1#top",
        "session_id=sess-1&return=/a?b",
        "session_id=sess-1&error=&success=true",
    ],
)
def test_a_session_is_exchanged_in_every_spelling(url: str) -> None:
    run = make_run(TOKEN)
    assert complete(run, url).provider == "github"
    assert body_of(run.requests[0])["ath_session_id"] == "sess-1"
    assert body_of(run.requests[0])["code"] == "exchange"


def test_a_code_that_came_is_sent() -> None:
    run = make_run(TOKEN)
    complete(run, "?session_id=sess-1&code=c%209")
    assert body_of(run.requests[0])["code"] == "c 9"


@pytest.mark.parametrize(
    "url",
    [
        "?error=access_denied&ath_session_id=sess-1",
        "?error=access_denied&session_id=sess-1&success=true&code=c",
        "?session_id=sess-1&success=false",
        "?session_id=sess-1&success=",
        "?session_id=sess-1&success=true&success=no",
        f"?error=access_denied&state={STATE}",
    ],
)
def test_a_denial_is_told_and_remembered(url: str) -> None:
    run = make_run()
    error = error_of(lambda: complete(run, url))
    assert (error.code, error.details, error.source) == ("USER_DENIED", ABOUT, "client")
    assert run.credentials.session("sess-1").denied
    assert run.requests == []


def test_a_denial_with_another_state_is_not_remembered() -> None:
    run = make_run()
    url = "?error=access_denied&session_id=sess-1&state=forged"
    assert error_of(lambda: complete(run, url)).code == "USER_DENIED"
    assert not run.credentials.session("sess-1").denied


def test_another_error_says_what_the_oauth_server_said() -> None:
    run = make_run()
    url = "?error=server_error&error_description=It%20is%20down&session_id=sess-1"
    error = error_of(lambda: complete(run, url))
    assert error.code == "OAUTH_ERROR"
    assert "server_error: It is down" in error.message
    assert error.details == {
        **ABOUT, "error": "server_error", "error_description": "It is down",
    }  # fmt: skip
    assert run.credentials.session("sess-1").expires_at == NOW


@pytest.mark.parametrize("url", ["?error=access_denied", "?error=access_denied&session_id=sess-9"])
def test_an_error_comes_first_even_if_the_session_is_unknown(url: str) -> None:
    error = error_of(lambda: complete(make_run(), url))
    assert (error.code, error.details["provider"]) == ("USER_DENIED", None)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("?session_id=sess-1&ath_session_id=sess-2", "INVALID_ARGUMENT"),
        ("?session_id=sess-1&session_id=sess-2", "INVALID_ARGUMENT"),
        ("?success=true", "INVALID_ARGUMENT"),
        ("https://app.example/cb", "INVALID_ARGUMENT"),
        ("", "INVALID_ARGUMENT"),
        ("&".join(["session_id=sess-1"] * 200), "INVALID_ARGUMENT"),
        (b"session_id=sess-1", "INVALID_ARGUMENT"),
        (None, "INVALID_ARGUMENT"),
        ("?session_id=sess-2&success=true", "SESSION_NOT_FOUND"),
        ("?success=true&state=unknown", "SESSION_NOT_FOUND"),
        ("?session_id=sess-1&state=forged", "STATE_MISMATCH"),
        (f"?session_id=sess-1&state={STATE}&state=forged", "STATE_MISMATCH"),
        ("?session_id=sess-1&state=", "STATE_MISMATCH"),
        ("?session_id=sess-1&state=%C3%A4", "STATE_MISMATCH"),
    ],
)
@pytest.mark.parametrize("user", [None, "alice"])
def test_nothing_is_sent_for_a_url_that_is_not_ours(url: Any, code: str, user: str | None) -> None:
    run = make_run(user=user)
    assert error_of(lambda: complete(run, url)).code == code
    assert run.requests == []


def test_a_state_cannot_be_compared_with_what_an_older_release_did_not_keep() -> None:
    session = Session("github", "v" * 48, NOW, NOW + 600, "c-1")
    run = make_run(session=session)
    assert error_of(lambda: complete(run, "?session_id=sess-1&state=x")).code == "STATE_MISMATCH"
    run = make_run(TOKEN, session=session)
    assert complete(run, "?session_id=sess-1").provider == "github"


def test_a_session_that_another_worker_opened_is_looked_up() -> None:
    run = make_run(TOKEN)
    run.credentials.change(lambda record: record.close_session("sess-1"))
    run.before_reload = lambda _: run.credentials.change(
        lambda record: record.open_session("sess-1", SESSION)
    )
    assert complete(run, "?session_id=sess-1").provider == "github"


def test_a_session_that_another_worker_exchanges_meanwhile_is_granted() -> None:
    def grant_it(record: Record) -> None:
        record.keep_token(Token("tk-9", "github", session_id="sess-1"), "sess-1")

    run = make_run(refusal("SESSION_NOT_FOUND", 400))
    run.before_reload = lambda _: run.credentials.change(grant_it)
    assert complete(run, "?session_id=sess-1").provider == "github"
    assert len(run.requests) == 1


def test_a_session_that_the_server_does_not_know_is_asked_for_once() -> None:
    run = make_run(refusal("SESSION_NOT_FOUND", 400))
    error = error_of(lambda: complete(run, "?session_id=sess-1"))
    assert (error.code, error.status, len(run.requests)) == ("SESSION_NOT_FOUND", 400, 1)


def test_after_another_callers_try_the_session_is_asked_for_again() -> None:
    """That one may have been sent before the user had consented."""

    class Joining(TimedRun):
        joined = False

        def perform(self, step: Any) -> Any:
            if isinstance(step, Share) and not self.joined:
                self.joined = True
                raise ATHError("SESSION_NOT_FOUND", "What the other caller was told.", 400)
            return super().perform(step)

    run = make_run(TOKEN)
    joining = Joining(deque([TOKEN]), context=run.context, clock=run.clock)
    assert complete(joining, "?session_id=sess-1").provider == "github"
    assert joining.joined


def test_what_the_browser_brought_shows_in_no_repr() -> None:
    callback = parse_callback(f"?session_id=s&code=canary-code&state={STATE}")
    assert "canary-code" not in repr(callback)
    assert STATE not in repr(callback)


@given(st.text() | st.from_regex(r"(https?://h/|/|\?)?((session_id|state|error)=.{0,5}&?)*"))
def test_any_text_is_read_or_refused(url: str) -> None:
    result = outcome(lambda: parse_callback(url))
    assert not isinstance(result, ATHError) or result.code == "INVALID_ARGUMENT"


def test_a_browser_without_session_and_state_is_about_no_session() -> None:
    assert not is_about(parse_callback("?success=true"), "sess-1", SESSION)
    assert is_about(parse_callback(f"?state={STATE}"), "sess-1", SESSION)
