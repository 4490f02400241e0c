"""One contract for all stores: compare and update, by key, across instances and threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import ath
from ath import CredentialKey, CredentialStore, FileStore, FolderStore, MemoryStore

KEY = CredentialKey("https://gateway.example", "https://agent.example/agent.json")
ALICE, BOB = KEY._replace(user="alice"), KEY._replace(user="bob")
OTHERS = [
    ALICE,
    BOB,
    KEY._replace(user=""),
    KEY._replace(user="é\n\"'/..\\"),
    KEY._replace(implementor="https://other.example"),
    KEY._replace(agent_id="https://agent.example/other.json"),
]

Opener = Callable[[], CredentialStore]


@pytest.fixture(params=["memory", "file", "folder"])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    """Opens the same store again and again, as further processes would."""
    if request.param == "memory":
        store = MemoryStore()
        return lambda: store
    if request.param == "file":
        return lambda: FileStore(tmp_path / "made" / "credentials.json")
    return lambda: FolderStore(tmp_path / "made" / "credentials")


@pytest.mark.parametrize("key", [KEY, *OTHERS])
def test_nothing_is_held_at_first(opener: Opener, key: CredentialKey) -> None:
    assert opener().load(key) is None


@pytest.mark.parametrize("text", ["{}", "", "ä\n\u2028\U0001f600", "\ud800", "x" * 100_000])
def test_what_was_put_is_there_for_the_next_who_opens_it(opener: Opener, text: str) -> None:
    assert opener().replace(KEY, None, text)
    assert opener().load(KEY) == text


@pytest.mark.parametrize(
    ("old", "accepted"), [("one", True), (None, False), ("", False), ("two", False), ("on", False)]
)
def test_a_record_is_replaced_only_if_it_is_still_the_old_one(
    opener: Opener, old: str | None, accepted: bool
) -> None:
    store = opener()
    assert store.replace(KEY, None, "one")
    assert store.replace(KEY, old, "two") is accepted
    assert opener().load(KEY) == ("two" if accepted else "one")


def test_the_first_record_needs_no_old_one_and_no_other(opener: Opener) -> None:
    assert not opener().replace(KEY, "one", "two")
    assert opener().load(KEY) is None


def test_every_key_has_a_record_of_its_own(opener: Opener) -> None:
    for number, key in enumerate([KEY, *OTHERS]):
        assert opener().replace(key, None, f"record {number}")
    for number, key in enumerate([KEY, *OTHERS]):
        assert opener().load(key) == f"record {number}"


def test_a_store_sees_what_another_has_written_since(opener: Opener) -> None:
    mine, theirs = opener(), opener()
    assert mine.replace(KEY, None, "a")
    for text in "bcdefghij":  # each of the same length, and fast: a clock may not tell them apart
        old = mine.load(KEY)
        assert theirs.replace(KEY, old, text)
        assert not mine.replace(KEY, old, "lost update")
        assert mine.load(KEY) == text


def test_of_many_writers_at_once_none_loses_an_update(opener: Opener) -> None:
    writers, updates = 6, 12
    start = threading.Barrier(writers)

    def work(name: int) -> None:
        store = opener()
        start.wait()
        for number in range(updates):
            while True:
                old = store.load(KEY)
                if store.replace(KEY, old, f"{old or ''}{name}.{number};"):
                    break

    threads = [threading.Thread(target=work, args=(name,)) for name in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    entries = (opener().load(KEY) or "").split(";")[:-1]
    assert sorted(entries) == sorted(f"{w}.{n}" for w in range(writers) for n in range(updates))


def test_a_client_keeps_what_it_is_told_in_any_store(opener: Opener, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    with ath.ATHGatewayClient(*KEY[:2], key, credentials=opener()) as client:
        client.set_credentials("c-1", "s-1")
        client.save_credentials(tmp_path / "saved.json")
        assert client.client_id == "c-1"
    with ath.ATHGatewayClient(*KEY[:2], key, credentials=tmp_path / "saved.json") as client:
        assert client.client_id == "c-1"
