"""From a wish to a grant: what is reused, what is asked for, and in which order."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Any

import pytest

from ath._protocol import connect
from ath._protocol.connect import ConnectOptions, WaitOptions
from ath.stores.record import Registration, Session, Token

from .flows import body_of, refusal
from .support import NOW, error_of, json_reply
from .test_flows import AUTHORIZED, DEVELOPER, GRANTED, REGISTERED
from .waiting import Clock, FakeReceiver, TimedRun, timed_context

URL = AUTHORIZED["authorization_url"]
OPEN = Session(
    "github", "v" * 48, NOW, NOW + 600, "c-1", ("repo",), "state", None, "https://x.example/open"
)
HELD = Registration("c-1", "secret-of-c-1")
TOKEN = Token("tk-0", "github", NOW + 3600, ("repo",), "c-1")
SESSION_OPENED = json_reply(AUTHORIZED)
NO_SCOPE = refusal("SCOPE_NOT_APPROVED", 403)


def make_run(*replies: Any, registered: bool = True, **options: Any) -> TimedRun:
    clock = Clock()
    run = TimedRun(deque(replies), context=timed_context(clock, **options), clock=clock)
    if registered:
        run.credentials._owner.change(lambda record: record.set_registration(HELD))
    return run


def hold(run: TimedRun, token: Token) -> None:
    run.credentials.change(lambda record: record.keep_token(token))


def open_one(run: TimedRun, **changes: Any) -> None:
    session = replace(OPEN, **changes)
    run.credentials.change(lambda record: record.open_session("sess-0", session))


def wanted(*scopes: str, **more: Any) -> ConnectOptions:
    names = ("developer", "providers", "purpose", "redirect_uri", "state")
    return ConnectOptions("github", scopes or ("repo",), **{**dict.fromkeys(names), **more})


def start(run: TimedRun, *scopes: str, **more: Any) -> Any:
    return run.run(connect.start_connect(run.context, wanted(*scopes, **more)))


def asked_scopes(run: TimedRun) -> list[list[str]]:
    return [body_of(request)["scopes"] for request in run.requests]


def grant(run: TimedRun, *scopes: str) -> Any:
    return run.run(connect.grant(run.context, "github", scopes))


@pytest.mark.parametrize(
    ("token", "scopes", "found"),
    [
        (TOKEN, [], True),
        (TOKEN, ["repo"], True),
        (TOKEN, ["repo", "read:user"], False),
        (replace(TOKEN, scopes=()), [], True),
        (replace(TOKEN, scopes=()), ["repo"], False),
        (replace(TOKEN, expires_at=NOW), [], False),
        (replace(TOKEN, expires_at=None), ["repo"], True),
        (replace(TOKEN, refused=True), [], False),
        (replace(TOKEN, provider="shop"), [], False),
        (replace(TOKEN, provider=None), ["repo"], True),
    ],
)
def test_a_grant_is_what_is_live_and_suffices(token: Token, scopes: list[str], found: bool) -> None:
    run = make_run()
    hold(run, token)
    assert (grant(run, *scopes) is not None) is found
    assert run.requests == []


def test_the_store_is_read_before_a_grant_is_told() -> None:
    run = make_run()
    run.before_reload = lambda _: hold(run, TOKEN)
    assert grant(run, "repo").scopes == ("repo",)
    run.before_reload = lambda _: run.credentials.change(lambda r: r.drop_token("tk-0"))
    assert grant(run, "repo") is None


def test_what_suffices_is_reused() -> None:
    run = make_run()
    hold(run, TOKEN)
    started = start(run)
    assert started.grant.scopes == ("repo",)
    assert started.session_id is started.authorization_url is started.expires_at is None
    assert run.requests == []


def test_a_session_is_opened_for_what_is_missing() -> None:
    run = make_run(SESSION_OPENED)
    started = start(run, "repo", "repo")
    assert (started.grant, started.session_id) == (None, "sess-1")
    assert started.authorization_url == URL
    assert started.expires_at.timestamp() == NOW + 600
    assert asked_scopes(run) == [["repo"]]


def test_the_live_grant_is_asked_for_again_since_the_new_token_replaces_it() -> None:
    run = make_run(SESSION_OPENED)
    hold(run, TOKEN)
    start(run, "read:user")
    assert asked_scopes(run) == [["read:user", "repo"]]


@pytest.mark.parametrize("change", [{"expires_at": NOW}, {"refused": True}])
def test_what_is_not_live_is_not_asked_for_again(change: dict[str, Any]) -> None:
    run = make_run(SESSION_OPENED)
    hold(run, replace(TOKEN, **change))
    start(run, "read:user")
    assert asked_scopes(run) == [["read:user"]]


@pytest.mark.parametrize("code", ["SCOPE_NOT_APPROVED", "INVALID_SCOPE"])
def test_a_refused_union_is_followed_by_what_is_wanted_alone(code: str) -> None:
    run = make_run(refusal(code, 403), SESSION_OPENED)
    hold(run, TOKEN)
    assert start(run, "read:user").session_id == "sess-1"
    assert asked_scopes(run) == [["read:user", "repo"], ["read:user"]]


@pytest.mark.parametrize("code", ["PROVIDER_NOT_APPROVED", "SCOPE_NOT_APPROVED"])
def test_a_refusal_carries_what_was_asked_for(code: str) -> None:
    run = make_run(refusal(code, 403))
    error = error_of(lambda: start(run, "repo", "read:user"))
    assert (error.code, error.status) == (code, 403)
    assert error.details["scopes"] == ["repo", "read:user"]
    assert error.details["provider"] == "github"
    assert len(run.requests) == 1


def test_the_last_refusal_carries_what_was_asked_for_last() -> None:
    run = make_run(NO_SCOPE, NO_SCOPE)
    hold(run, TOKEN)
    assert error_of(lambda: start(run, "read:user")).details["scopes"] == ["read:user"]


def test_an_open_session_is_handed_out_again() -> None:
    run = make_run()
    open_one(run)
    started = start(run)
    assert (started.session_id, started.authorization_url) == ("sess-0", "https://x.example/open")
    assert run.requests == []


@pytest.mark.parametrize(
    "difference",
    [
        {"scopes": ("repo", "read:user")},
        {"scopes": ()},
        {"redirect_uri": "https://app.example/cb"},
        {"provider": "shop"},
        {"expires_at": NOW + 60},
        {"denied": True},
        {"authorization_url": None},
        {"client_id": "c-0"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_session_that_differs_is_not_handed_out(difference: dict[str, Any]) -> None:
    run = make_run(SESSION_OPENED)
    open_one(run, **difference)
    assert start(run).session_id == "sess-1"


def test_a_session_is_never_handed_out_to_one_with_a_state_of_their_own() -> None:
    run = make_run(SESSION_OPENED)
    open_one(run)
    assert start(run, state="state-of-the-user").session_id == "sess-1"
    assert body_of(run.requests[0])["state"] == "state-of-the-user"


def test_the_order_of_scopes_does_not_matter() -> None:
    run = make_run()
    open_one(run, scopes=("read:user", "repo"))
    assert start(run, "repo", "read:user").session_id == "sess-0"


def test_a_session_is_compared_with_the_only_registered_redirect_uri() -> None:
    run = make_run()
    uri = "https://app.example/cb"
    held = Registration("c-1", "s", (uri,))
    run.credentials._owner.change(lambda record: record.set_registration(held))
    open_one(run, redirect_uri=uri)
    assert start(run).session_id == start(run, redirect_uri=uri).session_id == "sess-0"


def test_after_a_refused_union_an_open_session_for_the_rest_is_handed_out() -> None:
    run = make_run(NO_SCOPE)
    hold(run, replace(TOKEN, scopes=("read:user",)))
    open_one(run)
    assert start(run).session_id == "sess-0"


def test_a_session_that_another_worker_opened_is_handed_out() -> None:
    run = make_run()
    run.before_reload = lambda _: open_one(run)
    assert start(run).session_id == "sess-0"


def test_the_agent_is_registered_for_what_is_asked_for() -> None:
    run = make_run(json_reply(REGISTERED), SESSION_OPENED, registered=False)
    start(run, developer=DEVELOPER, purpose="p", redirect_uri="https://app.example/cb")
    body = body_of(run.requests[0])
    assert body["requested_providers"] == [{"provider_id": "github", "scopes": ["repo"]}]
    assert (body["purpose"], body["redirect_uris"]) == ("p", ["https://app.example/cb"])
    assert body_of(run.requests[1])["user_redirect_uri"] == "https://app.example/cb"


def test_the_agent_is_registered_for_the_providers_given() -> None:
    run = make_run(json_reply(REGISTERED), SESSION_OPENED, registered=False)
    providers = [{"provider_id": "shop", "scopes": ["products:read"]}]
    start(run, developer=DEVELOPER, providers=providers)
    assert body_of(run.requests[0])["requested_providers"] == providers


def test_without_a_registration_a_developer_is_needed() -> None:
    run = make_run(registered=False)
    error = error_of(lambda: start(run))
    assert error.code == "INVALID_ARGUMENT"
    assert "developer=" in error.message
    assert run.requests == []


def test_a_registration_that_is_stored_needs_no_developer() -> None:
    run = make_run(SESSION_OPENED, registered=False)
    run.before_reload = lambda _: run.credentials._owner.change(
        lambda record: record.set_registration(HELD)
    )
    assert start(run).session_id == "sess-1"


def test_an_agent_that_is_pending_asks_nobody() -> None:
    run = make_run(json_reply({**REGISTERED, "agent_status": "pending"}), registered=False)
    error = error_of(lambda: start(run, developer=DEVELOPER))
    assert (error.code, error.details["agent_status"]) == ("AGENT_UNAPPROVED", "pending")
    assert len(run.requests) == 1


def do_connect(run: TimedRun, *scopes: str, **more: Any) -> Any:
    shown: list[str] = more.pop("shown", [])
    waiting = {
        "show": shown.append,
        "timeout": 600,
        "wait_for_approval": False,
        "receiver": None,
        "require_all": False,
    }
    given = {name: more.pop(name) for name in list(more) if name in waiting}
    options = wanted(*scopes, **more)
    return run.run(connect.connect(run.context, options, WaitOptions(**{**waiting, **given})))


GRANT = json_reply(GRANTED)


def test_connect_shows_the_url_and_waits() -> None:
    shown: list[str] = []
    run = make_run(SESSION_OPENED, refusal("SESSION_NOT_FOUND", 400), GRANT)
    assert do_connect(run, shown=shown).scopes == ("repo",)
    assert shown == [URL]
    assert do_connect(run, shown=shown).scopes == ("repo",)
    assert (shown, len(run.requests)) == ([URL], 3)


def test_less_than_asked_for_is_returned_or_raised() -> None:
    run = make_run(SESSION_OPENED, GRANT)
    assert do_connect(run, "repo", "read:user").scopes == ("repo",)
    run = make_run(SESSION_OPENED, GRANT)
    error = error_of(lambda: do_connect(run, "repo", "read:user", require_all=True))
    assert (error.code, error.status) == ("SCOPE_NOT_APPROVED", None)
    assert error.details["scopes"] == ["repo", "read:user"]
    assert error.details["granted"] == ["repo"]
    assert grant(run, "repo")


def test_the_time_for_consent_is_what_the_rest_has_left() -> None:
    run = make_run(SESSION_OPENED)
    run.answer = lambda n: SESSION_OPENED if n == 1 else refusal("SESSION_NOT_FOUND", 400)

    def show(_: str) -> None:
        run.clock.passed += 8

    assert error_of(lambda: do_connect(run, show=show, timeout=10)).code == "CONSENT_TIMEOUT"
    assert run.clock.passed == pytest.approx(10)


PENDING = refusal("AGENT_UNAPPROVED", 403)
STATUS = {"client_id": "c-1", "agent_status": "pending", "approved_providers": []}


def test_an_unapproved_agent_shows_nothing() -> None:
    shown: list[str] = []
    assert error_of(lambda: do_connect(make_run(PENDING), shown=shown)).code == "AGENT_UNAPPROVED"
    assert shown == []


def test_approval_is_waited_for_if_that_is_asked_for() -> None:
    approved = json_reply({**STATUS, "agent_status": "approved"})
    run = make_run(PENDING, json_reply(STATUS), approved, SESSION_OPENED, GRANT)
    assert do_connect(run, wait_for_approval=True).scopes == ("repo",)
    assert run.clock.passed == 1


def test_approval_and_consent_share_the_time() -> None:
    run = make_run()
    run.answer = lambda n: PENDING if n == 1 else json_reply(STATUS)
    error = error_of(lambda: do_connect(run, wait_for_approval=True, timeout=4))
    assert error.code == "APPROVAL_TIMEOUT"
    assert run.clock.passed == pytest.approx(4)


def test_what_show_raises_is_raised_and_the_session_kept() -> None:
    def show(_: str) -> None:
        raise ZeroDivisionError("of the user")

    run = make_run(SESSION_OPENED)
    with pytest.raises(ZeroDivisionError, match="of the user"):
        do_connect(run, show=show)
    assert run.credentials.session("sess-1").authorization_url == URL


def test_the_receivers_uri_is_asked_for_and_registered() -> None:
    receiver = FakeReceiver()
    run = make_run(json_reply(REGISTERED), SESSION_OPENED, GRANT, registered=False)
    do_connect(run, developer=DEVELOPER, receiver=receiver)
    assert body_of(run.requests[0])["redirect_uris"] == [receiver.redirect_uri]
    assert body_of(run.requests[1])["user_redirect_uri"] == receiver.redirect_uri
    assert receiver.states == ["open", "closed"]


def test_a_receiver_is_closed_if_nothing_has_to_be_asked() -> None:
    receiver = FakeReceiver()
    run = make_run()
    hold(run, TOKEN)
    do_connect(run, receiver=receiver)
    assert (receiver.states, receiver.pages) == (["open", "closed"], [])


def test_a_native_service_is_discovered() -> None:
    document = {
        "ath_version": "0.1",
        "app_id": "com.example.shop",
        "name": "Shop",
        "auth": {
            "type": "oauth2",
            "authorization_endpoint": "https://shop.example/authorize",
            "token_endpoint": "https://shop.example/token",
            "scopes_supported": ["repo"],
        },
        "api_base": "https://api.example",
    }
    run = make_run(json_reply(document), SESSION_OPENED, native=True)
    started = run.run(connect.start_connect(run.context, replace(wanted(), provider=None)))
    assert started.session_id == "sess-1"
    assert body_of(run.requests[1])["provider_id"] == "com.example.shop"
    run.context.learned.app_id = "com.example.shop"
    again = run.run(connect.start_connect(run.context, replace(wanted(), provider=None)))
    assert (again.session_id, len(run.requests)) == ("sess-1", 2)


def test_pending_sessions_are_those_that_wait_for_the_user() -> None:
    run = make_run()
    for name, changes in {
        "sess-1": {},
        "expired": {"expires_at": NOW},
        "denied": {"denied": True},
        "of an earlier registration": {"client_id": "c-0"},
        "older release": {"authorization_url": None},
    }.items():
        session = replace(OPEN, **changes)
        run.credentials.change(lambda r, n=name, s=session: r.open_session(n, s))
    found = run.run(connect.pending_sessions(run.context))
    assert [one.session_id for one in found] == ["sess-1", "older release"]
    assert found[0].authorization_url == "https://x.example/open"
    assert (found[0].provider, found[0].scopes) == ("github", ("repo",))
    assert [found[0].opened_at.timestamp(), found[0].expires_at.timestamp()] == [NOW, NOW + 600]
    assert found[0].opened_at.utcoffset() is not None
    assert "x.example" not in repr(found)
    assert run.reloads == 1


@pytest.mark.parametrize(
    "change",
    [{"provider": ""}, {"scopes": "repo"}, {"redirect_uri": 7}, {"state": ""}],
    ids=lambda change: next(iter(change)),
)
def test_arguments_are_checked_before_anything_is_sent(change: dict[str, Any]) -> None:
    run = make_run(registered=False)
    options = replace(wanted(developer=DEVELOPER), **change)
    error = error_of(lambda: run.run(connect.start_connect(run.context, options)))
    assert error.code == "INVALID_ARGUMENT"
    assert next(iter(change)) in error.message
