"""EncryptedStore and its async twin: what is stored, who can read it, and new keys."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ath import AsyncEncryptedStore, CredentialKey, EncryptedStore, FolderStore, MemoryStore
from ath.stores.files import FileStore
from ath.testing import LocalGateway, check_async_store, check_store
from tests.harness.clients import Kind
from tests.harness.stores import AsyncStore, MinimalStore, everything
from tests.harness.worlds import World

from .support import ALICE, BOB, KEY, error_of, outcome, record, value_in

OLD, NEW, OTHER = (bytes([letter]) * 32 for letter in b"one")
ON_POSIX = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks are POSIX's")


class Blocking:
    """An AsyncEncryptedStore over the inner store, used as if it were sync."""

    def __init__(self, runner: asyncio.Runner, inner: Any, keys: Any) -> None:
        self._runner = runner
        self._store = AsyncEncryptedStore(AsyncStore(inner), keys)

    def __getattr__(self, name: str) -> Any:
        async def call(*arguments: Any) -> Any:
            return await getattr(self._store, name)(*arguments)

        return lambda *arguments: self._runner.run(call(*arguments))


Encrypt = Callable[[Any, Any], Any]


@pytest.fixture(params=["sync", "async"])
def encrypt(request: pytest.FixtureRequest) -> Iterator[Encrypt]:
    """Makes an encrypted store of either kind: over which store, with which keys."""
    if request.param == "sync":
        yield EncryptedStore
    else:
        with asyncio.Runner() as runner:
            yield lambda inner, keys: Blocking(runner, inner, keys)


@pytest.fixture
def inner() -> MemoryStore:
    return MemoryStore()


@ON_POSIX
def test_over_files_every_promise_of_a_store_is_kept(store_name: str, place: Path) -> None:
    store = {"FileStore": FileStore, "FolderStore": FolderStore}[store_name]
    check_store(lambda: EncryptedStore(store(place), NEW))


def test_over_memory_every_promise_of_one_process_is_kept(inner: MemoryStore) -> None:
    check_store(lambda: EncryptedStore(inner, NEW), processes=False)


@ON_POSIX
def test_the_async_store_keeps_every_promise(place: Path) -> None:
    check_async_store(lambda: AsyncEncryptedStore(AsyncStore(FolderStore(place)), NEW))


@pytest.mark.parametrize(
    "written",
    [
        bytes(range(224, 256)),
        b64encode(bytes(range(224, 256))),
        urlsafe_b64encode(bytes(range(224, 256))),
        b64encode(bytes(range(224, 256))).decode(),
        urlsafe_b64encode(bytes(range(224, 256))).decode().rstrip("="),
        f" {b64encode(bytes(range(224, 256))).decode()}\n",
    ],
)
def test_a_key_is_32_bytes_or_their_base64(inner: MemoryStore, written: Any) -> None:
    assert EncryptedStore(inner, bytes(range(224, 256))).replace(KEY, None, record(1))
    for keys in (written, [written], (NEW, written)):
        assert value_in(EncryptedStore(inner, keys).load(KEY)) == 1


@pytest.mark.parametrize(
    "keys",
    [
        [], (), b"", "", "canary", "canary" * 100, b"canary" + b"x" * 25, "canary" + "x" * 26,
        b64encode(b"canary" * 4).decode(), b64encode(b"x" * 33), [NEW, "canary"], [None],
        ["é" * 32], "\ud800" * 43, [7], f"{b64encode(NEW).decode()}*",
    ],
)  # fmt: skip
def test_what_is_no_key_is_an_invalid_argument_that_does_not_show_it(
    encrypt: Encrypt, inner: MemoryStore, keys: Any
) -> None:
    error = error_of(lambda: encrypt(inner, keys))
    assert error.code == "INVALID_ARGUMENT"
    assert "canary" not in str(error)


def test_a_store_of_the_other_kind_or_without_all_methods_is_refused(inner: MemoryStore) -> None:
    twin: Any = AsyncStore(inner)
    minimal: Any = MinimalStore()
    kind: Any = MemoryStore
    for make in (
        lambda: EncryptedStore(twin, NEW),
        lambda: AsyncEncryptedStore(inner, NEW),  # type: ignore[arg-type]
        lambda: EncryptedStore(minimal, NEW),
        lambda: EncryptedStore(kind, NEW),
    ):
        assert error_of(make).code == "INVALID_ARGUMENT"


def test_what_is_stored_shows_the_expiry_and_the_keys_name_and_nothing_else(
    encrypt: Encrypt, inner: MemoryStore
) -> None:
    store = encrypt(inner, NEW)
    secret = {"tokens": ["canary"], "expires_at": 1234.5}
    assert store.replace(ALICE, None, json.dumps(secret))
    stored = inner.load(ALICE) or ""
    members = json.loads(stored)
    assert members.keys() == {"format", "version", "key_id", "ciphertext", "expires_at"}
    assert (members["format"], members["version"]) == ("ath-encrypted", 1)
    assert members["expires_at"] == 1234.5
    assert len(members["key_id"]) == 16
    assert "canary" not in stored
    assert b"canary" not in b64decode(members["ciphertext"])
    for text in ("{}", '{"expires_at": null}', '{"expires_at": true}', '{"expires_at": "x"}'):
        assert store.replace(ALICE, store.load(ALICE), text)
        assert json.loads(inner.load(ALICE) or "")["expires_at"] is None


def test_the_same_record_is_never_stored_as_the_same_text(
    encrypt: Encrypt, inner: MemoryStore
) -> None:
    store = encrypt(inner, NEW)
    texts = set()
    assert store.replace(KEY, None, record(1))
    for _ in range(20):
        texts.add(inner.load(KEY))
        assert store.replace(KEY, record(1), record(1))
    assert len(texts) == 20


def test_what_is_no_record_is_refused(encrypt: Encrypt, inner: MemoryStore) -> None:
    store = encrypt(inner, NEW)
    for text in ("", "canary", "[1]", '{"canary', '{"canary": "\ud800"}'):
        error = error_of(lambda: store.replace(KEY, None, text))  # noqa: B023
        assert error.code == "INVALID_ARGUMENT"
        assert "canary" not in str(error)
        assert error.__cause__ is error.__context__ is None
    assert inner.load(KEY) is None


def test_records_that_have_expired_are_purged_from_the_files_beneath(place: Path) -> None:
    inner = FolderStore(place)
    store = EncryptedStore(inner, NEW)
    assert store.replace(ALICE, None, record(1, expires_at=time.time() - 1))
    assert store.replace(BOB, None, record(1, expires_at=time.time() + 1000))
    assert store.replace(KEY, None, record(1, expires_at=None))
    assert inner.purge() == 1
    assert sorted(store.keys(), key=repr) == sorted([KEY, BOB], key=repr)


def another_key(inner: Any, encrypt: Encrypt) -> None:
    assert encrypt(inner, OTHER).replace(ALICE, None, record("canary"))


def moved(inner: Any, encrypt: Encrypt) -> None:
    store = encrypt(inner, NEW)
    for number, key in enumerate(
        (
            BOB,
            ALICE._replace(registered=True),
            ALICE._replace(user=None),
            ALICE._replace(agent_id="https://agent.example/other.json"),
            ALICE._replace(implementor="https://other.example"),
        )
    ):
        assert store.replace(key, None, record("canary"))
        if number:
            assert error_at(store, inner, key, ALICE) == "INVALID_CREDENTIALS"
    assert inner.replace(ALICE, None, inner.load(BOB))


def error_at(store: Any, inner: Any, source: CredentialKey, target: CredentialKey) -> str:
    assert inner.replace(target, None, inner.load(source))
    code = error_of(lambda: store.load(target)).code
    assert inner.delete(target)
    return code


def plain(inner: Any, encrypt: Encrypt) -> None:
    planted = {"client_id": "canary", "client_secret": "canary", "tokens": [], "sessions": []}
    assert inner.replace(ALICE, None, json.dumps(planted))


def change(member: str, value: Callable[[Any], Any]) -> Callable[[Any, Encrypt], None]:
    def damage(inner: Any, encrypt: Encrypt) -> None:
        assert encrypt(inner, NEW).replace(ALICE, None, record("canary"))
        stored = inner.load(ALICE)
        document = json.loads(stored)
        document[member] = value(document[member])
        assert inner.replace(ALICE, stored, json.dumps(document))

    damage.__name__ = f"changed_{member}"
    return damage


DAMAGES = [
    another_key, moved, plain,
    change("ciphertext", lambda text: text[:-8] + "AAAAAAA="),
    change("ciphertext", lambda text: ""),
    change("ciphertext", lambda text: "*" + text),
    change("ciphertext", lambda text: 7),
    change("version", lambda version: 2),
    change("version", lambda version: ["canary"] * 1000),
    change("format", lambda form: "ath-credentials"),
    change("key_id", lambda text: "canary" * 1000),
    change("key_id", lambda text: None),
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_what_cannot_be_decrypted_is_an_error_and_stays_as_it_is(
    encrypt: Encrypt, place: Path, damage: Callable[[Any, Encrypt], None]
) -> None:
    inner = FileStore(place)
    damage(inner, encrypt)
    before = place.read_bytes()
    store = encrypt(inner, [NEW, OLD])
    for call in (
        lambda: store.load(ALICE),
        lambda: store.replace(ALICE, None, record(1)),
        lambda: store.replace(ALICE, inner.load(ALICE), record(1)),
        lambda: store.delete(ALICE, record(1)),
    ):
        error = error_of(call)
        assert error.code == "INVALID_CREDENTIALS"
        assert "canary" * 3 not in str(error)
        assert len(str(error)) < 500
    outcome(store.rotate)
    assert place.read_bytes() == before
    assert [path.name for path in place.parent.iterdir() if "damaged" in path.name] == []
    assert store.delete(ALICE)  # whatever it is, as forget() wants it


def test_the_error_says_which_key_is_missing(encrypt: Encrypt, inner: MemoryStore) -> None:
    assert encrypt(inner, OLD).replace(KEY, None, record(1))
    name = json.loads(inner.load(KEY) or "")["key_id"]
    assert name in error_of(lambda: encrypt(inner, NEW).load(KEY)).message


def test_a_plain_record_that_another_put_there_is_not_used_and_the_error_names_the_way_in(
    encrypt: Encrypt, inner: MemoryStore
) -> None:
    plain(inner, encrypt)
    assert "ath.stores.copy()" in error_of(lambda: encrypt(inner, NEW).load(ALICE)).message


def test_the_first_key_encrypts_and_all_decrypt(encrypt: Encrypt, inner: MemoryStore) -> None:
    old, both, new = (encrypt(inner, keys) for keys in (OLD, [NEW, OLD], NEW))
    assert old.replace(KEY, None, record(1))
    assert value_in(both.load(KEY)) == 1
    assert both.replace(KEY, both.load(KEY), record(2))
    assert value_in(new.load(KEY)) == 2
    assert error_of(lambda: old.load(KEY)).code == "INVALID_CREDENTIALS"


def test_rotate_encrypts_anew_what_is_under_an_older_key(
    encrypt: Encrypt, inner: MemoryStore
) -> None:
    old, both, new = (encrypt(inner, keys) for keys in (OLD, [NEW, OLD], NEW))
    for number in range(10):
        store = old if number < 7 else new
        assert store.replace(KEY._replace(user=str(number)), None, record(number))
    untouched = inner.load(KEY._replace(user="9"))
    assert both.rotate() == 7
    assert both.rotate() == 0
    for number in range(10):
        assert value_in(new.load(KEY._replace(user=str(number)))) == number
    assert inner.load(KEY._replace(user="9")) == untouched


def test_rotate_goes_on_after_records_that_it_cannot_decrypt_and_names_them(
    encrypt: Encrypt, inner: MemoryStore
) -> None:
    assert encrypt(inner, OTHER).replace(ALICE, None, record(1))
    assert encrypt(inner, OLD).replace(BOB, None, record(2))
    assert inner.replace(KEY, None, record("plain"))
    error = error_of(encrypt(inner, [NEW, OLD]).rotate)
    assert error.code == "INVALID_CREDENTIALS"
    assert error.details["rotated"] == 1
    assert sorted(error.details["failed"], key=repr) == sorted([ALICE, KEY], key=repr)
    assert value_in(encrypt(inner, NEW).load(BOB)) == 2
    assert value_in(encrypt(inner, OTHER).load(ALICE)) == 1


def test_rotate_can_be_interrupted_and_repeated(encrypt: Encrypt, inner: MemoryStore) -> None:
    for number in range(10):
        key = KEY._replace(user=str(number))
        assert encrypt(inner, OLD).replace(key, None, record(number))
    real, left = inner.replace, [4]

    def interrupt(*arguments: Any) -> bool:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return real(*arguments)

    inner.replace = interrupt  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        encrypt(inner, [NEW, OLD]).rotate()
    inner.replace = real  # type: ignore[method-assign]
    assert encrypt(inner, [NEW, OLD]).rotate() == 6
    for number in range(10):
        assert value_in(encrypt(inner, NEW).load(KEY._replace(user=str(number)))) == number


def test_workers_of_both_settings_go_on_while_keys_are_rotated(place: Path) -> None:
    """The old key encrypts in some workers yet, the new one in others; no update is lost."""
    users = [KEY._replace(user=str(number)) for number in range(3)]
    start, rotated = threading.Barrier(5), list[int]()

    def work(keys: list[bytes]) -> None:
        store = EncryptedStore(FolderStore(place), keys)
        start.wait()
        for number in range(30):
            key = users[number % 3]
            while True:
                old = store.load(key)
                if store.replace(key, old, record((value_in(old) or 0) + 1)):
                    break

    def rotate() -> None:
        store = EncryptedStore(FolderStore(place), [NEW, OLD])
        start.wait()
        rotated.extend(store.rotate() for _ in range(10))

    orders = [[OLD, NEW], [OLD, NEW], [NEW, OLD], [NEW, OLD]]
    threads = [threading.Thread(target=work, args=(order,)) for order in orders]
    threads.append(threading.Thread(target=rotate))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(rotated) == 10
    EncryptedStore(FolderStore(place), [NEW, OLD]).rotate()
    store = EncryptedStore(FolderStore(place), NEW)
    assert [value_in(store.load(key)) for key in users] == [40, 40, 40]


def test_a_change_that_overlaps_with_another_one_is_refused(
    encrypt: Encrypt, inner: MemoryStore
) -> None:
    store = encrypt(inner, NEW)
    assert store.replace(KEY, None, record(1))
    real = inner.load

    def load_then_change(key: CredentialKey) -> str | None:
        found = real(key)
        inner.load = real  # type: ignore[method-assign]
        assert EncryptedStore(inner, NEW).replace(key, record(1), record("theirs"))
        return found

    inner.load = load_then_change  # type: ignore[method-assign]
    assert store.replace(KEY, record(1), record("lost")) is False
    assert value_in(store.load(KEY)) == "theirs"


def test_a_clients_secrets_are_nowhere_in_the_files(kind: Kind, place: Path) -> None:
    inner = FolderStore(place)
    store = EncryptedStore(inner, NEW)
    with LocalGateway() as server:
        world = World(kind, server)
        alice = world.ready(credentials=store).for_user("alice")
        world.token(alice)
        world.consented(alice)
        assert world.client(credentials=store).for_user("alice").call("GET", "/user")["login"]
        token, held = alice.access_token, everything(store)
    assert token in held
    files = "\n".join(path.read_text() for path in place.iterdir() if path.is_file())
    for secret in (token, "client_secret", "code_verifier", "access_token", "authorization_url"):
        assert secret in held
        assert secret not in files
    assert "alice" in files


def test_a_client_whose_key_is_wrong_says_so_and_overwrites_nothing(
    kind: Kind, inner: MemoryStore
) -> None:
    with LocalGateway() as server:
        world = World(kind, server)
        world.ready(credentials=EncryptedStore(inner, OLD))
        before = everything(inner)
        error = error_of(lambda: world.client(credentials=EncryptedStore(inner, NEW)).load())
        assert error.code == "INVALID_CREDENTIALS"
        assert everything(inner) == before
