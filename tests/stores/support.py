"""Values that several tests of the stores need."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import strategies as st

from ath.errors import ATHError
from ath.stores.base import CredentialKey, FullCredentialStore
from ath.stores.files import FileStore, FolderStore

T = TypeVar("T")

KEY = CredentialKey("https://gateway.example", "https://agent.example/agent.json")
ALICE, BOB = KEY._replace(user="alice"), KEY._replace(user="bob")

STORES: dict[str, type[FileStore | FolderStore]] = {
    "FileStore": FileStore,
    "FolderStore": FolderStore,
}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=12,
)


def record(value: Any, **members: Any) -> str:
    """A record that can be told from others."""
    return json.dumps({"value": value, **members})


def value_in(text: str | None) -> Any:
    """What :func:`record` was given; None if there is no record."""
    return None if text is None else json.loads(text)["value"]


def outcome(call: Callable[[], T]) -> T | ATHError:
    """The value, or the ATHError that came instead; any other exception fails the test."""
    try:
        return call()
    except ATHError as error:
        return error


def error_of(call: Callable[[], object]) -> ATHError:
    """The ATHError that must come."""
    result = outcome(call)
    assert isinstance(result, ATHError), f"no error, but {result!r}"
    return result


PRELUDE = """
import json, os, signal, sys, threading
from ath.errors import ATHError
from ath.stores.base import CredentialKey, MemoryStore
from ath.stores.files import FileStore, FolderStore
from tests.stores.support import KEY, ALICE, BOB, record, value_in
place = sys.argv[1]

def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

def wait():
    os.read(0, 1)

def outcome(call):
    try:
        return call()
    except ATHError as error:
        return error.code
"""


@contextmanager
def start_script(code: str, place: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that runs this code; killed in the end if it has not ended."""
    root = str(Path(__file__).resolve().parents[2])
    process = subprocess.Popen(
        [sys.executable, "-c", PRELUDE + code, str(place)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([root, *sys.path])},
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def read_line(process: subprocess.Popen[str]) -> str:
    """The next line that the process says."""
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


def resume(process: subprocess.Popen[str]) -> None:
    """Let the process return from ``wait()``."""
    assert process.stdin is not None
    process.stdin.write(".")
    process.stdin.flush()


def run_to_end(code: str, place: Path) -> list[str]:
    """All lines that a process says until it ends well."""
    with start_script(code, place) as process:
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, out
    return out.splitlines()


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def state_of(path: Path) -> tuple[bytes, int, int]:
    """What must be the same if the file was left alone."""
    status = path.lstat()
    return path.read_bytes(), status.st_mode, status.st_ino


def refused_writes(file: Path) -> list[ATHError]:
    """The errors of a file that can be neither read nor written."""
    one = FileStore(file)
    return [
        error_of(lambda: one.load(KEY)),
        error_of(lambda: one.replace(KEY, None, record("x"))),
        error_of(lambda: one.put(KEY, record("x"))),
        error_of(lambda: one.delete(KEY)),
        error_of(lambda: one.purge()),
    ]


# A change that stops while it holds the short lock, until it is told to go on.
SAVE_SLOWLY = """
from ath.stores import record_file
parse, serialize = record_file.parse, record_file.serialize
store = {store_name}(place)
store.replace(KEY, None, record("old"))

def serialize_slowly(records):
    say("saving")
    wait()
    return serialize(records)

record_file.serialize = serialize_slowly
"""


def open_store(store_name: str, place: Path, **options: float) -> FileStore | FolderStore:
    return STORES[store_name](place, **options)


def run(code: str, store_name: str, place: Path) -> AbstractContextManager[subprocess.Popen[str]]:
    return start_script(code.format(store_name=store_name), place)


def take(store: FullCredentialStore) -> bool:
    """Take and free the lock, if it is to be had."""
    taken = store.acquire(KEY, "me", 60)
    store.release(KEY, "me")
    return taken
