"""Stores on PostgreSQL and SQLite, over SQLAlchemy Core."""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from .._lazy import async_sqlalchemy, sqlalchemy
from ..errors import ATHError
from .base import CredentialKey
from .engine import AsyncEngineStore, SyncEngineStore, require_library
from .operations import KeyReader
from .sql_time_limit import TimeLimit, start_timer

if TYPE_CHECKING:
    import asyncio

    from .sql_operations import Answer, SQLOperations

__all__ = ["AsyncSQLStore", "SQLStore"]

INSTALL = 'pip install "sqlalchemy[asyncio]>=2.0.38,<3"'


class SQLStore(SyncEngineStore["SQLOperations"]):
    """Keeps each record in a row of a table: for workers on many machines, any number of users.

    Each operation is one statement in a transaction of its own. It needs one connection of the
    pool and no state of a session: it works with ``pool_size=1`` and behind pgbouncer in
    transaction mode. There, asyncpg needs ``connect_args={"statement_cache_size": 0,
    "prepared_statement_cache_size": 0, "prepared_statement_name_func": lambda: ""}``; the store
    itself keeps psycopg from preparing statements.

    On PostgreSQL the store bounds each statement, on the server and here. Making a connection is
    bounded by what the engine is given: ``connect_args={"connect_timeout": 5}`` of psycopg, where
    the default is two minutes, and ``pool_timeout``. ``"tcp_user_timeout": 5000`` besides lets a
    connection end whose network is gone. SQLite waits as long for its lock as
    ``connect_args={"timeout": 5}`` says; use it with the workers of one machine.

    Expired records stay until :meth:`purge`.

    Args:
        engine: An engine of ``sqlalchemy.create_engine``, on PostgreSQL or SQLite. It stays yours
            and is not closed. After a fork the child gets a new pool, as SQLAlchemy wants it.
        table: The name of the table, which :meth:`create_table` makes.
        timeout: Seconds that one statement may take on PostgreSQL.

    Raises:
        ATHError: INVALID_ARGUMENT, also for an async engine or driver.
    """

    def __init__(
        self, engine: sqlalchemy.Engine, *, table: str = "ath_records", timeout: float = 10.0
    ) -> None:
        super().__init__(_make_operations(engine, table, timeout, awaits=False))
        self._engine = _with_isolation(engine)
        self._timeout = timeout
        self._process = os.getpid()

    def create_table(self) -> None:
        """Make the table unless it is there; processes may do so at the same time.

        Raises:
            ATHError: STORAGE_ERROR.
        """
        self._run(self._operations.create_table())

    def keys(self) -> Iterator[CredentialKey]:
        """The keys of all records, read in pages.

        Raises:
            ATHError: STORAGE_ERROR; INVALID_CREDENTIALS after all others if some are damaged.
        """
        reader, last = KeyReader(), ""
        while page := self._run(self._operations.read_keys(last)):
            yield from reader.read(row.key for row in page)
            last = page[-1].id
        reader.finish()

    def purge(self, before: float | None = None) -> int:
        """Remove records whose ``expires_at`` has passed, and locks whose lease has ended.

        Args:
            before: A time in seconds UTC; now by default.

        Returns:
            How many records were removed.

        Raises:
            ATHError: STORAGE_ERROR.
        """
        return self._run(self._operations.purge(before))

    def _perform(self, step: Any) -> Answer:
        if self._process != os.getpid():  # connections are the parent's
            self._engine.dispose(close=False)
            self._process = os.getpid()
        with TimeLimit(self._timeout, start_timer) as limit, self._engine.connect() as connection:
            return _carry_out(self._operations, connection, step, limit)


class AsyncSQLStore(AsyncEngineStore["SQLOperations"]):
    """Async version of :class:`SQLStore`, on ``sqlalchemy.ext.asyncio.create_async_engine``.

    An operation ends after twice ``timeout`` at the latest, with a new connection if it needs one.
    A cancelled one may take 10 seconds longer with psycopg, which first asks the server to stop. On
    SQLite a cancelled operation goes on by itself to its end.
    """

    def __init__(
        self,
        engine: async_sqlalchemy.AsyncEngine,
        *,
        table: str = "ath_records",
        timeout: float = 10.0,
    ) -> None:
        super().__init__(_make_operations(engine, table, timeout, awaits=True))
        self._engine = _with_isolation(engine)
        self._timeout = timeout
        self._process = os.getpid()
        self._given_back: set[asyncio.Future[None]] = set()

    async def create_table(self) -> None:
        """As :meth:`SQLStore.create_table`."""
        await self._run(self._operations.create_table())

    async def keys(self) -> AsyncIterator[CredentialKey]:
        """As :meth:`SQLStore.keys`."""
        reader, last = KeyReader(), ""
        while page := await self._run(self._operations.read_keys(last)):
            for key in reader.read(row.key for row in page):
                yield key
            last = page[-1].id
        reader.finish()

    async def purge(self, before: float | None = None) -> int:
        """As :meth:`SQLStore.purge`."""
        return await self._run(self._operations.purge(before))

    async def _perform(self, step: Any) -> Answer:
        if self._engine.dialect.name != "sqlite":
            return await self._perform_now(step)
        # Cancelled, aiosqlite would leave its thread in the middle of the transaction, and the
        # file locked: whoever asked goes away, and the statement ends.
        import asyncio

        task = asyncio.ensure_future(self._perform_now(step))
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(task)

    async def _perform_now(self, step: Any) -> Answer:
        if self._process != os.getpid():  # connections are the parent's
            self._engine.sync_engine.dispose(close=False)
            self._process = os.getpid()
        import asyncio  # loaded by now; for whoever only imports this module it is slow

        with TimeLimit(self._timeout, asyncio.get_running_loop().call_later) as limit:
            async with asyncio.timeout(2 * self._timeout), self._connect() as connection:
                answer: Answer = await connection.run_sync(
                    partial(_carry_out, self._operations), step, limit
                )
        return answer

    @asynccontextmanager
    async def _connect(self) -> AsyncGenerator[async_sqlalchemy.AsyncConnection, None]:
        """A connection for a block. It is made also if whoever waits goes away, and given back.

        Given up half-made, one of psycopg would stay open, and asyncpg complain. Only one that
        takes too long is given up: it holds a place of the pool.
        """
        import asyncio

        connecting = asyncio.ensure_future(self._make_connection())
        try:
            yield await asyncio.shield(connecting)
        finally:
            giving_back = asyncio.ensure_future(_give_back(connecting))
            self._given_back.add(giving_back)  # asyncio itself keeps only weak references
            giving_back.add_done_callback(self._given_back.discard)
            if connecting.done():
                await asyncio.shield(giving_back)

    async def _make_connection(self) -> async_sqlalchemy.AsyncConnection:
        import asyncio

        async with asyncio.timeout(2 * self._timeout):
            made: async_sqlalchemy.AsyncConnection = await self._engine.connect().start()
            return made


async def _give_back(connecting: asyncio.Future[async_sqlalchemy.AsyncConnection]) -> None:
    with suppress(Exception):
        await (await connecting).close()


def _carry_out(
    operations: SQLOperations, connection: sqlalchemy.Connection, step: Any, limit: TimeLimit
) -> Answer:
    with limit.use(connection), connection.begin():
        return operations.carry_out(connection, step, limit.seconds)


def _make_operations(engine: Any, table: object, timeout: object, *, awaits: bool) -> SQLOperations:
    store = "AsyncSQLStore" if awaits else "SQLStore"
    require_library("sqlalchemy", store, INSTALL)
    from .sql_operations import DIALECTS, SQLOperations  # needs the library

    kind: Any = async_sqlalchemy.AsyncEngine if awaits else sqlalchemy.Engine
    if not isinstance(engine, kind) or engine.dialect.is_async != awaits:
        made_by = "create_async_engine" if awaits else "create_engine, with a driver that blocks"
        raise ATHError("INVALID_ARGUMENT", f"{store} needs an engine made by {made_by}.")
    dialect: str = engine.dialect.name
    if dialect not in DIALECTS:
        raise ATHError(
            "INVALID_ARGUMENT", f"{store} cannot use {dialect}, only {' and '.join(DIALECTS)}."
        )
    if not isinstance(table, str) or not table:
        raise ATHError("INVALID_ARGUMENT", "table must be the name of a table.")
    if not isinstance(timeout, int | float) or not 0 < timeout < threading.TIMEOUT_MAX:
        raise ATHError("INVALID_ARGUMENT", "timeout must be more than 0 seconds.")
    return SQLOperations(store, dialect, table)


def _with_isolation(engine: Any) -> Any:
    """The engine with the isolation that compare-and-replace in one statement needs.

    A stricter one would refuse what has to wait here, and AUTOCOMMIT has no SET LOCAL.
    """
    if engine.dialect.name == "postgresql":
        return engine.execution_options(isolation_level="READ COMMITTED")
    return engine
