"""What a store and load_credentials read: a regular file of this user or root, by any name."""

from __future__ import annotations

import errno
import json
import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ath.errors import ATHError, ATHSecurityWarning
from ath.stores.credential_file import read_record
from ath.stores.files import FileStore
from ath.stores.record import Record, Registration

from .support import ALICE, KEY, error_of, mode_of, record, refused_writes, run_to_end, state_of
from .test_store_format import OFFICIAL

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes and owners are POSIX's")

OWN = json.dumps(
    {"client_id": "own", "client_secret": "s", "redirect_uris": [], "tokens": [], "sessions": []}
)
AS_ROOT = pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can chown")

Reader = Callable[[Path], object]
READERS: list[Reader] = [
    lambda path: FileStore(path).load(KEY),
    lambda path: list(FileStore(path).keys()),
    lambda path: read_record(path, KEY),
]


@pytest.fixture
def theirs(file: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A good file that belongs neither to this user nor to root."""
    FileStore(file).put(KEY, OWN)
    if os.geteuid() == 0:
        os.chown(file, 4321, -1)
        monkeypatch.setattr(os, "geteuid", lambda: 1234)
    else:
        real = os.geteuid()
        monkeypatch.setattr(os, "geteuid", lambda: real + 1)
    return file


@pytest.mark.parametrize("reader", READERS)
def test_another_users_file_is_refused(theirs: Path, reader: Reader) -> None:
    error = error_of(lambda: reader(theirs))
    assert error.code == "STORAGE_ERROR"
    assert "another user" in error.message
    assert str(theirs) in error.message


def test_another_users_file_is_not_replaced(theirs: Path) -> None:
    before = state_of(theirs)
    assert {error.code for error in refused_writes(theirs)} == {"STORAGE_ERROR"}
    assert state_of(theirs) == before


@pytest.mark.parametrize("reader", READERS)
def test_root_reads_anyones_file(
    theirs: Path, monkeypatch: pytest.MonkeyPatch, reader: Reader
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    theirs.chmod(0o640)
    assert reader(theirs)
    assert mode_of(theirs) == 0o640


@AS_ROOT
@pytest.mark.parametrize("reader", READERS)
def test_roots_file_is_read_by_anyone_and_keeps_its_mode(
    file: Path, monkeypatch: pytest.MonkeyPatch, reader: Reader
) -> None:
    FileStore(file).put(KEY, OWN)
    file.chmod(0o644)
    monkeypatch.setattr(os, "geteuid", lambda: 1234)
    assert reader(file)
    assert mode_of(file) == 0o644


@AS_ROOT
def test_a_secret_that_kubernetes_mounts_is_read_by_another_user_and_left_as_it_is() -> None:
    with tempfile.TemporaryDirectory() as name:
        mount = Path(name)
        (mount / "..2024").mkdir()
        (mount / "..data").symlink_to("..2024")
        file = mount / "credentials.json"
        file.symlink_to("..data/credentials.json")
        FileStore(mount / "..2024" / "credentials.json").put(KEY, OWN)
        (mount / "..2024" / "credentials.json").chmod(0o644)
        mount.chmod(0o755)
        (mount / "..2024").chmod(0o755)
        before = state_of(mount / "..2024" / "credentials.json")
        heard = run_to_end(
            """
import warnings
from ath.stores.credential_file import read_record
warnings.simplefilter("error")
os.seteuid(65534)
say(json.loads(FileStore(place).load(KEY))["client_id"])
say(read_record(place, KEY).registration.client_id)
say(outcome(lambda: FileStore(place).replace(KEY, None, record(1))))
""",
            file,
        )
        assert heard == ["own", "own", "STORAGE_ERROR"]
        assert state_of(mount / "..2024" / "credentials.json") == before
        assert file.is_symlink()


@pytest.mark.parametrize("reader", READERS)
def test_a_link_is_read_and_its_target_keeps_its_mode(
    file: Path, tmp_path: Path, reader: Reader
) -> None:
    target = tmp_path / "target.json"
    FileStore(target).put(KEY, OWN)
    target.chmod(0o644)
    before = state_of(target)
    file.symlink_to(target)
    assert reader(file)
    assert state_of(target) == before


def test_nothing_is_written_through_a_link_or_in_its_place(file: Path, tmp_path: Path) -> None:
    target = tmp_path / "target.json"
    FileStore(target).put(KEY, OWN)
    before = state_of(target)
    file.symlink_to(target)
    store = FileStore(file)
    for call in (
        lambda: store.replace(KEY, store.load(KEY), record("x")),
        lambda: store.put(KEY, record("x")),
        lambda: store.delete(KEY),
        lambda: store.purge(),
    ):
        error = error_of(call)
        assert error.code == "STORAGE_ERROR"
        assert "symbolic link" in error.message
    assert state_of(target) == before
    assert file.is_symlink()


@pytest.mark.parametrize("reader", READERS)
def test_a_link_that_leads_nowhere_is_no_file(file: Path, reader: Reader) -> None:
    file.symlink_to(file.with_name("nowhere"))
    found = reader(file) if reader is not READERS[2] else error_of(lambda: reader(file)).code
    assert found in (None, [], "STORAGE_ERROR")
    assert error_of(lambda: FileStore(file).put(KEY, record("x"))).code == "STORAGE_ERROR"


def make_special(kind: str, path: Path, stack: ExitStack) -> None:
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        stack.enter_context(socket.socket(socket.AF_UNIX)).bind(str(path))
    else:
        path.symlink_to(kind)


@pytest.mark.parametrize("kind", ["folder", "fifo", "socket", "/dev/zero", "/dev/null"])
def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    with tempfile.TemporaryDirectory() as short, ExitStack() as stack:  # (a socket's name is short)
        path = Path(short) / "c"
        make_special(kind, path, stack)
        mode = path.stat().st_mode
        for reader in READERS:
            error = error_of(lambda: reader(path))  # noqa: B023
            assert error.code == "STORAGE_ERROR"
            assert str(path) in error.message
        assert {error.code for error in refused_writes(path)} == {"STORAGE_ERROR"}
        assert path.stat().st_mode == mode


@pytest.mark.parametrize("mode", [0o644, 0o660, 0o604, 0o666, 0o601, 0o610])
@pytest.mark.parametrize("content", ["ours", OFFICIAL])
@pytest.mark.parametrize("reader", [READERS[0], READERS[2]])
def test_a_loose_mode_is_repaired_with_a_warning(
    file: Path, mode: int, content: str, reader: Reader
) -> None:
    if content == "ours":
        FileStore(file).put(KEY, OWN)
    else:
        file.write_text(content)
    file.chmod(mode)
    with pytest.warns(ATHSecurityWarning, match="credentials.json"):
        assert reader(file)
    assert mode_of(file) == 0o600


@pytest.fixture
def refuse_modes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """Lets every change of a mode fail with this errno."""

    def refuse(number: int) -> None:
        def fail(*_: Any) -> Any:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, "fchmod", fail)

    return refuse  # type: ignore[return-value]


@pytest.mark.parametrize("reader", READERS)
def test_a_loose_mode_that_cannot_be_repaired_is_an_error(
    file: Path, refuse_modes: Callable[[int], None], reader: Reader
) -> None:
    FileStore(file).put(KEY, OWN)
    file.chmod(0o644)
    refuse_modes(errno.EPERM)
    error = error_of(lambda: reader(file))
    assert error.code == "STORAGE_ERROR"
    assert "cannot be made private: Operation not permitted" in error.message


@pytest.mark.parametrize("reader", READERS)
def test_a_loose_mode_on_a_read_only_file_system_is_whoever_mounted_its_choice(
    file: Path, refuse_modes: Callable[[int], None], reader: Reader
) -> None:
    FileStore(file).put(KEY, OWN)
    file.chmod(0o644)
    refuse_modes(errno.EROFS)
    assert reader(file)


def test_the_file_that_is_checked_is_the_file_that_is_read(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    FileStore(file).put(KEY, OWN)
    os_open = os.open

    def swap(path: Any, *args: Any) -> int:
        handle = os_open(path, *args)
        if Path(path) == file:
            file.unlink()
            os.mkfifo(file)  # whoever looked at the name again would find, and read, this
        return handle

    monkeypatch.setattr(os, "open", swap)
    assert json.loads(FileStore(file).load(KEY) or "") == json.loads(OWN)


@pytest.mark.parametrize(
    ("content", "code"), [('{"format": "ath-cred', "INVALID_CREDENTIALS"), (None, "STORAGE_ERROR")]
)
def test_a_file_that_is_only_looked_into_is_left_where_it_is(
    file: Path, content: str | None, code: str
) -> None:
    if content is not None:
        file.write_text(content)
    assert error_of(lambda: read_record(file, KEY)).code == code
    assert [path.name for path in file.parent.iterdir()] == [file.name] * (content is not None)


@pytest.mark.parametrize("path", ["x\0y", "x\ud800y"], ids=ascii)
def test_a_path_that_cannot_be_is_an_invalid_argument(path: Any) -> None:
    assert error_of(lambda: read_record(path, KEY)).code == "INVALID_ARGUMENT"


def test_a_file_without_this_agents_record_says_what_it_holds_but_no_secret(file: Path) -> None:
    FileStore(file).put(ALICE, '{"token": "canary"}')
    error = error_of(lambda: read_record(file, KEY))
    assert error.code == "INVALID_CREDENTIALS"
    assert "alice" in error.message
    assert "canary" not in str(error)


@pytest.mark.parametrize("name", ["alice", "x" * 100_000])
def test_a_message_is_short_however_much_a_file_holds(file: Path, name: str) -> None:
    store = FileStore(file)
    for number in range(100):
        store.put(ALICE._replace(user=f"{number}{name}"), record(number))
    error: ATHError = error_of(lambda: read_record(file, KEY._replace(agent_id=name)))
    assert "100 other records" in error.message
    assert len(error.message) < 1000


def test_what_is_read_is_a_record(file: Path) -> None:
    file.write_text(OFFICIAL)
    file.chmod(0o600)
    held = read_record(file, KEY)
    assert isinstance(held, Record)
    assert held.registration == Registration("c-1", "canary-secret")
