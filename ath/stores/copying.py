"""Copies records from one store to another, such as from files to a database."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any, NamedTuple

from .._secret import SecretText, hide
from ..errors import ATHError
from .base import (
    AsyncCredentialStore,
    CredentialKey,
    CredentialStore,
    FullAsyncCredentialStore,
    FullCredentialStore,
    has_coroutines,
)
from .steps import Work, carry_out, carry_out_async, use

__all__ = ["Copied", "copy", "copy_async"]


class Copied(NamedTuple):
    """How many records were copied, were the same already, and differ and were left alone."""

    copied: int = 0
    same: int = 0
    differs: int = 0


def copy(
    source: FullCredentialStore, target: CredentialStore, *, overwrite: bool = False
) -> Copied:
    """Copy all records; locks stay behind. It may be interrupted, and be called again.

    Each record is copied as it is at that moment: stop the workers that use ``source`` before the
    last copy, or let them use ``target`` first.

    Args:
        source: Any store with ``keys``.
        target: Any store.
        overwrite: Whether a record of the target that differs is replaced.

    Raises:
        ATHError: INVALID_ARGUMENT for async stores; whatever a store raises, after which the
            records so far are copied (all others, if ``keys`` finds damaged ones).
    """
    if has_coroutines(source) or has_coroutines(target):
        raise ATHError("INVALID_ARGUMENT", "Use copy_async() for async stores.")
    done = Copied()
    for key in source.keys():  # noqa: SIM118 - a store is no dict
        done = _add(done, carry_out(_copy_record(source, target, key, overwrite)))
    return done


async def copy_async(
    source: FullCredentialStore | FullAsyncCredentialStore,
    target: CredentialStore | AsyncCredentialStore,
    *,
    overwrite: bool = False,
) -> Copied:
    """The same as a coroutine. Each store may be async, or sync and then runs in a thread."""
    done, readable, writable = Copied(), _as_async(source), _as_async(target)
    async for key in readable.keys():
        work = _copy_record(readable, writable, key, overwrite)
        done = _add(done, await carry_out_async(work))
    return done


def _copy_record(source: Any, target: Any, key: CredentialKey, overwrite: bool) -> Work[Copied]:
    while True:
        text = hide((yield use(source.load, key)))
        if text is None:
            return Copied()  # it was deleted since its key was listed
        found = hide((yield use(target.load, key)))
        if found is not None and _normalize(found) == _normalize(text):
            return Copied(same=1)
        if found is not None and not overwrite:
            return Copied(differs=1)
        if (yield use(target.replace, key, found, text)):
            return Copied(copied=1)


def _add(one: Copied, other: Copied) -> Copied:
    return Copied(*map(sum, zip(one, other, strict=True)))


def _normalize(text: str) -> str:
    """Equal for equal JSON objects: some stores keep the object, not the text."""
    with suppress(RecursionError, ValueError):  # json's error holds the whole text
        return SecretText(json.dumps(json.loads(text), sort_keys=True))
    return text


def _as_async(store: Any) -> Any:
    return store if has_coroutines(store) else _InThreads(store)


class _InThreads:
    """A sync store, as an async one."""

    def __init__(self, store: Any) -> None:
        self._store = store

    async def load(self, key: CredentialKey) -> Any:
        return await _run_in_thread(self._store.load, key)

    async def replace(self, key: CredentialKey, old: str | None, new: str) -> Any:
        return await _run_in_thread(self._store.replace, key, old, new)

    async def keys(self) -> AsyncIterator[CredentialKey]:
        keys = list[CredentialKey]()
        failure = await _run_in_thread(self._collect, keys)
        for key in keys:
            yield key
        if failure is not None:
            raise failure

    def _collect(self, keys: list[CredentialKey]) -> ATHError | None:
        """Add all keys, up to the error that may come after them."""
        try:
            for key in self._store.keys():  # noqa: SIM118 - a store is no dict
                keys.append(key)
        except ATHError as error:
            return error
        return None


async def _run_in_thread(method: Callable[..., Any], *arguments: Any) -> Any:
    from asyncio import to_thread  # slow to import; sync users need none

    return await to_thread(method, *arguments)
