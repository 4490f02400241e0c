"""Stores on Redis (6.2 or later) and Valkey."""

from __future__ import annotations

import inspect
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from .._lazy import async_redis, redis
from .._secret import hide
from ..errors import ATHError
from .base import CredentialKey
from .engine import AsyncEngineStore, SyncEngineStore, require_library
from .operations import PAGE, KeyReader

if TYPE_CHECKING:
    from .redis_operations import RedisOperations

__all__ = ["AsyncRedisStore", "RedisStore"]

T = TypeVar("T")
INSTALL = 'pip install "redis>=5.0.1,<9"'
_IN_BYTES = {"NEVER_DECODE": True}
"""Names and keys may be damaged: a client that decodes would fail at all that it has read."""


class RedisStore(SyncEngineStore["RedisOperations"]):
    """Keeps each record in Redis: for workers on many machines and any number of users.

    A record is a hash at ``prefix{digest of its key}``, its lock stands at the same with ``:lock``
    behind. Redis removes records whose ``expires_at`` has passed.

    Use :meth:`from_url`, or a client with ``socket_timeout``, ``socket_connect_timeout`` and
    ``retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,))``: by default redis-py
    repeats each command, up to ten times with pauses, also after a timeout.

    What Redis acknowledges and then loses is lost: ``appendonly yes`` with ``appendfsync always``
    keeps records over a crash, ``maxmemory-policy noeviction`` (or one that evicts volatile keys
    only) over a shortage of memory; a failover to a replica loses the latest changes.

    Args:
        client: The ``redis.Redis`` (or ``redis.RedisCluster``) to use, with ``decode_responses`` or
            without. It stays yours and is not closed.
        prefix: What all names in Redis begin with.

    Raises:
        ATHError: INVALID_ARGUMENT, also for an async client, or one with ``cache_config``.
    """

    def __init__(self, client: redis.Redis | redis.RedisCluster, *, prefix: str = "ath:") -> None:
        _check(client, "RedisStore", awaits=False)
        super().__init__(_make_operations("RedisStore", prefix))
        self._client: Any = client
        self._owns_client = False

    @classmethod
    def from_url(cls, url: str, *, prefix: str = "ath:", timeout: float = 5.0) -> RedisStore:
        """Make a store with a client of its own; :meth:`close` it when you are done.

        Args:
            url: As ``redis.Redis.from_url`` takes it: ``redis://``, ``rediss://`` or ``unix://``.
            prefix: What all names in Redis begin with.
            timeout: Seconds for a connection, and for each answer.

        Raises:
            ATHError: INVALID_ARGUMENT.
        """
        url = hide(url)  # an error tracker records the variables of a frame that raises
        store = cls(_make_client(cls.__name__, url, timeout, awaits=False), prefix=prefix)
        store._owns_client = True
        return store

    def keys(self) -> Iterator[CredentialKey]:
        """The keys of all records, in no order; one may come twice while others are added.

        Raises:
            ATHError: STORAGE_ERROR; INVALID_CREDENTIALS after all others if some are damaged.
        """
        names, reader = _scan(self._client, self._operations.pattern), KeyReader()
        while page := self._ask(lambda: list(islice(names, PAGE))):
            yield from reader.read(self._ask(lambda: self._read_keys(page)))
        reader.finish()

    def close(self) -> None:
        """Close the client that :meth:`from_url` made; another one is left alone."""
        if self._owns_client:
            self._client.close()

    def _perform(self, step: tuple[Any, ...]) -> Any:
        return _decode(self._client.execute_command(*step))

    def _read_keys(self, names: list[Any]) -> list[Any]:
        with self._client.pipeline(transaction=False) as pipeline:
            for name in names:
                pipeline.execute_command("HGET", name, "key", **_IN_BYTES)
            return [key for key in pipeline.execute() if key is not None]

    def _ask(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except Exception as error:
            failure = self._operations.explain(error)
        raise failure


class AsyncRedisStore(AsyncEngineStore["RedisOperations"]):
    """Async version of :class:`RedisStore`, on a client of ``redis.asyncio``.

    A forked child cannot use it, since its connections are the parent's: make it after the fork.
    """

    def __init__(
        self, client: async_redis.Redis | async_redis.RedisCluster, *, prefix: str = "ath:"
    ) -> None:
        _check(client, "AsyncRedisStore", awaits=True)
        super().__init__(_make_operations("AsyncRedisStore", prefix))
        self._client: Any = client
        self._owns_client = False
        self._process = os.getpid()

    @classmethod
    def from_url(cls, url: str, *, prefix: str = "ath:", timeout: float = 5.0) -> AsyncRedisStore:
        """As :meth:`RedisStore.from_url`; :meth:`aclose` it when you are done."""
        url = hide(url)
        store = cls(_make_client(cls.__name__, url, timeout, awaits=True), prefix=prefix)
        store._owns_client = True
        return store

    async def keys(self) -> AsyncIterator[CredentialKey]:
        """As :meth:`RedisStore.keys`."""
        reader = KeyReader()
        async with aclosing(_scan(self._client, self._operations.pattern)) as names:
            while page := await self._ask(lambda: self._take(names)):
                for key in reader.read(await self._ask(lambda: self._read_keys(page))):
                    yield key
        reader.finish()

    async def aclose(self) -> None:
        """Close the client that :meth:`from_url` made; another one is left alone."""
        if self._owns_client and self._process == os.getpid():
            await self._client.aclose()

    async def _perform(self, step: tuple[Any, ...]) -> Any:
        self._check_process()
        return _decode(await self._client.execute_command(*step))

    async def _take(self, names: AsyncIterator[Any]) -> list[Any]:
        self._check_process()
        page: list[Any] = []
        async for name in names:
            page.append(name)
            if len(page) == PAGE:
                break
        return page

    async def _read_keys(self, names: list[Any]) -> list[Any]:
        self._check_process()
        async with self._client.pipeline(transaction=False) as pipeline:
            for name in names:
                pipeline.execute_command("HGET", name, "key", **_IN_BYTES)
            return [key for key in await pipeline.execute() if key is not None]

    def _check_process(self) -> None:
        # The pool of redis.asyncio does not see a fork: two processes would read one socket, and
        # each could get the other's answers.
        if self._process != os.getpid():
            raise self._operations.failed(
                "it was made in another process; make it, and its client, after the fork."
            )

    async def _ask(self, call: Callable[[], Any]) -> Any:
        try:
            return await call()
        except Exception as error:
            failure = self._operations.explain(error)
        raise failure


def _scan(client: Any, pattern: str) -> Any:
    """The names of records; other data may have such a name, if it is no hash."""
    return client.scan_iter(pattern, count=PAGE, _type="hash", **_IN_BYTES)


def _decode(answer: Any) -> Any:
    """Text whether the client decodes or not, and never shown."""
    return hide(answer.decode() if isinstance(answer, bytes) else answer)


def _check(client: object, store: str, *, awaits: bool) -> None:
    require_library("redis", store, INSTALL)
    execute = None if isinstance(client, type) else getattr(client, "execute_command", None)
    if not callable(execute) or inspect.iscoroutinefunction(execute) != awaits:
        wanted = "redis.asyncio.Redis" if awaits else "redis.Redis"
        raise ATHError("INVALID_ARGUMENT", f"The client of {store} must be a {wanted}.")
    get_cache = getattr(client, "get_cache", None)
    if get_cache is not None and get_cache() is not None:
        raise ATHError(
            "INVALID_ARGUMENT",
            f"The client of {store} must be one without a cache: a record must be read as it is.",
        )


def _make_operations(store: str, prefix: object) -> RedisOperations:
    from .redis_operations import RedisOperations  # needs the library

    if not isinstance(prefix, str) or not prefix.isascii():
        raise ATHError("INVALID_ARGUMENT", "prefix must be ASCII text.")
    return RedisOperations(store, prefix)


def _make_client(store: str, url: str, timeout: float, *, awaits: bool) -> Any:
    require_library("redis", store, INSTALL)
    from .redis_operations import make_client  # needs the library

    return make_client(url, timeout, awaits=awaits)
