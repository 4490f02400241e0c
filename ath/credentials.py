"""What an agent holds at an implementor: its registration, tokens and open sessions.

A :class:`Record` is what one user's (or the agent's own) part of it looks like, in memory and as
the opaque text that a store keeps. A :class:`Vault` is a record in use.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any, NamedTuple, Protocol

from ._flight import Flights
from .errors import ATHError

SESSION_KEPT = 3600.0
"""Seconds that an open session is remembered; servers end it after 10 minutes at most."""
_TRIES = 1000  # how often other writers may come first before a store counts as broken


class CredentialKey(NamedTuple):
    """Whose credentials a record holds; ``user`` is None for the agent's own."""

    implementor: str
    agent_id: str
    user: str | None = None


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


@dataclass(frozen=True, slots=True)
class Registration:
    """Who the agent is at this implementor."""

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uris: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Token:
    """An ATH access token; without a provider it serves any, without an expiry it may be dead."""

    access_token: str = field(repr=False)
    provider: str | None = None
    expires_at: float | None = None  # seconds UTC
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Session:
    """A consent that was asked for and not yet exchanged."""

    provider: str
    code_verifier: str = field(repr=False)
    opened_at: float  # seconds UTC


class Record:
    """Credentials that belong to one ``client_id``."""

    __slots__ = ("client_id", "registration", "sessions", "tokens")

    def __init__(self) -> None:
        self.client_id: str | None = None
        self.registration: Registration | None = None
        self.tokens: dict[str | None, Token] = {}
        self.sessions: dict[str, Session] = {}

    def belong_to(self, client_id: str | None) -> None:
        """Drop what another registration left; what was set before any registration stays."""
        if self.client_id not in (None, client_id):
            self.tokens.clear()
            self.sessions.clear()
        if client_id is not None:
            self.client_id = client_id

    def keep_registration(self, registration: Registration) -> None:
        """Take a new or renewed registration."""
        self.belong_to(registration.client_id)
        self.registration = registration

    def keep_token(self, token: Token, session_id: str | None = None) -> None:
        """Take a token as the latest one, and close the session that it came from."""
        self.tokens.pop(token.provider, None)  # so that the latest is the last
        self.tokens[token.provider] = token
        if session_id is not None:
            self.sessions.pop(session_id, None)

    def drop_token(self, token: Token) -> None:
        """Forget a token, unless another has taken its place."""
        held = self.tokens.get(token.provider)
        if held is not None and held.access_token == token.access_token:
            del self.tokens[token.provider]

    def open_session(self, session_id: str, session: Session) -> None:
        """Take a new session and forget those that are long over."""
        oldest = list(islice(self.sessions.items(), 2))  # two for each new one: a constant cost
        for old, held in oldest:
            if held.opened_at < session.opened_at - SESSION_KEPT:
                del self.sessions[old]
        self.sessions[session_id] = session

    def to_text(self) -> str:
        """The form that stores keep."""
        document: dict[str, Any] = {"client_id": self.client_id}
        if self.registration is not None:
            document["registration"] = asdict(self.registration)
        document["tokens"] = [asdict(token) for token in self.tokens.values()]
        document["sessions"] = {key: asdict(session) for key, session in self.sessions.items()}
        return json.dumps(document)

    @classmethod
    def from_text(cls, text: str | None) -> Record:
        """Read it back; None is an empty record.

        Raises:
            ATHError: INVALID_CREDENTIALS if it is not what :meth:`to_text` writes.
        """
        record = cls()
        if text is None:
            return record
        try:
            document = json.loads(text)
            record.client_id = _optional_text(document["client_id"])
            if "registration" in document:
                record.registration = _registration(document["registration"])
                record.client_id = record.registration.client_id
            for item in document["tokens"]:
                record.keep_token(_token(item))
            for key, item in document["sessions"].items():
                opened_at = _seconds(item["opened_at"])
                record.sessions[key] = Session(
                    _text(item["provider"]), _text(item["code_verifier"]), opened_at
                )
        except (AttributeError, LookupError, RecursionError, TypeError, ValueError):
            raise ATHError("INVALID_CREDENTIALS", "The stored credentials are damaged.") from None
        return record


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _optional_text(value: object) -> str | None:
    return None if value is None else _text(value)


def _seconds(value: object) -> float:
    if not isinstance(value, int | float):
        raise TypeError
    return float(value)


def _registration(item: dict[str, Any]) -> Registration:
    uris = tuple(_text(uri) for uri in item["redirect_uris"])
    return Registration(_text(item["client_id"]), _text(item["client_secret"]), uris)


def _token(item: dict[str, Any]) -> Token:
    expires_at = item["expires_at"]
    return Token(
        _text(item["access_token"]),
        _optional_text(item["provider"]),
        None if expires_at is None else _seconds(expires_at),
        tuple(_text(scope) for scope in item["scopes"]),
    )


Change = Callable[[Record], None]


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
        self.flights: Flights = Flights() if parent is None else parent.flights

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

    def require_registration(self) -> Registration:
        """The registration.

        Raises:
            ATHError: NOT_REGISTERED without one.
        """
        registration = self.registration
        if registration is None:
            raise ATHError("NOT_REGISTERED", "This client holds no registration.")
        return registration

    @property
    def _current(self) -> Record:
        """The record, emptied of what a former registration left in it."""
        record, registration = self._record, self.registration
        if registration is not None and record.client_id not in (None, registration.client_id):
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

    def apply(self, change: Change) -> None:
        """Make a change in memory."""
        record = self._current
        with self._lock:
            registration = self.registration
            record.belong_to(registration.client_id if registration else None)
            change(record)

    def persist(self, change: Change) -> None:
        """Make the same change in the store, on top of what other processes wrote there.

        Raises:
            ATHError: STORAGE_ERROR or INVALID_CREDENTIALS; memory holds the change all the same.
        """
        store = self.store
        if store is None:
            return
        registration = self.registration
        for _ in range(_TRIES):
            old = _guarded(store.load, self.key)
            record = Record.from_text(old)
            if registration is not None:
                if self._parent is None and record.client_id != registration.client_id:
                    record.keep_registration(registration)
                record.belong_to(registration.client_id)
            change(record)
            if _guarded(store.replace, self.key, old, record.to_text()):
                return
        raise ATHError("STORAGE_ERROR", "The credential store never accepted the change.")

    def replace(self, record: Record) -> None:
        """Hold what was read elsewhere instead of what is held."""
        with self._lock:
            if record.registration is not None:
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
    """Call a store, which may be the user's own; its failures become ours."""
    try:
        return call(*args)
    except ATHError:
        raise
    except Exception as error:
        raise ATHError(
            "STORAGE_ERROR", f"The credential store failed with {type(error).__name__}."
        ) from error
