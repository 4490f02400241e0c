"""What stores in databases write there, what they need of the engine, and what they refuse."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import event
from sqlalchemy.ext.asyncio import create_async_engine

import ath
from tests.harness.engines import PgBouncer, PostgresServer, Stores

from .support import ALICE, BOB, KEY, error_of, outcome, record, value_in

DRIVERS = {
    "psycopg": ("sql", "postgres"),
    "psycopg async": ("async_sql", "postgres"),
    "asyncpg": ("async_sql", "postgres"),
    "pysqlite": ("sql", "sqlite"),
    "aiosqlite": ("async_sql", "sqlite"),
}
ON_POSTGRES = ["psycopg", "psycopg async", "asyncpg"]
Open = Callable[..., Any]


@pytest.fixture(params=DRIVERS)
def driver(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def url(driver: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    name = driver.split()[0]
    if DRIVERS[driver][1] == "sqlite":
        return f"sqlite+{name}:///{tmp_path / 'ath.sqlite'}"
    found: str = request.getfixturevalue("postgres_server").url.replace("psycopg", name)
    return found


@pytest.fixture
def open_store(driver: str, url: str, stores: Stores) -> Open:
    return lambda **options: getattr(stores, DRIVERS[driver][0])(url, **options)


@pytest.fixture
def rows(url: str, stores: Stores) -> Any:
    """Asks the database, past the store."""
    url = url.replace("asyncpg", "psycopg").replace("+aiosqlite", "")
    engine = sqlalchemy.create_engine(url)

    def ask(statement: str, **values: Any) -> list[Any]:
        with engine.begin() as connection:
            result = connection.execute(sqlalchemy.text(statement), values)
            return [tuple(row) for row in result] if result.returns_rows else []

    stores._closing.append(engine.dispose)
    return ask


def test_a_row_says_whose_it_is_until_when_and_how_often_it_was_written(
    open_store: Open, rows: Any, stores: Stores
) -> None:
    store, key = open_store(), KEY._replace(user="al\0ice")
    first, second = record(1), json.dumps({"value": 2, "expires_at": 4e9})
    assert store.replace(key, None, first)
    query = f"SELECT key, record, version, expires_at FROM {stores.place}"
    assert rows(query) == [(json.dumps(key), first, 1, None)]
    assert store.replace(key, first, second)
    assert rows(query) == [(json.dumps(key), second, 2, 4e9)]
    assert not store.replace(key, first, record(3))
    assert rows(query) == [(json.dumps(key), second, 2, 4e9)]


def test_a_lock_is_a_row_with_its_lease_that_is_no_record(
    open_store: Open, rows: Any, stores: Stores
) -> None:
    store = open_store()
    assert store.acquire(KEY, "me", 600)
    [(key, version)] = rows(f"SELECT key, version FROM {stores.place}")
    assert (key, version) == (None, 1)
    assert list(store.keys()) == []
    rows(f"UPDATE {stores.place} SET expires_at = 1")  # the lease has ended
    assert store.acquire(KEY, "you", 600)
    store.release(KEY, "me")
    assert not store.acquire(KEY, "me", 600)
    store.release(KEY, "you")
    assert rows(f"SELECT * FROM {stores.place}") == []


def test_purge_removes_what_has_expired_and_locks_whose_lease_has_ended(
    open_store: Open, rows: Any, stores: Stores
) -> None:
    store = open_store()
    times = {"past": 1_000.0, "future": 4e9, "for ever": None}
    for user, expires_at in times.items():
        text = json.dumps({"expires_at": expires_at})
        assert store.replace(KEY._replace(user=user), None, text)
    assert store.acquire(ALICE, "me", 600)
    assert store.acquire(BOB, "me", 600)
    rows(f"UPDATE {stores.place} SET expires_at = 1 WHERE id = (SELECT id FROM {stores.place} "
         "WHERE key IS NULL LIMIT 1)")  # fmt: skip
    assert store.purge() == 1
    assert {key.user for key in store.keys()} == {"future", "for ever"}  # noqa: SIM118
    assert rows(f"SELECT COUNT(*) FROM {stores.place} WHERE key IS NULL") == [(1,)]
    assert store.purge(before=5e9) == 1
    assert {key.user for key in store.keys()} == {"for ever"}  # noqa: SIM118
    assert store.purge() == 0


def test_more_than_a_page_is_listed_and_purged(open_store: Open, rows: Any, stores: Stores) -> None:
    store = open_store()
    values = ", ".join(
        f"('{number:04}', '{json.dumps(KEY._replace(user=str(number)))}', '{{}}', 1, 1)"
        for number in range(2_500)
    )
    rows(f"INSERT INTO {stores.place} (id, key, record, version, expires_at) VALUES {values}")
    assert {key.user for key in store.keys()} == {str(number) for number in range(2_500)}  # noqa: SIM118
    assert store.purge() == 2_500


def test_one_connection_is_enough_also_while_keys_are_listed(open_store: Open) -> None:
    store = open_store(pool_size=1, max_overflow=0, pool_timeout=1)
    for user in "abc":
        assert store.replace(KEY._replace(user=user), None, record(user))
    for key in store.keys():  # noqa: SIM118
        assert value_in(store.load(key)) == key.user
        assert store.acquire(key, "me", 60)
        assert store.delete(key)
        store.release(key, "me")
    assert list(store.keys()) == []


@pytest.mark.parametrize("driver", ON_POSTGRES, indirect=True)
def test_a_pooler_in_transaction_mode_is_no_obstacle(
    driver: str, postgres_server: PostgresServer, stores: Stores
) -> None:
    """Two engines share the pooler's one connection, and each repeats its statements."""
    with PgBouncer(postgres_server) as pooler:
        url = pooler.url.replace("psycopg", driver.split()[0])
        options: dict[str, Any] = {"pool_size": 1}
        if driver == "asyncpg":
            options["connect_args"] = {
                "statement_cache_size": 0,
                "prepared_statement_cache_size": 0,
                "prepared_statement_name_func": lambda: "",
            }
        mine, yours = (getattr(stores, DRIVERS[driver][0])(url, **options) for _ in range(2))
        for number in range(10):  # psycopg prepares what it executes for the sixth time
            for store in (mine, yours):
                old = store.load(KEY)
                assert store.replace(KEY, old, record([number, store is mine]))
                assert store.acquire(KEY, "me", 60)
                store.release(KEY, "me")
        assert len(list(mine.keys())) == 1
        stores.close()


def test_the_engines_connections_are_given_back_as_they_were(
    postgres_server: PostgresServer, stores: Stores
) -> None:
    engine = sqlalchemy.create_engine(
        postgres_server.url, pool_size=1, max_overflow=0, isolation_level="SERIALIZABLE"
    )
    store = ath.SQLStore(engine, table=stores.place)
    store.create_table()
    assert store.replace(KEY, None, record(1))
    with engine.connect() as connection:
        raw: Any = connection.connection.driver_connection
        assert raw.prepare_threshold == 5
        assert raw.isolation_level.name == "SERIALIZABLE"
        assert connection.exec_driver_sql("SHOW statement_timeout").scalar() == "0"
    engine.dispose()


@pytest.mark.parametrize("isolation", ["AUTOCOMMIT", "SERIALIZABLE", "REPEATABLE READ"])
@pytest.mark.parametrize("driver", ON_POSTGRES, indirect=True)
def test_any_isolation_of_the_engine_is_right(open_store: Open, isolation: str) -> None:
    stores = [open_store(isolation_level=isolation) for _ in range(4)]

    def count_up(store: Any) -> None:
        for _ in range(10):
            while True:
                old = store.load(KEY)
                if store.replace(KEY, old, record((value_in(old) or 0) + 1)):
                    break

    threads = [threading.Thread(target=count_up, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert value_in(stores[0].load(KEY)) == 40


@pytest.mark.parametrize("driver", ON_POSTGRES, indirect=True)
def test_a_row_that_another_transaction_holds_is_waited_for_until_the_timeout(
    open_store: Open, rows: Any, stores: Stores, url: str
) -> None:
    store = open_store(timeout=0.3)
    assert store.replace(KEY, None, record(1))
    engine = sqlalchemy.create_engine(url.replace("asyncpg", "psycopg"))
    with engine.begin() as other:
        other.execute(sqlalchemy.text(f"SELECT * FROM {stores.place} FOR UPDATE"))
        error = error_of(lambda: store.replace(KEY, record(1), record(2)))
        assert error.code == "STORAGE_ERROR"
        assert "did not answer in time" in error.message
    engine.dispose()
    assert store.replace(KEY, record(1), record(2))


@pytest.mark.parametrize("driver", ON_POSTGRES, indirect=True)
def test_a_connection_that_was_broken_as_its_call_ended_serves_no_other_call(
    open_store: Open, stores: Stores, url: str
) -> None:
    store = open_store(timeout=0.15)  # the server's limit and the store's own end about together
    with suppress(ath.ATHError):
        store.replace(KEY, None, record(1))
    engine = sqlalchemy.create_engine(url.replace("asyncpg", "psycopg"))
    with engine.begin() as other:
        other.execute(sqlalchemy.text(f"LOCK TABLE {stores.place} IN EXCLUSIVE MODE"))
        said = {
            error_of(lambda: store.replace(KEY, record(1), record(2))).message for _ in range(20)
        }
    engine.dispose()
    assert {message.partition(" (")[0].partition(": ")[2] for message in said} == {
        "the database did not answer in time"
    }


@pytest.mark.parametrize("moment", ["do_connect", "connect"])
@pytest.mark.parametrize("driver", ON_POSTGRES[1:], indirect=True)
def test_a_connection_that_is_made_for_a_cancelled_call_serves_the_next_one(
    open_store: Open, moment: str
) -> None:
    store, calls = open_store(), list[Any]()
    engine = store.store._engine.sync_engine
    store._loop.run(store.store._engine.dispose())  # the next call needs a new one

    @event.listens_for(engine, moment)
    def cancel(*_: Any) -> None:
        while calls:
            calls.pop().cancel()

    async def call() -> None:
        call = asyncio.ensure_future(store.store.load(KEY))
        calls.append(call)
        with pytest.raises(asyncio.CancelledError):
            await call
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others)

    store._loop.run(call())
    assert (engine.pool.checkedin(), engine.pool.checkedout()) == (1, 0)
    assert store.load(KEY) is None
    assert engine.pool.checkedin() == 1


@pytest.mark.parametrize("driver", ON_POSTGRES[1:], indirect=True)
def test_a_connection_that_is_never_made_keeps_no_place_of_the_pool(open_store: Open) -> None:
    store = open_store(timeout=0.5, pool_size=1, max_overflow=0)
    engine = store.store._engine.sync_engine
    store._loop.run(store.store._engine.dispose())  # the next call needs a new one
    with socket.create_server(("127.0.0.1", 0)) as silent:
        ports: list[int] = []

        @event.listens_for(engine, "do_connect")
        def redirect(_: Any, __: Any, ___: Any, arguments: dict[str, Any]) -> None:
            ports.append(arguments["port"])
            arguments["port"] = ports[0] if len(ports) > 1 else silent.getsockname()[1]

        assert error_of(lambda: store.load(KEY)).code == "STORAGE_ERROR"
        assert store.load(KEY) is None


@pytest.mark.parametrize("method", ["load", "replace"])
@pytest.mark.parametrize("moment", ["before_cursor_execute", "after_cursor_execute", "commit"])
@pytest.mark.parametrize("driver", ["aiosqlite"], indirect=True)
def test_a_cancelled_call_does_not_leave_the_database_locked(
    open_store: Open, rows: Any, stores: Stores, method: str, moment: str
) -> None:
    store, calls = open_store(), list[Any]()
    assert store.replace(KEY, None, record(1))

    @event.listens_for(store.store._engine.sync_engine, moment)
    def cancel(*_: Any) -> None:
        while calls:
            calls.pop().cancel()

    async def call() -> None:
        arguments = () if method == "load" else (record(1), record(2))
        calls.append(asyncio.ensure_future(getattr(store.store, method)(KEY, *arguments)))
        await asyncio.gather(*calls, return_exceptions=True)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)

    gc.disable()  # it would close what is left over, and hide it
    try:
        stores.loop.run(call())
        assert calls == []
        rows(f"UPDATE {stores.place} SET version = version + 1")
    finally:
        gc.enable()
    assert value_in(store.load(KEY)) in (1, 2)


@pytest.mark.parametrize("driver", ON_POSTGRES, indirect=True)
def test_a_statement_that_takes_too_long_does_not_lead_to_create_table(
    open_store: Open, rows: Any, stores: Stores, url: str
) -> None:
    store, statements = open_store(timeout=0.5), list[str]()
    inner: Any = getattr(store, "store", store)
    sync_engine = getattr(inner._engine, "sync_engine", inner._engine)
    event.listen(
        sync_engine, "before_cursor_execute", lambda _, __, words, *___: statements.append(words)
    )
    engine = sqlalchemy.create_engine(url.replace("asyncpg", "psycopg"))
    with engine.begin() as other:
        other.execute(sqlalchemy.text(f"LOCK TABLE {stores.place}"))
        error = error_of(store.create_table)
    engine.dispose()
    assert "did not answer in time" in error.message
    assert [words for words in statements if "CREATE" in words] == []


@pytest.mark.parametrize("driver", ON_POSTGRES, indirect=True)
def test_the_longest_timeout_is_the_servers_longest(open_store: Open) -> None:
    store = open_store(timeout=threading.TIMEOUT_MAX / 4)
    assert store.replace(KEY, None, record(1))


@pytest.mark.parametrize("driver", ["psycopg"], indirect=True)
def test_a_store_can_be_used_as_the_interpreter_ends(
    open_store: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From Python 3.12 on no thread can be started then."""
    store = open_store()

    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Timer, "start", start)
        assert store.replace(KEY, None, record(1))
        assert value_in(store.load(KEY)) == 1


def test_a_missing_table_is_named_with_what_makes_it(url: str, driver: str, stores: Stores) -> None:
    if DRIVERS[driver][0] == "sql":
        engine: Any = sqlalchemy.create_engine(url)
        stores._closing.append(engine.dispose)
        error = error_of(lambda: ath.SQLStore(engine, table="nowhere").load(KEY))
    else:
        engine = create_async_engine(url)
        stores._closing.append(lambda: stores.loop.run(engine.dispose()))
        store = ath.AsyncSQLStore(engine, table="nowhere")
        error = error_of(lambda: stores.loop.run(store.load(KEY)))
    assert error.code == "STORAGE_ERROR"
    assert "'nowhere'; create_table() makes it" in error.message


def test_a_table_is_made_once_by_many_who_start_together(open_store: Open, stores: Stores) -> None:
    begin, results = threading.Barrier(6), list[Any]()

    def work() -> None:
        begin.wait()
        results.append(outcome(open_store))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one for one in results if isinstance(one, ath.ATHError)] == []
    assert results[0].replace(KEY, None, record(1))
    open_store().create_table()
    assert value_in(results[1].load(KEY)) == 1


def test_the_engines_own_log_shows_no_record(
    open_store: Open, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        store = open_store(echo="debug")
        assert store.replace(KEY, None, record("hunter2"))
        assert store.replace(KEY, record("hunter2"), record("hunter2, later"))
        assert value_in(store.load(KEY)) == "hunter2, later"
    ours = [entry.getMessage() for entry in caplog.records if "sqlalchemy" in entry.name]
    assert any("UPDATE" in text for text in ours)
    assert [text for text in ours if "hunter2" in text] == []


def test_a_damaged_key_is_said_to_be_so(open_store: Open, rows: Any, stores: Stores) -> None:
    store = open_store()
    assert store.replace(KEY, None, record(1))
    for damage in ("nonsense", '["a", "b"]', '[1, "a", null, false]', "null"):
        rows(f"UPDATE {stores.place} SET key = :key", key=damage)
        assert error_of(lambda: list(store.keys())).code == "INVALID_CREDENTIALS"
        assert value_in(store.load(KEY)) == 1


def test_what_no_database_can_hold_is_not_what_it_holds(open_store: Open) -> None:
    store = open_store()
    assert store.replace(KEY, None, record(1))
    for never in (record(1) + "\0", "\ud800"):
        assert store.replace(KEY, never, record(2)) is False
        assert store.delete(KEY, never) is False
    assert value_in(store.load(KEY)) == 1


def test_damaged_keys_keep_no_other_from_being_copied(
    open_store: Open, rows: Any, stores: Stores, driver: str
) -> None:
    store, memory = open_store(), ath.MemoryStore()
    source = store.store if DRIVERS[driver][0] == "async_sql" else store
    keys = {KEY._replace(user=str(number)) for number in range(20)}
    for key in keys | {ALICE, BOB}:
        assert store.replace(key, None, record(key.user))
    rows(f"UPDATE {stores.place} SET key = 'x' WHERE key LIKE '%alice%' OR key LIKE '%bob%'")
    error = error_of(lambda: stores.loop.run(ath.stores.copy_async(source, memory)))
    assert error.code == "INVALID_CREDENTIALS"
    assert "2 records" in error.message
    assert set(memory.keys()) == keys


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: ath.SQLStore("sqlite://"),  # type: ignore[arg-type]
        lambda: ath.SQLStore(sqlalchemy.Engine),  # type: ignore[arg-type]
        lambda: ath.SQLStore(create_async_engine("sqlite+aiosqlite://")),  # type: ignore[arg-type]
        lambda: ath.SQLStore(sqlalchemy.create_engine("sqlite+aiosqlite://")),
        lambda: ath.AsyncSQLStore(sqlalchemy.create_engine("sqlite://")),  # type: ignore[arg-type]
        lambda: ath.SQLStore(sqlalchemy.create_mock_engine("mysql://", print)),  # type: ignore[arg-type]
        lambda: ath.SQLStore(sqlalchemy.create_engine("sqlite://"), table=""),
        lambda: ath.SQLStore(sqlalchemy.create_engine("sqlite://"), table=5),  # type: ignore[arg-type]
        lambda: ath.SQLStore(sqlalchemy.create_engine("sqlite://"), timeout=0),
        lambda: ath.SQLStore(sqlalchemy.create_engine("sqlite://"), timeout=float("nan")),
    ],
)
def test_what_cannot_serve_is_refused_at_once(wrong: Callable[[], Any]) -> None:
    assert error_of(wrong).code == "INVALID_ARGUMENT"
