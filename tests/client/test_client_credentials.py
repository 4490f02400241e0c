"""Credentials: set by hand, saved and loaded, and kept in a store as the client goes along."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ath import ATHSecurityWarning, ATHWarning, CredentialKey, FileStore, FolderStore, MemoryStore
from tests.harness.clients import AGENT_ID, DEVELOPER, AnyClient, Kind, json_body, raises_code
from tests.harness.examples import AUTHORIZATION, REGISTRATION, TOKEN, refusal
from tests.harness.server import Server
from tests.harness.worlds import World

Worlds = Callable[..., World]


def restart(kind: Kind, url: str, store: Any) -> AnyClient:
    """A client of another process on the same store; an async one has read it, too."""
    client = kind.client(url, credentials=store)
    client.load()
    return client


def test_credentials_made_elsewhere_work_like_a_registration(world: World) -> None:
    registered = world.register(world.client())
    client = world.client()
    client.set_credentials(registered.client_id, registered.client_secret)
    assert client.client_id == registered.client_id
    client.set_credentials(client_id=registered.client_id, client_secret=registered.client_secret)
    client.discover()
    world.token(client)
    assert client.call("GET", "/echo")["method"] == "GET"


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (("", "s"), "client_id"),
        ((None, "s"), "client_id"),
        ((7, "s"), "client_id"),
        (("a\nb", "s"), "client_id"),
        (("c", ""), "client_secret"),
        (("c", None), "client_secret"),
        (("c", b"s"), "client_secret"),
    ],
)
def test_credentials_that_are_no_text_are_refused(
    client: AnyClient, given: tuple[Any, Any], named: str
) -> None:
    with raises_code("INVALID_ARGUMENT") as caught:
        client.set_credentials(*given)
    assert named in caught.value.message
    assert client.client_id == "ath_client_0"


def test_set_credentials_keeps_tokens_and_ends_sessions_of_another_client_id(
    client: AnyClient, server: Server
) -> None:
    server.answer_next(AUTHORIZATION)
    client.authorize("github", ["repo"])
    client.set_credentials("ath_client_9", "ath_secret_9")
    server.answer_next({})
    client.call("GET", "/x")
    assert server.requests[-1].headers["authorization"] == "Bearer ath_tk_0"
    server.answer_next(refusal("SESSION_NOT_FOUND"), 400)
    with raises_code("SESSION_NOT_FOUND", 400):
        client.exchange_token("exchange", "ath_sess_1")
    body = json_body(server.requests[-1])
    assert (body["client_id"], "code_verifier" in body) == ("ath_client_9", False)


def test_set_credentials_with_the_same_client_id_keeps_its_sessions(
    client: AnyClient, server: Server
) -> None:
    server.answer_next(AUTHORIZATION)
    client.authorize("github", ["repo"])
    client.set_credentials("ath_client_0", "ath_secret_new")
    server.answer_next(TOKEN)
    client.exchange_token("exchange", "ath_sess_1")
    body = json_body(server.requests[-1])
    assert (body["client_secret"], "code_verifier" in body) == ("ath_secret_new", True)


def test_saved_credentials_can_be_loaded_by_another_process(world: World, tmp_path: Path) -> None:
    path = tmp_path / "creds.json"
    first = world.ready()
    first.save_credentials(path)
    assert path.stat().st_mode & 0o777 == 0o600
    second = world.client()
    assert second.client_id is None
    second.load_credentials(str(path))
    assert second.client_id == first.client_id
    second.discover()
    assert second.call("GET", "/echo")["method"] == "GET"
    second.registration()
    second.revoke()
    assert world.server.count("revocations") == 1


@pytest.mark.parametrize("user", ["", "alice"])
def test_a_loaded_token_is_revoked_with_the_registration_that_it_was_granted_to(
    kind: Kind, server: Server, tmp_path: Path, user: str
) -> None:
    def of_user(client: AnyClient) -> AnyClient:
        return client.for_user(user) if user else client

    first = kind.client(server.url)
    first.set_credentials("ath_client_1", "ath_secret_1")
    server.answer_next(AUTHORIZATION)
    server.answer_next(TOKEN)
    asked = of_user(first).authorize("github", ["repo"])
    of_user(first).exchange_token("exchange", asked.ath_session_id)
    first.set_credentials("ath_client_2", "ath_secret_2")
    of_user(first).save_credentials(tmp_path / "c.json")
    second = kind.client(server.url)
    of_user(second).load_credentials(tmp_path / "c.json")
    server.answer_next({})
    of_user(second).revoke()
    body = json_body(server.requests[-1])
    assert (body["client_id"], body["client_secret"]) == ("ath_client_1", "ath_secret_1")


def test_an_open_session_survives_saving_and_loading(world: World, tmp_path: Path) -> None:
    first = world.client()
    world.register(first)
    asked = world.consented(first)
    first.save_credentials(tmp_path / "creds.json")
    second = world.client()
    second.load_credentials(tmp_path / "creds.json")
    second.exchange_token("exchange", asked.ath_session_id)
    assert "code_verifier" in json_body(world.requests[-1])


def test_the_expiry_of_a_saved_token_is_checked_after_loading(
    worlds: Worlds, tmp_path: Path
) -> None:
    world = worlds("gateway", token_lifetime=0)
    world.ready().save_credentials(tmp_path / "c.json")
    client = world.client()
    client.load_credentials(tmp_path / "c.json")
    with raises_code("TOKEN_EXPIRED"):
        client.call("GET", "/user")


def test_saving_keeps_what_a_file_holds_for_others(kind: Kind, tmp_path: Path) -> None:
    path = tmp_path / "creds.json"
    places = [
        ("https://one.example", AGENT_ID),
        ("https://two.example", AGENT_ID),
        ("https://one.example", "https://other.example/agent.json"),
    ]
    for number, (url, agent_id) in enumerate(places):
        client = kind.client(url, agent_id=agent_id)
        client.set_credentials(f"client-{number}", "secret")
        client.for_user("alice").set_token(f"token-{number}")
        client.save_credentials(path)
        client.for_user("alice").save_credentials(path)
    for number, (url, agent_id) in enumerate(places):
        client = kind.client(url, agent_id=agent_id)
        client.load_credentials(path)
        assert client.client_id == f"client-{number}"
    assert [entry.name for entry in tmp_path.iterdir() if not entry.name.endswith(".lock")] == [
        "creds.json"
    ]


def test_saving_again_replaces_what_was_saved(
    client: AnyClient, server: Server, kind: Kind, tmp_path: Path
) -> None:
    for number in range(3):
        client.set_credentials(f"client-{number}", "secret")
        client.save_credentials(tmp_path / "c.json")
    other = kind.client(server.url)
    other.load_credentials(tmp_path / "c.json")
    assert other.client_id == "client-2"


def test_a_file_of_the_official_sdk_can_be_loaded(
    client: AnyClient, server: Server, tmp_path: Path
) -> None:
    path = tmp_path / "creds.json"
    path.write_text(json.dumps({"client_id": "ath_abc", "client_secret": "ath_secret_xyz"}))
    with pytest.warns(ATHSecurityWarning, match="0600"):
        client.load_credentials(path)
    assert client.client_id == "ath_abc"
    assert path.stat().st_mode & 0o777 == 0o600
    with raises_code("NO_TOKEN"):
        client.call("GET", "/x")
    server.answer_next(TOKEN)
    client.exchange_token("exchange", "ath_sess_1")
    assert json_body(server.requests[0])["client_secret"] == "ath_secret_xyz"


def test_a_file_of_the_official_sdk_can_be_used_as_a_store_and_is_converted(
    kind: Kind, server: Server, tmp_path: Path
) -> None:
    path = tmp_path / "creds.json"
    path.write_text(json.dumps({"client_id": "ath_abc", "client_secret": "ath_secret_xyz"}))
    with pytest.warns(ATHSecurityWarning, match="0600"):
        client = restart(kind, server.url, path)
    assert client.client_id == "ath_abc"
    server.answer_next(TOKEN)
    client.exchange_token("exchange", "ath_sess_1")
    again = restart(kind, server.url, path)
    assert again.client_id == "ath_abc"
    server.answer_next({"ok": True})
    assert again.call("GET", "/x") == {"ok": True}


@pytest.mark.parametrize("other", ["gateway", "agent"])
def test_a_file_of_another_gateway_or_agent_is_named_and_refused(
    kind: Kind, client: AnyClient, server: Server, tmp_path: Path, other: str
) -> None:
    path = tmp_path / "creds.json"
    client.save_credentials(path)
    url, agent_id = server.url, AGENT_ID
    if other == "gateway":
        url = "https://elsewhere.example"
    else:
        agent_id = "https://elsewhere.example/agent.json"
    client = kind.client(url, agent_id=agent_id)
    with raises_code("INVALID_CREDENTIALS") as caught:
        client.load_credentials(path)
    assert "elsewhere.example" in caught.value.message
    assert server.url in caught.value.message
    assert "ath_secret" not in caught.value.message
    assert client.client_id is None


def test_a_file_that_cannot_be_used_changes_nothing_and_is_left_as_it_is(
    client: AnyClient, tmp_path: Path
) -> None:
    path = tmp_path / "creds.json"
    client.save_credentials(path)
    whole = path.read_bytes()
    newer = json.dumps({**json.loads(whole), "version": 99}).encode()
    contents = [
        whole[: len(whole) // 2], b"\x00\xff", b"not json", b"[]", b"{}", b'{"client_id": 7}', b"",
        b'{"client_id": "a"}', b"[" * 100_000, newer, whole.replace(b'"records": [', b'"no": ['),
        whole.replace(b"client_secret", b"client_sEcret"),
    ]  # fmt: skip
    assert whole not in contents
    for content in contents:
        path.write_bytes(content)
        with raises_code("INVALID_CREDENTIALS") as caught:
            client.load_credentials(path)
        assert str(path) in caught.value.message or "stored credentials" in caught.value.message
        assert path.read_bytes() == content
        assert client.client_id == "ath_client_0"


def test_a_path_that_cannot_be_used_is_a_storage_error(client: AnyClient, tmp_path: Path) -> None:
    for path in (tmp_path / "absent.json", tmp_path):
        with raises_code("STORAGE_ERROR") as caught:
            client.load_credentials(path)
        assert str(path) in caught.value.message
    (tmp_path / "file").write_text("")
    with raises_code("STORAGE_ERROR"):
        client.save_credentials(tmp_path / "file" / "creds.json")
    with raises_code("STORAGE_ERROR"):
        client.save_credentials(tmp_path)


STORES: dict[str, Callable[[Path], Any]] = {
    "text": lambda folder: str(folder / "creds.json"),
    "path": lambda folder: folder / "creds.json",
    "file": lambda folder: FileStore(folder / "creds.json"),
    "folder": lambda folder: FolderStore(folder / "creds"),
}


def stores(name: str, folder: Path) -> Callable[[], Any]:
    """What to pass as credentials=, anew for each process."""
    if name == "memory":
        kept = MemoryStore()
        return lambda: kept
    return lambda: STORES[name](folder)


@pytest.mark.parametrize("name", [*STORES, "memory"])
def test_a_store_is_read_at_the_first_use_and_written_after_each_change(
    kind: Kind, server: Server, tmp_path: Path, name: str
) -> None:
    store = stores(name, tmp_path)

    def restarted() -> AnyClient:
        return kind.client(server.url, credentials=store())

    client = restart(kind, server.url, store())
    assert client.client_id is None
    server.answer_next(REGISTRATION, 201)
    client.register(
        developer=DEVELOPER, providers=[], redirect_uris=["https://agent.example.com/cb"]
    )
    assert restart(kind, server.url, store()).client_id == "ath_client_1"
    server.answer_next(AUTHORIZATION)
    asked = restarted().authorize("github", ["repo"])
    assert json_body(server.requests[-1])["user_redirect_uri"] == "https://agent.example.com/cb"
    server.answer_next(TOKEN)
    restarted().exchange_token("exchange", asked.ath_session_id)
    assert "code_verifier" in json_body(server.requests[-1])
    server.answer_next({"ok": True})
    assert restarted().call("GET", "/x") == {"ok": True}
    server.answer_next({})
    restarted().revoke()
    with raises_code("NO_TOKEN"):
        restarted().call("GET", "/x")


def test_a_used_session_is_not_kept(kind: Kind, server: Server) -> None:
    store = MemoryStore()
    client = kind.client(server.url, credentials=store)
    client.set_credentials("ath_client_1", "ath_secret_1")
    server.answer_next(AUTHORIZATION)
    server.answer_next(TOKEN)
    client.exchange_token("exchange", client.authorize("github", ["repo"]).ath_session_id)
    text = store.load(CredentialKey(server.url, AGENT_ID))
    assert text is not None
    assert json.loads(text)["sessions"] == []


def test_two_clients_on_one_store_keep_each_others_changes(
    kind: Kind, server: Server, tmp_path: Path
) -> None:
    path = tmp_path / "creds.json"
    server.answer_next(REGISTRATION, 201)
    first = kind.client(server.url, credentials=path)
    first.register(developer=DEVELOPER, providers=[])
    second = kind.client(server.url, credentials=path)
    for client, provider in ((first, "a"), (second, "b"), (first, "c")):
        server.answer_next({**TOKEN, "provider_id": provider, "access_token": f"ath_tk_{provider}"})
        client.exchange_token("exchange", "ath_sess_1")
    third = kind.client(server.url, credentials=path)
    for provider in "abc":
        server.answer_next({})
        third.proxy(provider, "GET", "/x")
        assert server.requests[-1].headers["authorization"] == f"Bearer ath_tk_{provider}"


class FailingStore:
    """Holds nothing and takes nothing."""

    def __init__(self, fails_to_load: bool = False) -> None:
        self.fails_to_load = fails_to_load

    def load(self, key: CredentialKey) -> str | None:
        if self.fails_to_load:
            raise RuntimeError("the-password-of-the-database")
        return None

    def replace(self, key: CredentialKey, old: str | None, new: str) -> bool:
        raise ConnectionError("the-password-of-the-database")


def test_a_failing_store_loses_no_registration_and_no_token(kind: Kind, server: Server) -> None:
    client = kind.client(server.url, credentials=FailingStore())
    server.answer_next(REGISTRATION, 201)
    with raises_code("STORAGE_ERROR") as caught:
        client.register(developer=DEVELOPER, providers=[])
    assert "ConnectionError" in caught.value.message
    assert "password" not in str(caught.value)
    assert client.client_id == "ath_client_1"
    server.answer_next(TOKEN)
    with raises_code("STORAGE_ERROR"):
        client.exchange_token("exchange", "ath_sess_1")
    server.answer_next({"ok": True})
    assert client.call("GET", "/x") == {"ok": True}
    server.answer_next({})
    with raises_code("STORAGE_ERROR"):
        client.revoke()
    with raises_code("NO_TOKEN"):
        client.call("GET", "/x")


def test_a_store_that_cannot_be_read_fails_at_the_first_use(kind: Kind) -> None:
    store = FailingStore(fails_to_load=True)
    if kind.name == "sync":
        with raises_code("STORAGE_ERROR"):
            kind.client("https://g.example", credentials=store)
        return
    client = kind.client("https://g.example", credentials=store)
    uses = (client.load, client.registration, client.revoke, lambda: client.call("GET", "/x"))
    for use in (lambda: kind.run(client.raw.__aenter__()), *uses):
        with raises_code("STORAGE_ERROR"):
            use()
    with raises_code("NOT_LOADED"):
        client.client_id  # noqa: B018


def test_a_damaged_file_is_set_aside_and_named_at_the_first_use(kind: Kind, tmp_path: Path) -> None:
    path = tmp_path / "creds.json"
    path.touch(mode=0o600)
    path.write_bytes(b'{"format": "ath-cred')
    with raises_code("INVALID_CREDENTIALS") as caught:
        restart(kind, "https://g.example", path)
    (aside,) = tmp_path.glob("creds.json.damaged-*")
    assert aside.name in caught.value.message
    assert aside.read_bytes() == b'{"format": "ath-cred'
    assert restart(kind, "https://g.example", path).client_id is None


def test_a_file_damaged_after_construction_is_set_aside_with_a_warning(
    kind: Kind, server: Server, tmp_path: Path
) -> None:
    path = tmp_path / "creds.json"
    client = kind.client(server.url)
    client.set_credentials("ath_client_1", "ath_secret_1")
    path.touch(mode=0o600)
    path.write_bytes(b"\x00\x01")
    with pytest.warns(ATHWarning, match="damaged"):
        client.save_credentials(path)
    client.load_credentials(path)
    assert len(list(tmp_path.glob("creds.json.damaged-*"))) == 1


class WatchedStore(MemoryStore):
    """Notes in which threads it is called."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: set[int] = set()

    def load(self, key: CredentialKey) -> str | None:
        self.threads.add(threading.get_ident())
        return super().load(key)

    def replace(self, key: CredentialKey, old: str | None, new: str) -> bool:
        self.threads.add(threading.get_ident())
        return super().replace(key, old, new)


def test_async_clients_use_a_store_in_a_worker_thread(kind: Kind, server: Server) -> None:
    store = WatchedStore()
    client = kind.client(server.url, credentials=store)
    assert bool(store.threads) is (kind.name == "sync")  # what a constructor reads, and who may
    store.threads.clear()
    server.answer_next(REGISTRATION, 201)
    client.register(developer=DEVELOPER, providers=[])
    server.answer_next(AUTHORIZATION)
    client.for_user("alice").authorize("github", ["repo"])
    assert store.threads
    assert (threading.get_ident() in store.threads) is (kind.name == "sync")


def test_a_refused_revocation_stays_in_the_store(kind: Kind, server: Server) -> None:
    store = MemoryStore()
    client = kind.client(server.url, credentials=store)
    client.set_credentials("ath_client_1", "ath_secret_1")
    server.answer_next(TOKEN)
    client.exchange_token("exchange", "ath_sess_1")
    server.answer_next(refusal("AUTH_REQUIRED"), 401)
    with raises_code("AUTH_REQUIRED", 401):
        client.revoke()
    server.answer_next({})
    kind.client(server.url, credentials=store).revoke()
    assert json_body(server.requests[-1])["token"] == "ath_tk_1"
