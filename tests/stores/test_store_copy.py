"""ath.stores.copy: records from one store to another, and never over what differs unless told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import ath.stores
from ath import CredentialKey, EncryptedStore, FolderStore, MemoryStore
from ath.stores import Copied
from ath.stores.files import FileStore
from tests.harness.stores import AsyncStore, MinimalStore, everything

from .support import ALICE, BOB, KEY, error_of, record, value_in

Copy = Callable[..., Copied]


@pytest.fixture(params=["sync", "async", "threads", "to async"])
def copy(request: pytest.FixtureRequest) -> Iterator[Copy]:
    """Copies between stores of each kind."""
    if request.param == "sync":
        yield ath.stores.copy
        return
    wrap_source = AsyncStore if request.param == "async" else lambda store: store
    wrap_target = (lambda store: store) if request.param == "threads" else AsyncStore
    with asyncio.Runner() as runner:
        yield lambda source, target, **options: runner.run(
            ath.stores.copy_async(wrap_source(source), wrap_target(target), **options)
        )


@pytest.fixture
def source() -> MemoryStore:
    store = MemoryStore()
    for key in (KEY, ALICE, BOB):
        assert store.replace(key, None, record(key.user, expires_at=None))
    return store


def test_all_records_are_copied_and_a_second_time_none(copy: Copy, source: MemoryStore) -> None:
    target = MemoryStore()
    assert copy(source, target) == Copied(copied=3, same=0, differs=0)
    assert everything(target) == everything(source)
    assert copy(source, target) == Copied(copied=0, same=3, differs=0)


def test_a_record_that_differs_is_left_alone_unless_it_may_be_overwritten(
    copy: Copy, source: MemoryStore
) -> None:
    target = MemoryStore()
    assert target.replace(ALICE, None, record("newer"))
    assert copy(source, target) == Copied(copied=2, same=0, differs=1)
    assert value_in(target.load(ALICE)) == "newer"
    assert copy(source, target, overwrite=True) == Copied(copied=1, same=2, differs=0)
    assert value_in(target.load(ALICE)) == "alice"


def test_what_only_the_target_holds_stays(copy: Copy, source: MemoryStore) -> None:
    target, own = MemoryStore(), KEY._replace(user="carol")
    assert target.replace(own, None, record("carol"))
    copy(source, target, overwrite=True)
    assert value_in(target.load(own)) == "carol"


def test_locks_stay_behind(copy: Copy, source: MemoryStore) -> None:
    target = MemoryStore()
    assert source.acquire(KEY, "me", 60)
    copy(source, target)
    assert target.acquire(KEY, "you", 60)
    assert not source.acquire(KEY, "you", 60)


def test_files_and_databases_agree_on_what_is_the_same(
    copy: Copy, source: MemoryStore, tmp_path: Path
) -> None:
    """A file keeps the object; another store keeps the text."""
    for target in (FileStore(tmp_path / "c.json"), FolderStore(tmp_path / "c")):
        assert source.replace(KEY, source.load(KEY), '{ "a":1, "expires_at":null }')
        assert copy(source, target) == Copied(copied=3)
        assert copy(source, target) == copy(target, source) == Copied(same=3)
        assert source.replace(KEY, source.load(KEY), '{ "a":true, "expires_at":null }')
        assert copy(source, target) == Copied(same=2, differs=1)


def test_copy_is_the_way_from_plain_records_to_encrypted_ones(
    source: MemoryStore, tmp_path: Path
) -> None:
    target = EncryptedStore(FolderStore(tmp_path), b"k" * 32)
    assert ath.stores.copy(source, target) == Copied(copied=3)
    assert value_in(target.load(ALICE)) == "alice"
    assert ath.stores.copy(source, target) == Copied(same=3)
    assert json.loads(FolderStore(tmp_path).load(ALICE) or "")["format"] == "ath-encrypted"


def test_a_target_needs_no_more_than_load_and_replace(source: MemoryStore) -> None:
    assert ath.stores.copy(source, MinimalStore()) == Copied(copied=3)


class Racing(MemoryStore):
    """Another worker writes between load and replace, once."""

    def __init__(self, theirs: str) -> None:
        super().__init__()
        self.theirs: str | None = theirs

    def replace(self, key: CredentialKey, old: str | None, new: str) -> bool:
        if self.theirs is not None:
            theirs, self.theirs = self.theirs, None
            assert super().replace(key, old, theirs)
        return super().replace(key, old, new)


@pytest.mark.parametrize(
    ("overwrite", "outcome", "value"),
    [(False, Copied(differs=1), "theirs"), (True, Copied(copied=1), "mine")],
)
def test_a_record_that_another_writes_meanwhile_counts_as_one_that_was_there(
    copy: Copy, overwrite: bool, outcome: Copied, value: str
) -> None:
    source, target = MemoryStore(), Racing(record("theirs"))
    assert source.replace(KEY, None, record("mine"))
    assert copy(source, target, overwrite=overwrite) == outcome
    assert value_in(target.load(KEY)) == value


def test_a_record_that_goes_while_it_is_copied_is_not_counted(copy: Copy) -> None:
    class Vanishing(MemoryStore):
        def load(self, key: CredentialKey) -> str | None:
            return None if key == ALICE else super().load(key)

    source = Vanishing()
    for key in (KEY, ALICE):
        assert source.replace(key, None, record(1))
    assert copy(source, MemoryStore()) == Copied(copied=1)


def test_records_that_are_no_json_are_compared_as_text(copy: Copy) -> None:
    source, target = MemoryStore(), MemoryStore()
    for store in (source, target):
        assert store.replace(KEY, None, "no JSON")
    assert copy(source, target) == Copied(same=1)


def test_async_stores_are_refused_by_copy(source: MemoryStore) -> None:
    twin: Any = AsyncStore(MemoryStore())
    for pair in ((source, twin), (twin, source)):
        error = error_of(lambda: ath.stores.copy(*pair))  # noqa: B023
        assert error.code == "INVALID_ARGUMENT"
        assert "copy_async" in error.message
