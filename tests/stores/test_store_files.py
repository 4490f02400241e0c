"""The file stores write: private from the first byte, whole or not at all, durable when told."""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ath.errors import ATHError, ATHWarning
from ath.stores import private_file, record_file
from ath.stores.credential_file import FORMAT, Records, parse
from ath.stores.encrypted import EncryptedStore
from ath.stores.files import FileStore, FolderStore

from .support import ALICE, KEY, error_of, mode_of, record, refused_writes, state_of, value_in

OLD, NEW = b"o" * 32, b"n" * 32

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes and links are POSIX's")


@pytest.fixture(params=[0o000, 0o022, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.usefixtures("umask")
def test_every_file_is_private_from_its_first_byte(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, int] = {}
    fsync = os.fsync

    def look(handle: int) -> None:
        for path in file.parent.iterdir():
            seen[path.name.removeprefix(".")[:16]] = mode_of(path)
        fsync(handle)

    monkeypatch.setattr(os, "fsync", look)
    FileStore(file).put(KEY, record("secret"))
    assert set(seen.values()) == {0o600}
    assert len(seen) == 1  # all begin with the file's own name
    assert {mode_of(path) for path in file.parent.iterdir()} == {0o600}
    assert names_in(file.parent) == [".credentials.json.lock", "credentials.json"]


@pytest.mark.usefixtures("umask")
def test_all_folders_that_a_store_makes_are_private(tmp_path: Path) -> None:
    FileStore(tmp_path / "a" / "b" / "credentials.json").put(KEY, record("x"))
    FolderStore(tmp_path / "c" / "d" / "e").replace(KEY, None, record("x"))
    locks = FolderStore(tmp_path / "f" / "g")
    assert locks.acquire(KEY, "me", 60)
    locks.release(KEY, "me")
    folders = [path for path in tmp_path.rglob("*") if path.is_dir()]
    assert sorted(str(path.relative_to(tmp_path)) for path in folders) == [
        "a", "a/b", "c", "c/d", "c/d/e", "f", "f/g",
    ]  # fmt: skip
    assert {mode_of(path) for path in folders} == {0o700}


@pytest.mark.parametrize("mode", [0o755, 0o777, 0o750])
def test_a_folder_of_the_users_is_left_as_it_is(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    folder.chmod(mode)
    FileStore(folder / "credentials.json").put(KEY, record("x"))
    FolderStore(folder).replace(KEY, None, record("x"))
    assert mode_of(folder) == mode


def test_a_relative_path_is_one_below_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    FileStore("credentials.json").put(KEY, record("x"))
    FolderStore("a/b").replace(KEY, None, record("x"))
    assert (tmp_path / "credentials.json").exists()
    assert (tmp_path / "a" / "b").exists()


@pytest.mark.parametrize(
    "path", ["x\0y", "x\ud800y", "", b"bytes", 7, None], ids=lambda path: ascii(path)
)
def test_what_cannot_be_a_path_is_an_invalid_argument(path: Any) -> None:
    assert error_of(lambda: FileStore(path)).code == "INVALID_ARGUMENT"
    if path != "":
        assert error_of(lambda: FolderStore(path)).code == "INVALID_ARGUMENT"


def test_a_name_that_is_not_utf_8_is_a_path(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9")
    FileStore(path).put(KEY, record("x"))
    assert value_in(FileStore(path).load(KEY)) == "x"


@pytest.mark.parametrize("seconds", [-1, float("nan"), "60", None])
def test_a_lock_timeout_that_is_no_time_is_an_invalid_argument(file: Path, seconds: Any) -> None:
    for store in (FileStore, FolderStore):
        assert error_of(lambda: store(file, lock_timeout=seconds)).code == "INVALID_ARGUMENT"  # noqa: B023


def test_a_link_in_the_place_of_a_lock_is_not_followed(file: Path, tmp_path: Path) -> None:
    (tmp_path / ".credentials.json.lock").symlink_to(tmp_path / "elsewhere")
    assert error_of(lambda: FileStore(file).put(KEY, record("x"))).code == "STORAGE_ERROR"
    assert not (tmp_path / "elsewhere").exists()


HALF = json.dumps({"format": FORMAT, "version": 1, "records": []})[:40]
ENTRY = {"implementor": "i", "agent_id": "a", "user": None}
DAMAGED = [
    HALF,
    "\0" * 50,
    json.dumps({"format": FORMAT, "version": 1}),
    json.dumps({"format": FORMAT, "version": 1, "records": {}}),
    json.dumps({"format": FORMAT, "version": 1, "records": [7]}),
    json.dumps({"format": FORMAT, "version": 1, "records": [{"client_id": "c"}]}),
    json.dumps({"format": FORMAT, "version": 1, "records": [{**ENTRY, "user": 7}]}),
    json.dumps({"format": FORMAT, "version": 1, "records": [{**ENTRY, "registered": None}]}),
    '{"a":' * 100_000,
]


def set_aside(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if ".damaged-" in path.name]


@pytest.mark.parametrize("content", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_file_is_set_aside_and_named_when_read(file: Path, content: str) -> None:
    file.write_text(content)
    file.chmod(0o600)
    error = error_of(lambda: FileStore(file).load(KEY))
    [aside] = set_aside(file.parent)
    assert error.code == "INVALID_CREDENTIALS"
    assert aside.name in error.message
    assert aside.read_text() == content
    assert not file.exists()
    assert FileStore(file).load(KEY) is None  # and the way is free again


def test_a_damaged_file_is_set_aside_and_named_when_keys_are_listed(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.replace(KEY, None, record("x"))
    [file] = tmp_path.glob("[!.]*")
    file.write_text(HALF)
    file.chmod(0o600)
    assert error_of(lambda: list(store.keys())).code == "INVALID_CREDENTIALS"
    assert [path.read_text() for path in set_aside(tmp_path)] == [HALF]
    assert list(store.keys()) == []


@pytest.mark.parametrize("content", ["{", "{}"], ids=["damaged", "foreign"])
def test_files_that_cannot_be_read_stop_no_work_on_the_others(tmp_path: Path, content: str) -> None:
    """The error comes after all others were listed, encrypted anew, copied."""
    place = tmp_path / "store"
    inner, users = FolderStore(place), [KEY._replace(user=str(number)) for number in range(8)]
    for user in users:
        EncryptedStore(inner, OLD).replace(user, None, record(1))
    for file in sorted(place.glob("[!.]*"))[:2]:
        file.write_text(content)
    error = error_of(EncryptedStore(inner, [NEW, OLD]).rotate)
    assert error.code == "INVALID_CREDENTIALS"
    for file in place.glob("[!.]*"):
        if file.read_text() == content:
            file.unlink()
    left = list(inner.keys())
    assert len(left) == 6
    assert all(value_in(EncryptedStore(inner, NEW).load(user)) == 1 for user in left)


def test_files_that_cannot_be_read_stop_no_purge_of_the_others(tmp_path: Path) -> None:
    store, users = FolderStore(tmp_path), [KEY._replace(user=str(number)) for number in range(8)]
    for user in users:
        store.replace(user, None, json.dumps({"expires_at": 1}))
    for file in sorted(tmp_path.glob("[!.]*"))[:2]:
        file.write_text("{}")
    assert error_of(store.purge).code == "INVALID_CREDENTIALS"
    assert len(list(tmp_path.glob("[!.]*"))) == 2


def test_a_damaged_file_is_set_aside_and_named_when_written(file: Path) -> None:
    file.write_text(HALF)
    file.chmod(0o600)
    with pytest.warns(ATHWarning, match="damaged-"):
        FileStore(file).put(KEY, record("new"))
    assert value_in(FileStore(file).load(KEY)) == "new"
    assert [path.read_text() for path in set_aside(file.parent)] == [HALF]


def test_a_damaged_file_behind_a_link_is_left_where_it_is(file: Path, tmp_path: Path) -> None:
    (tmp_path / "target").write_text(HALF)
    file.symlink_to(tmp_path / "target")
    error = error_of(lambda: FileStore(file).load(KEY))
    assert error.code == "INVALID_CREDENTIALS"
    assert "aside" not in error.message
    assert file.is_symlink()
    assert names_in(tmp_path) == ["credentials.json", "target"]


def test_a_damaged_file_of_loose_mode_is_private_once_aside(file: Path) -> None:
    file.write_text(HALF)
    file.chmod(0o644)
    error_of(lambda: FileStore(file).load(KEY))
    assert [mode_of(path) for path in set_aside(file.parent)] == [0o600]


def test_a_good_file_that_takes_a_damaged_ones_place_is_not_set_aside(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    FileStore(file).put(KEY, record("good"))
    reads = iter([HALF.encode()])  # what this process had read before another repaired the file
    monkeypatch.setattr(
        record_file, "parse", lambda data, path: parse(next(reads, None) or data, path)
    )
    assert value_in(FileStore(file).load(KEY)) == "good"
    assert set_aside(file.parent) == []


def test_an_empty_file_holds_nothing_yet(file: Path) -> None:
    file.touch(0o600)
    one = FileStore(file)
    assert one.load(KEY) is None
    assert one.replace(KEY, None, record("x"))


def test_a_reader_sees_a_change_that_the_clock_does_not_show(file: Path) -> None:
    one = FileStore(file)
    one.put(KEY, record("before"))
    assert value_in(one.load(KEY)) == "before"
    status = file.stat()
    file.write_bytes(file.read_bytes().replace(b"before", b"AFTER!"))
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert value_in(one.load(KEY)) == "AFTER!"
    assert not one.replace(KEY, record("before"), record("lost update"))


@pytest.mark.parametrize("broken", ["replace", "fsync", "open", "write"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    file: Path, monkeypatch: pytest.MonkeyPatch, broken: str, error: BaseException
) -> None:
    one = FileStore(file)
    one.put(KEY, record("old"))
    before = state_of(file)

    def fail(*_: Any, **__: Any) -> Any:
        raise error

    if broken == "write":
        monkeypatch.setattr(private_file.os, "fdopen", _failing_file(error))
    elif broken == "replace":
        monkeypatch.setattr(Path, "replace", fail)
    else:
        monkeypatch.setattr(private_file.os, broken, fail)
    with pytest.raises((ATHError, KeyboardInterrupt)) as caught:
        one.replace(KEY, record("old"), record("new"))
    monkeypatch.undo()
    if isinstance(error, OSError):
        assert isinstance(caught.value, ATHError)
        assert caught.value.code == "STORAGE_ERROR"
        assert "No space left" in caught.value.message
    assert state_of(file) == before
    assert names_in(file.parent) == [".credentials.json.lock", "credentials.json"]
    assert value_in(one.load(KEY)) == "old"
    assert one.replace(KEY, record("old"), record("new"))  # the lock is free again


def _failing_file(error: BaseException) -> Any:
    fdopen = os.fdopen

    def opened(handle: int, mode: str) -> Any:
        real = fdopen(handle, mode)

        class Full:
            def __enter__(self) -> Full:
                return self

            def __exit__(self, *_: object) -> None:
                real.close()

            def write(self, data: bytes) -> None:
                real.write(data[:5])
                raise error

        return Full()

    return opened


def test_a_folder_that_is_none_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for error in refused_writes(tmp_path / "file" / "credentials.json"):
        assert error.code == "STORAGE_ERROR"
    folder = FolderStore(tmp_path / "file")
    for call in (lambda: list(folder.keys()), folder.purge):
        assert error_of(call).code == "STORAGE_ERROR"
    assert error_of(lambda: folder.acquire(KEY, "me", 60)).code == "STORAGE_ERROR"


def test_a_change_is_on_the_disk_before_it_is_told(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    FileStore(file).put(KEY, record("old"))
    synced: list[tuple[int, str]] = []
    fsync = os.fsync

    def look(handle: int) -> None:
        status = os.fstat(handle)
        folder = stat.S_ISDIR(status.st_mode)
        synced.append((handle, file.read_text() if folder else os.pread(handle, 1000, 0).decode()))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", look)
    monkeypatch.setattr(os, "open", readable(os.open))
    FileStore(file).put(KEY, record("new"))
    monkeypatch.undo()
    # First the whole content, then, with the new file in its place, the folder.
    assert [text for _, text in synced] == [file.read_text()] * 2
    for handle, _ in synced:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(handle)


def readable(real: Any) -> Any:
    """``os.open`` whose files may be looked into as they are written."""

    def opened(path: Any, flags: int, *mode: int) -> int:
        if flags & os.O_WRONLY:
            flags = flags & ~os.O_WRONLY | os.O_RDWR
        return real(path, flags, *mode)  # type: ignore[no-any-return]

    return opened


def test_new_folders_and_removed_files_are_on_the_disk_before_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    fsync = os.fsync

    def look(handle: int) -> None:
        synced.append(Path(f"/proc/self/fd/{handle}").readlink())
        fsync(handle)

    if not Path("/proc/self/fd").exists():
        pytest.skip("the names of open files are Linux's to tell")
    store = FolderStore(tmp_path / "a" / "b")
    monkeypatch.setattr(os, "fsync", look)
    store.replace(KEY, None, record("x"))
    assert synced[:2] == [tmp_path, tmp_path / "a"]
    assert synced[-1] == tmp_path / "a" / "b"
    synced.clear()
    store.delete(KEY)
    assert synced == [tmp_path / "a" / "b"]


def test_what_a_killed_writer_left_behind_stops_nobody(file: Path) -> None:
    FileStore(file).put(KEY, record("old"))
    left = file.with_name(".credentials.json.new")
    left.write_text("half of somethi")
    left.chmod(0o644)
    assert FileStore(file).replace(KEY, record("old"), record("new"))
    assert value_in(FileStore(file).load(KEY)) == "new"
    assert mode_of(file) == 0o600
    assert not left.exists()


def test_a_damaged_file_that_cannot_be_set_aside_is_not_said_to_be(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> Any:
        raise OSError(errno.EPERM, "Not yours")

    file.write_text(HALF)
    file.chmod(0o600)
    before = state_of(file)
    monkeypatch.setattr(Path, "rename", refuse)
    for error in refused_writes(file):
        assert error.code == "STORAGE_ERROR"
        assert "cannot be set aside: Not yours" in error.message
    assert state_of(file) == before


def test_a_file_is_parsed_again_only_when_another_has_changed_it(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[bytes] = []

    def counted(data: bytes, path: Path) -> Records:
        parsed.append(data)
        return parse(data, path)

    one = FileStore(file)
    for text in ("a", "b"):
        FileStore(file).put(KEY, record(text))
        monkeypatch.setattr(record_file, "parse", counted)
        assert [value_in(one.load(KEY)) for _ in range(5)] == [text] * 5
        assert len(parsed) == 1
        assert one.replace(ALICE, one.load(ALICE), record(text))
        assert value_in(one.load(ALICE)) == text
        assert len(parsed) == 1
        monkeypatch.undo()
        parsed.clear()


def test_a_folders_file_names_are_those_of_later_releases(tmp_path: Path) -> None:
    FolderStore(tmp_path).replace(ALICE, None, record("x"))
    assert [path.name for path in tmp_path.glob("[!.]*")] == [
        "962867d48c0cd07e317116523b976c36.json"
    ]


def test_a_folder_has_a_fixed_number_of_locks(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    for number in range(2000):
        key = KEY._replace(user=str(number))
        assert store.acquire(key, "me", 60)
        store.release(key, "me")
        store.delete(key)
    assert len(names_in(tmp_path)) == 2 * 256


def test_records_that_were_there_stay_when_another_is_written(file: Path) -> None:
    for number in range(20):
        FileStore(file).put(KEY._replace(user=str(number)), record(number))
    one = FileStore(file)
    assert [value_in(one.load(KEY._replace(user=str(n)))) for n in range(20)] == list(range(20))


def test_a_store_that_deletes_its_last_record_leaves_no_file_of_it(tmp_path: Path) -> None:
    file, folder = FileStore(tmp_path / "c.json"), FolderStore(tmp_path / "f")
    for store in (file, folder):
        store.replace(KEY, None, record("x"))
        store.replace(ALICE, None, record("x"))
        assert store.delete(KEY)
        assert store.delete(ALICE)
    assert [path for path in tmp_path.rglob("[!.]*.json") if path.is_file()] == []
