"""Credentials in use: one record in memory, and the same in a store."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from .._protocol.steps import Change
from ..errors import ATHError
from ..stores.base import CredentialKey, CredentialStore
from ..stores.record import Record, Registration, Session, Token
from .single_flight import SingleFlight

_TRIES = 1000  # how often other writers may come first before a store counts as broken


class Vault:
    """The credentials of the agent, or of one of its users, in memory and in a store.

    A user's vault with a ``parent`` uses the parent's registration. The lock guards memory only;
    no request is made and no file is touched while it is held.
    """

    __slots__ = ("_lock", "_parent", "_record", "flights", "key", "loaded", "store")

    def __init__(
        self,
        key: CredentialKey,
        store: CredentialStore | None,
        parent: Vault | None = None,
    ) -> None:
        self.key = key
        self.store = store
        self._parent = parent
        self._lock: threading.Lock = threading.Lock() if parent is None else parent._lock
        self._record = Record()
        self.loaded = store is None
        self.flights: SingleFlight = SingleFlight() if parent is None else parent.flights

    def load(self) -> None:
        """Read what the store holds.

        Raises:
            ATHError: STORAGE_ERROR or INVALID_CREDENTIALS.
        """
        if self.store is not None:
            record = Record.from_text(_guarded(self.store.load, self.key))
            with self._lock:
                if not self.loaded:  # another thread may have been faster, and changed it since
                    self._record, self.loaded = record, True

    @property
    def owner(self) -> Vault:
        """The vault that holds the registration."""
        return self if self._parent is None else self._parent

    @property
    def registration(self) -> Registration | None:
        """The agent's registration, or None."""
        return self.owner._record.registration

    @property
    def _current(self) -> Record:
        """The record, emptied of what a former registration left in it."""
        record, registration = self._record, self.registration
        if registration is not None and record.client_id != registration.client_id:
            with self._lock:
                record.belong_to(registration.client_id)
        return record

    def token_for(self, provider: str) -> Token | None:
        """The token that serves a provider, or None."""
        tokens = self._current.tokens
        return tokens.get(provider) or tokens.get(None)

    def latest_token(self) -> Token | None:
        """The token that came last, or None."""
        tokens = self._current.tokens
        with self._lock:
            return next(reversed(tokens.values()), None)

    def tokens(self, provider: str | None = None) -> list[Token]:
        """All tokens held, or the one that serves a provider."""
        if provider is not None:
            serving = self.token_for(provider)
            return [] if serving is None else [serving]
        tokens = self._current.tokens
        with self._lock:
            return list(tokens.values())

    def session(self, session_id: str) -> Session | None:
        """The session that this client opened, or None."""
        return self._current.sessions.get(session_id)

    def enroll(self, registration: Registration) -> None:
        """Hold a new or renewed registration, in memory."""
        with self._lock:
            self._record.keep_registration(registration)

    def apply(self, change: Change, client_id: str | None = None) -> None:
        """Make a change in memory; for a client_id that is not held any more, make none."""
        record = self._current
        with self._lock:
            held = self.registration
            if held is None or client_id in (None, held.client_id):
                record.belong_to(client_id if held is None else held.client_id)
                change(record)

    def persist(self, change: Change, client_id: str) -> None:
        """Make the same change in the store, on top of what other processes wrote there.

        One that has registered anew since is not overwritten: its record belongs to another
        client_id, of which this change knows nothing.

        Raises:
            ATHError: STORAGE_ERROR or INVALID_CREDENTIALS; memory holds the change all the same.
        """
        held = self.registration

        def changed(record: Record) -> bool:
            foreign = record.client_id not in (None, client_id)
            if foreign and not self._agent_is_stored_as(client_id):
                return False
            if self._parent is None and record.registration is None and held is not None:
                record.keep_registration(held)
            record.belong_to(client_id)
            change(record)
            return True

        self._store_changed(changed)

    def _agent_is_stored_as(self, client_id: str) -> bool:
        """Whether the store holds the agent's registration of that client_id.

        Then a user's record of another client_id is left from an earlier registration.
        """
        if self._parent is None or self.store is None:
            return False
        agent = Record.from_text(_guarded(self.store.load, self._parent.key))
        return agent.client_id == client_id

    def persist_registration(self, registration: Registration) -> None:
        """Put a registration that was just made into the store.

        Raises:
            ATHError: as :meth:`persist`.
        """

        def changed(record: Record) -> bool:
            record.keep_registration(registration)
            return True

        self._store_changed(changed)

    def _store_changed(self, changed: Callable[[Record], bool]) -> None:
        store = self.store
        if store is None:
            return
        for _ in range(_TRIES):
            old = _guarded(store.load, self.key)
            record = Record.from_text(old)
            if not changed(record) or _guarded(store.replace, self.key, old, record.to_text()):
                return
        raise ATHError("STORAGE_ERROR", "The credential store never accepted the change.")

    def replace(self, record: Record) -> None:
        """Hold what was read elsewhere instead of what is held.

        Raises:
            ATHError: INVALID_CREDENTIALS if it belongs to another registration than the one that
                all users of the agent share.
        """
        with self._lock:
            shared = None if self._parent is None else self.registration
            if shared is not None and record.client_id not in (None, shared.client_id):
                raise ATHError(
                    "INVALID_CREDENTIALS",
                    "These credentials belong to another registration than the agent's.",
                )
            if shared is None and record.registration is not None:
                self.owner._record.keep_registration(record.registration)
            self._record.client_id = record.client_id
            self._record.tokens = record.tokens
            self._record.sessions = record.sessions

    def snapshot(self) -> Record:
        """A copy that stands alone: with the registration, though the parent may hold it."""
        current = self._current
        with self._lock:
            copy = Record()
            copy.registration = self.registration
            copy.client_id = current.client_id
            copy.tokens = dict(current.tokens)
            copy.sessions = dict(current.sessions)
        return copy


def _guarded(call: Callable[..., Any], *args: Any) -> Any:
    """Call a store, which may be the user's own; its failures become ours.

    Raised outside the except block: a store's error may quote the record, and so its secrets.
    """
    try:
        return call(*args)
    except ATHError:
        raise
    except Exception as error:
        kind = type(error).__name__
    raise ATHError("STORAGE_ERROR", f"The credential store failed with {kind}.")
