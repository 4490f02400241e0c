"""One contract for all stores: compare and update, by key, across instances and threads."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ath
from ath.stores.base import CredentialKey, FullCredentialStore, MemoryStore
from ath.stores.files import FileStore, FolderStore
from tests.harness.engines import Stores

from .engines import ENGINES
from .support import ALICE, BOB, KEY, error_of, json_values, record, value_in

OTHERS = [
    ALICE,
    BOB,
    ALICE._replace(registered=True),
    KEY._replace(user=""),
    KEY._replace(user="é\n\"'/..\\"),
    KEY._replace(user="alice\0"),
    KEY._replace(implementor="https://other.example"),
    KEY._replace(agent_id="https://agent.example/other.json"),
]

Opener = Callable[[], FullCredentialStore]


@pytest.fixture(params=["memory", "file", "folder", *ENGINES])
def opener(request: pytest.FixtureRequest, tmp_path: Path, stores: Stores) -> Opener:
    """Opens the same store again and again, as further processes would."""
    name: str = request.param
    if name in ENGINES:
        return ENGINES[name](request, stores, tmp_path)
    if name == "memory":
        store = MemoryStore()
        return lambda: store
    if name == "file":
        return lambda: FileStore(tmp_path / "made" / "credentials.json")
    return lambda: FolderStore(tmp_path / "made" / "credentials")


@pytest.mark.parametrize("key", [KEY, *OTHERS])
def test_nothing_is_held_at_first(opener: Opener, key: CredentialKey) -> None:
    assert opener().load(key) is None
    assert list(opener().keys()) == []


@pytest.mark.parametrize("text", ["", "ä\n\u2028\U0001f600", "\ud800", "x" * 100_000])
def test_what_was_put_is_there_for_the_next_who_opens_it(opener: Opener, text: str) -> None:
    assert opener().replace(KEY, None, record(text))
    assert value_in(opener().load(KEY)) == text


def test_a_record_without_members_is_a_record(opener: Opener) -> None:
    assert opener().replace(KEY, None, "{}")
    assert opener().load(KEY) == "{}"
    assert opener().replace(KEY, "{}", record(1))


def test_a_record_of_a_megabyte_is_kept_as_a_whole(opener: Opener) -> None:
    assert opener().replace(KEY, None, record(["x" * 1000] * 1000))
    assert value_in(opener().load(KEY)) == ["x" * 1000] * 1000


@pytest.mark.parametrize(
    ("old", "accepted"),
    [
        (record("one"), True),
        (None, False),
        ("{}", False),
        (record("two"), False),
        ("one", False),
        ("", False),
        ('["value", "one"]', False),
        ('{"value": "one"', False),
    ],
)
def test_a_record_is_replaced_or_deleted_only_if_it_is_still_the_old_one(
    opener: Opener, old: str | None, accepted: bool
) -> None:
    store = opener()
    assert store.replace(KEY, None, record("one"))
    assert store.replace(KEY, old, record("two")) is accepted
    assert value_in(opener().load(KEY)) == ("two" if accepted else "one")
    if old is not None:
        assert store.replace(KEY, store.load(KEY), record("one"))
        assert store.delete(KEY, old) is accepted
        assert value_in(opener().load(KEY)) == (None if accepted else "one")


@pytest.mark.parametrize(
    ("one", "other"), [("1", "true"), ("1", "1.0"), ("0", "false"), ("-0.0", "0.0")]
)
def test_values_that_python_takes_for_equal_are_told_apart(
    opener: Opener, one: str, other: str
) -> None:
    store = opener()
    assert store.replace(KEY, None, f'{{"value": {one}}}')
    assert not store.replace(KEY, f'{{"value": {other}}}', record("lost update"))


@given(st.dictionaries(st.text(max_size=10).filter(lambda t: t not in KEY._fields), json_values))
def test_what_a_store_returns_is_what_it_was_given_and_matches_as_old(
    tmp_path_factory: pytest.TempPathFactory, members: dict[str, object]
) -> None:
    text = json.dumps(members)
    if "NaN" in text or "Infinity" in text:
        return
    for store in (MemoryStore(), FileStore(tmp_path_factory.mktemp("s") / "c.json")):
        assert store.replace(KEY, None, text)
        loaded = store.load(KEY)
        assert loaded is not None
        assert json.loads(loaded) == members
        assert store.replace(KEY, loaded, record("next"))


def test_the_first_record_needs_no_old_one_and_no_other(opener: Opener) -> None:
    assert not opener().replace(KEY, record("one"), record("two"))
    assert opener().load(KEY) is None


def test_every_key_has_a_record_of_its_own(opener: Opener) -> None:
    for number, key in enumerate([KEY, *OTHERS]):
        assert opener().replace(key, None, record(number))
    for number, key in enumerate([KEY, *OTHERS]):
        assert value_in(opener().load(key)) == number
    assert sorted(map(repr, opener().keys())) == sorted(map(repr, [KEY, *OTHERS]))


def test_a_deleted_record_is_gone_and_no_other(opener: Opener) -> None:
    for key in (KEY, ALICE, BOB):
        assert opener().replace(key, None, record(key.user))
    assert opener().delete(ALICE)
    assert opener().load(ALICE) is None
    assert sorted(opener().keys(), key=repr) == sorted([KEY, BOB], key=repr)
    assert not opener().delete(ALICE)
    assert opener().replace(ALICE, None, record("again"))


def test_the_last_record_can_be_deleted(opener: Opener) -> None:
    store = opener()
    assert not store.delete(KEY)
    assert store.replace(KEY, None, record(1))
    assert store.delete(KEY, store.load(KEY))
    assert store.load(KEY) is None
    assert opener().replace(KEY, None, record(2))


def test_keys_can_be_deleted_while_they_are_listed(opener: Opener) -> None:
    store = opener()
    for key in (KEY, *OTHERS):
        assert store.replace(key, None, record(1))
    for key in store.keys():  # noqa: SIM118 (a store is no dict)
        assert store.delete(key)
    assert list(store.keys()) == []


@pytest.mark.parametrize(
    "key",
    [KEY._replace(user="\ud800"), KEY._replace(implementor="x\udfff"), CredentialKey("", "\udc80")],
)
def test_a_key_with_half_of_a_surrogate_pair_is_an_invalid_argument(
    opener: Opener, key: CredentialKey
) -> None:
    store = opener()
    for call in (
        lambda: store.load(key),
        lambda: store.replace(key, None, "{}"),
        lambda: store.delete(key),
        lambda: store.acquire(key, "me", 60),
    ):
        assert error_of(call).code == "INVALID_ARGUMENT"
    store.release(key, "me")
    assert list(store.keys()) == []


def test_a_store_sees_what_another_has_written_since(opener: Opener) -> None:
    mine, theirs = opener(), opener()
    assert mine.replace(KEY, None, record("a"))
    for text in "bcdefghij":  # each of the same length, and fast: a clock may not tell them apart
        old = mine.load(KEY)
        assert theirs.replace(KEY, old, record(text))
        assert not mine.replace(KEY, old, record("lost update"))
        assert value_in(mine.load(KEY)) == text


def test_of_many_writers_at_once_none_loses_an_update(opener: Opener) -> None:
    writers, updates = 6, 12
    start = threading.Barrier(writers)

    def work(name: int) -> None:
        store = opener()
        start.wait()
        for number in range(updates):
            while True:
                old = store.load(KEY)
                new = [*(value_in(old) or []), f"{name}.{number}"]
                if store.replace(KEY, old, record(new)):
                    break

    threads = [threading.Thread(target=work, args=(name,)) for name in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    entries = value_in(opener().load(KEY))
    assert sorted(entries) == sorted(f"{w}.{n}" for w in range(writers) for n in range(updates))


def test_a_lock_is_held_by_one_owner_until_it_is_released(opener: Opener) -> None:
    mine, theirs = opener(), opener()
    assert mine.acquire(KEY, "me", 60)
    assert not mine.acquire(KEY, "me", 60)
    assert not mine.acquire(KEY, "you", 60)
    assert not theirs.acquire(KEY, "you", 60)
    theirs.release(KEY, "you")
    mine.release(ALICE, "me")
    assert not theirs.acquire(KEY, "you", 60)
    mine.release(KEY, "me")
    assert theirs.acquire(KEY, "you", 60)
    mine.release(KEY, "me")
    assert not mine.acquire(KEY, "me", 60)
    theirs.release(KEY, "you")


def test_a_held_lock_keeps_nobody_from_reading_and_changing(opener: Opener) -> None:
    store = opener()
    assert store.acquire(KEY, "me", 60)
    assert store.replace(KEY, None, record(1))
    assert opener().replace(KEY, record(1), record(2))
    assert value_in(opener().load(KEY)) == 2
    assert opener().delete(KEY)
    store.release(KEY, "me")


def test_locks_of_many_keys_can_be_had_one_after_another(opener: Opener) -> None:
    store = opener()
    for number in range(600):  # more than there are lock files
        key = KEY._replace(user=str(number))
        assert store.acquire(key, "me", 60)
        store.release(key, "me")


def test_of_many_threads_one_at_a_time_holds_a_lock(opener: Opener) -> None:
    inside, most, turns = 0, 0, threading.Barrier(6)

    def work(name: str) -> None:
        nonlocal inside, most
        store = opener()
        turns.wait()
        for _ in range(20):
            if store.acquire(KEY, name, 60):
                inside += 1
                most = max(most, inside)
                store.load(KEY)
                inside -= 1
                store.release(KEY, name)

    threads = [threading.Thread(target=work, args=(str(i),)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    last = opener()
    assert last.acquire(KEY, "last", 60)
    last.release(KEY, "last")


def test_a_lock_in_memory_ends_with_its_lease() -> None:
    store = MemoryStore()
    assert store.acquire(KEY, "me", 0)
    assert store.acquire(KEY, "you", 60)
    store.release(KEY, "me")
    assert not store.acquire(KEY, "me", 60)


def test_a_client_keeps_what_it_is_told_in_any_store(opener: Opener, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    with ath.ATHGatewayClient(*KEY[:2], key, credentials=opener()) as client:
        client.set_credentials("c-1", "s-1")
        client.save_credentials(tmp_path / "saved.json")
        assert client.client_id == "c-1"
    with ath.ATHGatewayClient(*KEY[:2], key, credentials=tmp_path / "saved.json") as client:
        assert client.client_id == "c-1"
