"""What an agent holds at an implementor: its registration, tokens and open sessions.

A :class:`Record` is what one user's (or the agent's own) part of it looks like, in memory and as
the opaque text that a store keeps.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any

from ..errors import ATHError

SESSION_KEPT = 3600.0
"""Seconds that an open session is remembered; servers end it after 10 minutes at most."""


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
        if client_id is None:
            return
        if self.client_id not in (None, client_id):
            self.tokens.clear()
            self.sessions.clear()
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

    def set_token(self, token: Token) -> None:
        """Take a token by hand; one without a provider takes the place of all."""
        if token.provider is None:
            self.tokens.clear()
        self.keep_token(token)

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
        with suppress(  # an error raised in their place would lead back to the text
            ArithmeticError,
            AttributeError,
            LookupError,
            RecursionError,
            TypeError,
            ValueError,
        ):
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
            return record
        raise ATHError("INVALID_CREDENTIALS", "The stored credentials are damaged.") from None


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
