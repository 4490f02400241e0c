"""Stores on engines keep every promise that a store makes."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy.ext.asyncio import create_async_engine

import ath
from ath.testing import check_async_store, check_store
from tests.harness.engines import RedisServer, Stores, make_quick

ON_POSIX = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks are POSIX's")


def url_of(database: str, request: pytest.FixtureRequest, folder: Path) -> str:
    if database == "sqlite":
        return f"sqlite:///{folder / 'ath.sqlite'}"
    # Without TLS: OpenSSL does not survive a fork while another thread makes a context.
    url: str = request.getfixturevalue("postgres_server").url
    return f"{url}?sslmode=disable"


@pytest.fixture
def place(stores: Stores) -> str:
    return stores.place


@ON_POSIX
def test_a_store_on_redis_keeps_every_promise(redis_server: RedisServer, place: str) -> None:
    check_store(
        lambda: closing(ath.RedisStore.from_url(redis_server.url, prefix=place))  # type: ignore[arg-type]
    )


@ON_POSIX
def test_an_async_store_on_redis_keeps_every_promise(redis_server: RedisServer, place: str) -> None:
    @asynccontextmanager
    async def make() -> AsyncIterator[ath.AsyncRedisStore]:
        store = ath.AsyncRedisStore.from_url(redis_server.url, prefix=place)
        try:
            yield store
        finally:
            await store.aclose()

    check_async_store(make)


@ON_POSIX
@pytest.mark.parametrize("database", ["postgres", "sqlite"])
def test_a_store_in_a_database_keeps_every_promise(
    database: str, request: pytest.FixtureRequest, place: str, tmp_path: Path
) -> None:
    url = url_of(database, request, tmp_path)

    @contextmanager
    def make() -> Iterator[ath.SQLStore]:
        engine = sqlalchemy.create_engine(url)
        make_quick(engine)
        store = ath.SQLStore(engine, table=place)
        store.create_table()
        yield store
        engine.dispose()

    check_store(make)


@ON_POSIX
@pytest.mark.parametrize("database", ["postgres+psycopg", "postgres+asyncpg", "sqlite"])
def test_an_async_store_in_a_database_keeps_every_promise(
    database: str, request: pytest.FixtureRequest, place: str, tmp_path: Path
) -> None:
    database, _, driver = database.partition("+")
    url = url_of(database, request, tmp_path).replace("psycopg", driver)
    url = url.replace("sqlite:", "sqlite+aiosqlite:")
    if driver == "asyncpg":
        url = url.replace("sslmode", "ssl")  # its own word for the same

    @asynccontextmanager
    async def make() -> AsyncIterator[ath.AsyncSQLStore]:
        engine = create_async_engine(url)
        make_quick(engine.sync_engine)
        store = ath.AsyncSQLStore(engine, table=place)
        await store.create_table()
        try:
            yield store
        finally:
            await engine.dispose()

    check_async_store(make)
