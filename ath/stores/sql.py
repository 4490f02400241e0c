"""Stores on PostgreSQL and SQLite, over SQLAlchemy Core."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from .._lazy import async_sqlalchemy, sqlalchemy
from ..errors import ATHError
from .base import CredentialKey
from .engine import AsyncEngineStore, SyncEngineStore, require_library
from .operations import KeyReader

if TYPE_CHECKING:
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
        with (
            _TimeLimit(self._timeout, _start_timer) as limit,
            self._engine.connect() as connection,
            limit.use(connection),
            connection.begin(),
        ):
            return self._operations.carry_out(connection, step, self._timeout)


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

        with _TimeLimit(self._timeout, asyncio.get_running_loop().call_later) as limit:
            async with (
                asyncio.timeout(2 * self._timeout),
                self._engine.connect() as connection,
            ):
                with limit.use(connection.sync_connection):
                    async with connection.begin():
                        answer: Answer = await connection.run_sync(
                            self._operations.carry_out, step, self._timeout
                        )
        return answer


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


class _TimeLimit:
    """Breaks a connection that is in use for too long: what a driver waits for may never come.

    Whatever is raised then, also where the connection is given back, becomes TimeoutError.
    """

    def __init__(
        self, seconds: float, schedule: Callable[[float, Callable[[], None]], Any]
    ) -> None:
        self._seconds = seconds
        self._schedule = schedule
        self._broken = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._broken and isinstance(error, Exception):
            raise TimeoutError from None

    @contextmanager
    def use(self, connection: Any) -> Generator[None, None, None]:
        """Count the time from here to the end of the block."""
        with ExitStack() as stack:
            break_off = _make_breaker(connection.connection.driver_connection, stack)
            if break_off is None:
                yield
                return
            lock, over = threading.Lock(), False

            def end() -> None:
                with lock:
                    if not over:  # else the connection may serve another call by now
                        self._broken = True
                        with suppress(OSError):
                            break_off()

            timer = self._schedule(self._seconds, end)
            try:
                yield
            finally:
                with lock:
                    over = True
                if timer is not None:
                    timer.cancel()
                if self._broken:
                    connection.invalidate()  # the driver may not know yet, and the pool keep it


def _make_breaker(driver: Any, stack: ExitStack) -> Callable[[], object] | None:
    """What breaks this connection of a driver; None for SQLite, which has no server."""
    if hasattr(driver, "fileno"):  # psycopg
        handle = socket.fromfd(driver.fileno(), socket.AF_UNSPEC, socket.SOCK_STREAM)
        return partial(stack.enter_context(handle).shutdown, socket.SHUT_RDWR)
    terminate: Callable[[], object] | None = getattr(driver, "terminate", None)  # asyncpg
    return terminate


def _start_timer(seconds: float, function: Callable[[], None]) -> threading.Timer | None:
    timer = threading.Timer(seconds, function)
    timer.daemon = True
    try:
        timer.start()
    except RuntimeError:  # none can be started as the interpreter ends; the server's limit holds
        return None
    return timer
