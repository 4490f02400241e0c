"""Servers that are killed and started again in the middle of changes lose nothing acknowledged."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ath import ATHError, CredentialKey
from tests.harness.engines import PostgresServer, RedisServer, Stores

KEY = CredentialKey("https://gateway.example", "https://agent.example/agent.json")
WRITERS = 4
KINDS: dict[str, tuple[type[RedisServer] | type[PostgresServer], str]] = {
    "RedisStore": (RedisServer, "redis"),
    "AsyncRedisStore": (RedisServer, "async_redis"),
    "SQLStore": (PostgresServer, "sql"),
    "AsyncSQLStore": (PostgresServer, "async_sql"),
}


class Journal:
    """What was acknowledged, and to whom."""

    def __init__(self) -> None:
        self.acknowledged: list[tuple[CredentialKey, str]] = []
        self.failures: dict[str, int] = {}
        self._changed = threading.Condition()

    def acknowledge(self, key: CredentialKey, entry: str) -> None:
        with self._changed:
            self.acknowledged.append((key, entry))
            self._changed.notify_all()

    def fail(self, error: ATHError) -> None:
        with self._changed:
            self.failures[error.code] = self.failures.get(error.code, 0) + 1

    def wait_for_more(self, count: int) -> None:
        with self._changed:
            wanted = len(self.acknowledged) + count
            assert self._changed.wait_for(lambda: len(self.acknowledged) >= wanted, 120)


def entries_of(text: str | None) -> list[str]:
    return [] if text is None else list(json.loads(text)["entries"])


@contextmanager
def writing(stores: list[Any], journal: Journal) -> Iterator[None]:
    """Each writer appends to a record of its own and to one that all share, until the end."""
    over, broken = threading.Event(), list[BaseException]()

    def work(number: int, store: Any) -> None:
        keys = [KEY, KEY._replace(user=f"writer-{number}")]
        count = 0
        while not over.is_set():
            count += 1
            key, entry = keys[count % 2], f"{number}.{count}"
            try:
                old = store.load(key)
                new = json.dumps({"entries": [*entries_of(old), entry]})
                if store.replace(key, old, new):
                    journal.acknowledge(key, entry)
            except ATHError as error:
                journal.fail(error)
            except BaseException as error:
                broken.append(error)
                return

    threads = [threading.Thread(target=work, args=pair) for pair in enumerate(stores)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert broken == []


def find_missing(load: Callable[[CredentialKey], str | None], journal: Journal) -> list[str]:
    held = {key: set(entries_of(load(key))) for key in {key for key, _ in journal.acknowledged}}
    return [entry for key, entry in journal.acknowledged if entry not in held[key]]


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_is_killed_again_and_again_loses_nothing_acknowledged(
    kind: str, stores: Stores, chance: random.Random, full: bool
) -> None:
    server_class, method = KINDS[kind]
    journal, kills = Journal(), (40 if full else 3)
    # (A killed process loses nothing that it has handed to the system, synced or not.)
    quick = server_class is PostgresServer and not full
    with server_class(*(["-c", "fsync=off"] if quick else [])) as server:
        opened = [getattr(stores, method)(server.url) for _ in range(WRITERS)]
        with writing(opened, journal):
            for _ in range(kills):
                journal.wait_for_more(20)
                threading.Event().wait(chance.random() / 50)
                server.restart()
            journal.wait_for_more(20)
        missing = find_missing(getattr(stores, method)(server.url).load, journal)
        for key in {key for key, _ in journal.acknowledged}:
            entries = entries_of(opened[0].load(key))
            assert len(entries) == len(set(entries)), "a change was made twice"
        stores.close()
    assert missing == []
    assert set(journal.failures) <= {"STORAGE_ERROR"}
    assert {key.user for key, _ in journal.acknowledged} == {
        None, *(f"writer-{number}" for number in range(WRITERS)),
    }  # fmt: skip
