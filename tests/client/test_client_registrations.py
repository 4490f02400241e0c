"""Registering again, in other processes too: tokens stay, sessions end, nothing is overwritten."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ath import FolderStore, MemoryStore
from tests.harness.clients import DEVELOPER, AnyClient, Kind, json_body, raises_code
from tests.harness.examples import REGISTRATION, TOKEN, refusal
from tests.harness.server import Answer, Server
from tests.harness.stores import STORES, opener
from tests.harness.worlds import World

Worlds = Callable[..., World]
USERS = (None, "alice")
"""The agent itself, and a user of it."""
GITHUB = [{"provider_id": "github", "scopes": ["read:user"]}]


def bearer(record: Any) -> str:
    return str(record.headers["authorization"]).removeprefix("Bearer ")


def as_user(client: AnyClient, user: str | None) -> AnyClient:
    return client if user is None else client.for_user(user)


def register(client: AnyClient, server: Server, number: int) -> None:
    """Register; the server hands out the registration of that number."""
    server.answer_next(numbered(number), 201)
    client.register(developer=DEVELOPER, providers=GITHUB)


def numbered(number: int) -> dict[str, Any]:
    return {
        **REGISTRATION,
        "client_id": f"ath_client_{number}",
        "client_secret": f"ath_secret_{number}",
    }


@pytest.mark.parametrize("store_name", STORES)
@pytest.mark.parametrize("restart", [False, True], ids=["running", "restarted"])
@pytest.mark.parametrize("before", ["nothing", "authorized", "token"])
def test_what_is_granted_after_a_new_registration_is_kept(
    gateway: World, tmp_path: Path, store_name: str, restart: bool, before: str
) -> None:
    open_store = opener(store_name, tmp_path)
    client = gateway.client(credentials=open_store())
    gateway.register(client)
    earlier, old, new = {}, {}, {}
    for user in USERS:
        if before == "authorized":
            earlier[user] = gateway.consented(as_user(client, user)).ath_session_id
        elif before == "token":
            old[user] = gateway.token(as_user(client, user))
    if restart:
        client = gateway.client(credentials=open_store())
    gateway.register(client)
    for user, token in old.items():
        as_user(client, user).call("GET", "/echo")
        assert bearer(gateway.requests[-1]) == token.access_token
    for user, session_id in earlier.items():
        with raises_code("SESSION_NOT_FOUND", None if user else 400):
            as_user(client, user).exchange_token("exchange", session_id)
    for user in USERS:
        new[user] = gateway.token(as_user(client, user))
    for holder in (client, gateway.client(credentials=open_store())):
        for user, token in new.items():
            as_user(holder, user).call("GET", "/echo")
            assert bearer(gateway.requests[-1]) == token.access_token


@pytest.mark.parametrize("store_name", STORES)
def test_tokens_outlive_a_new_registration_and_a_restart(
    gateway: World, tmp_path: Path, store_name: str
) -> None:
    open_store = opener(store_name, tmp_path)
    client = gateway.client(credentials=open_store())
    gateway.register(client)
    tokens = {user: gateway.token(as_user(client, user)) for user in USERS}
    gateway.register(client)
    for holder in (client, gateway.client(credentials=open_store())):
        for user, token in tokens.items():
            as_user(holder, user).call("GET", "/echo")
            assert bearer(gateway.requests[-1]) == token.access_token


def test_tokens_outlive_a_new_registration_without_a_store(gateway: World) -> None:
    client = gateway.client()
    gateway.register(client)
    tokens = {user: gateway.token(as_user(client, user)) for user in USERS}
    gateway.register(client)
    for user, token in tokens.items():
        as_user(client, user).call("GET", "/echo")
        assert bearer(gateway.requests[-1]) == token.access_token


def test_tokens_outlive_a_registration_that_another_process_made(
    gateway: World, tmp_path: Path
) -> None:
    workers = [gateway.client(credentials=FolderStore(tmp_path)) for _ in range(2)]
    gateway.register(workers[0])
    alice = workers[1].for_user("alice")
    old = gateway.token(alice)
    gateway.register(workers[0])
    new = gateway.token(workers[0].for_user("bob"))
    for worker in (*workers, gateway.client(credentials=FolderStore(tmp_path))):
        for user, token in (("alice", old), ("bob", new)):
            worker.for_user(user).call("GET", "/echo")
            assert bearer(gateway.requests[-1]) == token.access_token


@pytest.mark.parametrize("store_name", [None, *STORES])
def test_a_token_is_revoked_with_the_registration_that_it_came_from(
    gateway: World, tmp_path: Path, store_name: str | None
) -> None:
    open_store = opener(store_name, tmp_path) if store_name else lambda: None
    client = gateway.client(credentials=open_store())
    first = gateway.register(client)
    tokens = {user: gateway.token(as_user(client, user)) for user in USERS}
    for _ in range(3):  # the last three earlier ones are known
        gateway.register(client)
    if store_name:
        client = gateway.client(credentials=open_store())
    for user, token in tokens.items():
        as_user(client, user).revoke()
        assert json_body(gateway.requests[-1])["client_id"] == first.client_id
        with raises_code("NO_TOKEN"):
            as_user(client, user).call("GET", "/echo")
        client.for_user("thief").set_token(token.access_token)
        with raises_code("TOKEN_REVOKED", 401):
            client.for_user("thief").call("GET", "/echo")
    assert gateway.server.count("revocations") == 2


@pytest.mark.parametrize("user", USERS)
def test_each_token_is_revoked_with_its_own_registration(gateway: World, user: str | None) -> None:
    client = gateway.client(credentials=MemoryStore())
    ids = []
    for provider, scope in (("github", "repo"), ("shop", "orders:read")):
        wanted = [{"provider_id": provider, "scopes": [scope]}]
        ids.append(client.register(developer=DEVELOPER, providers=wanted).client_id)
        view = as_user(client, user)
        asked = view.authorize(provider, [scope])
        gateway.server.approve(asked.authorization_url)
        view.exchange_token("exchange", asked.ath_session_id)
    as_user(client, user).revoke()
    assert [json_body(seen)["client_id"] for seen in gateway.sent_to("/ath/revoke")] == ids
    assert gateway.server.count("revocations") == 2


@pytest.mark.parametrize("user", USERS)
def test_a_token_of_an_unknown_registration_is_dropped_once_the_server_was_asked(
    gateway: World, user: str | None
) -> None:
    store = MemoryStore()
    client = gateway.client(credentials=store)
    gateway.register(client)
    gateway.token(as_user(client, user))
    for _ in range(4):
        latest = gateway.register(client)
    with raises_code("AGENT_IDENTITY_MISMATCH", 403):
        as_user(client, user).revoke()
    assert json_body(gateway.requests[-1])["client_id"] == latest.client_id
    for holder in (client, gateway.client(credentials=store)):
        with raises_code("NO_TOKEN"):
            as_user(holder, user).call("GET", "/echo")
        as_user(holder, user).revoke()  # nothing is left
    assert len(gateway.sent_to("/ath/revoke")) == 1


@pytest.mark.parametrize("answer", ["none", "unavailable"])
def test_a_token_of_an_unknown_registration_is_kept_if_the_server_could_not_be_asked(
    kind: Kind, server: Server, answer: str
) -> None:
    client = kind.client(server.url, credentials=MemoryStore(), retry=None)
    register(client, server, 0)
    server.answer_next(TOKEN)
    client.exchange_token("exchange", "ath_sess_1")
    for number in range(1, 5):
        register(client, server, number)
    if answer == "none":
        server.answer_next(lost=True)
        with raises_code("NETWORK_ERROR"):
            client.revoke()
    else:
        server.answer_next("Overloaded", 503)
        with raises_code("HTTP_ERROR", 503):
            client.revoke()
    server.requests.clear()
    server.answer_next({})
    client.revoke()
    assert [json_body(seen)["token"] for seen in server.requests] == ["ath_tk_1"]


def test_a_refused_revocation_of_a_known_registration_keeps_the_token(
    client: AnyClient, server: Server
) -> None:
    server.answer_next(TOKEN)
    client.exchange_token("exchange", "ath_sess_1")
    server.answer_next(refusal("FORBIDDEN"), 403)
    with raises_code("FORBIDDEN", 403):
        client.revoke("github")
    server.requests.clear()
    server.answer_next({})
    client.revoke("github")
    assert [json_body(seen)["token"] for seen in server.requests] == ["ath_tk_1"]


def test_users_with_registrations_of_their_own_keep_tokens_and_revoke_them_likewise(
    worlds: Worlds, tmp_path: Path
) -> None:
    gateway = worlds("gateway", user_sessions={"session-of-alice": "alice"})
    headers = {"X-ATH-User-Token": "session-of-alice"}
    store = FolderStore(tmp_path)
    alice = gateway.client(credentials=store).for_user("alice", headers=headers)
    gateway.register(alice)
    token = gateway.token(alice)
    gateway.register(alice)
    again = gateway.client(credentials=store).for_user("alice", headers=headers)
    again.call("GET", "/echo")
    assert bearer(gateway.requests[-1]) == token.access_token
    again.revoke()
    assert gateway.server.count("revocations") == 1


def test_a_token_stored_during_a_registration_stays(
    kind: Kind, elsewhere: Kind, server: Server
) -> None:
    store = MemoryStore()
    client = kind.client(server.url, credentials=store)
    register(client, server, 1)
    other = elsewhere.client(server.url, credentials=store)

    def grant_meanwhile(_: Any) -> Answer:
        other.exchange_token("exchange", "ath_sess_1")
        return Answer(numbered(2), 201)

    server.answer_next_with(grant_meanwhile)
    server.answer_next(TOKEN)
    client.register(developer=DEVELOPER, providers=GITHUB)
    server.answer_next({})
    client.call("GET", "/x")
    assert bearer(server.requests[-1]) == "ath_tk_1"
    assert client.client_id == "ath_client_2"
