"""Locks between real processes: freed by death, held by no forked child, waited for with an end."""

from __future__ import annotations

import errno
import importlib.util
import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ath.stores import lock, private_file
from ath.stores.files import FileStore, FolderStore

from .support import (
    KEY,
    SAVE_SLOWLY,
    error_of,
    open_store,
    read_line,
    record,
    resume,
    run,
    take,
    value_in,
)

ON_POSIX = pytest.mark.skipif(os.name != "posix", reason="signals and forks are POSIX's")
STORES: dict[str, type[FileStore | FolderStore]] = {
    "FileStore": FileStore,
    "FolderStore": FolderStore,
}

HOLD = """
store = {store_name}(place)
say(store.acquire(KEY, "holder", 60))
wait()
store.release(KEY, "holder")
say("released")
wait()
"""


def test_a_lock_held_by_another_process_is_not_to_be_had_until_released(
    store_name: str, place: Path
) -> None:
    store = open_store(store_name, place)
    with run(HOLD, store_name, place) as process:
        assert read_line(process) == "True"
        assert not take(store)
        assert store.replace(KEY, None, record("meanwhile"))
        assert value_in(store.load(KEY)) == "meanwhile"
        resume(process)
        assert read_line(process) == "released"
        assert take(store)


def test_a_lock_is_freed_by_the_death_of_its_holder(store_name: str, place: Path) -> None:
    store = open_store(store_name, place)
    with run(HOLD, store_name, place) as process:
        assert read_line(process) == "True"
        assert not take(store)
        process.kill()
        process.wait()
        assert take(store)


def test_a_store_whose_changer_was_killed_goes_on(store_name: str, place: Path) -> None:
    with run(
        SAVE_SLOWLY + 'store.replace(KEY, record("old"), record(1))', store_name, place
    ) as process:
        assert read_line(process) == "saving"
        process.kill()
        process.wait()
        assert open_store(store_name, place).replace(KEY, record("old"), record("new"))


def test_reading_takes_no_lock(store_name: str, place: Path) -> None:
    with run(
        SAVE_SLOWLY + 'store.replace(KEY, record("old"), record(1))', store_name, place
    ) as process:
        assert read_line(process) == "saving"
        store = open_store(store_name, place)
        assert value_in(store.load(KEY)) == "old"
        assert list(store.keys()) == [KEY]
        assert take(store)


def test_a_change_that_waits_too_long_for_the_lock_says_which_file_is_locked(
    store_name: str, place: Path
) -> None:
    code = SAVE_SLOWLY + 'say(store.replace(KEY, record("old"), record(1)))'
    with run(code, store_name, place) as process:
        assert read_line(process) == "saving"
        for seconds in (0, 0.05):
            store = open_store(store_name, place, lock_timeout=seconds)
            for call in (
                lambda: store.replace(KEY, record("old"), record("new")),  # noqa: B023
                lambda: store.delete(KEY),  # noqa: B023
                store.purge,
            ):
                error = error_of(call)
                assert error.code == "STORAGE_ERROR"
                assert str(place) in error.message
                assert f"for {seconds:g} seconds" in error.message
        resume(process)
        assert read_line(process) == "True"
        assert open_store(store_name, place, lock_timeout=0).replace(KEY, record(1), record("new"))


def test_a_change_waits_for_the_lock_of_another_process(
    store_name: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    with run(
        SAVE_SLOWLY + 'say(store.replace(KEY, record("old"), record(1)))', store_name, place
    ) as process:
        assert read_line(process) == "saving"
        sleep = time.sleep

        def pause(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 20:
                resume(process)
            sleep(seconds)

        monkeypatch.setattr(time, "sleep", pause)
        assert not open_store(store_name, place).replace(KEY, record("old"), record("lost update"))
        assert read_line(process) == "True"
    assert sum(pauses[10:20]) > sum(pauses[:10])  # they grow
    assert len(set(pauses[10:20])) > 1  # and differ
    assert max(pauses) <= lock.LONGEST_PAUSE


def test_every_process_gets_its_turn_and_loses_no_update(store_name: str, place: Path) -> None:
    code = """
store = {store_name}(place)
say("ready")
wait()
for number in range(30):
    while True:
        old = store.load(KEY)
        if store.replace(KEY, old, record((value_in(old) or 0) + 1)):
            break
say("done")
"""
    with (
        run(code, store_name, place) as one,
        run(code, store_name, place) as two,
        run(code, store_name, place) as three,
    ):
        processes = (one, two, three)
        assert [read_line(each) for each in processes] == ["ready"] * 3
        for each in processes:
            resume(each)
        assert [read_line(each) for each in processes] == ["done"] * 3
    assert value_in(open_store(store_name, place).load(KEY)) == 90


def test_stores_whose_locks_are_held_by_keys_that_share_one_are_only_refused(
    tmp_path: Path,
) -> None:
    store = FileStore(tmp_path / "credentials.json")
    keys = [KEY._replace(user=str(number)) for number in range(40)]
    taken = [key for key in keys if store.acquire(key, "me", 60)]
    assert 1 < len(taken) <= 16
    for key in taken:
        store.release(key, "me")
    for key in keys:
        assert store.acquire(key, "me", 60)
        store.release(key, "me")


def test_a_lock_that_the_system_cannot_give_is_a_storage_error(
    store_name: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> bool:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock, "_lock", refuse)
    store = open_store(store_name, place)
    for call in (lambda: store.acquire(KEY, "me", 60), lambda: store.replace(KEY, None, "{}")):
        error = error_of(call)
        assert error.code == "STORAGE_ERROR"
        assert "No locks available" in error.message
    monkeypatch.undo()
    assert take(store)


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The lock module as Windows would run it, over a ``msvcrt`` that remembers and can fail."""
    system = SimpleNamespace(locked=set[int](), failure=None)

    def locking(handle: int, mode: int, count: int) -> None:
        assert count == 1
        node = os.fstat(handle).st_ino
        if system.failure is not None:
            raise OSError(system.failure, os.strerror(system.failure))
        if mode == 1 and node in system.locked:
            raise OSError(errno.EACCES, "Permission denied")
        (system.locked.add if mode == 1 else system.locked.remove)(node)

    fake = SimpleNamespace(LK_NBLCK=1, LK_UNLCK=0, locking=locking)
    monkeypatch.setitem(sys.modules, "msvcrt", fake)  # type: ignore[arg-type]
    monkeypatch.setattr(sys, "platform", "win32")
    assert lock.__file__
    spec = importlib.util.spec_from_file_location("ath.stores.lock_on_windows", lock.__file__)
    assert spec is not None
    assert spec.loader is not None
    system.lock = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(system.lock)
    return system


def test_on_windows_a_locked_file_is_told_from_one_that_cannot_be_locked(
    windows: Any, tmp_path: Path
) -> None:
    path = tmp_path / "lock"
    with windows.lock.hold_lock(path, 0):
        assert windows.lock.try_lock(path) is None
        with (
            pytest.raises(OSError, match="held elsewhere for 0 seconds"),
            windows.lock.hold_lock(path, 0),
        ):
            pass
    assert windows.locked == set()
    windows.failure = errno.ENOSPC
    with pytest.raises(OSError, match="No space left"), windows.lock.hold_lock(path, 60):
        pass


@pytest.mark.parametrize("change", ["replace", "unlink"])
def test_on_windows_a_change_waits_for_readers_that_have_the_file_open(
    file: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    FileStore(file).put(KEY, record("old"))
    really, readers = getattr(Path, change), 0

    def share(self: Path, *args: Any, **options: Any) -> Any:
        nonlocal readers
        if self.name.endswith(".new") and change == "unlink":
            return really(self, *args, **options)
        readers -= 1
        if readers >= 0:
            raise PermissionError(errno.EACCES, "Access is denied")
        return really(self, *args, **options)

    def make_change(seconds: float) -> bool:
        store = FileStore(file, lock_timeout=seconds)
        return (
            store.delete(KEY) if change == "unlink" else store.replace(KEY, store.load(KEY), "{}")
        )

    monkeypatch.setattr(Path, change, share)
    readers = 3
    assert "Access is denied" in error_of(lambda: make_change(60)).message
    assert readers == 2  # elsewhere this says something else, which does not pass
    monkeypatch.setattr(private_file, "READERS_BLOCK_CHANGES", True)
    readers = 1_000_000
    error = error_of(lambda: make_change(0.05))
    assert error.code == "STORAGE_ERROR"
    assert "open elsewhere for 0.05 seconds" in error.message
    assert value_in(FileStore(file).load(KEY)) == "old"
    readers = 3
    assert make_change(60)
    assert FileStore(file).load(KEY) == (None if change == "unlink" else "{}")
