"""Where credentials outlive a client: the protocol of stores, and one that keeps them in memory."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Iterator
from inspect import iscoroutinefunction
from typing import NamedTuple, Protocol

from ..errors import ATHError
from . import fork

__all__ = [
    "AsyncCredentialStore",
    "CredentialKey",
    "CredentialStore",
    "FullAsyncCredentialStore",
    "FullCredentialStore",
    "MemoryStore",
]

METHODS = ("load", "replace", "delete", "acquire", "release")
"""What clients call of a store; the first two are always there."""


class CredentialKey(NamedTuple):
    """Whose credentials a record holds; ``user`` is None for the agent's own."""

    implementor: str
    agent_id: str
    user: str | None = None
    registered: bool = False
    """Whether the user has a registration of their own, at a multi-user gateway."""


def check_key(key: CredentialKey) -> None:
    """Refuse a key that cannot be encoded.

    Raises:
        ATHError: INVALID_ARGUMENT.
    """
    try:
        "".join((key.implementor, key.agent_id, key.user or "")).encode()
    except UnicodeEncodeError:
        pass
    else:
        return
    raise ATHError(
        "INVALID_ARGUMENT",
        "The name of a user, agent or implementor holds a lone surrogate, which cannot be stored.",
    )


class CredentialStore(Protocol):
    """Keeps one text per key: a JSON object, which a store need not read.

    Its member ``expires_at`` (seconds UTC; null or absent means never) says until when the record
    must be kept. Implementations are synchronous and may block (the async clients call them in a
    worker thread), and must be safe to call from several threads and processes.
    """

    def load(self, key: CredentialKey) -> str | None:
        """Return the record of that key, or None."""
        ...

    def replace(self, key: CredentialKey, old: str | None, new: str) -> bool:
        """Put ``new`` in the place of ``old``, durably, and return True.

        ``old`` is what :meth:`load` returned. If the record is not ``old`` (any more), change
        nothing and return False: the caller reads it again, makes its change on top, and comes
        back.
        """
        ...


class FullCredentialStore(CredentialStore, Protocol):
    """What a store may offer beyond; each of these methods is used only if the store has it.

    Without ``acquire`` and ``release``, workers that start together may each register the agent.
    """

    def delete(self, key: CredentialKey, old: str | None = None) -> bool:
        """Remove the record and return True.

        If there is none, or it is not ``old`` (None: whatever it is), change nothing and return
        False.
        """
        ...

    def acquire(self, key: CredentialKey, owner: str, lease: float) -> bool:
        """Take the lock of that key without waiting; return False if it is held.

        The lock is not re-entrant, several keys may share one, and :meth:`replace` works whoever
        holds it. It ends at :meth:`release`; a store also ends it when the holder's process dies,
        or after ``lease`` seconds, or both. It keeps workers from doing the same at once; what
        keeps data right is :meth:`replace`. Hold one lock at a time: a second key may share it.
        """
        ...

    def release(self, key: CredentialKey, owner: str) -> None:
        """Give the lock back; does nothing if ``owner`` does not hold it (any more)."""
        ...

    def keys(self) -> Iterator[CredentialKey]:
        """The keys of all records, in no order."""
        ...


class AsyncCredentialStore(Protocol):
    """The same as :class:`CredentialStore`, with coroutines (``async def``), for async clients.

    A call that takes longer than the client's ``timeout`` is cancelled.
    """

    async def load(self, key: CredentialKey) -> str | None:
        """Return the record of that key, or None."""
        ...

    async def replace(self, key: CredentialKey, old: str | None, new: str) -> bool:
        """Put ``new`` in the place of ``old``; see :meth:`CredentialStore.replace`."""
        ...


class FullAsyncCredentialStore(AsyncCredentialStore, Protocol):
    """What an async store may offer beyond, with coroutines; see :class:`FullCredentialStore`."""

    async def delete(self, key: CredentialKey, old: str | None = None) -> bool:
        """Remove the record; see :meth:`FullCredentialStore.delete`."""
        ...

    async def acquire(self, key: CredentialKey, owner: str, lease: float) -> bool:
        """Take the lock without waiting; see :meth:`FullCredentialStore.acquire`."""
        ...

    async def release(self, key: CredentialKey, owner: str) -> None:
        """Give the lock back; see :meth:`FullCredentialStore.release`."""
        ...

    def keys(self) -> AsyncIterator[CredentialKey]:
        """The keys of all records, in no order, for ``async for``."""
        ...


def has_coroutines(store: object) -> bool:
    """Whether a store's methods are coroutine functions.

    Raises:
        ATHError: INVALID_ARGUMENT if some are and some are not.
    """
    methods = (getattr(store, name, None) for name in METHODS)
    kinds = {iscoroutinefunction(method) for method in methods if method is not None}
    if len(kinds) == 2:
        raise ATHError(
            "INVALID_ARGUMENT", "Of a store's methods either all are coroutine functions or none."
        )
    return True in kinds


class _Lock(NamedTuple):
    owner: str
    process: int
    ends_at: float  # time.monotonic()


class MemoryStore:
    """Keeps records in this process: for tests, and to share them between clients."""

    def __init__(self) -> None:
        self._records: dict[CredentialKey, str] = {}
        self._locks: dict[CredentialKey, _Lock] = {}

    def load(self, key: CredentialKey) -> str | None:
        """Return the record of that key, or None.

        Raises:
            ATHError: INVALID_ARGUMENT for a key with a lone surrogate; as all methods here.
        """
        check_key(key)
        return self._records.get(key)

    def replace(self, key: CredentialKey, old: str | None, new: str) -> bool:
        """Put ``new`` in the place of ``old`` if that is still there."""
        check_key(key)
        with fork.guard:
            if self._records.get(key) != old:
                return False
            self._records[key] = new
            return True

    def delete(self, key: CredentialKey, old: str | None = None) -> bool:
        """Remove the record, if it is there and ``old`` is None or still the same."""
        check_key(key)
        with fork.guard:
            found = self._records.get(key)
            if found is None or old not in (None, found):
                return False
            del self._records[key]
            return True

    def acquire(self, key: CredentialKey, owner: str, lease: float) -> bool:
        """Take the lock of that key for ``lease`` seconds at most; return False if it is held."""
        check_key(key)
        now, process = time.monotonic(), os.getpid()
        with fork.guard:
            held = self._locks.get(key)
            if held and held.process == process and held.ends_at > now:
                return False  # (a lock from before a fork is held by nobody here)
            self._locks[key] = _Lock(owner, process, now + lease)
            return True

    def release(self, key: CredentialKey, owner: str) -> None:
        """Give the lock back, if ``owner`` holds it."""
        with fork.guard:
            held = self._locks.get(key)
            if held and held.owner == owner:
                del self._locks[key]

    def keys(self) -> Iterator[CredentialKey]:
        """The keys of all records, in no order."""
        return iter(list(self._records))
