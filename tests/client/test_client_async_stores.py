"""Stores whose methods are coroutines: awaited by async clients, refused by sync ones."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import ath
from ath import MemoryStore
from ath.testing import LocalGateway
from tests.harness.clients import CLASSES, DEVELOPER, KEY, AnyClient, Kind, raises_code
from tests.harness.examples import REGISTRATION
from tests.harness.server import Server
from tests.harness.stores import AsyncStore, WatchedStore, document
from tests.harness.worlds import World

from .steps import authorize, exchange, grant, key, register, sent_token, tokens_in

WANTED: dict[str, Any] = {"developer": DEVELOPER, "providers": []}


@pytest.fixture
def tasks() -> Iterator[Kind]:
    kind = Kind("async")
    yield kind
    kind.close()


@pytest.fixture
def memory() -> WatchedStore:
    return WatchedStore()


@pytest.fixture
def store(memory: WatchedStore) -> AsyncStore:
    return AsyncStore(memory)


@pytest.fixture
def client(tasks: Kind, server: Server, store: AsyncStore) -> AnyClient:
    return tasks.client(server.url, credentials=store)


def stall(method: str) -> Any:
    """What an AsyncStore does before a call so that this method never answers."""

    async def before(called: str) -> None:
        if called == method:
            await asyncio.Event().wait()

    return before


def test_a_whole_handshake_is_kept_in_an_async_store(tasks: Kind, store: AsyncStore) -> None:
    with LocalGateway() as server:
        world = World(tasks, server)
        first = world.ready(credentials=store)
        assert document(store.store, ath.CredentialKey(server.url, first.agent_id))
        second = world.client(credentials=store)
        assert second.call("GET", "/user")["login"]
        second.revoke()
        second.forget()
        assert list(store.store.keys()) == []


def test_an_async_store_is_awaited_in_the_event_loop(
    client: AnyClient, server: Server, memory: WatchedStore
) -> None:
    server.answer_next(REGISTRATION, 201)
    client.ensure_registered(**WANTED)
    client.forget()
    assert {method for method, _ in memory.calls} == {
        "load", "replace", "delete", "acquire", "release",
    }  # fmt: skip
    assert memory.threads == {threading.get_ident()}


@pytest.mark.parametrize("mode", ["gateway", "native"])
def test_a_sync_client_refuses_an_async_store_when_it_is_made(
    store: AsyncStore, memory: WatchedStore, mode: str
) -> None:
    make = CLASSES["sync", mode]
    with raises_code("INVALID_ARGUMENT") as caught:
        make("https://gateway.example", "https://agent.example/a.json", KEY, credentials=store)
    assert "AsyncStore" in caught.value.message
    assert memory.calls == []


def test_a_store_of_which_only_some_methods_are_coroutines_is_refused(kind: Kind) -> None:
    class Mixed(MemoryStore):
        async def load(self, key: ath.CredentialKey) -> Any:
            return None

    with raises_code("INVALID_ARGUMENT"):
        kind.client("https://gateway.example", credentials=Mixed())


def test_tasks_that_register_at_once_on_an_async_store_register_once(
    tasks: Kind, server: Server, store: AsyncStore, memory: WatchedStore
) -> None:
    clients = [tasks.client(server.url, credentials=store).raw for _ in range(5)]
    server.answer_next(REGISTRATION, 201)

    async def register_all() -> None:
        await asyncio.gather(*(client.ensure_registered(**WANTED) for client in clients))

    tasks.run(register_all())
    assert len(server.requests) == 1
    assert memory.acquire(key(server), "me", 60)


def test_a_task_that_is_cancelled_while_it_takes_the_lock_holds_it_no_more(
    tasks: Kind, client: AnyClient, server: Server, store: AsyncStore, memory: WatchedStore
) -> None:
    taken = asyncio.Event()

    async def lose_the_reply(called: str) -> None:
        if called == "acquire":
            taken.set()
            await asyncio.Event().wait()

    async def cancel() -> None:
        store.after = lose_the_reply
        task = asyncio.ensure_future(client.raw.ensure_registered(**WANTED))
        await taken.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    tasks.run(cancel())
    assert memory.acquire(key(server), "another", 60)
    assert server.requests == []


@pytest.mark.parametrize("method", ["load", "replace", "acquire", "delete"])
def test_an_async_store_that_does_not_answer_is_a_storage_error_within_the_timeout(
    tasks: Kind, server: Server, store: AsyncStore, method: str
) -> None:
    client = tasks.client(server.url, credentials=store, timeout=0.2)
    client.load()
    store.before = stall(method)
    server.answer_next(REGISTRATION, 201)
    with raises_code("STORAGE_ERROR") as caught:
        client.forget() if method == "delete" else client.ensure_registered(**WANTED)
    assert caught.value.message == "The AsyncStore did not answer in time."


def test_a_sync_store_that_does_not_answer_is_a_storage_error_within_the_timeout(
    tasks: Kind, server: Server, memory: WatchedStore
) -> None:
    client = tasks.client(server.url, credentials=memory, timeout=0.2)
    may_go_on = threading.Event()

    def wait(*_: Any) -> None:
        may_go_on.wait(20)

    memory.before = wait
    with raises_code("STORAGE_ERROR") as caught:
        client.load()
    may_go_on.set()
    assert caught.value.message == "The WatchedStore did not answer in time."
    client.load()


def test_a_token_that_a_stalled_store_did_not_take_is_used_and_saved_with_the_next_change(
    tasks: Kind, server: Server, store: AsyncStore, memory: WatchedStore
) -> None:
    client = tasks.client(server.url, credentials=store, timeout=0.5)
    register(client, server)
    authorize(client, server)
    usual, store.before = store.before, stall("replace")
    with raises_code("STORAGE_ERROR"):
        exchange(client, server)
    assert sent_token(client, server) == "ath_tk_github"
    assert tokens_in(memory, server) == []
    store.before = usual
    grant(client, server, "gitlab")
    assert tokens_in(memory, server) == ["ath_tk_github", "ath_tk_gitlab"]


def test_a_foreign_exception_of_an_async_store_becomes_a_storage_error_that_names_the_store(
    client: AnyClient, store: AsyncStore
) -> None:
    async def fail(_: str) -> None:
        raise ConnectionError("redis://:canary@cache.example")

    store.before = fail
    with raises_code("STORAGE_ERROR") as caught:
        client.load()
    assert caught.value.message == "The AsyncStore failed with ConnectionError."
    assert caught.value.__cause__ is caught.value.__context__ is None


@pytest.mark.parametrize(
    ("kind", "twin"), [("sync", False), ("async", False), ("async", True)], indirect=["kind"]
)
def test_each_use_of_a_store_is_logged_at_debug_without_user_and_content(
    kind: Kind, server: Server, memory: WatchedStore, store: AsyncStore, twin: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG, "ath.stores")
    client = kind.client(server.url, credentials=store if twin else memory)
    register(client, server)
    grant(client.for_user("alice"), server)
    memory.failures.append(KeyError("canary"))
    with raises_code("STORAGE_ERROR"):
        client.for_user("alice").forget()
    records = [record for record in caplog.records if record.name == "ath.stores"]
    assert {record.levelno for record in records} == {logging.DEBUG}
    name = "AsyncStore" if twin else "WatchedStore"
    lines = [record.getMessage() for record in records]
    said = {line.rpartition(" after ")[0] for line in lines}
    assert said == {
        f"{name}.load: None", f"{name}.load: found", f"{name}.replace: True",
        f"{name}.delete: STORAGE_ERROR",
    }  # fmt: skip
    assert all(line.endswith(" ms") for line in lines)
    for secret in ("alice", "ath_secret", "ath_tk", "canary"):
        assert secret not in caplog.text
