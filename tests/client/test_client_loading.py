"""When a store is read, and where: nothing of it happens on an event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from ath.keys import AgentKey
from tests.harness.clients import AGENT_ID, DEVELOPER, KEY, AnyClient, Kind, json_body, raises_code
from tests.harness.examples import AUTHORIZATION, REGISTRATION, TOKEN, refusal
from tests.harness.server import Server
from tests.harness.stores import STORES, WatchedStore, opener
from tests.harness.worlds import World

WANTED: dict[str, Any] = {"developer": DEVELOPER, "providers": []}
PlainMember = Callable[[Any, Path], Any]
PLAIN_MEMBERS: dict[str, PlainMember] = {
    "client_id": lambda client, folder: client.client_id,
    "save_credentials": lambda client, folder: client.save_credentials(folder / "saved.json"),
}


@pytest.fixture
def store() -> WatchedStore:
    return WatchedStore()


@pytest.fixture
def registered(elsewhere: Kind, server: Server, store: WatchedStore) -> AnyClient:
    """Another worker, which has registered and holds a token for alice."""
    other = elsewhere.client(server.url, credentials=store)
    server.answer_next(REGISTRATION, 201)
    other.register(**WANTED)
    alice = other.for_user("alice")
    server.answer_next(AUTHORIZATION)
    alice.authorize("github", ["read:user"])
    server.answer_next(TOKEN)
    alice.exchange_token("exchange", AUTHORIZATION["ath_session_id"])
    server.requests.clear()
    store.reads()
    store.threads.clear()
    return other


@pytest.fixture
def asynchronous() -> Any:
    kind = Kind("async")
    yield kind
    kind.close()


@pytest.fixture
def client(asynchronous: Kind, server: Server, store: WatchedStore) -> AnyClient:
    """An async client that was made outside of any event loop."""
    return asynchronous.client(server.url, credentials=store)


def test_constructing_an_async_client_and_its_views_reads_nothing(
    client: AnyClient, store: WatchedStore
) -> None:
    client.for_user("alice")
    assert store.calls == []


def test_constructing_a_sync_client_reads_the_agents_record(
    elsewhere: Kind, registered: AnyClient, server: Server, store: WatchedStore
) -> None:
    client = elsewhere.client(server.url, credentials=store)
    assert store.reads() == [None]
    assert client.client_id == "ath_client_1"
    view = client.for_user("alice")
    assert store.reads() == []
    assert view.client_id == "ath_client_1"  # plain members load by themselves
    assert store.reads() == ["alice"]


@pytest.mark.parametrize("name", PLAIN_MEMBERS)
@pytest.mark.parametrize("user", [None, "alice"])
def test_plain_members_of_an_async_client_that_was_not_loaded_say_so(
    client: AnyClient, registered: AnyClient, store: WatchedStore, tmp_path: Path,
    user: str | None, name: str,
) -> None:  # fmt: skip
    view = client.raw if user is None else client.raw.for_user(user)
    with raises_code("NOT_LOADED") as caught:
        PLAIN_MEMBERS[name](view, tmp_path)
    assert "load()" in caught.value.advice
    assert store.calls == []


@pytest.mark.parametrize("name", PLAIN_MEMBERS)
def test_plain_members_of_a_view_say_that_the_users_record_was_not_loaded(
    client: AnyClient, registered: AnyClient, tmp_path: Path, name: str
) -> None:
    client.load()
    assert client.client_id == "ath_client_1"
    alice = client.raw.for_user("alice")
    with raises_code("NOT_LOADED"):
        PLAIN_MEMBERS[name](alice, tmp_path)
    client.kind.run(alice.load())
    PLAIN_MEMBERS[name](alice, tmp_path)


@pytest.mark.parametrize("name", PLAIN_MEMBERS)
def test_plain_members_answer_without_a_store(
    asynchronous: Kind, server: Server, tmp_path: Path, name: str
) -> None:
    client = asynchronous.client(server.url)
    assert client.client_id is None
    client.set_credentials("ath_client_1", "ath_secret_1")
    for view in (client.raw, client.raw.for_user("alice")):
        PLAIN_MEMBERS[name](view, tmp_path)


def test_an_async_client_reads_the_agents_record_when_it_is_entered(
    client: AnyClient, registered: AnyClient, store: WatchedStore
) -> None:
    async def enter() -> str | None:
        async with client.raw as entered:
            assert store.reads() == [None]
            async with entered.for_user("alice") as alice:
                assert store.reads() == ["alice"]
                assert alice.client_id == "ath_client_1"
            async with entered:
                assert store.reads() == []
            client_id: str | None = entered.client_id
            return client_id

    assert client.kind.run(enter()) == "ath_client_1"


@pytest.mark.parametrize("call", ["authorize", "registration", "sign_attestation", "discover"])
def test_an_awaited_call_reads_what_it_needs(
    client: AnyClient, registered: AnyClient, server: Server, call: str
) -> None:
    calls: dict[str, Callable[[], Any]] = {
        "authorize": lambda: client.authorize("github", ["read:user"]),
        "registration": client.registration,
        "sign_attestation": client.sign_attestation,
        "discover": client.discover,
    }
    answers = {"authorize": AUTHORIZATION, "registration": {**REGISTRATION, "agent_id": AGENT_ID}}
    if call in answers:
        server.answer_next(answers[call])
        calls[call]()
    elif call == "discover":
        server.answer_next("Down", 503)
        with raises_code("HTTP_ERROR", 503):
            client.discover(retry=None)
    else:
        calls[call]()
    assert client.client_id == "ath_client_1"


def test_a_call_to_a_provider_reads_the_users_record(
    client: AnyClient, registered: AnyClient, server: Server, store: WatchedStore
) -> None:
    server.answer_next({"ok": True})
    assert client.for_user("alice").call("GET", "/x") == {"ok": True}
    assert sorted(store.reads(), key=str) == [None, "alice"]


@pytest.mark.parametrize("store_name", [None, *STORES])
def test_load_returns_none_and_reads_what_others_wrote(
    kind: Kind, elsewhere: Kind, server: Server, tmp_path: Path, store_name: str | None
) -> None:
    open_store = opener(store_name, tmp_path) if store_name else lambda: None
    client = kind.client(server.url, credentials=open_store())
    assert client.load() is None
    assert client.client_id is None
    server.answer_next(REGISTRATION, 201)
    elsewhere.client(server.url, credentials=open_store()).register(**WANTED)
    assert client.client_id is None
    assert client.load() is None
    assert client.client_id == ("ath_client_1" if store_name else None)


def test_load_of_a_store_that_fails_is_a_storage_error(
    kind: Kind, registered: AnyClient, server: Server, store: WatchedStore
) -> None:
    client = kind.client(server.url, credentials=store)

    def fail(*_: Any) -> None:
        raise OSError("no such host")

    store.before = fail
    with raises_code("STORAGE_ERROR"):
        client.load()
    store.before = lambda *_: None
    client.load()
    assert client.client_id == "ath_client_1"


def test_entering_a_client_whose_store_fails_is_a_storage_error_and_leaves_it_not_loaded(
    client: AnyClient, registered: AnyClient, store: WatchedStore
) -> None:
    def fail(*_: Any) -> None:
        raise OSError("no such host")

    async def enter() -> None:
        async with client.raw:
            pytest.fail("it was entered")

    store.before = fail
    with raises_code("STORAGE_ERROR"):
        client.kind.run(enter())
    with raises_code("NOT_LOADED"):
        client.raw.client_id  # noqa: B018


@pytest.mark.parametrize("store_name", STORES)
def test_the_documented_way_to_register_never_registers_twice(
    asynchronous: Kind, server: Server, tmp_path: Path, store_name: str
) -> None:
    open_store = opener(store_name, tmp_path)
    server.answer_next(REGISTRATION, 201)

    async def start() -> str | None:
        async with asynchronous.client(server.url, credentials=open_store()).raw as client:
            if client.client_id is None:
                await client.register(**WANTED)
            client_id: str | None = client.client_id
            return client_id

    for _ in range(3):
        assert asynchronous.run(start()) == "ath_client_1"
    assert len(server.requests) == 1


def test_what_is_set_before_loading_is_laid_over_what_is_loaded(
    client: AnyClient, registered: AnyClient, server: Server, store: WatchedStore
) -> None:
    alice = client.for_user("alice")
    client.set_credentials("ath_client_hand", "ath_secret_hand")
    alice.set_token("ath_tk_slack", "slack")
    assert store.calls == []
    client.load()
    assert client.client_id == "ath_client_hand"
    for provider, token in (("slack", "ath_tk_slack"), ("github", "ath_tk_1")):
        server.answer_next({})
        alice.proxy(provider, "GET", "/x")
        assert server.requests[-1].headers["authorization"] == f"Bearer {token}"
    server.answer_next(AUTHORIZATION)
    alice.authorize("github", ["read:user"])
    assert json_body(server.requests[-1])["client_id"] == "ath_client_hand"


def test_nothing_of_a_store_runs_on_the_event_loop(
    client: AnyClient, registered: AnyClient, server: Server, store: WatchedStore
) -> None:
    async def do_everything() -> int:
        async with client.raw as entered:
            await entered.load()
            await entered.forget()
            server.answer_next(REGISTRATION, 201)
            await entered.ensure_registered(**WANTED)
            server.answer_next(REGISTRATION, 201)
            await entered.register(**WANTED)
            for view in (entered.for_user("bob"), entered):
                server.answer_next(AUTHORIZATION)
                await view.authorize("github", ["read:user"])
                server.answer_next(TOKEN)
                await view.exchange_token("exchange", AUTHORIZATION["ath_session_id"])
                server.answer_next(refusal("TOKEN_REVOKED"), 401)
                with raises_code("TOKEN_REVOKED", 401):
                    await view.proxy("github", "GET", "/x")
                server.answer_next({})
                await view.revoke()
                with raises_code("NO_TOKEN"):
                    await view.proxy("github", "GET", "/x")
                await view.forget()
        return threading.get_ident()

    loop_thread = client.kind.run(do_everything())
    methods = {method for method, _ in store.calls}
    assert methods == {"load", "replace", "delete", "acquire", "release"}
    assert loop_thread not in store.threads


def test_a_sync_client_uses_its_store_in_the_callers_thread(
    elsewhere: Kind, registered: AnyClient, server: Server, store: WatchedStore
) -> None:
    elsewhere.client(server.url, credentials=store).load()
    assert store.threads == {threading.get_ident()}


def test_other_tasks_run_while_a_store_is_slow(
    client: AnyClient, registered: AnyClient, store: WatchedStore
) -> None:
    started, may_go_on = asyncio.Event(), threading.Event()

    async def load() -> None:
        loop = asyncio.get_running_loop()

        def wait(*_: Any) -> None:
            loop.call_soon_threadsafe(started.set)
            assert may_go_on.wait(10)

        store.before = wait
        task = asyncio.ensure_future(client.raw.load())
        await started.wait()  # the loop is free while the store is waited for
        may_go_on.set()
        await task

    client.kind.run(load())
    assert client.client_id == "ath_client_1"


class Kms:
    """A signer that asks a KMS over the network."""

    def __init__(self) -> None:
        self.threads: set[int] = set()

    def sign(self, data: bytes) -> bytes:
        self.threads.add(threading.get_ident())
        r, s = decode_dss_signature(KEY.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def test_a_synchronous_signer_runs_in_a_worker_thread_in_async_clients(
    gateway: World, kind: Kind
) -> None:
    signer = Kms()
    client = gateway.client(private_key=signer)
    gateway.register(client)
    client.sign_attestation()
    (thread,) = signer.threads or {0}
    assert (thread == threading.get_ident()) is (kind.name == "sync")


def test_a_signer_that_is_a_coroutine_runs_on_the_event_loop(asynchronous: Kind) -> None:
    class AsyncKms(Kms):
        async def sign(self, data: bytes) -> bytes:  # type: ignore[override]
            return super().sign(data)

    signer = AsyncKms()
    asynchronous.client("https://gateway.example", private_key=signer).sign_attestation()
    assert signer.threads == {threading.get_ident()}


def test_a_local_key_signs_on_the_event_loop(
    asynchronous: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: set[int] = set()
    sign = AgentKey.sign

    def watched(self: AgentKey, data: bytes, /) -> bytes:
        threads.add(threading.get_ident())
        return sign(self, data)

    monkeypatch.setattr(AgentKey, "sign", watched)
    asynchronous.client("https://gateway.example").sign_attestation()
    assert threads == {threading.get_ident()}
