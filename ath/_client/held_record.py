"""One record in use: what the store holds, plus the changes that the store has not acknowledged.

Each reload makes those changes again on what it read, and each write tries them again. What was
only loaded is never written back. Without a store, memory is all there is.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from weakref import WeakValueDictionary

from .._protocol.steps import Change
from .._secret import SecretText
from ..stores import fork
from ..stores.base import AsyncCredentialStore, CredentialKey, CredentialStore
from ..stores.record import Record, Token
from .operations import Operations, growing_pauses, use_store

KEPT_RECORDS = 10_000
"""Records that stay in memory when nobody uses them and a store holds them too."""
_LONGEST_TRY = 60.0  # seconds that other writers may come first before a store counts as broken
_NEVER_ACCEPTED = "The credential store never accepted the change."


class HeldRecord:
    """A record in memory, and its way to the store and back."""

    __slots__ = (
        "__weakref__", "_late", "_latest_read", "_reads", "_records", "_unsaved", "_writes",
        "key", "loaded", "record",
    )  # fmt: skip

    def __init__(self, key: CredentialKey, records: HeldRecords) -> None:
        self.key = key
        self.record = Record()
        self.loaded = records.store is None
        self._records = records
        self._unsaved: list[Change] = []
        self._late: list[Change] = []  # of those, the ones that a save has failed to store
        self._reads = 0  # begun
        self._latest_read = 0  # of those, the one whose result memory holds
        self._writes = 0  # ended

    def change(self, change: Change) -> None:
        """Make a change in memory; the next write makes it in the store as well."""
        with fork.guard:
            change(self.record)
            if self._records.store is not None:
                self._unsaved.append(change)
            self._records.pinned[self.key] = self

    def withdraw(self, access_token: str) -> list[Change]:
        """Take back unsaved changes that hold that token; memory still has it until it is read."""
        with fork.guard:
            held = [change for change in self._unsaved if _token_of(change) == access_token]
            self._unsaved = [change for change in self._unsaved if change not in held]
            return held

    def load(self) -> Operations[None]:
        """Read what the store holds, and make the unsaved changes on it again.

        Raises:
            ATHError: STORAGE_ERROR or INVALID_CREDENTIALS.
        """
        store = self._records.store
        while store is not None:
            read, writes = self._begin_read()
            record = Record.from_text((yield from use_store(store, "load", self.key)))
            with fork.guard:
                if writes == self._writes:  # else it was written meanwhile, and is newer
                    if read > self._latest_read:  # else a read that began later has ended before
                        self._take(record, read)
                    return

    def save(self) -> Operations[None]:
        """Make the unsaved changes in the store, on top of what other processes wrote there.

        Raises:
            ATHError: STORAGE_ERROR or INVALID_CREDENTIALS; memory holds the changes all the same.
        """
        try:
            yield from self._save()
        except BaseException:
            with fork.guard:
                self._late = list(self._unsaved)
            raise

    def _save(self) -> Operations[None]:
        store = self._records.store
        pauses = growing_pauses(_LONGEST_TRY, _NEVER_ACCEPTED)
        while store is not None and self._unsaved:
            with fork.guard:
                unsaved = list(self._unsaved)
                read, writes = self._begin_read()
            old = yield from use_store(store, "load", self.key)
            record = Record.from_text(old)
            self._make(unsaved, record)
            now = self._records.clock()
            record.prune(now)
            new = SecretText(record.to_text(now))
            # Nothing is made of nothing: another worker may have forgotten this user.
            same = new == old or (old is None and record.is_empty)
            if same or (yield from use_store(store, "replace", self.key, old, new)):
                with fork.guard:
                    saved = {id(change) for change in unsaved}
                    self._unsaved = [c for c in self._unsaved if id(c) not in saved]
                    overtaken = writes != self._writes or read < self._latest_read
                    self._writes += 1
                    if not overtaken:  # else memory is newer, and has the changes as well
                        self._take(record, read)
                    self._unpin()
                return
            yield next(pauses)

    def forget(self) -> Operations[None]:
        """Remove the record from memory and store.

        Raises:
            ATHError: STORAGE_ERROR; nothing was removed then.
        """
        store = self._records.store
        if hasattr(store, "delete"):
            yield from use_store(store, "delete", self.key)
        elif store is not None:
            pauses = growing_pauses(_LONGEST_TRY, _NEVER_ACCEPTED)
            empty = Record().to_text(self._records.clock())
            old = yield from use_store(store, "load", self.key)
            while not (yield from use_store(store, "replace", self.key, old, empty)):
                yield next(pauses)
                old = yield from use_store(store, "load", self.key)
        with fork.guard:
            self._unsaved.clear()
            self._writes += 1
            self._take(Record(), self._reads)
            self._unpin()

    def _begin_read(self) -> tuple[int, int]:
        """The number of this read, and how many writes there were before it."""
        with fork.guard:
            self._reads += 1
            return self._reads, self._writes

    def _take(self, record: Record, read: int) -> None:
        self._make(self._unsaved, record)
        self.record, self.loaded, self._latest_read = record, True, read

    def _make(self, changes: list[Change], record: Record) -> None:
        """Make changes on a record that was read; other workers may have changed it meanwhile."""
        for change in changes:
            late = any(change is each for each in self._late)
            if late and isinstance(change, partial) and change.func is Record.keep_token:
                change(record, late=True)
            else:
                change(record)

    def _unpin(self) -> None:
        """Let go of a record that holds nothing but what a store holds too, or nothing at all."""
        if not self._unsaved:
            self._late.clear()
            self._records.pinned.pop(self.key, None)


class HeldRecords:
    """The records of one client and its views.

    Views of one user share a record as long as any of them lives. What only memory holds stays;
    of what a store holds as well, the records used last stay.
    """

    def __init__(
        self,
        store: CredentialStore | AsyncCredentialStore | None,
        clock: Callable[[], float],
    ) -> None:
        self.store = store
        self.clock = clock
        self.pinned: dict[CredentialKey, HeldRecord] = {}
        """Those that hold what no store has acknowledged."""
        self._alive: WeakValueDictionary[CredentialKey, HeldRecord] = WeakValueDictionary()
        self._recent: OrderedDict[CredentialKey, HeldRecord] = OrderedDict()

    def get(self, key: CredentialKey) -> HeldRecord:
        """The record of that key; an empty one that is not loaded yet if it is not in memory."""
        with fork.guard:
            held = self._alive.get(key)
            if held is None:
                held = self._alive[key] = HeldRecord(key, self)
            if self.store is not None:
                self._recent[key] = held
                self._recent.move_to_end(key)
                if len(self._recent) > KEPT_RECORDS:
                    self._recent.popitem(last=False)
            return held


def _token_of(change: Change) -> str | None:
    """The access token that a change puts into a record, or None."""
    token = change.keywords.get("token") if isinstance(change, partial) else None
    return token.access_token if isinstance(token, Token) else None
