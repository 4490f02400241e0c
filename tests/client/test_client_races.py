"""Calls of one client at the same time: none undoes, breaks or blocks what another does."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from ath import ATHError, CredentialKey, FileStore, FolderStore
from ath._client import held_record
from ath.stores.record import Record, Token
from tests.harness.clients import AGENT_ID, DEVELOPER, AnyClient, Kind, raises_code
from tests.harness.examples import AUTHORIZATION, REGISTRATION, TOKEN, refusal
from tests.harness.server import Answer, Server, answer
from tests.harness.stores import MinimalStore, WatchedStore, document

PATIENCE = 20
WANTED: dict[str, Any] = {
    "developer": DEVELOPER,
    "providers": [{"provider_id": "github", "scopes": ["read:user"]}],
}


@pytest.fixture
def store() -> WatchedStore:
    return WatchedStore()


@pytest.fixture
def client(kind: Kind, server: Server, store: WatchedStore) -> AnyClient:
    client = kind.client(server.url, credentials=store)
    client.load()
    return client


@pytest.fixture
def asynchronous() -> Any:
    kind = Kind("async")
    yield kind
    kind.close()


def key(server: Server, user: str | None = None) -> CredentialKey:
    return CredentialKey(server.url, AGENT_ID, user)


class Turnstile:
    """Holds the first call of a store's method back until the test lets it go on."""

    def __init__(self, store: WatchedStore, when: str, method: str) -> None:
        self.arrived, self.may_go_on = threading.Event(), threading.Event()
        self._method = method
        setattr(store, when, self)

    def __call__(self, method: str, _: CredentialKey) -> None:
        if method == self._method and not self.arrived.is_set():
            self.arrived.set()
            assert self.may_go_on.wait(PATIENCE)


def during(turnstile: Turnstile, *calls: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A call that makes those calls while another one is held back, and then lets it go on."""

    def in_thread(raw: Any) -> Any:
        assert turnstile.arrived.wait(PATIENCE)
        try:
            return [call(raw) for call in calls]
        finally:
            turnstile.may_go_on.set()

    async def in_task(raw: Any) -> Any:
        assert await asyncio.to_thread(turnstile.arrived.wait, PATIENCE)
        try:
            return [await call(raw) for call in calls]
        finally:
            turnstile.may_go_on.set()

    return lambda raw: (in_task if asyncio.iscoroutinefunction(raw.load) else in_thread)(raw)


def test_a_save_that_ends_late_does_not_undo_in_memory_what_was_saved_after_it(
    client: AnyClient, server: Server, store: WatchedStore
) -> None:
    client.set_credentials("ath_client_0", "ath_secret_0")
    server.answer_next(AUTHORIZATION)
    turnstile = Turnstile(store, "after", "replace")
    server.answer_next(REGISTRATION, 201)
    _, others = client.together(
        lambda raw: raw.authorize("github", ["read:user"]),
        during(turnstile, lambda raw: raw.register(**WANTED)),
    )
    assert not isinstance(others, ATHError), others
    assert client.client_id == "ath_client_1"
    record = document(store, key(server))
    assert record is not None
    assert (record["client_id"], len(record["sessions"])) == ("ath_client_1", 1)


def test_a_read_that_ends_late_does_not_undo_in_memory_what_was_read_after_it(
    client: AnyClient, elsewhere: Kind, server: Server, store: WatchedStore
) -> None:
    other = elsewhere.client(server.url, credentials=store)
    turnstile = Turnstile(store, "after", "load")

    def register_elsewhere(raw: Any) -> Any:
        server.answer_next(REGISTRATION, 201)
        other.register(**WANTED)
        return raw.load()

    client.together(lambda raw: raw.load(), during(turnstile, register_elsewhere))
    assert client.client_id == "ath_client_1"


@pytest.mark.parametrize("method", ["load", "replace"])
def test_a_read_that_ends_late_does_not_undo_in_memory_what_was_saved_meanwhile(
    client: AnyClient, server: Server, store: WatchedStore, method: str
) -> None:
    turnstile = Turnstile(store, "after" if method == "load" else "before", method)
    server.answer_next(REGISTRATION, 201)
    first = (lambda raw: raw.load()) if method == "load" else (lambda raw: raw.register(**WANTED))
    then = (lambda raw: raw.register(**WANTED)) if method == "load" else (lambda raw: raw.load())
    client.together(first, during(turnstile, then))
    assert client.client_id == "ath_client_1"
    assert document(store, key(server)) is not None


@pytest.mark.parametrize("store_class", [WatchedStore, MinimalStore])
def test_a_store_that_never_accepts_a_change_is_a_storage_error_in_the_end(
    kind: Kind, server: Server, monkeypatch: pytest.MonkeyPatch, store_class: Any
) -> None:
    monkeypatch.setattr(held_record, "_LONGEST_TRY", 0.1)
    tries: list[str | None] = []

    class Refusing(store_class):  # type: ignore[misc]
        def replace(self, key: CredentialKey, old: str | None, new: str) -> bool:
            tries.append(old)
            return False

    client = kind.client(server.url, credentials=Refusing())
    server.answer_next(REGISTRATION, 201)
    with raises_code("STORAGE_ERROR") as caught:
        client.register(**WANTED)
    assert "never accepted" in caught.value.message
    assert 1 < len(tries) < 50  # it paused between them
    assert client.client_id == "ath_client_1"


@pytest.mark.parametrize("store_class", [FileStore, FolderStore, MinimalStore, str, object()])
def test_a_class_in_the_place_of_a_store_is_refused_at_construction(
    kind: Kind, store_class: Any
) -> None:
    with raises_code("INVALID_ARGUMENT") as caught:
        kind.client("https://gateway.example", credentials=store_class)
    assert "credentials" in caught.value.message


@pytest.fixture
def locked(tmp_path: Path) -> Any:
    """A file whose short lock is held by somebody else."""
    fcntl = pytest.importorskip("fcntl")
    path = tmp_path / "credentials.json"
    with (tmp_path / ".credentials.json.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield path, lambda: fcntl.flock(lock, fcntl.LOCK_UN)


def test_a_file_that_stays_locked_is_a_storage_error_that_names_it_and_costs_nothing(
    kind: Kind, server: Server, locked: tuple[Path, Callable[[], None]]
) -> None:
    path, unlock = locked
    client = kind.client(server.url, credentials=FileStore(path, lock_timeout=0.05))
    server.answer_next(REGISTRATION, 201)
    with raises_code("STORAGE_ERROR") as caught:
        client.register(**WANTED)
    assert str(path) in caught.value.message
    assert client.client_id == "ath_client_1"
    unlock()
    server.answer_next(AUTHORIZATION)
    client.authorize("github", ["read:user"])
    restarted = kind.client(server.url, credentials=FileStore(path))
    restarted.load()
    assert restarted.client_id == "ath_client_1"


def test_a_cancelled_task_does_not_wait_for_a_locked_file(
    asynchronous: Kind, server: Server, locked: tuple[Path, Callable[[], None]]
) -> None:
    path, unlock = locked
    saving = threading.Event()

    class Saying(FileStore):
        def replace(self, key: CredentialKey, old: str | None, new: str) -> bool:
            saving.set()
            return super().replace(key, old, new)

    store = Saying(path, lock_timeout=PATIENCE)
    client = asynchronous.client(server.url, credentials=store)
    server.answer_next(REGISTRATION, 201)

    async def cancel_while_it_saves() -> None:
        task = asyncio.ensure_future(client.raw.register(**WANTED))
        async with asyncio.timeout(PATIENCE / 2):  # below the time that the file stays locked
            assert await asyncio.to_thread(saving.wait, PATIENCE)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        unlock()

    asynchronous.run(cancel_while_it_saves())
    assert client.client_id == "ath_client_1"
    server.answer_next(AUTHORIZATION)
    client.authorize("github", ["read:user"])
    record = document(FileStore(path), key(server))
    assert record is not None
    assert record["client_id"] == "ath_client_1"


@pytest.mark.parametrize("store_class", [FileStore, FolderStore, WatchedStore])
def test_a_lock_that_a_cancelled_task_was_taking_is_free_afterwards(
    asynchronous: Kind, server: Server, tmp_path: Path, store_class: Any
) -> None:
    taking, may_go_on = threading.Event(), threading.Event()

    class Slow(store_class):  # type: ignore[misc]
        def acquire(self, key: CredentialKey, owner: str, lease: float) -> bool:
            taking.set()
            assert may_go_on.wait(PATIENCE)
            taken: bool = super().acquire(key, owner, lease)
            return taken

    arguments = [] if store_class is WatchedStore else [tmp_path / "store"]
    store = Slow(*arguments)
    client = asynchronous.client(server.url, credentials=store)

    async def cancel_while_it_takes_the_lock() -> None:
        task = asyncio.ensure_future(client.raw.ensure_registered(**WANTED))
        assert await asyncio.to_thread(taking.wait, PATIENCE)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        may_go_on.set()
        await asyncio.get_running_loop().shutdown_default_executor()  # the thread has ended

    asynchronous.run(cancel_while_it_takes_the_lock())
    assert store.acquire(key(server), "somebody else", 60)
    store.release(key(server), "somebody else")


def test_a_lock_is_free_after_its_coroutine_was_closed(
    asynchronous: Kind, server: Server, store: WatchedStore
) -> None:
    client = asynchronous.client(server.url, credentials=store)
    client.load()

    async def close_while_it_holds_the_lock() -> None:
        turnstile = Turnstile(store, "before", "load")
        coroutine = client.raw.ensure_registered(**WANTED)
        task = asyncio.ensure_future(coroutine)
        assert await asyncio.to_thread(turnstile.arrived.wait, PATIENCE)
        assert not store.acquire(key(server), "somebody else", 60)
        coroutine.close()  # as when its loop is gone
        turnstile.may_go_on.set()
        with pytest.raises(RuntimeError, match="already awaited"):
            await task

    asynchronous.run(close_while_it_holds_the_lock())
    assert store.acquire(key(server), "somebody else", 60)


class Shared:
    """Several tasks that register at once, and one that is cancelled while the store is slow."""

    def __init__(self, client: AnyClient, turnstile: Turnstile, name: str) -> None:
        self._client, self._turnstile, self._name = client, turnstile, name

    async def cancel_the_leader(self) -> list[Any]:
        def begin() -> asyncio.Future[Any]:
            return asyncio.ensure_future(getattr(self._client.raw, self._name)(**WANTED))

        leader = begin()
        assert await asyncio.to_thread(self._turnstile.arrived.wait, PATIENCE)
        others = [begin() for _ in range(3)]
        await asyncio.sleep(0)  # they join
        leader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leader
        self._turnstile.may_go_on.set()
        return await asyncio.gather(*others, return_exceptions=True)


@pytest.mark.parametrize("name", ["register", "ensure_registered"])
def test_another_task_takes_over_from_a_leader_that_was_cancelled_before_anything_was_sent(
    asynchronous: Kind, server: Server, store: WatchedStore, name: str
) -> None:
    client = asynchronous.client(server.url, credentials=store)
    client.load()
    server.answer_next(REGISTRATION, 201)
    turnstile = Turnstile(store, "before", "load")
    results = asynchronous.run(Shared(client, turnstile, name).cancel_the_leader())
    assert [getattr(result, "client_id", result) for result in results] == (
        ["ath_client_1"] * 3 if name == "register" else [None] * 3
    )
    assert client.client_id == "ath_client_1"
    assert len(server.requests) == 1


def test_the_outcome_is_unknown_if_the_leader_was_cancelled_after_the_request_was_sent(
    asynchronous: Kind, server: Server, store: WatchedStore
) -> None:
    client = asynchronous.client(server.url, credentials=store)
    client.load()
    server.answer_next(REGISTRATION, 201)
    turnstile = Turnstile(store, "before", "replace")
    results = asynchronous.run(Shared(client, turnstile, "register").cancel_the_leader())
    assert [result.code for result in results] == ["OUTCOME_UNKNOWN"] * 3
    assert len(server.requests) == 1
    assert client.client_id == "ath_client_1"  # memory has it all the same


def test_errors_that_are_handed_to_several_callers_share_nothing(
    kind: Kind, server: Server, store: WatchedStore
) -> None:
    client = kind.client(server.url, credentials=store)
    joined = threading.Semaphore(0)

    def refuse_when_all_have_joined(_: Any) -> bytes:
        for _ in range(2):
            assert joined.acquire(timeout=PATIENCE)
        return Answer(refusal("FORBIDDEN", details={"n": 1}), 403).to_bytes()

    server.default = answer(refuse_when_all_have_joined)
    flights = client.raw._driver.flights
    join = flights.join

    def join_and_say(key: Any) -> Any:
        flight, end = join(key)
        if end is None:
            joined.release()
        return flight, end

    flights.join = join_and_say
    errors = client.together(*[lambda raw: raw.register(**WANTED)] * 3)
    assert [error.code for error in errors] == ["FORBIDDEN"] * 3
    assert len(server.requests) == 1
    for error, other in permutations(errors, 2):
        assert error is not other
        assert error.__traceback__ is not other.__traceback__
        assert error.__context__ is not other
    for error in errors:
        assert not hasattr(error, "__notes__")
        assert error.details == {"n": 1}
        error.add_note("mine")
        error.details["mine"] = True


@pytest.mark.parametrize("how", [Record.keep_token, Record.set_token])
@pytest.mark.parametrize("provider", ["github", None])
def test_other_threads_never_see_a_moment_without_a_token(how: Any, provider: str | None) -> None:
    record = Record()
    record.keep_token(Token("ath_tk_old", "github"))
    seen = record.tokens  # by a thread that is about to look its token up
    how(record, Token("ath_tk_new", provider))
    assert seen["github"].access_token == "ath_tk_old"
    assert record.tokens[provider].access_token == "ath_tk_new"


def test_a_token_that_was_set_while_the_store_is_read_stays(
    client: AnyClient, server: Server, store: WatchedStore
) -> None:
    turnstile = Turnstile(store, "after", "load")

    def set_token(raw: Any) -> Any:
        raw.set_credentials("ath_client_0", "ath_secret_0")
        raw.set_token("ath_tk_hand")
        return raw.sign_attestation()

    client.together(lambda raw: raw.load(), during(turnstile, set_token))
    server.answer_next(TOKEN)
    client.call("GET", "/x")
    assert server.requests[-1].headers["authorization"] == "Bearer ath_tk_hand"
