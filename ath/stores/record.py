"""What one user (or the agent itself) holds at an implementor, and the text that stores keep of it.

Changes are made by methods that may be called again with the same arguments: the same change is
made to the record in memory and to the newer one in a store, and once more if a write failed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from typing import Any

from .._json import MALFORMED
from ..errors import ATHError
from .members import SESSION, TOKEN, read_members, read_text, take_registration, to_members

SESSION_LIFETIME = 600.0
"""Seconds that a session lives at most (ATH 0.1)."""
KEPT_AFTER_EXPIRY = 86_400.0
"""Seconds that what has expired is still known, so that an error can say that it has expired."""
EARLIER_REGISTRATIONS = 3
"""How many earlier registrations are kept: tokens can be revoked with their own one only."""


@dataclass(frozen=True, slots=True)
class Registration:
    """Who the agent is at this implementor."""

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uris: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Token:
    """An ATH access token; without a provider it serves any."""

    access_token: str = field(repr=False)
    provider: str | None = None
    expires_at: float | None = None
    """Seconds UTC; if None, the token may already have expired."""
    scopes: tuple[str, ...] = ()
    """Those granted; empty if they are not known."""
    client_id: str | None = None
    """The registration that it was granted to."""
    refused: bool = False
    """Whether the implementor has said that it cannot be used any more."""
    session_id: str | None = field(default=None, repr=False)
    """The session that it came from: other workers that wait for that session know by it."""
    others: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """Members that this release does not know."""


@dataclass(frozen=True, slots=True)
class Session:
    """A consent that was asked for and not yet exchanged."""

    provider: str
    code_verifier: str = field(repr=False)
    opened_at: float
    """Seconds UTC."""
    expires_at: float
    """Seconds UTC."""
    client_id: str | None = None
    """The registration that opened it; the session ends with that."""
    scopes: tuple[str, ...] = ()
    state: str | None = field(default=None, repr=False)
    redirect_uri: str | None = None
    authorization_url: str | None = field(default=None, repr=False)
    denied: bool = False
    """Whether the user is known to have denied."""
    others: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """Members that this release does not know."""


class Record:
    """A registration, tokens by provider (the latest last), and open sessions by their id."""

    __slots__ = ("earlier", "others", "registration", "sessions", "tokens")

    def __init__(self) -> None:
        self.registration: Registration | None = None
        self.earlier: tuple[Registration, ...] = ()
        self.tokens: dict[str | None, Token] = {}
        self.sessions: dict[str, Session] = {}
        self.others: dict[str, Any] = {}

    def set_registration(
        self, registration: Registration, earlier: tuple[Registration, ...] = ()
    ) -> None:
        """Take a registration; remember the one whose place it takes, and its own ``earlier``."""
        former = () if self.registration is None else (self.registration,)
        self.registration = registration
        known: dict[str, Registration] = {}
        for one in (*former, *earlier, *self.earlier):
            if one.client_id != registration.client_id:
                known.setdefault(one.client_id, one)
        self.earlier = tuple(known.values())[:EARLIER_REGISTRATIONS]

    def set_credentials(self, client_id: str, client_secret: str) -> None:
        """Take a registration by hand; redirect URIs stay if it is the same one."""
        held = self.registration
        same = held is not None and held.client_id == client_id
        uris = held.redirect_uris if held is not None and same else ()
        self.set_registration(Registration(client_id, client_secret, uris))

    def add_registration(self, registration: Registration, instead_of: str | None) -> None:
        """Take a registration that was just made, unless another one than that has come first."""
        former = self.registration
        if former is None or former.client_id in (instead_of, registration.client_id):
            self.set_registration(registration)

    def registration_of(self, client_id: str | None) -> Registration | None:
        """The registration of that client_id, current or earlier, or None."""
        known = self.earlier if self.registration is None else (self.registration, *self.earlier)
        return next((one for one in known if one.client_id == client_id), None)

    def keep_token(
        self,
        token: Token,
        session_id: str | None = None,
        *,
        instead_of: str | None = None,
        late: bool = False,
    ) -> None:
        """Take a token as the latest one, and close the session that it came from.

        A late one, which the store did not take at once, leaves its place to another than
        ``instead_of`` (an access token) that expires after it: some worker was granted that since.
        """
        held = self.tokens.get(token.provider)
        known = held is None or held.refused or held.access_token == instead_of
        if not late or known or not _expires_after(held, token):
            # The latest is the last. Anew, since others read it: they see the old or the new.
            others = {p: each for p, each in self.tokens.items() if p != token.provider}
            self.tokens = {**others, token.provider: token}
        if session_id is not None:
            self.sessions.pop(session_id, None)

    def set_token(self, token: Token) -> None:
        """Take a token by hand; one without a provider takes the place of all."""
        if token.provider is None:
            self.tokens = {None: token}
        else:
            self.keep_token(token)

    def drop_token(self, access_token: str) -> None:
        """Forget a token."""
        self.tokens = {p: t for p, t in self.tokens.items() if t.access_token != access_token}

    def mark_refused(self, access_token: str) -> None:
        """Remember that the implementor does not accept a token any more."""
        for provider, token in self.tokens.items():
            if token.access_token == access_token and not token.refused:
                self.tokens[provider] = replace(token, refused=True)

    def open_session(self, session_id: str, session: Session) -> None:
        """Take a new session, and forget some that are long over."""
        oldest = list(islice(self.sessions.items(), 2))  # two for each new one: a constant cost
        for old, held in oldest:
            if held.expires_at + KEPT_AFTER_EXPIRY < session.opened_at:
                del self.sessions[old]
        self.sessions[session_id] = session

    def deny_session(self, session_id: str) -> None:
        """Remember that the user has denied; whoever waits for the session learns of it."""
        session = self.sessions.get(session_id)
        if session is not None:
            self.sessions[session_id] = replace(session, denied=True)

    def end_session(self, session_id: str, now: float) -> None:
        """Remember that a session is over before its time; ``now`` is in seconds UTC."""
        session = self.sessions.get(session_id)
        if session is not None:
            ends = min(session.expires_at, now)
            self.sessions[session_id] = replace(session, expires_at=ends)

    def close_session(self, session_id: str) -> None:
        """Forget a session."""
        self.sessions.pop(session_id, None)

    def replace_all(self, other: Record) -> None:
        """Hold what another record holds; a registration only if the other one has one."""
        if other.registration is not None:
            self.set_registration(other.registration, other.earlier)
        self.tokens = dict(other.tokens)
        self.sessions = dict(other.sessions)

    def copy(self) -> Record:
        """A record that holds the same and shares nothing that changes."""
        copied = Record()
        copied.registration, copied.earlier = self.registration, self.earlier
        copied.tokens, copied.sessions = dict(self.tokens), dict(self.sessions)
        copied.others = dict(self.others)
        return copied

    def prune(self, now: float) -> None:
        """Forget what expired more than a day ago; ``now`` is in seconds UTC."""
        limit = now - KEPT_AFTER_EXPIRY
        self.tokens = {
            provider: token
            for provider, token in self.tokens.items()
            if token.expires_at is None or token.expires_at > limit
        }
        self.sessions = {
            key: session for key, session in self.sessions.items() if session.expires_at > limit
        }

    @property
    def is_empty(self) -> bool:
        """Whether it holds nothing at all."""
        held = (self.registration, self.earlier, self.tokens, self.sessions, self.others)
        return not any(held)

    def expires_at(self, now: float) -> float | None:
        """Until when a store must keep the record, in seconds UTC; None for ever."""
        if self.registration is not None or self.earlier or self.others:
            return None
        ends = [session.expires_at for session in self.sessions.values()]
        for token in self.tokens.values():
            if token.expires_at is None:
                return None
            ends.append(token.expires_at)
        return max(ends) + KEPT_AFTER_EXPIRY if ends else now

    def to_text(self, now: float) -> str:
        """The JSON object that stores keep; ``now`` is in seconds UTC."""
        document: dict[str, Any] = dict(self.others)
        if self.registration is not None:
            document |= asdict(self.registration)
        if self.earlier:
            document["earlier_registrations"] = [asdict(one) for one in self.earlier]
        document["tokens"] = [to_members(token) for token in self.tokens.values()]
        document["sessions"] = [
            {"session_id": key, **to_members(session)} for key, session in self.sessions.items()
        ]
        document["expires_at"] = self.expires_at(now)
        return json.dumps(document)

    @classmethod
    def from_text(cls, text: str | None) -> Record:
        """Read it back; None is an empty record.

        Raises:
            ATHError: INVALID_CREDENTIALS if it is not what :meth:`to_text` writes.
        """
        # An error tracker records the variables of a frame that raises, so this one holds nothing,
        # and an error that is raised in the place of these would lead back to the text.
        with suppress(*MALFORMED):
            return _read_record(cls(), text)
        del text
        raise ATHError("INVALID_CREDENTIALS", "The stored credentials are damaged.")


def _expires_after(one: Token | None, other: Token) -> bool:
    """Whether that is known."""
    if one is None or one.expires_at is None or other.expires_at is None:
        return False
    return one.expires_at > other.expires_at


def _read_record(record: Record, text: str | None) -> Record:
    if text is None:
        return record
    document = json.loads(text)
    document.pop("expires_at", None)
    if "client_id" in document:
        record.registration = Registration(**take_registration(document))
    earlier = document.pop("earlier_registrations", [])
    record.earlier = tuple(Registration(**take_registration(item)) for item in earlier)
    for item in document.pop("tokens"):
        record.keep_token(Token(**read_members(TOKEN, item)))
    for item in document.pop("sessions"):
        session_id = item.pop("session_id")
        record.sessions[read_text(session_id)] = Session(**read_members(SESSION, item))
    record.others = document
    return record
