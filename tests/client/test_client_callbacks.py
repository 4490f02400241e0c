"""A web application's callback: the URL that a browser came back with, at local implementors."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Callable, Hashable
from typing import Any

import pytest

from ath import MemoryStore
from ath._client.single_flight import SingleFlight
from tests.harness.clients import DEVELOPER, AnyClient, json_body, raises_code
from tests.harness.examples import AUTHORIZATION, TOKEN, refusal
from tests.harness.faults import closed_without_answer
from tests.harness.server import Answer, Request, Server
from tests.harness.stores import WatchedStore
from tests.harness.worlds import World

from .steps import authorize

Worlds = Callable[..., World]
CALLBACK = "https://app.example/callback"


def start(client: AnyClient, world: World, **options: Any) -> Any:
    return client.start_connect(world.scopes, developer=DEVELOPER, redirect_uri=CALLBACK, **options)


NAMES = ("callback_session", "callback_success", "callback_code", "callback_state")
SPELLINGS = [
    dict(zip(NAMES, values, strict=True))
    for values in itertools.product(
        [None, "session_id", "ath_session_id", "both"], [True, False], [True, False], [True, False]
    )
]


@pytest.mark.parametrize("spelling", SPELLINGS, ids=lambda s: " ".join(map(str, s.values())))
def test_consent_is_completed_in_every_spelling(worlds: Worlds, spelling: dict[str, Any]) -> None:
    world = worlds("gateway", **spelling)
    client = world.client().for_user("alice")
    came = world.server.approve(start(client, world).authorization_url)
    assert came.startswith(CALLBACK)
    granted = client.complete_authorization(came)
    assert (granted.provider, granted.user) == ("github", "alice")
    code = json_body(world.sent_to("/ath/token")[0])["code"]
    assert (code == "exchange") is not spelling["callback_code"]


@pytest.mark.parametrize("how", ["error", "success"])
@pytest.mark.parametrize("name", [None, "session_id", "both"])
def test_a_denial_is_told_in_every_spelling(
    worlds: Worlds, mode: str, how: str, name: str | None
) -> None:
    world = worlds(mode, denied_callback=how, callback_session=name)
    client = world.client()
    consent = start(client, world)
    came = world.server.deny(consent.authorization_url)
    for _ in "twice":
        with raises_code("USER_DENIED") as caught:
            client.complete_authorization(came)
        assert caught.value.details == {
            "provider": world.provider, "scopes": world.scopes, "session_id": consent.session_id,
        }  # fmt: skip
    assert world.sent_to("/ath/token") == []
    assert client.pending_sessions() == ()
    assert start(client, world).session_id != consent.session_id


@pytest.mark.parametrize(
    ("query", "code"), [("error=access_denied", "USER_DENIED"), ("error=oops", "OAUTH_ERROR")]
)
def test_what_the_url_says_is_told_though_it_cannot_be_stored(
    world: World, query: str, code: str
) -> None:
    store = WatchedStore()
    client = world.client(credentials=store)
    consent = start(client, world)
    store.failures = [OSError("The disk is full.")]
    with raises_code(code):
        client.complete_authorization(f"{CALLBACK}?session_id={consent.session_id}&{query}")
    assert client.pending_sessions() == ()


def test_whichever_worker_the_browser_comes_to(world: World) -> None:
    store = MemoryStore()
    opened, completes = (world.client(credentials=store).for_user("alice") for _ in range(2))
    completes.load()
    came = world.server.approve(start(opened, world).authorization_url)
    assert completes.complete_authorization(came).user == "alice"
    opened.load()
    assert opened.grant().user == "alice"


def test_a_foreign_callback_is_refused_without_a_request(world: World) -> None:
    client = world.client(credentials=MemoryStore())
    alice, bob = client.for_user("alice"), client.for_user("bob")
    came = world.server.approve(start(alice, world).authorization_url)
    world.requests.clear()
    for other in (bob, client):
        with raises_code("SESSION_NOT_FOUND"):
            other.complete_authorization(came)
        assert other.grant() is None
    assert world.requests == []
    assert alice.complete_authorization(came).user == "alice"


def test_a_reloaded_link_is_not_found_and_the_grant_is_there(world: World) -> None:
    client = world.client()
    came = world.server.approve(start(client, world).authorization_url)
    granted = client.complete_authorization(came)
    world.requests.clear()
    with raises_code("SESSION_NOT_FOUND"):
        client.complete_authorization(came)
    assert world.requests == []
    assert client.grant() == granted


def test_a_forged_state_is_refused_without_a_request(worlds: Worlds, mode: str) -> None:
    world = worlds(mode, callback_state=True)
    client = world.client()
    state = "state-of-the-application-with-128-bits"
    came = world.server.approve(start(client, world, state=state).authorization_url)
    assert state in came
    world.requests.clear()
    with raises_code("STATE_MISMATCH"):
        client.complete_authorization(came.replace(state, state[::-1]))
    assert world.requests == []
    assert client.complete_authorization(came)


def test_a_callback_before_consent_is_not_found(world: World) -> None:
    client = world.client()
    consent = start(client, world)
    with raises_code("SESSION_NOT_FOUND", 400):
        client.complete_authorization(f"?session_id={consent.session_id}&success=true")
    world.server.approve(consent.authorization_url)
    assert client.complete_authorization(f"?session_id={consent.session_id}&success=true")


@pytest.mark.parametrize("how", ["complete", "exchange", "wait"])
def test_a_session_whose_token_may_be_lost_is_not_shown_again_and_can_still_be_exchanged(
    client: AnyClient, server: Server, how: str, short_pauses: None
) -> None:
    session_id = authorize(client, server)
    exchanges: dict[str, Callable[[], Any]] = {
        "complete": lambda: client.complete_authorization(f"?session_id={session_id}"),
        "exchange": lambda: client.exchange_token("exchange", session_id),
        "wait": lambda: client.wait_for_token(session_id, timeout=0),
    }
    server.plan.append(closed_without_answer)
    with raises_code("OUTCOME_UNKNOWN"):
        exchanges[how]()
    assert client.pending_sessions() == ()
    server.answer_next({**AUTHORIZATION, "ath_session_id": "ath_sess_2"})
    assert client.start_connect(["read:user"]).session_id == "ath_sess_2"
    server.answer_next(TOKEN)
    exchanges[how]()
    assert client.grant(["read:user"])


def test_nothing_in_the_url_is_fetched_and_its_host_does_not_matter(world: World) -> None:
    client = world.client()
    came = world.server.approve(start(client, world).authorization_url)
    _, _, query = came.partition("?")
    assert client.complete_authorization(f"http://127.0.0.1:1/somewhere/else?{query}")


def test_a_session_that_another_worker_has_just_exchanged_is_granted(world: World) -> None:
    store = MemoryStore()
    client, worker = world.client(credentials=store), world.client(credentials=store)
    consent = start(client, world)
    came = world.server.approve(consent.authorization_url)
    granted = worker.wait_for_token(consent.session_id)
    assert client.complete_authorization(came) == granted
    assert world.server.count("tokens") == 1


@pytest.mark.parametrize("theirs", [("INVALID_GRANT", 400), ("RATE_LIMITED", 429)])
def test_the_callbacks_code_is_exchanged_though_a_wait_was_under_way_and_failed(
    client: AnyClient, server: Server, theirs: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wait asks with no code of the user's; what it is told is not about the callback's."""
    asked, joined = threading.Event(), threading.Event()
    join = SingleFlight.join

    def watched_join(flights: SingleFlight, key: Hashable) -> Any:
        flight, end = join(flights, key)
        if end is None:
            joined.set()
        return flight, end

    def fail_late(_: Request) -> Answer:
        asked.set()
        assert joined.wait(20)
        return Answer(refusal(theirs[0]), theirs[1])

    monkeypatch.setattr(SingleFlight, "join", watched_join)
    session_id = authorize(client, server)
    server.requests.clear()
    server.answer_next_with(fail_late)
    server.answer_next(TOKEN)

    def come_in_thread(raw: Any) -> Any:
        assert asked.wait(20)
        return raw.complete_authorization(f"?session_id={session_id}&code=real-code")

    async def come_in_task(raw: Any) -> Any:
        assert await asyncio.to_thread(asked.wait, 20)
        return await raw.complete_authorization(f"?session_id={session_id}&code=real-code")

    come = come_in_task if asyncio.iscoroutinefunction(client.raw.load) else come_in_thread
    _, granted = client.together(lambda raw: raw.wait_for_token(session_id), come)
    assert granted == client.grant()
    assert granted is not None
    assert [json_body(request)["code"] for request in server.requests] == ["exchange", "real-code"]
