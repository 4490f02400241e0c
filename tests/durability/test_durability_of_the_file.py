"""Many processes on one credential file, some of them killed: no acknowledged update is lost."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from ath import CredentialKey, FileStore
from tests.harness.clients import AGENT_ID
from tests.harness.examples import AUTHORIZATION, REGISTRATION, TOKEN
from tests.harness.server import Answer, Request, Server

WRITER = Path(__file__).with_name("writer.py")
URL = "https://gateway.example"


@pytest.fixture
def gateway(server: Server) -> Server:
    """A gateway that verifies nothing; the tokens it gives a user are numbered from 1."""
    numbers: dict[str, Iterator[int]] = defaultdict(lambda: count(1))

    def reply(request: Request) -> bytes:
        name = request.headers["x-session"]
        number = next(numbers[name])
        if request.target == "/ath/agents/register":
            made = {"client_id": f"id-{name}", "client_secret": f"secret-{name}"}
            return Answer({**REGISTRATION, **made}).to_bytes()
        body = json.loads(request.body)
        if request.target == "/ath/authorize":
            session = f"{name}-{number}/{body['provider_id']}"
            return Answer({**AUTHORIZATION, "ath_session_id": session}).to_bytes()
        provider = body["ath_session_id"].rpartition("/")[2]
        made = {"access_token": f"token-{name}-{number}", "provider_id": provider}
        return Answer({**TOKEN, **made}).to_bytes()

    server.answer_all_with(reply)
    return server


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "held" / "credentials.json"


@contextmanager
def read_repeatedly(file: Path) -> Iterator[list[int]]:
    """Read the file again and again inside the block; it must be whole, or not exist yet."""
    over, counts, failures = threading.Event(), [0], list[BaseException]()

    def read() -> None:
        try:
            while not over.wait(0.001):
                if file.exists():
                    document = json.loads(file.read_bytes())
                    assert isinstance(document["records"], list)
                    counts[0] += 1
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield counts
    finally:
        over.set()
        thread.join()
    assert not failures, failures


def start(url: str, file: Path, name: str, updates: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(WRITER), url, str(file), name, str(updates)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def parse_updates(lines: Iterable[bytes]) -> list[dict[str, str]]:
    return [json.loads(line) for line in lines if line.endswith(b"\n")]


def find_missing(url: str, file: Path, updates: list[dict[str, str]]) -> list[dict[str, str]]:
    """The updates that the file does not hold, nor anything later in their place."""
    latest = {(update["name"], update.get("provider")): update for update in updates}
    store, lost = FileStore(file), []
    for (name, provider), update in latest.items():
        record = json.loads(store.load(CredentialKey(url, AGENT_ID, name, registered=True)) or "{}")
        if provider is None:
            kept = record.get("client_id") == update["client_id"]
        else:
            texts = {t["provider"]: t["access_token"] for t in record.get("tokens", [])}
            # A killed writer may have stored one more than it could say.
            kept = token_number(texts.get(provider, "-0")) >= token_number(update["token"])
        if not kept:
            lost.append(update)
    return lost


def token_number(token: str) -> int:
    return int(token.rpartition("-")[2])


def test_eight_processes_lose_no_update(gateway: Server, file: Path, full: bool) -> None:
    number = 200 if full else 50
    with read_repeatedly(file) as reads:
        writers = [start(gateway.url, file, f"user-{i}", number) for i in range(8)]
        outputs = [writer.communicate(timeout=600) for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * 8, outputs
    updates = [u for out, _ in outputs for u in parse_updates(out.splitlines(keepends=True))]
    assert len(updates) == 8 * number
    assert find_missing(gateway.url, file, updates) == []
    assert reads[0] > 0
    assert file.stat().st_mode & 0o777 == 0o600
    leftovers = {path.name for path in file.parent.iterdir()} - {file.name}
    assert leftovers == {f".{file.name}.lock"}


def test_killed_writers_lose_no_update_that_they_acknowledged(
    gateway: Server, file: Path, full: bool, chance: random.Random
) -> None:
    kills, seen = (500 if full else 50), list[dict[str, str]]()
    with read_repeatedly(file):
        for first in range(0, kills, 2):  # two at a time, so that a lock is held by the killed
            killed = [
                KilledWriter(
                    start(gateway.url, file, f"user-{first + i}", 10_000),
                    updates=chance.randrange(1, 12),
                    wait=chance.random() / 100,
                )
                for i in range(2)
            ]
            seen += [update for writer in killed for update in writer.acknowledged_updates()]
    assert len({update["name"] for update in seen}) > kills * 0.9
    assert find_missing(gateway.url, file, seen) == []


class KilledWriter:
    """A writer that is killed during the update that follows so many acknowledged ones."""

    def __init__(self, process: subprocess.Popen[bytes], updates: int, wait: float) -> None:
        self._process = process
        self._thread = threading.Thread(target=self._kill, args=(updates, wait))
        self._lines: list[bytes] = []
        self._thread.start()

    def _kill(self, updates: int, wait: float) -> None:
        with self._process as process:
            assert process.stdout is not None
            self._lines += [process.stdout.readline() for _ in range(updates)]
            threading.Event().wait(wait)
            process.kill()
            self._lines += process.stdout.readlines()

    def acknowledged_updates(self) -> list[dict[str, str]]:
        self._thread.join()
        return parse_updates(self._lines)


def test_a_file_changed_without_a_new_size_or_time_is_read_again(file: Path) -> None:
    # A file system's clock is coarse, freed inodes come back, and records may be of equal length.
    key = CredentialKey(URL, AGENT_ID)
    store = FileStore(file)
    before = json.dumps({"client_id": "before"})
    store.put(key, before)
    assert store.load(key) == before
    status = file.stat()
    file.write_bytes(file.read_bytes().replace(b"before", b"behind"))
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert not store.replace(key, before, json.dumps({"client_id": "lost"}))
    assert store.load(key) == json.dumps({"client_id": "behind"})
