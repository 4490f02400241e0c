"""The credentials of one view: the user's own record, and the one with the registration.

They are the same record for the agent itself, and for a user with a registration of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from .._protocol.grants import is_usable, to_grant
from .._protocol.steps import Change
from .._secret import hide
from ..errors import ATHError
from ..grant import Grant
from ..stores import fork
from ..stores.base import AsyncCredentialStore, CredentialKey, CredentialStore
from ..stores.record import Record, Registration, Session, Token
from .held_record import HeldRecord, HeldRecords
from .operations import Operations


class Credentials:
    """One user's credentials, as flows read them and drivers change them."""

    __slots__ = ("_own", "_owner", "_records")

    def __init__(self, records: HeldRecords, key: CredentialKey, owner: CredentialKey) -> None:
        self._records = records
        self._own = records.get(key)
        self._owner = self._own if owner == key else records.get(owner)

    @property
    def key(self) -> CredentialKey:
        """Whose credentials these are."""
        return self._own.key

    @property
    def owner_key(self) -> CredentialKey:
        """Whose record holds the registration."""
        return self._owner.key

    @property
    def loaded(self) -> bool:
        """Whether the store, if there is one, was read."""
        return self._own.loaded and self._owner.loaded

    @property
    def store(self) -> CredentialStore | AsyncCredentialStore | None:
        """Where the credentials outlive the process, or None."""
        return self._records.store

    @property
    def registration(self) -> Registration | None:
        """The registration that calls use, or None."""
        return self._owner.record.registration

    def registration_of(self, client_id: str | None) -> Registration | None:
        """The registration of that client_id, current or one of the last ones, or None."""
        return self._owner.record.registration_of(client_id)

    def token_for(self, provider: str) -> Token | None:
        """The token that serves a provider, or None."""
        tokens = self._own.record.tokens
        return tokens.get(provider) or tokens.get(None)

    def latest_token(self) -> Token | None:
        """The token that came last, or None."""
        with fork.guard:
            return next(reversed(self._own.record.tokens.values()), None)

    def tokens(self, provider: str | None = None) -> list[Token]:
        """All tokens held, or the one that serves a provider."""
        if provider is not None:
            serving = self.token_for(provider)
            return [] if serving is None else [serving]
        with fork.guard:
            return list(self._own.record.tokens.values())

    def grants(self, now: float) -> tuple[Grant, ...]:
        """The tokens that can be used at that time (seconds UTC), without their secrets."""
        return tuple(
            to_grant(token, self.key.user) for token in self.tokens() if is_usable(token, now)
        )

    def session(self, session_id: str) -> Session | None:
        """The session that this view opened, if its registration is still in use; or None."""
        session = self._own.record.sessions.get(session_id)
        return session if session is not None and self._is_current(session) else None

    def sessions(self) -> dict[str, Session]:
        """All such sessions by their id, the oldest first."""
        with fork.guard:
            held = dict(self._own.record.sessions)
        return {key: session for key, session in held.items() if self._is_current(session)}

    def change(self, change: Change) -> None:
        """Change the user's own record in memory; the next write makes the change in the store."""
        self._own.change(change)

    def set_registration(self, client_id: str, client_secret: str) -> None:
        """Use a registration made elsewhere; the next write stores it."""
        self._owner.change(
            partial(Record.set_credentials, client_id=client_id, client_secret=hide(client_secret))
        )

    def replace_all(self, record: Record) -> None:
        """Hold what was read elsewhere; the next write stores it.

        Raises:
            ATHError: INVALID_CREDENTIALS if a user's record belongs to another registration than
                the agent's, which all users share.
        """
        shared, other = self.registration, record.registration
        if self._own is not self._owner and other is not None:
            if shared is not None and shared.client_id != other.client_id:
                raise ATHError(
                    "INVALID_CREDENTIALS",
                    "These credentials belong to another registration than the agent's.",
                )
            earlier = record.earlier

            def add(owner: Record) -> None:
                held = owner.registration  # another one if the store, not read before, has it
                if held is None or held.client_id == other.client_id:
                    owner.set_registration(other, earlier)

            self._owner.change(add)
            record = record.copy()
            record.registration = None
        self._own.change(partial(Record.replace_all, other=record))

    def snapshot(self) -> Record:
        """A copy that stands alone: with the registration, though another record may hold it."""
        with fork.guard:
            copied = self._own.record.copy()
            copied.registration = self.registration
            copied.earlier = self._owner.record.earlier
        return copied

    def load_first(self) -> Operations[None]:
        """Read those records that were not read yet.

        Raises:
            ATHError: STORAGE_ERROR or INVALID_CREDENTIALS.
        """
        for held in self._each():
            if not held.loaded:
                yield from held.load()

    def load(self) -> Operations[None]:
        """Read both records from the store, whether they were read before or not.

        Raises:
            ATHError: STORAGE_ERROR or INVALID_CREDENTIALS.
        """
        for held in self._each():
            yield from held.load()

    def load_another(self, credential: Callable[[], str | None], refused: str) -> Operations[bool]:
        """Read both records again; return whether there is another credential than the refused one.

        If so, changes that would put the refused token over it are no longer made.

        Raises:
            ATHError: STORAGE_ERROR or INVALID_CREDENTIALS.
        """
        found, changes = False, self._own.withdraw(refused)
        try:
            yield from self.load()
            found = credential() not in (None, refused)
        finally:
            for change in () if found else changes:
                self._own.change(change)
        return found

    def refresh_registration(self) -> Operations[None]:
        """Read the registration again, unless it was read when the user's own record was saved."""
        if self._owner is not self._own:
            yield from self._owner.load()

    def save(self, change: Change) -> Operations[None]:
        """Change the user's own record in memory first, then in the store.

        Raises:
            ATHError: STORAGE_ERROR or INVALID_CREDENTIALS; memory holds the change all the same.
        """
        self._own.change(change)
        yield from self.save_unsaved()

    def save_unsaved(self) -> Operations[None]:
        """Make in the store the changes that it has not acknowledged yet.

        Raises:
            ATHError: as :meth:`save`.
        """
        yield from self._own.save()
        yield from self._owner.save()  # if the store did not take the registration before

    def save_registration(
        self, registration: Registration, instead_of: str | None
    ) -> Operations[None]:
        """Hold a registration that was just made, unless another one than that has come first.

        Raises:
            ATHError: as :meth:`save`.
        """
        add = partial(Record.add_registration, registration=registration, instead_of=instead_of)
        self._owner.change(add)
        yield from self._owner.save()
        yield from self._own.save()

    def forget(self) -> Operations[None]:
        """Remove the user's own record from memory and store.

        Raises:
            ATHError: STORAGE_ERROR.
        """
        yield from self._own.forget()

    def _is_current(self, session: Session) -> bool:
        registration = self.registration
        return registration is None or session.client_id in (None, registration.client_id)

    def _each(self) -> tuple[HeldRecord, ...]:
        return (self._own,) if self._own is self._owner else (self._owner, self._own)
