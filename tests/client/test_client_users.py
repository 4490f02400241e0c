"""Many users in one agent: what their views share, and what they never do."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ath import CredentialKey, MemoryStore
from tests.harness.clients import AGENT_ID, DEVELOPER, AnyClient, Kind, json_body, raises_code
from tests.harness.examples import AUTHORIZATION, REGISTRATION, TOKEN
from tests.harness.server import Server
from tests.harness.worlds import World

Worlds = Callable[..., World]
SESSIONS = {"session-of-alice": "alice", "session-of-bob": "bob"}


def session(user: str) -> dict[str, str]:
    return {"X-ATH-User-Token": f"session-of-{user}"}


def bearer(record: Any) -> str:
    return str(record.headers["authorization"]).removeprefix("Bearer ")


def test_users_share_the_clients_registration_and_have_their_own_tokens(world: World) -> None:
    client = world.client()
    client.discover()
    world.register(client)
    views = {name: client.for_user(name) for name in ("alice", "bob")}
    tokens = {}
    for name, view in views.items():
        assert view.client_id == client.client_id
        with raises_code("NO_TOKEN"):
            view.call("GET", "/echo")
        tokens[name] = world.token(view, account=name).access_token
    for name in ("bob", "alice", "bob"):
        views[name].call("GET", "/echo")
        assert bearer(world.requests[-1]) == tokens[name]
    with raises_code("NO_TOKEN"):
        client.call("GET", "/echo")
    if world.mode == "gateway":
        assert views["alice"].call("GET", "/user")["login"] == "alice"
    views["alice"].revoke()
    with raises_code("NO_TOKEN"):
        views["alice"].call("GET", "/echo")
    assert views["bob"].call("GET", "/echo")
    assert world.server.count("registrations") == 1


def test_users_with_sessions_of_their_own_have_their_own_registrations(
    worlds: Worlds, mode: str
) -> None:
    world = worlds(mode, user_sessions=SESSIONS)
    client = world.client()
    with raises_code("AUTH_REQUIRED", 401):
        world.register(client)
    tokens, ids = {}, set()
    for name in ("alice", "bob"):
        view = client.for_user(name, headers=session(name))
        view.discover()
        with raises_code("NOT_REGISTERED"):
            view.authorize(world.provider, world.scopes)
        ids.add(world.register(view).client_id)
        tokens[name] = world.token(view).access_token
    assert len(ids) == 2
    assert client.client_id is None
    for name in ("alice", "bob"):
        view = client.for_user(name, headers=session(name))
        view.call("GET", "/echo")
        assert bearer(world.requests[-1]) == tokens[name]
        assert view.registration().client_id == view.client_id
    thief = client.for_user("bob", headers=session("bob"))
    thief.set_token(tokens["alice"])
    with raises_code("TOKEN_INVALID", 401):
        thief.call("GET", "/echo")


def test_another_users_registration_is_not_known_to_a_users_session(worlds: Worlds) -> None:
    world = worlds("gateway", user_sessions=SESSIONS)
    client = world.client()
    alice = client.for_user("alice", headers=session("alice"))
    registered = world.register(alice)
    bob = client.for_user("bob", headers=session("bob"))
    bob.set_credentials(registered.client_id, registered.client_secret)
    with raises_code("AGENT_NOT_REGISTERED", 403):
        bob.authorize("github", ["repo"])


def test_views_of_one_user_share_what_they_hold(client: AnyClient, server: Server) -> None:
    client.for_user("alice").set_token("ath_tk_alice")
    server.answer_next({})
    client.for_user("alice").call("GET", "/x")
    assert bearer(server.requests[-1]) == "ath_tk_alice"
    with raises_code("NO_TOKEN"):
        client.for_user("Alice").call("GET", "/x")


def test_a_view_of_a_view_is_a_view_of_the_client(client: AnyClient, server: Server) -> None:
    client.for_user("bob").set_token("ath_tk_bob")
    alice = client.for_user("alice", headers={"X-Alice": "1"})
    server.answer_next({})
    alice.for_user("bob").call("GET", "/x")
    assert bearer(server.requests[-1]) == "ath_tk_bob"
    assert "x-alice" not in server.requests[-1].headers


def test_a_users_headers_are_added_to_the_clients(kind: Kind, server: Server) -> None:
    client = kind.client(server.url, headers={"X-Session": "ours", "X-Trace": "7"})
    view = client.for_user("alice", headers={"x-session": "hers"})
    for caller in (view, client):
        server.answer_next({}, 404)
        with raises_code("HTTP_ERROR", 404):
            caller.discover()
    hers, ours = (seen.headers for seen in server.requests)
    assert (hers["x-session"], hers["x-trace"]) == ("hers", "7")
    assert (ours["x-session"], ours["x-trace"]) == ("ours", "7")


def test_a_renewed_session_of_a_user_keeps_what_the_user_holds(kind: Kind, server: Server) -> None:
    client = kind.client(server.url)
    server.answer_next(REGISTRATION, 201)
    client.for_user("alice", headers={"X-Session": "old"}).register(
        developer=DEVELOPER, providers=[]
    )
    renewed = client.for_user("alice", headers={"X-Session": "new"})
    assert renewed.client_id == "ath_client_1"


def test_closing_a_view_does_nothing(world: World) -> None:
    client = world.ready()
    view = client.for_user("alice")
    view.close()
    assert view.discover()
    assert client.call("GET", "/echo")
    client.close()
    with raises_code("CLIENT_CLOSED"):
        view.discover()


def test_ten_thousand_users_share_one_connection(client: AnyClient, server: Server) -> None:
    views = [client.for_user(f"user-{n}") for n in range(10_000)]
    for view in views[::500]:
        view.set_token("ath_tk_1")
        server.answer_next({})
        view.call("GET", "/x")
    assert len({seen.connection for seen in server.requests}) == 1


@pytest.mark.parametrize("user", ["", None, 7, "a\nb"])
def test_a_user_id_is_one_line_of_text(client: AnyClient, user: Any) -> None:
    with raises_code("INVALID_ARGUMENT") as caught:
        client.for_user(user)
    assert "user" in caught.value.message


def test_each_user_has_a_record_of_their_own_in_the_store(kind: Kind, server: Server) -> None:
    store = MemoryStore()
    client = kind.client(server.url, credentials=store)
    server.answer_next(REGISTRATION, 201)
    client.register(developer=DEVELOPER, providers=[])
    for name in ("alice", "bob"):
        server.answer_next(AUTHORIZATION)
        client.for_user(name).authorize("github", ["repo"])
        server.answer_next({**TOKEN, "access_token": f"ath_tk_{name}"})
        client.for_user(name).exchange_token("exchange", "ath_sess_1")
    for name in ("alice", "bob"):
        text = store.load(CredentialKey(server.url, AGENT_ID, name))
        assert text is not None
        assert [token["access_token"] for token in json.loads(text)["tokens"]] == [f"ath_tk_{name}"]
        assert "ath_secret_1" not in text
    again = kind.client(server.url, credentials=store)
    with raises_code("NO_TOKEN"):
        again.call("GET", "/x")
    for name in ("bob", "alice"):
        server.answer_next({})
        again.for_user(name).call("GET", "/x")
        assert bearer(server.requests[-1]) == f"ath_tk_{name}"


def test_a_new_registration_ends_every_users_sessions_and_keeps_their_tokens(
    kind: Kind, server: Server
) -> None:
    store = MemoryStore()
    client = kind.client(server.url, credentials=store)
    server.answer_next(REGISTRATION, 201)
    client.register(developer=DEVELOPER, providers=[])
    for session_id in ("ath_sess_1", "ath_sess_2"):
        server.answer_next({**AUTHORIZATION, "ath_session_id": session_id})
        client.for_user("alice").authorize("github", ["repo"])
    server.answer_next(TOKEN)
    client.for_user("alice").exchange_token("exchange", "ath_sess_1")
    server.answer_next({**REGISTRATION, "client_id": "ath_client_2"}, 201)
    client.register(developer=DEVELOPER, providers=[])
    restarted = kind.client(server.url, credentials=store)
    for holder in (client, restarted):
        server.answer_next({})
        holder.for_user("alice").call("GET", "/x")
        assert bearer(server.requests[-1]) == "ath_tk_1"
        sent = len(server.requests)
        with raises_code("SESSION_NOT_FOUND"):
            holder.for_user("alice").exchange_token("exchange", "ath_sess_2")
        assert len(server.requests) == sent


def test_a_user_saves_and_loads_on_their_own(kind: Kind, server: Server, tmp_path: Any) -> None:
    client = kind.client(server.url)
    client.set_credentials("ath_client_1", "ath_secret_1")
    client.for_user("alice").set_token("ath_tk_alice")
    client.for_user("alice").save_credentials(tmp_path / "alice.json")
    other = kind.client(server.url)
    with raises_code("INVALID_CREDENTIALS"):
        other.load_credentials(tmp_path / "alice.json")
    with raises_code("INVALID_CREDENTIALS"):
        other.for_user("bob").load_credentials(tmp_path / "alice.json")
    other.for_user("alice").load_credentials(tmp_path / "alice.json")
    server.answer_next({})
    other.for_user("alice").call("GET", "/x")
    assert bearer(server.requests[-1]) == "ath_tk_alice"
    assert other.client_id == "ath_client_1"


def test_a_users_file_never_replaces_the_agents_stored_registration(
    kind: Kind, server: Server, tmp_path: Any
) -> None:
    old = kind.client(server.url)
    old.set_credentials("ath_client_old", "ath_secret_old")
    old.for_user("alice").set_token("ath_tk_alice")
    old.for_user("alice").save_credentials(tmp_path / "alice.json")
    store = MemoryStore()
    server.answer_next(REGISTRATION, 201)
    kind.client(server.url, credentials=store).register(developer=DEVELOPER, providers=[])
    alice = kind.client(server.url, credentials=store).for_user("alice")
    if kind.name == "sync":
        with raises_code("INVALID_CREDENTIALS"):
            alice.load_credentials(tmp_path / "alice.json")
        return
    alice.load_credentials(tmp_path / "alice.json")  # before the store was read
    server.answer_next(AUTHORIZATION)
    alice.authorize("github", ["repo"])
    assert json_body(server.requests[-1])["client_id"] == "ath_client_1"
    server.answer_next({})
    alice.call("GET", "/x")
    assert bearer(server.requests[-1]) == "ath_tk_alice"
    text = store.load(CredentialKey(server.url, AGENT_ID))
    assert text is not None
    assert json.loads(text)["client_id"] == "ath_client_1"


def test_simultaneous_calls_of_users_carry_their_own_tokens(world: World) -> None:
    client = world.client()
    client.discover()
    world.register(client)
    names = [f"user-{n}" for n in range(6)]
    for name in names:
        world.token(client.for_user(name), account=name)
    before = len(world.requests)

    def calls(name: str) -> Callable[[Any], Any]:
        def call(raw: Any) -> Any:
            view = raw.for_user(name)
            if world.mode == "gateway":
                return view.proxy("github", "GET", f"/echo/{name}")
            return view.api("GET", f"/echo/{name}")

        return call

    answers = client.together(*[calls(name) for name in names * 4])
    assert sorted(answer["path"].rpartition("/")[2] for answer in answers) == sorted(names * 4)
    used: dict[str, set[str]] = {}
    for record in world.requests[before:]:
        used.setdefault(record.path.rpartition("/")[2], set()).add(bearer(record))
    assert all(len(tokens) == 1 for tokens in used.values())
    assert len(set.union(*used.values())) == len(names)


def test_a_session_of_one_user_cannot_be_exchanged_by_another(world: World) -> None:
    client = world.client()
    world.register(client)
    alice, bob = client.for_user("alice"), client.for_user("bob")
    asked = world.consented(alice)
    sent = len(world.requests)
    with raises_code("SESSION_NOT_FOUND"):
        bob.exchange_token("exchange", asked.ath_session_id)
    assert len(world.requests) == sent
    assert alice.exchange_token("exchange", asked.ath_session_id)


def test_a_users_views_with_and_without_headers_do_not_share_a_stored_record(
    worlds: Worlds,
) -> None:
    world = worlds("gateway", user_sessions={**SESSIONS, "session-of-agent": "agent"})
    store = MemoryStore()
    client = world.client(headers=session("agent"), credentials=store)
    world.register(client)
    own = client.for_user("alice", headers=session("alice"))
    world.register(own)
    shared = client.for_user("alice")
    token = world.token(shared)
    again = world.client(headers=session("agent"), credentials=store)
    restarted = again.for_user("alice", headers=session("alice"))
    restarted.load()
    assert restarted.client_id == own.client_id
    again.for_user("alice").call("GET", "/echo")
    assert bearer(world.requests[-1]) == token.access_token


def test_a_users_token_is_stored_after_the_agent_registered_anew(
    kind: Kind, server: Server
) -> None:
    # Found by test_a_view_only_uses_its_own_users_credentials.
    store = MemoryStore()
    client = kind.client(server.url, credentials=store)
    server.answer_next(REGISTRATION, 201)
    client.register(developer=DEVELOPER, providers=[])
    alice = client.for_user("alice")
    server.answer_next(AUTHORIZATION)
    alice.authorize("github", ["repo"])  # stored for the first registration
    server.answer_next({**REGISTRATION, "client_id": "ath_client_2"}, 201)
    client.register(developer=DEVELOPER, providers=[])
    server.answer_next(AUTHORIZATION)
    alice.authorize("github", ["repo"])
    server.answer_next(TOKEN)
    alice.exchange_token("exchange", "ath_sess_1")
    restarted = kind.client(server.url, credentials=store).for_user("alice")
    server.answer_next({"ok": True})
    assert restarted.call("GET", "/x") == {"ok": True}
    assert bearer(server.requests[-1]) == "ath_tk_1"
