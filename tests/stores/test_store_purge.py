"""purge() removes what has expired and what nobody will fetch, and nothing else."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from ath.errors import ATHWarning
from ath.stores.files import FileStore, FolderStore

from .support import ALICE, BOB, KEY, open_store, read_line, record, run

MISSING = object()


def expiring(expires_at: Any) -> str:
    return "{}" if expires_at is MISSING else json.dumps({"expires_at": expires_at})


@pytest.mark.parametrize(
    ("expires_at", "goes"),
    [
        *((999.5, True), (0, True), (-1, True), (1000, False), (1000.5, False), (1e30, False)),
        *((None, False), (MISSING, False), ("999", False), ([], False)),
    ],
)
def test_what_expired_before_that_time_is_removed(
    store_name: str, place: Path, expires_at: Any, goes: bool
) -> None:
    store = open_store(store_name, place)
    store.replace(ALICE, None, expiring(expires_at))
    store.replace(BOB, None, "{}")
    assert store.purge(before=1000) == goes
    assert (store.load(ALICE) is None) is goes
    assert store.load(BOB) == "{}"
    assert store.purge(before=1000) == 0


def test_without_a_time_what_has_expired_by_now_is_removed(store_name: str, place: Path) -> None:
    store = open_store(store_name, place)
    store.replace(ALICE, None, expiring(time.time() - 5))
    store.replace(BOB, None, expiring(time.time() + 1000))
    assert store.purge() == 1
    assert list(store.keys()) == [BOB]


def test_a_store_that_is_not_there_yet_has_nothing_to_purge(store_name: str, place: Path) -> None:
    assert open_store(store_name, place).purge() == 0


def test_all_that_expired_is_counted_and_its_files_are_gone(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    for number in range(30):
        store.replace(KEY._replace(user=str(number)), None, expiring(number))
    assert store.purge(before=20) == 20
    assert len(list(tmp_path.glob("[!.]*"))) == 10
    assert sorted(int(key.user or 0) for key in list(store.keys())) == list(range(20, 30))


def test_a_record_that_changed_since_it_was_read_is_kept_by_its_new_expiry(
    store_name: str, place: Path
) -> None:
    store, other = open_store(store_name, place), open_store(store_name, place)
    store.replace(ALICE, None, expiring(1))
    assert store.load(ALICE)
    other.replace(ALICE, expiring(1), expiring(2000))
    assert store.purge(before=1000) == 0
    assert store.load(ALICE) == expiring(2000)


def test_a_temporary_file_that_a_killed_writer_left_is_removed(
    store_name: str, place: Path
) -> None:
    code = """
from pathlib import Path
store = {store_name}(place)
store.replace(KEY, None, record("old"))
Path.replace = lambda *_: (say("renaming"), wait())
store.replace(KEY, record("old"), record(1))
"""
    with run(code, store_name, place) as process:
        assert read_line(process) == "renaming"
        process.kill()
        process.wait()
    [left] = place.parent.rglob(".*.new")
    assert open_store(store_name, place).purge() == 0
    assert not left.exists()
    assert open_store(store_name, place).replace(KEY, record("old"), record("new"))


def test_a_temporary_file_whose_record_was_never_written_is_removed(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    left = tmp_path / f".{'0' * 32}.json.new"
    left.write_text("half")
    assert store.purge() == 0
    assert not left.exists()
    assert list(store.keys()) == []


def test_damaged_files_locks_and_files_of_others_are_kept(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.replace(ALICE, None, expiring(1))
    store.replace(KEY, None, record("damaged"))
    assert store.acquire(BOB, "me", 60)
    store.release(BOB, "me")
    names = ("credentials.json", ".credentials.json.new", f"{'0' * 31}.json", f"{'0' * 33}.json",
             "README", f"{'0' * 32}.json.damaged-01234567", f".{'0' * 32}.json.lock")  # fmt: skip
    for name in names:
        (tmp_path / name).write_text("theirs")
    [damaged] = [path for path in tmp_path.glob("[!.]*.json") if "damaged" in path.read_text()]
    damaged.write_text("{")
    locks = sorted(tmp_path.glob(".*lock-*"))
    with pytest.warns(ATHWarning, match="damaged"):
        assert store.purge() == 1
    assert [path.read_text() for path in tmp_path.glob(f"{damaged.name}.damaged-*")] == ["{"]
    assert all((tmp_path / name).read_text() == "theirs" for name in names)
    assert sorted(tmp_path.glob(".*lock-*"))[: len(locks)] == locks
    assert list(store.keys()) == []


def test_the_official_sdks_registration_is_kept(file: Path) -> None:
    official = json.dumps({"client_id": "c-1", "client_secret": "s-1"})
    file.write_text(official)
    file.chmod(0o600)
    assert FileStore(file).purge(before=1e12) == 0
    assert file.read_text() == official
