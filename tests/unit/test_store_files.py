"""The file store: private from its first byte, whole or not at all, no file of others touched."""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ath import ATHSecurityWarning, ATHWarning, CredentialKey, FileStore, FolderStore
from ath.errors import ATHError
from ath.stores import files as store
from ath.stores.credential_file import FORMAT, DamagedError, parse, read_record
from ath.stores.record import Record, Registration

from .support import error_of, json_values, outcome

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes and links are POSIX's")

KEY = CredentialKey("https://gateway.example", "https://agent.example/agent.json")
ALICE = KEY._replace(user="alice")
OFFICIAL = json.dumps({"client_id": "c-1", "client_secret": "canary-secret"})
FOREIGN = ['{"name": "tool", "dependencies": {}}', "[]", "7", '"text"', "null", "{}",
           '{"client_id": 1, "client_secret": "x"}', '{"client_id": "x"}',
           '{"format": "other", "version": 1, "records": {}}']  # fmt: skip


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def state_of(path: Path) -> tuple[bytes, int, int]:
    status = path.lstat()
    return path.read_bytes(), status.st_mode, status.st_ino


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "credentials.json"


@pytest.fixture(params=[0o000, 0o022, 0o077])
def umask(request: pytest.FixtureRequest) -> Any:
    before = os.umask(request.param)
    yield
    os.umask(before)


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
    FileStore(file).put(KEY, "secret")
    assert set(seen.values()) == {0o600}
    assert len(seen) == 1  # all begin with the file's own name
    assert {mode_of(path) for path in file.parent.iterdir()} == {0o600}
    assert sorted(path.name for path in file.parent.iterdir()) == [
        ".credentials.json.lock", "credentials.json",
    ]  # fmt: skip


@pytest.mark.usefixtures("umask")
def test_a_folder_that_the_store_makes_is_private(tmp_path: Path) -> None:
    FileStore(tmp_path / "new" / "credentials.json").put(KEY, "x")
    FolderStore(tmp_path / "folder").replace(KEY, None, "x")
    assert mode_of(tmp_path / "new") == mode_of(tmp_path / "folder") == 0o700


@pytest.mark.parametrize("mode", [0o755, 0o777, 0o750])
def test_a_folder_of_the_users_is_left_as_it_is(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    folder.chmod(mode)
    FileStore(folder / "credentials.json").put(KEY, "x")
    FolderStore(folder).replace(KEY, None, "x")
    assert mode_of(folder) == mode


def refused_writes(file: Path) -> list[ATHError]:
    one = FileStore(file)
    return [
        error_of(lambda: one.load(KEY)),
        error_of(lambda: one.replace(KEY, None, "x")),
        error_of(lambda: one.put(KEY, "x")),
    ]


def test_a_symbolic_link_is_refused_and_its_target_left_alone(file: Path, tmp_path: Path) -> None:
    target = tmp_path / "target.json"
    FileStore(target).put(KEY, "kept")
    target.chmod(0o644)
    before = state_of(target)
    file.symlink_to(target)
    for error in refused_writes(file):
        assert error.code == "STORAGE_ERROR"
        assert "symbolic link" in error.message
    assert state_of(target) == before
    assert file.is_symlink()


def test_a_link_in_the_place_of_the_lock_is_not_followed(file: Path, tmp_path: Path) -> None:
    (tmp_path / ".credentials.json.lock").symlink_to(tmp_path / "elsewhere")
    assert error_of(lambda: FileStore(file).put(KEY, "x")).code == "STORAGE_ERROR"
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("mode", [0o644, 0o660, 0o604, 0o666, 0o601, 0o610])
@pytest.mark.parametrize("content", ["ours", OFFICIAL])
def test_a_loose_mode_is_repaired_with_a_warning(file: Path, mode: int, content: str) -> None:
    if content == "ours":
        FileStore(file).put(KEY, "kept")
    else:
        file.write_text(content)
    file.chmod(mode)
    with pytest.warns(ATHSecurityWarning, match="credentials.json"):
        assert FileStore(file).load(KEY)
    assert mode_of(file) == 0o600


@pytest.mark.parametrize("content", FOREIGN)
@pytest.mark.parametrize("mode", [0o644, 0o600])
def test_a_foreign_file_is_refused_and_untouched(file: Path, content: str, mode: int) -> None:
    file.write_text(content)
    file.chmod(mode)
    before = state_of(file)
    for error in refused_writes(file):
        assert error.code == "INVALID_CREDENTIALS"
        assert str(file) in error.message
    assert state_of(file) == before


@pytest.mark.parametrize("version", [2, 99, "1", None, 0, 1.5])
@pytest.mark.parametrize("mode", [0o644, 0o600])
def test_another_format_version_is_refused_and_untouched(
    file: Path, version: Any, mode: int
) -> None:
    file.write_text(json.dumps({"format": FORMAT, "version": version, "records": {}}))
    file.chmod(mode)
    before = state_of(file)
    for error in refused_writes(file):
        assert error.code == "INVALID_CREDENTIALS"
        assert f"version {version!r}" in error.message
    assert state_of(file) == before


@pytest.mark.parametrize("kind", ["folder", "fifo"])
def test_what_is_no_file_is_refused_and_untouched(file: Path, kind: str) -> None:
    if kind == "folder":
        file.mkdir()
    else:
        os.mkfifo(file)
    file.chmod(0o755)
    for error in refused_writes(file):
        assert error.code == "STORAGE_ERROR"
    assert mode_of(file) == 0o755


HALF = json.dumps({"format": FORMAT, "version": 1, "records": {"k": "v"}})[:40]
DAMAGED = [
    HALF,
    "\0" * 50,
    json.dumps({"format": FORMAT, "version": 1}),
    json.dumps({"format": FORMAT, "version": 1, "records": []}),
    json.dumps({"format": FORMAT, "version": 1, "records": {"k": 7}}),
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


def test_a_damaged_file_is_set_aside_and_named_when_written(file: Path) -> None:
    file.write_text(HALF)
    file.chmod(0o600)
    with pytest.warns(ATHWarning, match="damaged-"):
        FileStore(file).put(KEY, "new")
    assert FileStore(file).load(KEY) == "new"
    assert [path.read_text() for path in set_aside(file.parent)] == [HALF]


def test_a_damaged_file_of_loose_mode_is_private_once_aside(file: Path) -> None:
    file.write_text(HALF)
    file.chmod(0o644)
    error_of(lambda: FileStore(file).load(KEY))
    assert [mode_of(path) for path in set_aside(file.parent)] == [0o600]


def test_a_good_file_that_takes_a_damaged_ones_place_is_not_set_aside(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    FileStore(file).put(KEY, "good")
    reads = iter([HALF.encode()])  # what this process had read before another repaired the file
    read_bytes = store.read_bytes
    monkeypatch.setattr(store, "read_bytes", lambda path: next(reads, None) or read_bytes(path))
    assert FileStore(file).load(KEY) == "good"
    assert set_aside(file.parent) == []


def test_an_empty_file_holds_nothing_yet(file: Path) -> None:
    file.touch(0o600)
    one = FileStore(file)
    assert one.load(KEY) is None
    assert one.replace(KEY, None, "x")


def test_the_official_sdks_file_is_read(file: Path) -> None:
    file.write_text(OFFICIAL)
    file.chmod(0o600)
    for text in (FileStore(file).load(KEY), read_record(file, KEY).to_text()):
        held = Record.from_text(text).registration
        assert held == Registration("c-1", "canary-secret")
    assert FileStore(file).load(ALICE) is None
    assert file.read_text() == OFFICIAL


def test_the_official_registration_survives_until_the_agents_own_is_written(file: Path) -> None:
    file.write_text(OFFICIAL)
    file.chmod(0o600)
    one = FileStore(file)
    official = one.load(KEY)
    one.put(ALICE, "alice's")
    assert FileStore(file).load(KEY) == official
    assert FileStore(file).load(ALICE) == "alice's"
    assert one.replace(KEY, official, "own")
    assert FileStore(file).load(KEY) == "own"
    assert FileStore(file).load(ALICE) == "alice's"
    assert "canary" not in file.read_text()


def test_a_reader_sees_a_change_that_the_clock_does_not_show(file: Path) -> None:
    one = FileStore(file)
    one.put(KEY, "before")
    assert one.load(KEY) == "before"
    status = file.stat()
    file.write_bytes(file.read_bytes().replace(b"before", b"AFTER!"))
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert one.load(KEY) == "AFTER!"
    assert not one.replace(KEY, "before", "lost update")


@pytest.mark.parametrize("broken", ["replace", "fsync", "open", "write"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    file: Path, monkeypatch: pytest.MonkeyPatch, broken: str, error: BaseException
) -> None:
    one = FileStore(file)
    one.put(KEY, "old")
    before = state_of(file)

    def fail(*_: Any, **__: Any) -> Any:
        raise error

    if broken == "write":
        monkeypatch.setattr(store.os, "fdopen", _failing_file(error))
    elif broken == "replace":
        monkeypatch.setattr(Path, "replace", fail)
    else:
        monkeypatch.setattr(store.os, broken, fail)
    with pytest.raises((ATHError, KeyboardInterrupt)) as caught:
        one.replace(KEY, "old", "new")
    monkeypatch.undo()
    if isinstance(error, OSError):
        assert isinstance(caught.value, ATHError)
        assert caught.value.code == "STORAGE_ERROR"
        assert "No space left" in caught.value.message
    assert state_of(file) == before
    assert sorted(path.name for path in file.parent.iterdir()) == [
        ".credentials.json.lock", "credentials.json",
    ]  # fmt: skip
    assert one.replace(KEY, "old", "new")  # the lock is free again


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


def test_a_change_is_on_the_disk_before_it_is_told(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    FileStore(file).put(KEY, "old")
    synced: list[tuple[int, str]] = []
    fsync = os.fsync

    def look(handle: int) -> None:
        status = os.fstat(handle)
        folder = stat.S_ISDIR(status.st_mode)
        synced.append((handle, file.read_text() if folder else os.pread(handle, 1000, 0).decode()))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", look)
    monkeypatch.setattr(os, "open", readable(os.open))
    FileStore(file).put(KEY, "new")
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


def test_what_a_killed_writer_left_behind_stops_nobody(file: Path) -> None:
    FileStore(file).put(KEY, "old")
    left = file.with_name(".credentials.json.new")
    left.write_text("half of somethi")
    left.chmod(0o644)
    assert FileStore(file).replace(KEY, "old", "new")
    assert FileStore(file).load(KEY) == "new"
    assert mode_of(file) == 0o600
    assert not left.exists()


def refuse(*_: Any, **__: Any) -> Any:
    raise OSError(errno.EPERM, "Not yours")


def test_a_damaged_file_that_cannot_be_set_aside_is_not_said_to_be(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text(HALF)
    file.chmod(0o600)
    before = state_of(file)
    monkeypatch.setattr(Path, "rename", refuse)
    for error in refused_writes(file):
        assert error.code == "STORAGE_ERROR"
        assert "cannot be set aside: Not yours" in error.message
    assert state_of(file) == before


def test_a_loose_mode_that_cannot_be_repaired_is_an_error(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    FileStore(file).put(KEY, "kept")
    file.chmod(0o644)
    monkeypatch.setattr(os, "fchmod", refuse)
    with pytest.warns(ATHSecurityWarning):
        error = error_of(lambda: FileStore(file).load(KEY))
    assert error.code == "STORAGE_ERROR"
    assert "cannot be made private: Not yours" in error.message


def test_a_file_is_parsed_again_only_when_it_has_changed(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[bytes] = []

    def counted(data: bytes, path: Path) -> dict[str, str]:
        parsed.append(data)
        return parse(data, path)

    monkeypatch.setattr(store, "parse", counted)
    one = FileStore(file)
    for text in ("a", "b"):
        FileStore(file).put(KEY, text)
        parsed.clear()
        assert [one.load(KEY) for _ in range(5)] == [text] * 5
        assert len(parsed) == 1


def test_a_folders_file_names_are_those_of_earlier_releases(tmp_path: Path) -> None:
    FolderStore(tmp_path).replace(ALICE, None, "x")
    assert [path.name for path in tmp_path.glob("[!.]*")] == [
        "962867d48c0cd07e317116523b976c36.json"
    ]


@given(st.binary() | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_content_is_records_damaged_or_refused(content: bytes) -> None:
    try:
        found = outcome(lambda: parse(content, Path("x")))
    except DamagedError:
        return
    if isinstance(found, ATHError):
        assert found.code == "INVALID_CREDENTIALS"
    else:
        assert all(isinstance(text, str) for text in found.values())


def test_a_file_without_this_agents_record_says_what_it_holds_but_no_secret(file: Path) -> None:
    FileStore(file).put(ALICE, '{"token": "canary"}')
    error = error_of(lambda: read_record(file, KEY))
    assert error.code == "INVALID_CREDENTIALS"
    assert "alice" in error.message
    assert "canary" not in str(error)


@pytest.mark.parametrize(
    ("content", "code"), [(HALF, "INVALID_CREDENTIALS"), (None, "STORAGE_ERROR")]
)
def test_a_file_that_is_only_looked_into_is_left_as_it_is(
    file: Path, content: str | None, code: str
) -> None:
    if content is not None:
        file.write_text(content)
    assert error_of(lambda: read_record(file, KEY)).code == code
    assert file.exists() is (content is not None)
    assert set_aside(file.parent) == []


def test_records_that_were_there_stay_when_another_is_written(file: Path) -> None:
    for number in range(20):
        FileStore(file).put(KEY._replace(user=str(number)), f"record {number}")
    one = FileStore(file)
    assert [one.load(KEY._replace(user=str(n))) for n in range(20)] == [
        f"record {n}" for n in range(20)
    ]
