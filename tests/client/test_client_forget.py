"""forget(): a record leaves memory and store, and nothing is sent."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest

from tests.harness.clients import AnyClient, Kind, raises_code
from tests.harness.examples import refusal
from tests.harness.server import Server
from tests.harness.stores import STORES, MinimalStore, WatchedStore, document, everything, opener

from .steps import USERS, as_user, authorize, exchange, grant, key, register, sent_token, tokens_in

FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def store() -> WatchedStore:
    return WatchedStore()


@pytest.fixture
def client(kind: Kind, server: Server, store: WatchedStore) -> AnyClient:
    """A client with a registration in the store."""
    client = kind.client(server.url, credentials=store)
    register(client, server)
    return client


@pytest.mark.parametrize("store_name", [None, *STORES])
def test_forget_removes_the_agents_record_and_no_users(
    kind: Kind, server: Server, tmp_path: Path, store_name: str | None
) -> None:
    open_store = opener(store_name, tmp_path) if store_name else lambda: None
    client = kind.client(server.url, credentials=open_store())
    register(client, server)
    for user in USERS:
        grant(as_user(client, user), server)
        authorize(as_user(client, user), server, "slack")
    server.requests.clear()
    assert client.forget() is None
    assert server.requests == []
    assert client.client_id is None
    with raises_code("NOT_REGISTERED"):
        exchange(client, server, "slack")
    server.clear()
    assert sent_token(client.for_user("alice"), server) == "ath_tk_github"
    register(client, server, 2)
    with raises_code("NO_TOKEN"):
        client.call("GET", "/x")
    if store_name:
        assert tokens_in(open_store(), server, "alice") == ["ath_tk_github"]
        assert "ath_client_1" not in str(document(open_store(), key(server)))


@pytest.mark.parametrize("store_name", [None, *STORES])
def test_forget_removes_a_users_record_and_no_others(
    kind: Kind, server: Server, tmp_path: Path, store_name: str | None
) -> None:
    open_store = opener(store_name, tmp_path) if store_name else lambda: None
    client = kind.client(server.url, credentials=open_store())
    register(client, server)
    for user in ("alice", "bob"):
        grant(client.for_user(user), server)
        authorize(client.for_user(user), server, "slack")
    server.requests.clear()
    assert client.for_user("alice").forget() is None
    assert server.requests == []
    with raises_code("NO_TOKEN"):
        client.for_user("alice").call("GET", "/x")
    with raises_code("SESSION_NOT_FOUND"):
        client.for_user("alice").exchange_token("exchange", "ath_sess_slack")
    assert client.client_id == "ath_client_1"
    assert sent_token(client.for_user("bob"), server) == "ath_tk_github"
    if store_name:
        assert tokens_in(open_store(), server, "bob") == ["ath_tk_github"]
        assert "ath_tk" not in str(document(open_store(), key(server, "alice")))


def test_forget_removes_a_users_own_registration(kind: Kind, server: Server) -> None:
    store = WatchedStore()
    client = kind.client(server.url, credentials=store)
    alice = client.for_user("alice", headers={"X-Session": "alice"})
    register(alice, server)
    alice.forget()
    assert alice.client_id is None
    assert everything(store) == ""


def test_forget_removes_what_was_not_loaded_and_what_was_not_saved(
    client: AnyClient, kind: Kind, server: Server, store: WatchedStore
) -> None:
    grant(client.for_user("alice"), server)
    worker = kind.client(server.url, credentials=store)
    alice = worker.for_user("alice")
    alice.set_token("ath_tk_hand", "slack")
    alice.forget()
    assert document(store, key(server, "alice")) is None
    with raises_code("NO_TOKEN"):
        alice.proxy("slack", "GET", "/x")
    authorize(alice, server)
    assert tokens_in(store, server, "alice") == []


@pytest.mark.parametrize("user", USERS)
def test_a_workers_late_call_does_not_bring_a_forgotten_record_back(
    client: AnyClient, elsewhere: Kind, server: Server, store: WatchedStore, user: str | None
) -> None:
    """Names of users are personal data, and keys of records hold them."""
    view, worker = (
        as_user(c, user) for c in (client, elsewhere.client(server.url, credentials=store))
    )
    grant(view, server)
    assert sent_token(worker, server) == "ath_tk_github"
    view.forget()
    server.answer_next(refusal("TOKEN_REVOKED"), 401)
    with raises_code("TOKEN_REVOKED", 401):
        worker.call("GET", "/x")
    assert store.load(key(server, user)) is None


@pytest.mark.parametrize("fails", ["load", "replace", "delete"])
def test_a_record_that_could_not_be_forgotten_is_still_there(
    client: AnyClient, server: Server, store: WatchedStore, fails: str
) -> None:
    grant(client, server)

    def fail(method: str, *_: Any) -> None:
        if method == fails:
            raise FULL

    if fails != "delete":
        store.delete = None  # type: ignore[assignment, method-assign]
    store.before = fail
    with raises_code("STORAGE_ERROR"):
        client.forget()
    store.before = lambda *_: None
    assert client.client_id == "ath_client_1"
    assert tokens_in(store, server) == ["ath_tk_github"]
    assert sent_token(client, server) == "ath_tk_github"


def test_forget_on_a_store_that_cannot_delete_leaves_an_empty_record_that_has_expired(
    kind: Kind, server: Server
) -> None:
    store = MinimalStore()
    client = kind.client(server.url, credentials=store)
    register(client, server)
    grant(client, server)
    client.forget()
    record = document(store, key(server))
    assert record is not None
    assert (record["tokens"], record["sessions"]) == ([], [])
    assert record["expires_at"] is not None
    assert "ath_" not in str(record)
