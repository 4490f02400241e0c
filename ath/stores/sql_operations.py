"""A store's operations as statements of SQL, for PostgreSQL and SQLite. A step is a statement."""

from __future__ import annotations

import time
from contextlib import nullcontext, suppress
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.schema import CreateTable

from .._secret import hide
from ..errors import ATHError, Delivery
from .operations import PAGE, Operations, Place, Steps, repeat_if_lost

DIALECTS = ("postgresql", "sqlite")
_LONGEST_TIMEOUT = 2**31 - 1  # milliseconds, of PostgreSQL
_SAYINGS = {  # by SQLSTATE, or SQLite's name of the error
    "25006": "the database is read-only",
    "SQLITE_READONLY": "the database is read-only",
    "57014": "the database did not answer in time",
    "SQLITE_BUSY": "the database was locked for too long",
    "42501": "the database user may not do this",
}


class _Secret(sa.types.TypeDecorator[str]):
    """Text that SQLAlchemy's logs and errors do not show."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:  # noqa: ARG002
        return hide(value)

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> str | None:  # noqa: ARG002
        return hide(value)


class Answer(NamedTuple):
    """What a statement came to."""

    rows: list[Any]
    changed: int
    """How many rows it changed."""


class SQLOperations(Operations):
    """The statements of one store, and what their answers mean."""

    def __init__(self, store: str, dialect: str, table: str) -> None:
        super().__init__(store)
        self._no_table = f"there is no table {table!r}; create_table() makes it"
        self._on_postgresql = dialect == "postgresql"
        self._insert: Any = postgresql.insert if self._on_postgresql else sqlite.insert
        self.table = sa.Table(
            table,
            sa.MetaData(),
            sa.Column("id", sa.String(80), primary_key=True),  # the key's digest, or its lock
            sa.Column("key", sa.Text),  # none of a lock; as JSON, which has no NUL
            sa.Column("record", _Secret, nullable=False),
            sa.Column("version", sa.BigInteger, nullable=False),  # how often it was written
            sa.Column("expires_at", sa.Double),
        )
        self._now: Any = sa.cast(sa.extract("epoch", sa.func.clock_timestamp()), sa.Double)
        if not self._on_postgresql:
            self._now = (sa.func.julianday("now") - 2440587.5) * 86400.0

    def carry_out(
        self, connection: sa.Connection, statement: sa.Executable, timeout: float
    ) -> Answer:
        """Execute one statement in a transaction of its own, which this function does not end."""
        with _unprepared(connection) if self._on_postgresql else nullcontext():
            if self._on_postgresql:
                milliseconds = min(max(1, int(timeout * 1000)), _LONGEST_TIMEOUT)
                connection.exec_driver_sql(f"SET LOCAL statement_timeout = {milliseconds}")
            result = connection.execute(statement, execution_options={"preserve_rowcount": True})
            return Answer(list(result.all()) if result.returns_rows else [], result.rowcount)

    def explain(self, error: Exception) -> ATHError:
        match error:
            case NoConnectionFree():
                return self.failed("no connection of the engine's pool became free in time.")
            case TimeoutError():
                message, delivery = "the database did not answer in time", Delivery.TIMED_OUT
            case OSError():
                message, delivery = "the database could not be reached", Delivery.LOST
            case DBAPIError():
                message, delivery = self._explain(error)
            case _:
                message, delivery = "the database could not be asked", Delivery.LOCAL
        return self.failed(f"{message} ({type(_cause_of(error)).__name__}).", delivery)

    def _explain(self, error: DBAPIError) -> tuple[str, Delivery]:
        cause: Any = _cause_of(error)
        state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
        state = state or getattr(cause, "sqlite_errorname", None)
        if state == "42P01" or str(cause).startswith("no such table"):
            return self._no_table, Delivery.LOCAL
        if state in _SAYINGS:
            return _SAYINGS[state], Delivery.LOCAL
        if type(cause).__name__ == "ConnectionTimeout":
            return "the database did not answer in time", Delivery.TIMED_OUT
        says_nothing = state is None and isinstance(error, OperationalError | InterfaceError)
        if error.connection_invalidated or says_nothing or (state or "").startswith(("08", "57P")):
            return "the database could not be reached", Delivery.LOST
        return "the database refused the statement", Delivery.LOCAL

    def create_table(self) -> Steps[None]:
        create = CreateTable(self.table, if_not_exists=True)
        try:  # who finds it there need not be its owner
            yield from repeat_if_lost(self._look_for_table)
        except ATHError as error:
            if self._no_table not in error.message:
                raise
        else:
            return
        with suppress(ATHError):
            yield create
            return
        yield create  # PostgreSQL fails if another process is creating it at the same time

    def _look_for_table(self) -> Steps[None]:
        yield sa.select(self.table.c.id).limit(0)

    def read_keys(self, after: str) -> Steps[list[Any]]:
        """Some rows with the id and the key of a record, from there on; none are the end."""
        columns = self.table.c
        query = sa.select(columns.id, columns.key).where(
            columns.id > after, columns.key.is_not(None)
        )
        answer: Answer = yield query.order_by(columns.id).limit(PAGE)
        return answer.rows

    def purge(self, before: float | None) -> Steps[int]:
        columns, limit = self.table.c, time.time() if before is None else before
        removed = 0
        for is_kind, ended in (
            (columns.key.is_not(None), columns.expires_at < limit),
            (columns.key.is_(None), columns.expires_at < self._now),  # locks
        ):
            some = sa.select(columns.id).where(is_kind, ended).limit(PAGE)
            # Asked twice, since a record may have been renewed between the two.
            statement = sa.delete(self.table).where(columns.id.in_(some), is_kind, ended)
            while count := (yield statement).changed:
                removed += count if ended.right is not self._now else 0
        return removed

    def _load(self, place: Place) -> Steps[str | None]:
        columns = self.table.c
        answer: Answer = yield sa.select(columns.record).where(columns.id == place.digest)
        return answer.rows[0].record if answer.rows else None

    def _replace(
        self, place: Place, old: str | None, new: str, expires_at: float | None
    ) -> Steps[bool]:
        columns = self.table.c
        if old is None:
            statement = self._insert(self.table).values(
                id=place.digest, key=place.key, record=new, version=1, expires_at=expires_at
            )
            statement = statement.on_conflict_do_nothing()
        else:
            statement = (
                sa.update(self.table)
                .where(columns.id == place.digest, columns.record == old)
                .values(record=new, version=columns.version + 1, expires_at=expires_at)
            )
        answer: Answer = yield statement
        return answer.changed == 1

    def _delete(self, place: Place, old: str | None) -> Steps[bool]:
        columns = self.table.c
        statement = sa.delete(self.table).where(columns.id == place.digest)
        answer: Answer = yield statement if old is None else statement.where(columns.record == old)
        return answer.changed == 1

    def _acquire(self, place: Place, holder: str, lease: float) -> Steps[bool]:
        columns = self.table.c
        row = {"record": holder, "expires_at": self._now + lease}
        statement = self._insert(self.table).values(id=_lock_of(place), version=1, **row)
        statement = statement.on_conflict_do_update(
            index_elements=[columns.id],
            set_={**row, "version": columns.version + 1},
            where=(columns.expires_at < self._now) | (columns.record == holder),
        )
        answer: Answer = yield statement
        return answer.changed == 1

    def _release(self, place: Place, owner: str) -> Steps[None]:
        columns = self.table.c
        is_owners = columns.record.endswith(owner, autoescape=True)
        yield sa.delete(self.table).where(columns.id == _lock_of(place), is_owners)


def _cause_of(error: Exception) -> BaseException:
    """The driver's own error; SQLAlchemy wraps it, that of asyncpg twice."""
    wrapped = getattr(error, "orig", None)
    return error if wrapped is None else wrapped.__cause__ or wrapped


def _lock_of(place: Place) -> str:
    return f"{place.digest}.lock"


class _unprepared:  # noqa: N801 - used as a function
    """While it lasts, psycopg does not prepare statements: a pooler would give them to others."""

    def __init__(self, connection: sa.Connection) -> None:
        self._driver: Any = connection.connection.driver_connection
        self._before = getattr(self._driver, "prepare_threshold", None)

    def __enter__(self) -> None:
        if self._before is not None:
            self._driver.prepare_threshold = None

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            self._driver.prepare_threshold = self._before
