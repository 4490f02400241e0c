"""The ways to open a store on a server or database, by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.harness.engines import Stores

Open = Callable[[], Any]


def _redis(method: str, **options: Any) -> Callable[[pytest.FixtureRequest, Stores, Path], Open]:
    def open_one(request: pytest.FixtureRequest, stores: Stores, _: Path) -> Open:
        url = request.getfixturevalue("redis_server").url
        return lambda: getattr(stores, method)(url, **options)

    return open_one


def _postgres(method: str, driver: str) -> Callable[[pytest.FixtureRequest, Stores, Path], Open]:
    def open_one(request: pytest.FixtureRequest, stores: Stores, _: Path) -> Open:
        url = request.getfixturevalue("postgres_server").url.replace("psycopg", driver)
        return lambda: getattr(stores, method)(url, pool_size=1, max_overflow=0)

    return open_one


def _sqlite(method: str, driver: str) -> Callable[[pytest.FixtureRequest, Stores, Path], Open]:
    def open_one(_: pytest.FixtureRequest, stores: Stores, folder: Path) -> Open:
        return lambda: getattr(stores, method)(f"sqlite+{driver}:///{folder / 'ath.sqlite'}")

    return open_one


ENGINES = {  # check_store, which takes longer, checks the other ways
    "redis-decoding": _redis("redis", decode_responses=True, protocol=3),
    "redis-async-decoding": _redis("async_redis", decode_responses=True),
    "postgres": _postgres("sql", "psycopg"),
    "sqlite": _sqlite("sql", "pysqlite"),
}
