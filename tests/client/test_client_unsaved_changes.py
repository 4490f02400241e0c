"""What the store has not acknowledged stays in memory and is written with the next change."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ath import ATHError, CredentialKey, FileStore, FolderStore
from ath.errors import Delivery
from tests.harness.clients import AnyClient, Kind, json_body, raises_code
from tests.harness.examples import AUTHORIZATION, TOKEN, refusal
from tests.harness.server import Server
from tests.harness.stores import STORES, WatchedStore, document, opener
from tests.harness.worlds import World

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


@pytest.mark.parametrize("user", USERS)
def test_a_token_whose_saving_failed_is_used_and_saved_with_the_next_change(
    client: AnyClient, kind: Kind, server: Server, store: WatchedStore, user: str | None
) -> None:
    view = as_user(client, user)
    authorize(view, server)
    store.failures = [FULL]
    with raises_code("STORAGE_ERROR"):
        exchange(view, server)
    assert tokens_in(store, server, user) == []
    assert sent_token(view, server) == "ath_tk_github"
    authorize(view, server, "slack")
    assert tokens_in(store, server, user) == ["ath_tk_github"]
    restarted = as_user(kind.client(server.url, credentials=store), user)
    assert sent_token(restarted, server) == "ath_tk_github"


def test_a_users_token_is_saved_later_though_no_view_of_the_user_lives_on(
    client: AnyClient, server: Server, store: WatchedStore
) -> None:
    authorize(client.for_user("alice"), server)
    store.failures = [FULL]
    with raises_code("STORAGE_ERROR"):
        exchange(client.for_user("alice"), server)
    authorize(client.for_user("alice"), server, "slack")
    assert tokens_in(store, server, "alice") == ["ath_tk_github"]


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("done", [False, True])
def test_a_token_whose_saving_failed_does_not_replace_a_later_one_of_another_worker(
    client: AnyClient, elsewhere: Kind, server: Server, store: WatchedStore,
    user: str | None, done: bool,
) -> None:  # fmt: skip
    """Whether the store took the change, and only its answer was lost, or not."""
    view = as_user(client, user)
    session_id = authorize(view, server)

    def lose_answer(method: str, _: CredentialKey) -> None:
        if method == "replace":
            raise FULL

    if done:
        store.after = lose_answer
    else:
        store.failures = [FULL]
    server.answer_next({**TOKEN, "access_token": "ath_tk_early"})
    with raises_code("STORAGE_ERROR"):
        view.exchange_token("exchange", session_id)
    store.after = lambda *_: None
    worker = as_user(elsewhere.client(server.url, credentials=store), user)
    authorize(worker, server)
    server.answer_next({**TOKEN, "access_token": "ath_tk_late", "expires_in": 3700})
    worker.exchange_token("exchange", session_id)
    authorize(view, server, "slack")
    assert tokens_in(store, server, user) == ["ath_tk_late"]
    assert sent_token(view, server) == "ath_tk_late"


def test_a_token_whose_saving_failed_replaces_an_earlier_one_that_lives_longer(
    client: AnyClient, server: Server, store: WatchedStore
) -> None:
    grant(client, server)
    session_id = authorize(client, server)
    store.failures = [FULL]
    server.answer_next({**TOKEN, "access_token": "ath_tk_new", "expires_in": 60})
    with raises_code("STORAGE_ERROR"):
        client.exchange_token("exchange", session_id)
    client.load()
    assert sent_token(client, server) == "ath_tk_new"
    authorize(client, server, "slack")
    assert tokens_in(store, server) == ["ath_tk_new"]


def test_what_is_not_saved_yet_outlasts_a_reload(
    client: AnyClient, elsewhere: Kind, server: Server, store: WatchedStore
) -> None:
    authorize(client, server)
    store.failures = [FULL]
    with raises_code("STORAGE_ERROR"):
        exchange(client, server)
    grant(elsewhere.client(server.url, credentials=store), server, "slack")
    client.load()
    for provider in ("github", "slack"):
        assert sent_token(client, server, provider) == f"ath_tk_{provider}"
    authorize(client, server, "mail")
    assert tokens_in(store, server) == ["ath_tk_slack", "ath_tk_github"]


@pytest.mark.parametrize("delivery", [Delivery.LOCAL, Delivery.LOST, Delivery.TIMED_OUT])
def test_a_wait_tells_that_its_token_could_not_be_saved(
    client: AnyClient, server: Server, store: WatchedStore, delivery: Delivery, short_pauses: None
) -> None:
    """As stores on servers tell it, which know how their request ended."""
    session_id = authorize(client, server)
    failure = ATHError("STORAGE_ERROR", "No answer.")
    failure._delivery = delivery
    store.failures = [failure]
    server.answer_next(TOKEN)
    with raises_code("STORAGE_ERROR"):
        client.wait_for_token(session_id, timeout=5)
    assert tokens_in(store, server) == []


@pytest.mark.parametrize("how", ["wait_for_token", "start_connect"])
@pytest.mark.parametrize("user", USERS)
def test_a_grant_that_could_not_be_saved_is_saved_before_it_is_told(
    client: AnyClient, server: Server, store: WatchedStore, how: str, user: str | None
) -> None:
    view = as_user(client, user)
    session_id = authorize(view, server)
    store.failures = [FULL, FULL]
    with raises_code("STORAGE_ERROR"):
        exchange(view, server)

    def ask() -> Any:
        if how == "wait_for_token":
            return view.wait_for_token(session_id)
        return view.start_connect(["read:user"])

    with raises_code("STORAGE_ERROR"):
        ask()
    ask()
    assert tokens_in(store, server, user) == ["ath_tk_github"]


def test_a_registration_whose_saving_failed_is_saved_with_the_next_change(
    kind: Kind, server: Server, store: WatchedStore
) -> None:
    client = kind.client(server.url, credentials=store)
    store.failures = [FULL]
    with raises_code("STORAGE_ERROR"):
        register(client, server)
    assert client.client_id == "ath_client_1"
    authorize(client, server)
    restarted = kind.client(server.url, credentials=store)
    restarted.load()
    assert restarted.client_id == "ath_client_1"


def test_a_registration_whose_saving_failed_is_saved_with_the_next_change_of_any_user(
    kind: Kind, server: Server, store: WatchedStore
) -> None:
    client = kind.client(server.url, credentials=store)
    store.failures = [FULL]
    with raises_code("STORAGE_ERROR"):
        register(client, server)
    grant(client.for_user("alice"), server)
    restarted = kind.client(server.url, credentials=store)
    restarted.load()
    assert restarted.client_id == "ath_client_1"
    assert sent_token(restarted.for_user("alice"), server) == "ath_tk_github"


@pytest.mark.parametrize("operation", ["fsync", "rename", "lock"])
@pytest.mark.parametrize("store_class", [FileStore, FolderStore])
def test_a_file_that_could_not_be_written_once_is_written_with_the_next_change(
    kind: Kind, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    operation: str, store_class: Any,
) -> None:  # fmt: skip
    fcntl = pytest.importorskip("fcntl")
    client = kind.client(server.url, credentials=store_class(tmp_path / "store"))
    register(client, server)
    authorize(client, server)
    target, name, error = {
        "fsync": (os, "fsync", FULL),
        "rename": (Path, "replace", FULL),
        "lock": (fcntl, "flock", OSError(errno.ENOLCK, "No locks available")),
    }[operation]

    def fail(*_: Any) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(target, name, fail)
        with raises_code("STORAGE_ERROR") as caught:
            exchange(client, server)
        assert str(tmp_path) in caught.value.message
    authorize(client, server, "slack")
    restarted = kind.client(server.url, credentials=store_class(tmp_path / "store"))
    assert sent_token(restarted, server) == "ath_tk_github"
    assert list(tmp_path.rglob("*.new")) == []


def set_by_hand(client: AnyClient) -> None:
    client.set_credentials("ath_client_hand", "ath_secret_hand")
    client.set_token("ath_tk_hand", "github")


def load_by_hand(client: AnyClient, server: Server, path: Path) -> None:
    source = client.kind.client(server.url)
    set_by_hand(source)
    source.save_credentials(path)
    client.load_credentials(path)


@pytest.mark.parametrize("how", ["set", "loaded"])
def test_what_is_set_by_hand_is_written_at_the_next_change_and_replaces_what_is_stored(
    client: AnyClient, kind: Kind, server: Server, store: WatchedStore, tmp_path: Path, how: str
) -> None:
    grant(client, server)
    before = document(store, key(server))
    if how == "set":
        set_by_hand(client)
    else:
        load_by_hand(client, server, tmp_path / "saved.json")
    assert document(store, key(server)) == before
    assert sent_token(client, server) == "ath_tk_hand"
    authorize(client, server, "slack")
    assert json_body(server.requests[-1])["client_id"] == "ath_client_hand"
    assert tokens_in(store, server) == ["ath_tk_hand"]
    restarted = kind.client(server.url, credentials=store)
    restarted.load()
    assert restarted.client_id == "ath_client_hand"
    assert sent_token(restarted, server) == "ath_tk_hand"


def test_what_is_set_by_hand_outlasts_reloads(
    client: AnyClient, elsewhere: Kind, server: Server, store: WatchedStore
) -> None:
    set_by_hand(client)
    grant(elsewhere.client(server.url, credentials=store), server)
    client.load()
    assert client.client_id == "ath_client_hand"
    assert sent_token(client, server) == "ath_tk_hand"


@pytest.mark.parametrize("how", ["set by hand", "not saved"])
@pytest.mark.parametrize("user", USERS)
def test_a_refused_token_that_is_not_saved_does_not_replace_a_newer_one_in_the_store(
    client: AnyClient, elsewhere: Kind, server: Server, store: WatchedStore,
    how: str, user: str | None,
) -> None:  # fmt: skip
    view = as_user(client, user)
    if how == "set by hand":
        view.set_token("ath_tk_old", "github")
    else:
        authorize(view, server)
        store.failures = [FULL]
        server.answer_next({**TOKEN, "access_token": "ath_tk_old"})
        with raises_code("STORAGE_ERROR"):
            view.exchange_token("exchange", "ath_sess_github")
    grant(as_user(elsewhere.client(server.url, credentials=store), user), server)
    assert sent_token(view, server) == "ath_tk_old"
    server.answer_next(refusal("TOKEN_EXPIRED"), 401)
    assert sent_token(view, server) == "ath_tk_github"
    authorize(view, server, "slack")
    assert tokens_in(store, server, user) == ["ath_tk_github"]
    assert sent_token(view, server) == "ath_tk_github"


@pytest.mark.parametrize("fails", [False, True])
def test_a_refused_token_that_is_not_saved_stays_if_the_store_holds_no_other(
    client: AnyClient, server: Server, store: WatchedStore, fails: bool
) -> None:
    client.set_token("ath_tk_hand", "github")

    def fail(*_: Any) -> None:
        raise FULL

    if fails:
        store.before = fail
    server.answer_next(refusal("TOKEN_EXPIRED"), 401)
    with raises_code("TOKEN_EXPIRED", 401):
        client.call("GET", "/x")
    store.before = lambda *_: None
    assert sent_token(client, server) == "ath_tk_hand"
    authorize(client, server, "slack")
    record = document(store, key(server))
    assert record is not None
    [token] = record["tokens"]
    assert (token["access_token"], token["refused"]) == ("ath_tk_hand", True)


def test_a_users_token_that_is_set_by_hand_is_written_with_the_users_next_change(
    client: AnyClient, kind: Kind, server: Server, store: WatchedStore
) -> None:
    client.for_user("alice").set_token("ath_tk_hand")
    authorize(client.for_user("bob"), server)
    assert tokens_in(store, server, "alice") == []
    authorize(client.for_user("alice"), server)
    assert tokens_in(store, server, "alice") == ["ath_tk_hand"]


def test_what_was_only_loaded_is_never_written_back(
    client: AnyClient, elsewhere: Kind, server: Server, store: WatchedStore
) -> None:
    grant(client, server)  # memory holds registration 1 and the token
    other = elsewhere.client(server.url, credentials=store)
    server.answer_next({})
    other.revoke()
    register(other, server, 2)
    authorize(other, server, "mail")
    server.answer_next({**AUTHORIZATION, "ath_session_id": "ath_sess_slack"})
    with raises_code("REGISTRATION_REPLACED"):
        client.authorize("slack", ["read:user"])
    record = document(store, key(server))
    assert record is not None
    assert record["client_id"] == "ath_client_2"
    assert record["tokens"] == []
    sessions = [session["session_id"] for session in record["sessions"]]
    assert sessions == ["ath_sess_mail", "ath_sess_slack"]


def test_two_threads_or_tasks_that_save_at_once_lose_nothing(
    gateway: World, tmp_path: Path
) -> None:
    client = gateway.client(credentials=FolderStore(tmp_path))
    gateway.register(client)

    def authorize_as(user: str | None) -> Callable[[Any], Any]:
        return lambda raw: (raw if user is None else raw.for_user(user)).authorize(
            "github", ["repo"]
        )

    asked = client.together(*[authorize_as(user) for user in USERS * 8])
    for user, one in zip(USERS * 8, asked, strict=True):
        gateway.server.approve(one.authorization_url)
        as_user(client, user).exchange_token("exchange", one.ath_session_id)
    assert gateway.server.count("tokens") == 16


@pytest.mark.parametrize("store_name", STORES)
@pytest.mark.parametrize("user", USERS)
def test_after_revoke_nothing_of_the_token_is_left(
    kind: Kind, server: Server, tmp_path: Path, store_name: str, user: str | None
) -> None:
    open_store = opener(store_name, tmp_path)
    client = kind.client(server.url, credentials=open_store())
    register(client, server)
    grant(as_user(client, user), server)
    worker = kind.client(server.url, credentials=open_store())
    server.answer_next({})
    as_user(worker, user).revoke()  # whose record this worker had not loaded
    assert json_body(server.requests[-1])["token"] == "ath_tk_github"
    assert tokens_in(open_store(), server, user) == []
    files = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    assert "ath_tk_github" not in "".join(files)
    for holder in (worker, client, kind.client(server.url, credentials=open_store())):
        if holder is not client:  # which holds it until it is refused
            with raises_code("NO_TOKEN"):
                as_user(holder, user).call("GET", "/x")
    server.answer_next(refusal("TOKEN_REVOKED"), 401)
    with raises_code("TOKEN_REVOKED", 401):
        as_user(client, user).call("GET", "/x")
    assert tokens_in(open_store(), server, user) == []


def test_revoke_ends_what_another_worker_was_granted_meanwhile(
    client: AnyClient, elsewhere: Kind, server: Server, store: WatchedStore
) -> None:
    grant(client, server)
    grant(elsewhere.client(server.url, credentials=store), server, "slack")
    for _ in range(2):
        server.answer_next({})
    server.requests.clear()
    client.revoke()
    tokens = {json_body(seen)["token"] for seen in server.requests}
    assert tokens == {"ath_tk_github", "ath_tk_slack"}
    assert tokens_in(store, server) == []


def test_revoke_ends_what_memory_holds_though_the_store_cannot_be_read(
    client: AnyClient, server: Server, store: WatchedStore
) -> None:
    grant(client, server)

    def fail(*_: Any) -> None:
        raise FULL

    store.before = fail
    server.requests.clear()
    server.answer_next({})
    with raises_code("STORAGE_ERROR"):
        client.revoke()
    assert [json_body(seen)["token"] for seen in server.requests] == ["ath_tk_github"]
    store.before = lambda *_: None
    with raises_code("NO_TOKEN"):
        client.call("GET", "/x")
    authorize(client, server, "slack")
    assert tokens_in(store, server) == []


def test_a_revoked_token_whose_removal_failed_is_removed_with_the_next_change(
    client: AnyClient, server: Server, store: WatchedStore
) -> None:
    grant(client, server)
    store.failures = [FULL]
    server.answer_next({})
    with raises_code("STORAGE_ERROR"):
        client.revoke()
    with raises_code("NO_TOKEN"):
        client.call("GET", "/x")
    authorize(client, server, "slack")
    assert tokens_in(store, server) == []
