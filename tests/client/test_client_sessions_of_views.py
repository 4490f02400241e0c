"""Whose session and whose provider: a view redeems its own only; and what a record keeps."""

from __future__ import annotations

import json
import time
from functools import partial
from typing import Any

import pytest

from ath import CredentialKey, MemoryStore
from tests.harness.clients import AGENT_ID, DEVELOPER, AnyClient, Kind, json_body, raises_code
from tests.harness.examples import AUTHORIZATION, REGISTRATION, TOKEN
from tests.harness.server import Answer, Request, Server
from tests.harness.stores import MinimalStore, WatchedStore, document, edit
from tests.harness.worlds import World

DAY = 86_400.0
USERS = (None, "alice")


def authorize(client: AnyClient, server: Server, session_id: str, **options: Any) -> None:
    server.answer_next({**AUTHORIZATION, "ath_session_id": session_id})
    client.authorize("github", ["read:user"], **options)


def key(server: Server, user: str | None = None) -> CredentialKey:
    return CredentialKey(server.url, AGENT_ID, user)


def as_user(client: AnyClient, user: str | None) -> AnyClient:
    return client if user is None else client.for_user(user)


@pytest.fixture
def store() -> WatchedStore:
    return WatchedStore()


def registered(kind: Kind, server: Server, store: WatchedStore | None) -> AnyClient:
    client = kind.client(server.url, credentials=store)
    server.answer_next(REGISTRATION, 201)
    client.register(developer=DEVELOPER, providers=[])
    server.requests.clear()
    return client


@pytest.fixture
def stored(kind: Kind, server: Server, store: WatchedStore) -> AnyClient:
    """A client with a registration in a store."""
    return registered(kind, server, store)


@pytest.fixture(params=["without a store", "with a store"])
def any_client(
    request: pytest.FixtureRequest, kind: Kind, server: Server, store: WatchedStore
) -> AnyClient:
    """A client with a registration, in a store or in memory only."""
    return registered(kind, server, store if request.param == "with a store" else None)


@pytest.mark.parametrize("owner", ["alice", None, "nobody"])
def test_a_view_does_not_exchange_a_session_that_it_did_not_open(
    any_client: AnyClient, server: Server, owner: str | None
) -> None:
    bob = any_client.for_user("bob")
    if owner != "nobody":
        authorize(as_user(any_client, owner), server, "ath_sess_1")
    server.requests.clear()
    with raises_code("SESSION_NOT_FOUND"):
        bob.exchange_token("exchange", "ath_sess_1")
    assert server.requests == []
    with raises_code("NO_TOKEN"):
        bob.call("GET", "/x")


def test_a_view_with_headers_does_not_exchange_another_views_session(
    any_client: AnyClient, server: Server
) -> None:
    server.answer_next(REGISTRATION, 201)
    own = any_client.for_user("alice", headers={"X-Session": "alice"})
    own.register(developer=DEVELOPER, providers=[])
    authorize(any_client.for_user("alice"), server, "ath_sess_1")
    server.requests.clear()
    with raises_code("SESSION_NOT_FOUND"):
        own.exchange_token("exchange", "ath_sess_1")
    assert server.requests == []


def test_a_refused_session_stays_with_the_user_who_opened_it(
    any_client: AnyClient, server: Server
) -> None:
    alice, bob = (any_client.for_user(name) for name in ("alice", "bob"))
    authorize(alice, server, "ath_sess_1")
    with raises_code("SESSION_NOT_FOUND"):
        bob.exchange_token("exchange", "ath_sess_1")
    server.answer_next(TOKEN)
    alice.exchange_token("exchange", "ath_sess_1")
    assert json_body(server.requests[-1])["code_verifier"]


def test_a_session_is_used_once(any_client: AnyClient, server: Server) -> None:
    alice = any_client.for_user("alice")
    authorize(alice, server, "ath_sess_1")
    server.answer_next(TOKEN)
    alice.exchange_token("exchange", "ath_sess_1")
    server.requests.clear()
    with raises_code("SESSION_NOT_FOUND"):
        alice.exchange_token("exchange", "ath_sess_1")
    assert server.requests == []


def test_the_store_is_read_before_a_session_is_not_found(
    stored: AnyClient, server: Server, store: WatchedStore
) -> None:
    bob = stored.for_user("bob")
    bob.load()
    store.reads()
    with raises_code("SESSION_NOT_FOUND"):
        bob.exchange_token("exchange", "ath_sess_1")
    assert "bob" in store.reads()


def test_the_plain_client_sends_sessions_that_it_did_not_open(
    any_client: AnyClient, server: Server
) -> None:
    server.answer_next({**TOKEN, "provider_id": "slack"})
    any_client.exchange_token("exchange", "ath_sess_elsewhere")
    body = json_body(server.requests[-1])
    assert body["ath_session_id"] == "ath_sess_elsewhere"
    assert "code_verifier" not in body
    server.answer_next({})
    any_client.proxy("slack", "GET", "/x")
    assert server.requests[-1].headers["authorization"] == "Bearer ath_tk_1"


def test_the_plain_client_cannot_prove_a_users_session(gateway: World) -> None:
    client = gateway.client()
    gateway.register(client)
    asked = gateway.consented(client.for_user("alice"))
    with raises_code("INVALID_GRANT", 400):
        client.exchange_token("exchange", asked.ath_session_id)


@pytest.mark.parametrize("user", USERS)
def test_an_answer_for_another_provider_than_the_sessions_is_refused(
    any_client: AnyClient, server: Server, user: str | None
) -> None:
    view = as_user(any_client, user)
    for provider in ("slack", "github"):
        view.set_token(f"ath_tk_{provider}", provider)
    authorize(view, server, "ath_sess_1")
    server.answer_next({**TOKEN, "provider_id": "slack", "access_token": "ath_tk_wrong"})
    with raises_code("INVALID_RESPONSE", 200) as caught:
        view.exchange_token("exchange", "ath_sess_1")
    assert "github" in caught.value.message
    assert "used up" in caught.value.message
    assert caught.value.source == "implementor"
    for provider in ("slack", "github"):
        server.answer_next({})
        view.proxy(provider, "GET", "/x")
        assert server.requests[-1].headers["authorization"] == f"Bearer ath_tk_{provider}"


@pytest.mark.parametrize("user", USERS)
def test_nothing_of_an_answer_for_another_provider_is_stored(
    stored: AnyClient, server: Server, store: WatchedStore, user: str | None
) -> None:
    view = as_user(stored, user)
    authorize(view, server, "ath_sess_1")
    server.answer_next({**TOKEN, "provider_id": "slack", "access_token": "ath_tk_wrong"})
    with raises_code("INVALID_RESPONSE", 200):
        view.exchange_token("exchange", "ath_sess_1")
    record = document(store, key(server, user))
    assert record is not None
    assert record["tokens"] == []


@pytest.mark.parametrize("user", USERS)
def test_a_native_service_may_call_itself_otherwise(
    kind: Kind, server: Server, user: str | None
) -> None:
    client = kind.client(server.url, "native")
    client.set_credentials("ath_client_0", "ath_secret_0")
    view = as_user(client, user)
    authorize(view, server, "ath_sess_1")
    server.answer_next({**TOKEN, "provider_id": "com.example.other"})
    assert view.exchange_token("exchange", "ath_sess_1").provider_id == "com.example.other"


def members_of(store: Any, server: Server, user: str | None = None) -> dict[str, Any]:
    record = document(store, key(server, user))
    assert record is not None
    return record


@pytest.mark.parametrize("user", USERS)
def test_a_stored_session_keeps_what_was_asked_and_when_it_ends(
    stored: AnyClient, server: Server, store: WatchedStore, user: str | None
) -> None:
    state = "s" * 43
    before = time.time()
    server.answer_next(AUTHORIZATION)
    as_user(stored, user).authorize(
        "github", ["repo", "read:user"], redirect_uri="https://agent.example/cb", state=state
    )
    [session] = members_of(store, server, user)["sessions"]
    assert session["session_id"] == AUTHORIZATION["ath_session_id"]
    assert session["provider"] == "github"
    assert session["scopes"] == ["repo", "read:user"]
    assert session["state"] == state == json_body(server.requests[-1])["state"]
    assert session["redirect_uri"] == "https://agent.example/cb"
    assert session["authorization_url"] == AUTHORIZATION["authorization_url"]
    assert session["client_id"] == "ath_client_1"
    assert before + 600 <= session["expires_at"] <= time.time() + 600


def test_the_state_and_the_redirect_uri_that_were_chosen_for_the_user_are_kept(
    kind: Kind, server: Server, store: WatchedStore
) -> None:
    client = kind.client(server.url, credentials=store)
    server.answer_next(REGISTRATION, 201)
    client.register(developer=DEVELOPER, providers=[], redirect_uris=["https://agent.example/only"])
    authorize(client, server, "ath_sess_1")
    [session] = members_of(store, server)["sessions"]
    assert session["state"] == json_body(server.requests[-1])["state"]
    assert session["redirect_uri"] == "https://agent.example/only"


def test_a_users_record_expires_a_day_after_the_latest_of_its_tokens_and_sessions(
    stored: AnyClient, server: Server, store: WatchedStore
) -> None:
    alice = stored.for_user("alice")
    before = time.time()
    authorize(alice, server, "ath_sess_1")
    first = members_of(store, server, "alice")["expires_at"]
    assert before + 600 + DAY <= first <= time.time() + 600 + DAY
    server.answer_next({**TOKEN, "expires_in": 7200})
    alice.exchange_token("exchange", "ath_sess_1")
    second = members_of(store, server, "alice")["expires_at"]
    assert before + 7200 + DAY <= second <= time.time() + 7200 + DAY
    authorize(alice, server, "ath_sess_2")  # which ends before the token
    assert members_of(store, server, "alice")["expires_at"] == second


def test_a_record_with_a_registration_or_a_token_without_expiry_never_expires(
    stored: AnyClient, server: Server, store: WatchedStore
) -> None:
    assert members_of(store, server)["expires_at"] is None
    alice = stored.for_user("alice")
    alice.set_token("ath_tk_0", "slack")
    authorize(alice, server, "ath_sess_1")
    assert members_of(store, server, "alice")["expires_at"] is None


@pytest.mark.parametrize("user", USERS)
def test_what_expired_is_dropped_after_a_day_at_the_next_write(
    stored: AnyClient, server: Server, store: WatchedStore, user: str | None
) -> None:
    view = as_user(stored, user)
    for name in ("old", "recent"):
        authorize(view, server, f"ath_sess_{name}_token")
        server.answer_next({**TOKEN, "access_token": f"ath_tk_{name}", "provider_id": "github"})
        view.exchange_token("exchange", f"ath_sess_{name}_token")
        edit(store, key(server, user), partial(rename_token, provider=name))
        authorize(view, server, f"ath_sess_{name}")

    now = time.time()
    ends = {"old": now - DAY - 60, "recent": now - DAY + 600}

    def make_old(record: dict[str, Any]) -> None:
        for item in record["tokens"] + record["sessions"]:
            name = item.get("provider") if "access_token" in item else item["session_id"]
            item["expires_at"] = ends["old" if "old" in name else "recent"]

    edit(store, key(server, user), make_old)
    view.load()
    authorize(view, server, "ath_sess_new")
    record = members_of(store, server, user)
    assert [token["provider"] for token in record["tokens"]] == ["recent"]
    ids = [session["session_id"] for session in record["sessions"]]
    assert ids == ["ath_sess_recent", "ath_sess_new"]
    with raises_code("TOKEN_EXPIRED"):
        view.proxy("recent", "GET", "/x")
    with raises_code("NO_TOKEN"):
        view.proxy("old", "GET", "/x")


def rename_token(record: dict[str, Any], provider: str) -> None:
    """Say that the token that came last is for that provider."""
    record["tokens"][-1]["provider"] = provider


@pytest.mark.parametrize("store_class", [MemoryStore, MinimalStore])
@pytest.mark.parametrize("user", USERS)
def test_members_that_this_release_does_not_know_are_kept(
    kind: Kind, server: Server, store_class: Any, user: str | None
) -> None:
    store = store_class()
    client = kind.client(server.url, credentials=store)
    server.answer_next(REGISTRATION, 201)
    client.register(developer=DEVELOPER, providers=[])
    view = as_user(client, user)
    authorize(view, server, "ath_sess_1")
    server.answer_next(TOKEN)
    view.exchange_token("exchange", "ath_sess_1")
    authorize(view, server, "ath_sess_2")
    news = {"of": ["a", "newer", "release"], "n": None}

    def add_news(record: dict[str, Any]) -> None:
        for item in (record, record["tokens"][0], record["sessions"][0]):
            item["news"] = news

    edit(store, key(server, user), add_news)
    authorize(view, server, "ath_sess_3")  # on top of what is stored
    restarted = as_user(kind.client(server.url, credentials=store), user)
    authorize(restarted, server, "ath_sess_4")
    record = members_of(store, server, user)
    assert record["news"] == record["tokens"][0]["news"] == record["sessions"][0]["news"] == news
    assert len(record["sessions"]) == 3


def test_an_answer_may_come_while_the_user_opens_another_session(
    stored: AnyClient, elsewhere: Kind, server: Server, store: WatchedStore
) -> None:
    other = elsewhere.client(server.url, credentials=store).for_user("alice")
    alice = stored.for_user("alice")
    authorize(alice, server, "ath_sess_1")

    def open_another(_: Request) -> Answer:
        authorize(other, server, "ath_sess_2")
        return Answer(TOKEN)

    server.answer_next_with(open_another)
    alice.exchange_token("exchange", "ath_sess_1")
    record = members_of(store, server, "alice")
    assert [session["session_id"] for session in record["sessions"]] == ["ath_sess_2"]
    assert json.dumps(record).count("ath_tk_1") == 1
