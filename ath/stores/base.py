"""Where credentials outlive a client: the protocol of stores, and one that keeps them in memory."""

from __future__ import annotations

import threading
from typing import NamedTuple, Protocol

__all__ = ["CredentialKey", "CredentialStore", "MemoryStore"]


class CredentialKey(NamedTuple):
    """Whose credentials a record holds; ``user`` is None for the agent's own."""

    implementor: str
    agent_id: str
    user: str | None = None
    registered: bool = False
    """Whether the user has a registration of their own, at a multi-user gateway."""


class CredentialStore(Protocol):
    """Keeps one opaque text per key.

    Implementations are synchronous and may block (the async clients call them in a worker
    thread), and must be safe to call from several threads and processes.
    """

    def load(self, key: CredentialKey) -> str | None:
        """Return the record of that key, or None."""
        ...

    def replace(self, key: CredentialKey, old: str | None, new: str) -> bool:
        """Put ``new`` in the place of ``old``, durably, and return True.

        If the record is not ``old`` (any more), change nothing and return False: the caller reads
        it again, makes its change on top, and comes back.
        """
        ...


class MemoryStore:
    """Keeps records in this process: for tests, and to share them between clients."""

    def __init__(self) -> None:
        self._records: dict[CredentialKey, str] = {}
        self._lock = threading.Lock()

    def load(self, key: CredentialKey) -> str | None:
        """Return the record of that key, or None."""
        return self._records.get(key)

    def replace(self, key: CredentialKey, old: str | None, new: str) -> bool:
        """Put ``new`` in the place of ``old`` if that is still there."""
        with self._lock:
            if self._records.get(key) != old:
                return False
            self._records[key] = new
            return True
