"""ath.testing.check_store: our stores pass, and each wrong store breaks the promise it should."""

from __future__ import annotations

import os
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from ath import CredentialKey, FileStore, FolderStore, MemoryStore
from ath.testing import check_async_store, check_store
from tests.harness.stores import AsyncStore, MinimalStore

from .support import error_of

ON_POSIX = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks are POSIX's")


@ON_POSIX
def test_stores_in_files_keep_every_promise(
    store_name: str, place: Path, request: pytest.FixtureRequest
) -> None:
    store = {"FileStore": FileStore, "FolderStore": FolderStore}[store_name]
    check_store(lambda: store(place))
    assert list(store(place).keys()) == []


def test_memory_keeps_every_promise_of_one_process() -> None:
    store = MemoryStore()
    check_store(lambda: store, processes=False)
    assert list(store.keys()) == []


def test_only_what_a_store_offers_is_checked() -> None:
    store = MinimalStore()
    check_store(lambda: store, processes=False)


@ON_POSIX
def test_an_async_store_is_checked_with_the_same_promises(place: Path) -> None:
    check_async_store(lambda: AsyncStore(FolderStore(place)))


def test_a_store_may_come_from_a_context_manager_that_closes_it() -> None:
    memory, opened, closed = MemoryStore(), [0], [0]

    @contextmanager
    def make() -> Iterator[MemoryStore]:
        opened[0] += 1
        yield memory
        closed[0] += 1

    @asynccontextmanager
    async def make_async() -> AsyncIterator[AsyncStore]:
        with make() as store:
            yield AsyncStore(store)

    check_store(make, processes=False)
    check_async_store(make_async, processes=False)
    assert opened == closed > [20]


def test_what_a_store_holds_already_stays() -> None:
    store, key = MemoryStore(), CredentialKey("https://g.example", "https://a.example/a.json")
    assert store.replace(key, None, '{"mine": 1}')
    check_store(lambda: store, processes=False)
    assert list(store.keys()) == [key]
    assert store.load(key) == '{"mine": 1}'


def test_without_forks_the_check_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "fork", raising=False)
    store = MemoryStore()
    assert error_of(lambda: check_store(lambda: store)).code == "INVALID_ARGUMENT"


class LastWriterWins(MemoryStore):
    def replace(self, key: CredentialKey, old: str | None, new: str) -> bool:
        return super().replace(key, self.load(key), new)


class ComparesFirst(MemoryStore):
    """Compares and writes in two steps, between which another one may write."""

    def replace(self, key: CredentialKey, old: str | None, new: str) -> bool:
        if self.load(key) != old:
            return False
        time.sleep(0.001)
        return super().replace(key, self.load(key), new)


class FoldsKeys(MemoryStore):
    """Keys are compared as some databases compare text."""

    def load(self, key: CredentialKey) -> str | None:
        return super().load(fold(key))

    def replace(self, key: CredentialKey, old: str | None, new: str) -> bool:
        return super().replace(fold(key), old, new)


def fold(key: CredentialKey) -> CredentialKey:
    return key._replace(user=key.user and key.user.casefold().rstrip(" "))


class JoinsKeys(MemoryStore):
    """Several keys become the same text."""

    def load(self, key: CredentialKey) -> str | None:
        return super().load(join(key))

    def replace(self, key: CredentialKey, old: str | None, new: str) -> bool:
        return super().replace(join(key), old, new)


def join(key: CredentialKey) -> CredentialKey:
    return CredentialKey(f"{key.implementor}{key.agent_id}{key.user!r}{key.registered}", "")


class ReplacesSurrogates(MemoryStore):
    def load(self, key: CredentialKey) -> str | None:
        return super().load(repair(key))

    def replace(self, key: CredentialKey, old: str | None, new: str) -> bool:
        return super().replace(repair(key), old, new)


def repair(key: CredentialKey) -> CredentialKey:
    members = (str(member).encode(errors="replace").decode() for member in key[:2])
    user = key.user and key.user.encode(errors="replace").decode()
    return CredentialKey(*members, user, key.registered)


class CutsRecords(MemoryStore):
    """A column of 64 KiB."""

    def replace(self, key: CredentialKey, old: str | None, new: str) -> bool:
        return super().replace(key, old, new[:65_536])


class KeepsTheFirstExpiry(MemoryStore):
    """A time to live that was set once and never taken away."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: dict[CredentialKey, float] = {}

    def load(self, key: CredentialKey) -> str | None:
        gone = self.ends.get(key, float("inf")) < time.time()
        return None if gone else super().load(key)

    def replace(self, key: CredentialKey, old: str | None, new: str) -> bool:
        if found := re.search(r'"expires_at": ([0-9.]+)', new):
            self.ends.setdefault(key, float(found[1]))
        return super().replace(key, old, new)


class DeletesWhateverIsThere(MemoryStore):
    def delete(self, key: CredentialKey, old: str | None = None) -> bool:
        return super().delete(key)


class ListsTheFirstPage(MemoryStore):
    def keys(self) -> Iterator[CredentialKey]:
        return iter(list(super().keys())[:20])


class NeverLocks(MemoryStore):
    def acquire(self, key: CredentialKey, owner: str, lease: float) -> bool:
        super().acquire(key, owner, lease)
        return True


class AnyoneReleases(MemoryStore):
    def release(self, key: CredentialKey, owner: str) -> None:
        self._locks.pop(key, None)


class IsReentrant(MemoryStore):
    def acquire(self, key: CredentialKey, owner: str, lease: float) -> bool:
        held = self._locks.get(key)
        return super().acquire(key, owner, lease) or (held is not None and held.owner == owner)


class HasNoRelease(MinimalStore):
    def acquire(self, key: CredentialKey, owner: str, lease: float) -> bool:
        return True


class LosesTypes(MemoryStore):
    """Its comparison is that of Python's values: True is 1."""

    def replace(self, key: CredentialKey, old: str | None, new: str) -> bool:
        same = (old or "").replace("true", "1") == (self.load(key) or "").replace("true", "1")
        return super().replace(key, self.load(key) if same else old, new)


class RaisesForNothing(MemoryStore):
    def load(self, key: CredentialKey) -> str | None:
        return self._records[key]


ALONE: dict[type[Any], str] = {
    LastWriterWins: "replace() returns False and changes nothing",
    ComparesFirst: "Of many threads that read, change and replace",
    FoldsKeys: "Each key has a record of its own",
    JoinsKeys: "Each key has a record of its own",
    ReplacesSurrogates: "A key with a lone surrogate is refused",
    CutsRecords: "Records of up to 1 MB are kept",
    KeepsTheFirstExpiry: "A record is kept until the expires_at that it has now",
    DeletesWhateverIsThere: "delete() removes the record, if it is still old",
    ListsTheFirstPage: "keys() gives the key of every record",
    NeverLocks: "acquire() never waits, and returns True to nobody",
    AnyoneReleases: "release() gives the lock back if its owner calls",
    IsReentrant: "acquire() never waits, and returns True to nobody",
    HasNoRelease: "a store has both acquire() and release()",
    LosesTypes: "replace() returns False and changes nothing",
    RaisesForNothing: "load() returns None for a key without a record",
}


def promise_broken_by(check: Callable[[], object]) -> str:
    with pytest.raises(AssertionError) as caught:
        check()
    return str(caught.value)


@pytest.mark.parametrize("wrong", ALONE)
def test_a_wrong_store_breaks_its_promise(wrong: type[Any]) -> None:
    store = wrong()
    said = promise_broken_by(lambda: check_store(lambda: store, processes=False))
    assert said.startswith(f"Broken promise: {ALONE[wrong]}"), said


@pytest.mark.parametrize("wrong", [LastWriterWins, CutsRecords, ListsTheFirstPage, NeverLocks])
def test_a_wrong_async_store_breaks_the_same_promise(wrong: type[Any]) -> None:
    store = AsyncStore(wrong())
    said = promise_broken_by(lambda: check_async_store(lambda: store, processes=False))
    assert said.startswith(f"Broken promise: {ALONE[wrong]}"), said


class RemembersReads(FolderStore):
    """Answers from memory what another process may have changed."""

    memory: ClassVar[dict[CredentialKey, str | None]] = {}

    def load(self, key: CredentialKey) -> str | None:
        found = super().load(key)
        return self.memory.setdefault(key, found)

    def replace(self, key: CredentialKey, old: str | None, new: str) -> bool:
        done = super().replace(key, old, new)
        self.memory.pop(key, None)
        return done

    def delete(self, key: CredentialKey, old: str | None = None) -> bool:
        self.memory.pop(key, None)
        return super().delete(key, old)


class LocksForEver(FolderStore):
    """A lock that is a file: nobody removes it when its owner dies."""

    def acquire(self, key: CredentialKey, owner: str, lease: float) -> bool:
        path = self._lock_file(key)
        try:
            with path.open("x") as file:
                file.write(owner)
        except FileExistsError:
            return False
        return True

    def release(self, key: CredentialKey, owner: str) -> None:
        path = self._lock_file(key)
        if path.exists() and path.read_text() == owner:
            path.unlink()

    def _lock_file(self, key: CredentialKey) -> Path:
        super().load(key)  # which refuses keys with a lone surrogate
        self.folder.mkdir(exist_ok=True)
        return self.folder / f"{abs(hash(key))}.held"


class LocksThreadsOnly(FolderStore):
    """A lock that other processes do not see."""

    locks = MemoryStore()

    def acquire(self, key: CredentialKey, owner: str, lease: float) -> bool:
        return self.locks.acquire(key, owner, lease)

    def release(self, key: CredentialKey, owner: str) -> None:
        self.locks.release(key, owner)


class ComparesInThisProcess(FolderStore):
    """Compares and writes under a lock that other processes do not see."""

    locks = MemoryStore()

    def replace(self, key: CredentialKey, old: str | None, new: str) -> bool:
        while not self.locks.acquire(key, "me", 60):
            time.sleep(0.001)
        try:
            if super().load(key) != old:
                return False
            time.sleep(0.01)
            return super().replace(key, super().load(key), new)
        finally:
            self.locks.release(key, "me")


class DiesInForks(FolderStore):
    """As a connection that two processes share."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._process = os.getpid()

    def load(self, key: CredentialKey) -> str | None:
        if os.getpid() != self._process:
            raise ConnectionError
        return super().load(key)


TOGETHER: dict[type[FolderStore], str] = {
    RemembersReads: "What one process writes, each other one reads at once",
    LocksForEver: "A lock whose holder was killed is free",
    LocksThreadsOnly: "A lock excludes other processes",
    ComparesInThisProcess: "Of many processes that read, change and replace",
    DiesInForks: "A store that was used before a fork serves",
}


@ON_POSIX
@pytest.mark.parametrize("wrong", TOGETHER)
def test_a_store_that_is_wrong_among_processes_breaks_its_promise(
    wrong: type[FolderStore], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ath.testing._store_times.PATIENCE", 1.0)
    said = promise_broken_by(lambda: check_store(lambda: wrong(place)))
    assert said.startswith(f"Broken promise: {TOGETHER[wrong]}"), said
