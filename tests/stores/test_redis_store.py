"""What stores on Redis write there, and what they refuse and warn of."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
import traceback
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.retry import Retry

import ath
from ath.stores.encryption import Cipher
from tests.harness.engines import RedisServer, Stores
from tests.harness.tcp_proxy import TCPProxy

from .support import ALICE, BOB, KEY, error_of, outcome, record, value_in


@pytest.fixture(params=["redis", "async_redis"])
def method(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def store(method: str, stores: Stores, redis_server: RedisServer) -> Any:
    return getattr(stores, method)(redis_server.url)


@pytest.fixture
def client(redis_server: RedisServer) -> Iterator[Any]:
    with redis.Redis.from_url(redis_server.url, decode_responses=True) as client:
        yield client


def name_of(stores: Stores, key: ath.CredentialKey) -> str:
    digest = hashlib.sha256(json.dumps(key).encode()).hexdigest()
    return f"{stores.place}{{{digest}}}"


def test_a_record_stands_beside_its_key_and_its_lock_on_the_same_node(
    store: Any, stores: Stores, client: Any
) -> None:
    key = KEY._replace(user="{al}ice\0")
    assert store.replace(key, None, record(1))
    assert store.acquire(key, "me", 60)
    name = name_of(stores, key)
    assert client.hgetall(name) == {"key": json.dumps(key), "record": record(1)}
    assert 0 < client.pttl(f"{name}:lock") <= 60_000
    assert sorted(client.scan_iter(f"{stores.place}*")) == [name, f"{name}:lock"]
    assert key_slot(name.encode()) == key_slot(f"{name}:lock".encode())


def expiry_of(client: Any, name: str) -> float | None:
    """In seconds UTC, to a minute."""
    left = client.pttl(name)
    return None if left < 0 else round((time.time() + left / 1000) / 60) * 60


@pytest.mark.parametrize(
    ("expires_at", "kept_until"),
    [
        (4_000_000_020, 4_000_000_020),
        (4_000_000_020.5, 4_000_000_020),
        (None, None),
        ("soon", None),
        (True, None),
        (1e300, None),
        (-1, None),
    ],
)
def test_redis_removes_a_record_when_it_has_expired(
    store: Any, stores: Stores, client: Any, expires_at: Any, kept_until: float | None
) -> None:
    first = json.dumps({"value": 1, "expires_at": 3_000_000_000})
    assert store.replace(ALICE, None, first)
    assert expiry_of(client, name_of(stores, ALICE)) == 3_000_000_000
    assert store.replace(ALICE, first, json.dumps({"value": 2, "expires_at": expires_at}))
    assert expiry_of(client, name_of(stores, ALICE)) == kept_until
    assert value_in(store.load(ALICE)) == 2


def test_a_record_that_need_not_be_kept_is_gone(store: Any) -> None:
    assert store.replace(ALICE, None, json.dumps({"expires_at": 1}))
    assert store.load(ALICE) is None
    assert list(store.keys()) == []


def test_prefixes_keep_stores_apart(method: str, redis_server: RedisServer, stores: Stores) -> None:
    place, opened = stores.place, []
    for prefix in (f"{place}[a]*", f"{place}a", f"{place}"):
        stores.place = prefix
        opened.append(getattr(stores, method)(redis_server.url))
    for number, one in enumerate(opened):
        assert one.replace(KEY._replace(user=str(number)), None, record(number))
    assert [next(one.keys()).user for one in opened[:2]] == ["0", "1"]
    stores.place = place


def test_more_keys_than_a_page_are_all_listed(store: Any) -> None:
    keys = {KEY._replace(user=f"user-{number}") for number in range(2_500)}
    for key in keys:
        assert store.replace(key, None, record(1))
    assert set(store.keys()) == keys


@pytest.mark.parametrize("field", ["key", "record"])
def test_what_is_damaged_is_said_to_be_so_and_left_alone(
    store: Any, stores: Stores, client: Any, field: str
) -> None:
    assert store.replace(KEY, None, record(1))
    client.hset(name_of(stores, KEY), field, b"\xff")
    call = (lambda: store.load(KEY)) if field == "record" else lambda: list(store.keys())
    assert error_of(call).code == "INVALID_CREDENTIALS"
    assert client.hstrlen(name_of(stores, KEY), field) == 1


def test_something_else_under_the_name_of_a_record_is_a_storage_error(
    store: Any, stores: Stores, client: Any
) -> None:
    client.set(name_of(stores, KEY), "a string")
    for call in (lambda: store.load(KEY), lambda: store.replace(KEY, None, record(1))):
        error = error_of(call)
        assert error.code == "STORAGE_ERROR"
        assert "refused the command" in error.message


@pytest.mark.parametrize("decodes", [False, True])
def test_damaged_keys_and_foreign_names_keep_no_other_from_being_listed_rotated_and_copied(
    method: str, stores: Stores, redis_server: RedisServer, client: Any, decodes: bool
) -> None:
    store = getattr(stores, method)(redis_server.url, decode_responses=decodes)
    keys = {KEY._replace(user=str(number)) for number in range(20)}
    encrypted = Cipher([b"o" * 32])
    for key in keys:
        assert store.replace(key, None, encrypted.encrypt(key, record(key.user)))
    client.set(f"{stores.place}{{another's}}", "a string")
    client.hset(f"{stores.place}{{another's, too}}", "field", "value")
    client.hset(stores.place.encode() + b"{\xff}", "field", "value")
    assert set(store.keys()) == keys
    for key in (ALICE, BOB):
        assert store.replace(key, None, record(1))
    client.hset(name_of(stores, ALICE), "key", b"\xff")
    client.hset(name_of(stores, BOB), "key", "[" * 100_000)

    memory, rotated = ath.MemoryStore(), [b"n" * 32, b"o" * 32]
    if method == "redis":
        calls: list[Any] = [
            ath.EncryptedStore(store, rotated).rotate,
            lambda: ath.stores.copy(store, memory),
            lambda: stores.loop.run(ath.stores.copy_async(store, ath.MemoryStore())),
        ]
    else:
        inner = store.store
        calls = [
            lambda: stores.loop.run(ath.AsyncEncryptedStore(inner, rotated).rotate()),
            lambda: stores.loop.run(ath.stores.copy_async(inner, memory)),
        ]
    for call in calls:
        error = error_of(call)
        assert error.code == "INVALID_CREDENTIALS"
        assert "2 records" in error.message
    assert set(memory.keys()) == keys
    for key in keys:
        assert value_in(ath.EncryptedStore(memory, b"n" * 32).load(key)) == key.user


@pytest.mark.parametrize("policy", ["allkeys-lru", "allkeys-random", "volatile-lru", "noeviction"])
def test_a_server_that_evicts_any_key_is_warned_of_once(
    method: str, stores: Stores, policy: str
) -> None:
    with RedisServer("--maxmemory-policy", policy) as server:
        store = getattr(stores, method)(server.url)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert store.replace(KEY, None, record(1))
            assert store.load(KEY) == record(1)
        stores.close()
    said = [str(each.message) for each in caught if each.category is ath.ATHWarning]
    assert len(said) == policy.startswith("allkeys")
    assert all("maxmemory-policy" in text and "RedisStore" in text for text in said)


def test_a_policy_that_may_not_be_read_is_not_asked_for_again(method: str, stores: Stores) -> None:
    with RedisServer("--appendonly", "no") as server:
        with redis.Redis.from_url(server.url) as admin:
            admin.acl_setuser(
                "worker", enabled=True, nopass=True, keys=["*"], commands=["+@all", "-config"]
            )
            store = getattr(stores, method)(server.url.replace("//", "//worker:x@"))
            assert store.replace(KEY, None, record(1))
            assert store.load(KEY) == record(1)
            refused = [entry for entry in admin.acl_log() if entry["object"].startswith("config")]
            assert [int(entry["count"]) for entry in refused] == [1]
        stores.close()


def test_a_connection_that_ends_at_the_question_for_the_policy_does_not_stop_the_store(
    method: str, stores: Stores, redis_server: RedisServer
) -> None:
    kind: Any = Retry if method == "redis" else AsyncRetry
    with TCPProxy(redis_server.port) as proxy:
        for _ in range(2):
            proxy.reset_at(b"CONFIG")
        url = redis_server.url.replace(str(redis_server.port), str(proxy.port))
        store = getattr(stores, method)(url, retry=kind(NoBackoff(), 0))
        assert store.replace(KEY, None, record(1))
        assert store.load(KEY) == record(1)
        assert proxy.met == 1  # it is not asked again
        stores.close()


def test_the_callers_client_is_not_closed(redis_server: RedisServer) -> None:
    with redis.Redis.from_url(redis_server.url) as client:
        store = ath.RedisStore(client)
        store.close()
        assert client.connection_pool is not None
        assert client.ping()
        assert store.load(KEY) is None


def test_a_store_of_a_url_closes_its_client_and_bounds_its_calls(
    redis_server: RedisServer, method: str, stores: Stores
) -> None:
    sync = method == "redis"
    kind: Any = ath.RedisStore if sync else ath.AsyncRedisStore
    url = redis_server.url

    def run(value: Any) -> Any:
        return value if sync else stores.loop.run(value)

    store = kind.from_url(url, prefix=stores.place, timeout=3)
    assert run(store.replace(KEY, None, record(1)))
    pool = store._client.connection_pool
    assert pool.connection_kwargs["socket_timeout"] == 3
    assert pool.connection_kwargs["socket_connect_timeout"] == 3
    run(store.close() if sync else store.aclose())
    [connection] = pool._available_connections
    assert not (connection.is_connected if not sync else connection._sock)


def test_no_frame_of_an_error_about_the_url_shows_the_password(method: str) -> None:
    kind: Any = ath.RedisStore if method == "redis" else ath.AsyncRedisStore
    error = error_of(lambda: kind.from_url("redis://:hunter2@host:no-port"))
    frames = [
        frame
        for frame, _ in traceback.walk_tb(error.__traceback__)
        if frame.f_globals["__name__"].startswith("ath.")
    ]
    assert len(frames) >= 3
    assert [frame for frame in frames if "hunter2" in repr(frame.f_locals)] == []


@pytest.mark.parametrize("url", ["", "nonsense", "http://user:hunter2@host/", 5, None])
def test_what_is_no_url_of_a_redis_is_an_invalid_argument(method: str, url: Any) -> None:
    kind: Any = ath.RedisStore if method == "redis" else ath.AsyncRedisStore
    error = error_of(lambda: kind.from_url(url))
    assert error.code == "INVALID_ARGUMENT"
    assert "hunter2" not in str(error)
    assert error.__cause__ is error.__context__ is None


@pytest.mark.parametrize("prefix", [None, 5, b"ath:", "é:"])
def test_a_prefix_is_ascii_text(method: str, prefix: Any) -> None:
    kind: Any = ath.RedisStore if method == "redis" else ath.AsyncRedisStore
    assert error_of(lambda: kind.from_url("redis://x", prefix=prefix)).code == "INVALID_ARGUMENT"


def test_a_client_of_the_other_kind_is_an_invalid_argument() -> None:
    blocking, awaited = redis.Redis(), redis.asyncio.Redis()
    wrong: list[Any] = [
        lambda: ath.RedisStore(awaited),  # type: ignore[arg-type]
        lambda: ath.AsyncRedisStore(blocking),  # type: ignore[arg-type]
        lambda: ath.RedisStore(redis.Redis),  # type: ignore[arg-type]
        lambda: ath.RedisStore("redis://localhost"),  # type: ignore[arg-type]
        lambda: ath.AsyncRedisStore(None),  # type: ignore[arg-type]
    ]
    for make in wrong:
        assert error_of(make).code == "INVALID_ARGUMENT"
    assert not isinstance(outcome(lambda: ath.RedisStore(blocking)), ath.ATHError)


def test_a_client_that_caches_is_an_invalid_argument(redis_server: RedisServer) -> None:
    cache = pytest.importorskip("redis.cache")  # from redis-py 5.1 on
    with redis.Redis.from_url(
        redis_server.url, protocol=3, cache_config=cache.CacheConfig()
    ) as client:
        error = error_of(lambda: ath.RedisStore(client))
    assert error.code == "INVALID_ARGUMENT"
    assert "without a cache" in error.message


@pytest.mark.parametrize("new", ["", "[]", "text", '"\ud800"', '{"a": "\ud800"}', "{" * 5_000])
def test_what_is_no_json_object_is_not_stored(store: Any, new: str) -> None:
    assert error_of(lambda: store.replace(KEY, None, new)).code == "INVALID_ARGUMENT"
    assert store.load(KEY) is None


FORKS = """
import asyncio, json, os, sys
import ath, redis.asyncio

key = ath.CredentialKey("https://gateway.example", "https://agent.example/agent.json")
parents, childs = asyncio.new_event_loop(), asyncio.new_event_loop()
store = ath.AsyncRedisStore.from_url(sys.argv[1], prefix=sys.argv[2])
parents.run_until_complete(store.replace(key, None, '{"value": 1}'))

async def list_keys():
    return [key async for key in store.keys()]

child = os.fork()
if child == 0:
    for call in (lambda: store.load(key), list_keys):
        try:
            print(childs.run_until_complete(call()), flush=True)
        except ath.ATHError as error:
            print(error, flush=True)
    childs.run_until_complete(store.aclose())
    os._exit(0)
os.waitpid(child, 0)
print(str.__str__(parents.run_until_complete(store.load(key))))
parents.run_until_complete(store.aclose())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks are POSIX's")
def test_a_forked_child_sends_nothing_on_the_connections_of_its_parents_event_loop(
    redis_server: RedisServer, stores: Stores
) -> None:
    child = subprocess.run(
        [sys.executable, "-c", FORKS, redis_server.url, stores.place],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    *said, parents = child.stdout.splitlines()
    assert len(said) == 2
    assert all("STORAGE_ERROR" in line and "after the fork" in line for line in said)
    assert parents == '{"value": 1}'
