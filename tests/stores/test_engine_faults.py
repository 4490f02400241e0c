"""What a failing server does to a store: each operation ends, and says what is known."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ath._secret import SecretText
from tests.harness.engines import PostgresServer, RedisServer, Stores
from tests.harness.tcp_proxy import TCPProxy

from .support import KEY, error_of, record, value_in

SECRET = SecretText(json.dumps({"token": "hunter2"}))  # as clients pass it
NEXT = SecretText(record("hunter2"))

# How each store is opened, its server, and words of a change on the wire.
KINDS = {
    "RedisStore": ("redis", "redis_server", b"EVAL"),
    "AsyncRedisStore": ("async_redis", "redis_server", b"EVAL"),
    "SQLStore": ("sql", "postgres_server", b"COMMIT\0"),
    "AsyncSQLStore": ("async_sql", "postgres_server", b"COMMIT\0"),
    "AsyncSQLStore on asyncpg": ("async_sql", "postgres_server", b"COMMIT;"),
}


class Setting:
    """One kind of store behind a proxy."""

    def __init__(
        self, name: str, server: RedisServer | PostgresServer, proxy: TCPProxy, stores: Stores
    ) -> None:
        self.method, _, self.change = KINDS[name]
        self.name = name.split()[0]
        self.proxy, self.stores, self.server = proxy, stores, server
        self.driver = "asyncpg" if "asyncpg" in name else "psycopg"

    def url_at(self, port: int, password: str = "") -> str:
        url = self.server.url.replace(str(self.server.port), str(port))
        if password:
            url = url.replace("127.0.0.1", f"user:{password}@127.0.0.1").replace("postgres@", "")
        return url.replace("psycopg", self.driver)

    def open(self, port: int | None = None, timeout: float = 10.0, **options: Any) -> Any:
        if "redis" in self.method:
            from redis.backoff import NoBackoff

            package = __import__("redis.asyncio.retry" if "async" in self.method else "redis.retry")
            retry = package.asyncio.retry.Retry if "async" in self.method else package.retry.Retry
            options = {
                "retry": retry(NoBackoff(), 0),
                "socket_timeout": timeout,
                "socket_connect_timeout": timeout,
                **options,
            }
        else:
            connect = "timeout" if self.driver == "asyncpg" else "connect_timeout"
            options = {
                "connect_args": {connect: max(2, int(timeout))},
                "timeout": timeout,
                "pool_size": 1,
                "max_overflow": 0,
                **options,
            }
        url = self.url_at(self.proxy.port if port is None else port)
        return getattr(self.stores, self.method)(url, **options)

    def direct(self) -> Any:
        """The same records, without the proxy."""
        return self.open(self.server.port)


@pytest.fixture(params=KINDS)
def setting(request: pytest.FixtureRequest, stores: Stores) -> Iterator[Setting]:
    server = request.getfixturevalue(KINDS[request.param][1])
    with TCPProxy(server.port) as proxy:
        yield Setting(request.param, server, proxy, stores)
        stores.close()


def assert_failed(error: Any, setting: Setting) -> None:
    """It is STORAGE_ERROR, names the store, and nothing in it leads to a secret."""
    assert error.code == "STORAGE_ERROR"
    assert setting.name in error.message
    shown = "".join(
        traceback.TracebackException.from_exception(error, capture_locals=True).format()
    )
    text = shown + repr(error.__dict__) + repr(error.__cause__) + repr(error.__context__)
    assert "hunter2" not in text
    assert "//" not in error.message
    assert error.__cause__ is None
    assert error.__context__ is None


def test_a_change_whose_connection_is_reset_is_made(setting: Setting) -> None:
    store = setting.open()
    assert store.replace(KEY, None, record(1))
    setting.proxy.reset_at(setting.change)
    assert store.replace(KEY, record(1), record(2))
    assert setting.proxy.met == 1
    assert value_in(setting.direct().load(KEY)) == 2


def test_a_change_whose_reply_was_lost_is_known_to_be_made(setting: Setting) -> None:
    store = setting.open()
    for old, new in ((None, 1), (1, 2)):
        setting.proxy.lose_reply_to(setting.change)
        assert store.replace(KEY, old and record(old), record(new))
    setting.proxy.lose_reply_to(setting.change)
    assert store.delete(KEY, record(2))
    setting.proxy.lose_reply_to(setting.change)
    assert store.acquire(KEY, "me", 60)
    setting.proxy.lose_reply_to(setting.change)
    store.release(KEY, "me")
    assert setting.proxy.met == 5
    assert setting.direct().load(KEY) is None
    assert setting.direct().acquire(KEY, "other", 60)


def test_a_change_whose_reply_was_lost_is_not_taken_for_another_ones(setting: Setting) -> None:
    store, other = setting.open(), setting.direct()
    assert store.replace(KEY, None, record(1))
    assert other.replace(KEY, record(1), record("another one's"))
    setting.proxy.lose_reply_to(setting.change)
    assert not store.replace(KEY, record(1), record("mine"))
    assert value_in(other.load(KEY)) == "another one's"


def test_a_reply_that_never_comes_ends_with_the_timeout_and_is_read_again(
    setting: Setting,
) -> None:
    store = setting.open(timeout=0.5)
    store.replace(KEY, None, record(1))
    setting.proxy.swallow_reply_to(setting.change)
    assert store.replace(KEY, record(1), record(2))
    assert setting.proxy.met == 1


def test_reading_over_a_connection_that_broke_is_repeated(setting: Setting) -> None:
    store = setting.open()
    assert store.replace(KEY, None, record(1))
    words = b"HGET" if "redis" in setting.method else b"BEGIN"
    setting.proxy.reset_at(words)
    assert value_in(store.load(KEY)) == 1
    assert setting.proxy.met == 1


def calls_of(store: Any) -> list[Callable[[], Any]]:
    return [
        lambda: store.load(KEY),
        lambda: store.replace(KEY, SECRET, NEXT),
        lambda: store.delete(KEY, SECRET),
        lambda: store.acquire(KEY, "me", 60),
        lambda: store.release(KEY, "me"),
        lambda: next(store.keys(), None),
    ]


def test_a_connection_that_stalls_ends_every_operation(setting: Setting) -> None:
    store = setting.open(timeout=0.2)
    assert store.replace(KEY, None, record(1))
    setting.proxy.stall()
    for call in calls_of(store)[:2]:
        assert_failed(error_of(call), setting)


def test_a_server_that_is_gone_is_said_to_be_so(setting: Setting) -> None:
    store = setting.open()
    assert store.replace(KEY, None, record(1))
    setting.proxy.__exit__()
    for call in calls_of(store):
        error = error_of(call)
        assert_failed(error, setting)
        assert "could not be reached" in error.message


@pytest.mark.parametrize("kind", ["RedisStore", "AsyncRedisStore"])
def test_a_redis_that_asks_for_a_password_is_told_apart_without_showing_it(
    kind: str, stores: Stores
) -> None:
    with RedisServer("--requirepass", "correct") as server:
        setting = Setting(kind, server, None, stores)  # type: ignore[arg-type]
        store = getattr(stores, setting.method)(setting.url_at(server.port, "hunter2"))
        for call in calls_of(store):
            assert_failed(error_of(call), setting)
        stores.close()


@pytest.mark.parametrize("kind", ["RedisStore", "AsyncRedisStore"])
def test_a_redis_that_is_read_only_is_read(kind: str, stores: Stores) -> None:
    with RedisServer() as server:
        setting = Setting(kind, server, None, stores)  # type: ignore[arg-type]
        store = getattr(stores, setting.method)(server.url)
        assert store.replace(KEY, None, SECRET)
        import redis

        with redis.Redis.from_url(server.url) as client:
            client.execute_command("REPLICAOF", "127.0.0.1", "1")
        assert store.load(KEY) == SECRET
        for call in calls_of(store)[1:4]:
            error = error_of(call)
            assert_failed(error, setting)
            assert "read-only" in error.message
        stores.close()


@pytest.mark.parametrize("kind", ["SQLStore", "AsyncSQLStore", "AsyncSQLStore on asyncpg"])
def test_a_postgresql_that_is_read_only_is_read(
    kind: str, postgres_server: PostgresServer, stores: Stores
) -> None:
    setting = Setting(kind, postgres_server, None, stores)  # type: ignore[arg-type]
    assert setting.direct().replace(KEY, None, SECRET)
    read_only = {"options": "-c default_transaction_read_only=on"}
    if setting.driver == "asyncpg":
        read_only = {"server_settings": {"default_transaction_read_only": "on"}}  # type: ignore[dict-item]
    store = setting.open(postgres_server.port, connect_args=read_only)
    assert store.load(KEY) == SECRET
    for call in calls_of(store)[1:4]:
        error = error_of(call)
        assert_failed(error, setting)
        assert "read-only" in error.message
