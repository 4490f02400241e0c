"""Locks of stores on servers: they end with their lease, and data stays right without them."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.harness.engines import Stores

from .support import KEY, read_line, record, resume, start_script, value_in

LEASE = 1.0  # seconds; a holder that is told to goes on past it
HOLD = f"""
import ath
kind, url, place = place.split(" ")
if kind == "redis":
    store = ath.RedisStore.from_url(url, prefix=place)
else:
    import sqlalchemy
    store = ath.SQLStore(sqlalchemy.create_engine(url), table=place)
assert store.acquire(KEY, "holder", {LEASE})
old = store.load(KEY)
say("held")
wait()
say(store.replace(KEY, old, record("the holder's")))
store.release(KEY, "holder")
say("released")
"""


@pytest.fixture(params=["redis", "sql"])
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def url(kind: str, request: pytest.FixtureRequest) -> str:
    server = {"redis": "redis_server", "sql": "postgres_server"}[kind]
    found: str = request.getfixturevalue(server).url
    return found


@pytest.fixture
def store(kind: str, url: str, stores: Stores) -> Any:
    return getattr(stores, kind)(url)


def place_of(kind: str, url: str, stores: Stores) -> Path:
    return f"{kind} {url} {stores.place}"  # type: ignore[return-value]


def wait_for_lock(store: Any, owner: str) -> None:
    """Take the lock as soon as it is free; the test's own time limit ends the wait."""
    for _ in range(2_000):
        if store.acquire(KEY, owner, 60):
            return
        threading.Event().wait(0.01)
    raise AssertionError("the lock was never free")


def test_a_lock_whose_holder_was_killed_ends_with_its_lease(
    kind: str, url: str, store: Any, stores: Stores
) -> None:
    assert store.replace(KEY, None, record(1))
    with start_script(HOLD, place_of(kind, url, stores)) as process:
        assert read_line(process) == "held"
        assert not store.acquire(KEY, "other", 60)
        process.kill()
        process.wait()
    wait_for_lock(store, "other")
    assert value_in(store.load(KEY)) == 1


def test_a_holder_that_was_stopped_past_its_lease_overwrites_and_frees_nothing(
    kind: str, url: str, store: Any, stores: Stores
) -> None:
    assert store.replace(KEY, None, record(1))
    with start_script(HOLD, place_of(kind, url, stores)) as process:
        assert read_line(process) == "held"
        process.send_signal(signal.SIGSTOP)
        wait_for_lock(store, "other")
        assert store.replace(KEY, record(1), record("another one's"))
        process.send_signal(signal.SIGCONT)
        resume(process)
        assert read_line(process) == "False"
        assert read_line(process) == "released"
    assert not store.acquire(KEY, "third", 60)
    assert value_in(store.load(KEY)) == "another one's"


@pytest.mark.parametrize("lease", [1e17, float("inf")])
def test_a_lease_may_be_longer_than_the_engine_can_count(store: Any, lease: float) -> None:
    assert store.acquire(KEY, "me", lease)
    assert not store.acquire(KEY, "another", 1)
    store.release(KEY, "me")
    assert store.acquire(KEY, "another", 1)
