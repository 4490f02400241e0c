"""Stores for tests: each kind, opened anew by each "process", and one that can be watched."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

from ath import CredentialKey, EncryptedStore, FileStore, FolderStore, MemoryStore


class MinimalStore:
    """The least that a store must offer: nothing to delete with, nothing to lock."""

    def __init__(self) -> None:
        self._memory = MemoryStore()

    def load(self, key: CredentialKey) -> str | None:
        return self._memory.load(key)

    def replace(self, key: CredentialKey, old: str | None, new: str) -> bool:
        return self._memory.replace(key, old, new)


STORES = ["memory", "minimal", "file", "folder", "encrypted"]


def opener(name: str, place: Path) -> Callable[[], Any]:
    """What opens the store of that kind: each process opens it anew."""
    if name == "file":
        return lambda: FileStore(place / "credentials.json")
    if name == "folder":
        return lambda: FolderStore(place / "credentials")
    if name == "encrypted":
        return lambda: EncryptedStore(FolderStore(place / "encrypted"), b"k" * 32)
    store = MemoryStore() if name == "memory" else MinimalStore()
    return lambda: store


class WatchedStore(MemoryStore):
    """Notes who calls what, and does before and after a call what the test says."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, str | None]] = []
        """The method and the user of each call; None stands for the agent itself."""
        self.threads: set[int] = set()
        """The threads in which the store was called."""
        self.failures: list[Exception] = []
        """What the next calls of ``replace`` and ``delete`` raise."""
        self.before: Callable[[str, CredentialKey], None] = lambda *_: None
        self.after: Callable[[str, CredentialKey], None] = lambda *_: None

    def reads(self) -> list[str | None]:
        """Whose records were read since the last time that this was asked."""
        users = [user for method, user in self.calls if method == "load"]
        self.calls.clear()
        return users

    def load(self, key: CredentialKey) -> str | None:
        return self._watch("load", key, lambda: MemoryStore.load(self, key))

    def replace(self, key: CredentialKey, old: str | None, new: str) -> bool:
        return self._watch("replace", key, lambda: MemoryStore.replace(self, key, old, new))

    def delete(self, key: CredentialKey, old: str | None = None) -> bool:
        return self._watch("delete", key, lambda: MemoryStore.delete(self, key, old))

    def acquire(self, key: CredentialKey, owner: str, lease: float) -> bool:
        return self._watch("acquire", key, lambda: MemoryStore.acquire(self, key, owner, lease))

    def release(self, key: CredentialKey, owner: str) -> None:
        self._watch("release", key, lambda: MemoryStore.release(self, key, owner))

    def _watch(self, method: str, key: CredentialKey, call: Callable[[], Any]) -> Any:
        self.calls.append((method, key.user))
        self.threads.add(threading.get_ident())
        self.before(method, key)
        if self.failures and method in ("replace", "delete"):
            raise self.failures.pop(0)
        result = call()
        self.after(method, key)
        return result


class AsyncStore:
    """Another store's methods as coroutines, which give way to other tasks before and after."""

    def __init__(self, store: Any) -> None:
        self.store = store
        self.before: Callable[[str], Awaitable[None]] = lambda _: asyncio.sleep(0)
        self.after: Callable[[str], Awaitable[None]] = lambda _: asyncio.sleep(0)
        """Awaited with the method's name before and after each call."""

    async def load(self, key: CredentialKey) -> Any:
        return await self._call("load", key)

    async def replace(self, key: CredentialKey, old: str | None, new: str) -> Any:
        return await self._call("replace", key, old, new)

    async def delete(self, key: CredentialKey, old: str | None = None) -> Any:
        return await self._call("delete", key, old)

    async def acquire(self, key: CredentialKey, owner: str, lease: float) -> Any:
        return await self._call("acquire", key, owner, lease)

    async def release(self, key: CredentialKey, owner: str) -> None:
        await self._call("release", key, owner)

    async def keys(self) -> AsyncIterator[CredentialKey]:
        for key in list(self.store.keys()):
            await asyncio.sleep(0)
            yield key

    async def _call(self, method: str, *arguments: Any) -> Any:
        await self.before(method)
        result = getattr(self.store, method)(*arguments)
        await self.after(method)
        return result


def document(store: Any, key: CredentialKey) -> dict[str, Any] | None:
    """The record of that key as JSON, or None."""
    text = store.load(key)
    if text is None:
        return None
    record: dict[str, Any] = json.loads(text)
    return record


def edit(store: Any, key: CredentialKey, change: Callable[[dict[str, Any]], None]) -> None:
    """Change a record as another release of the library would."""
    text = store.load(key)
    record = json.loads(text)
    change(record)
    assert store.replace(key, text, json.dumps(record))


def everything(store: Any) -> str:
    """All records as one text, in which a secret can be looked for."""
    return "\n".join(map(store.load, store.keys()))
