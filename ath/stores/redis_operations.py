"""A store's operations as commands of Redis. A step is a command's words."""

from __future__ import annotations

import warnings
from contextlib import suppress
from typing import Any

import redis.asyncio
from redis import ConnectionError as BrokenConnection
from redis import ReadOnlyError, ResponseError
from redis import TimeoutError as NoAnswer
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from .._secret import SecretBytes
from ..errors import ATHError, ATHWarning, Delivery
from .operations import Operations, Place, Steps

_REPLACE = """
if (redis.call('HGET', KEYS[1], 'record') or '') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'key', ARGV[3], 'record', ARGV[2])
if ARGV[4] == '' then redis.call('PERSIST', KEYS[1])
else redis.call('PEXPIREAT', KEYS[1], ARGV[4]) end
return 1
"""
_DELETE = """
if ARGV[1] ~= '' and redis.call('HGET', KEYS[1], 'record') ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
"""
_ACQUIRE = """
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
if redis.call('GET', KEYS[1]) == ARGV[1] then return 1 end
return 0
"""
_RELEASE = """
local holder = redis.call('GET', KEYS[1])
if holder and string.sub(holder, 33) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 0
"""


class RedisOperations(Operations):
    """The commands of one store, and what their answers mean."""

    def __init__(self, store: str, prefix: str) -> None:
        super().__init__(store)
        self._prefix = prefix
        self._checked_eviction = False
        for special in "\\*?[":
            prefix = prefix.replace(special, f"\\{special}")
        self.pattern = prefix + "{*}"
        """Matches the names of records, not of locks."""

    def explain(self, error: Exception) -> ATHError:
        kind = type(error).__name__
        match error:
            case ATHError():
                return error
            case NoAnswer():
                message, delivery = "Redis did not answer in time", Delivery.TIMED_OUT
            case BrokenConnection():
                message, delivery = "Redis could not be reached", Delivery.LOST
            case ResponseError() if isinstance(error, ReadOnlyError) or "READONLY" in str(error):
                # (Redis 6 says it within a sentence about the script.)
                message, delivery = "this Redis server is read-only", Delivery.LOCAL
            case ResponseError():
                message, delivery = "Redis refused the command", Delivery.LOCAL
            case UnicodeDecodeError():
                return ATHError("INVALID_CREDENTIALS", f"{self.store}: a record is damaged.")
            case _:
                message, delivery = "Redis could not be asked", Delivery.LOCAL
        return self.failed(f"{message} ({kind}).", delivery)

    def _load(self, place: Place) -> Steps[str | None]:
        text: str | None = yield from self._ask("HGET", self._record(place), "record")
        return text

    def _replace(
        self, place: Place, old: str | None, new: str, expires_at: float | None
    ) -> Steps[bool]:
        until = "" if expires_at is None else str(int(expires_at * 1000))
        name = self._record(place)
        answer = yield from self._run_script(_REPLACE, name, old or "", new, place.key, until)
        return bool(answer)

    def _delete(self, place: Place, old: str | None) -> Steps[bool]:
        return bool((yield from self._run_script(_DELETE, self._record(place), old or "")))

    def _acquire(self, place: Place, holder: str, lease: float) -> Steps[bool]:
        milliseconds = str(max(1, int(lease * 1000)))
        answer = yield from self._run_script(_ACQUIRE, self._lock(place), holder, milliseconds)
        return bool(answer)

    def _release(self, place: Place, owner: str) -> Steps[None]:
        yield from self._run_script(_RELEASE, self._lock(place), owner)

    def _record(self, place: Place) -> str:
        return f"{self._prefix}{{{place.digest}}}"  # the braces keep it and its lock on one node

    def _lock(self, place: Place) -> str:
        return f"{self._record(place)}:lock"

    def _run_script(self, script: str, name: str, *arguments: str) -> Steps[Any]:
        # In bytes, since a client may be set to another encoding.
        words = (SecretBytes(argument.encode()) for argument in arguments)
        return (yield from self._ask("EVAL", script, 1, name, *words))

    def _ask(self, *command: Any) -> Steps[Any]:
        if not self._checked_eviction:
            yield from self._warn_of_eviction()
        return (yield command)

    def _warn_of_eviction(self) -> Steps[None]:
        """Say so once if this server throws records away when its memory is full."""
        self._checked_eviction = True
        answer = ""
        with suppress(ATHError):  # the user may not read it, or a proxy ends the connection
            answer = yield "CONFIG GET", "maxmemory-policy"
        if "allkeys-" in str(answer):
            warnings.warn(
                f"{self.store}: the maxmemory-policy of this Redis server evicts any key when "
                "memory is full, and with it credentials. Use noeviction or a volatile policy.",
                ATHWarning,
                stacklevel=2,
            )


def make_client(url: str, timeout: float, *, awaits: bool) -> Any:
    """A client that repeats a command once if the connection broke, and never after a timeout.

    Raises:
        ATHError: INVALID_ARGUMENT.
    """
    client: Any = redis.asyncio.Redis if awaits else redis.Redis
    retry: Any = AsyncRetry if awaits else Retry
    again = retry(NoBackoff(), 1, supported_errors=(BrokenConnection,))
    try:
        return client.from_url(
            url, socket_timeout=timeout, socket_connect_timeout=timeout, retry=again
        )
    except Exception as error:  # whose text may hold a password
        kind = type(error).__name__
    raise ATHError("INVALID_ARGUMENT", f"url is not the URL of a Redis server ({kind}).")
