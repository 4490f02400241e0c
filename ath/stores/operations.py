"""The operations of stores on database engines, written once and without I/O.

Each is a generator that yields steps of its engine and is sent what they come to.
"""

from __future__ import annotations

import json
import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from hashlib import sha256
from typing import Any, NamedTuple, TypeAlias, TypeVar

from ..errors import ATHError, Delivery
from .base import CredentialKey, check_key

T = TypeVar("T")

Steps: TypeAlias = Generator[Any, Any, T]
"""One operation: it yields steps of its engine and is sent what each comes to."""

PAGE = 1_000
"""How many keys are read at once."""
_LONGEST_LEASE = 1e9  # seconds; no engine has a word for an infinite one
_LAST_SECOND = 1e11  # UTC; a record that expires later is kept for ever


class Place(NamedTuple):
    """Where a record stands. A digest, since engines do not take any text as a name."""

    digest: str
    key: str
    """The whole key as text; it stands beside the record."""


def _place_of(key: CredentialKey) -> Place:
    """Where the record of that key stands."""
    text = json.dumps(key)
    return Place(sha256(text.encode()).hexdigest(), text)


class KeyReader:
    """Reads back what :func:`_place_of` wrote; what is damaged is counted and stops no other."""

    def __init__(self) -> None:
        self._damaged = 0

    def read(self, texts: Iterable[str | bytes]) -> Iterator[CredentialKey]:
        for text in texts:
            key = _parse_key(text)
            if key is None:
                self._damaged += 1
            else:
                yield key

    def finish(self) -> None:
        """Say so if there was a damaged one.

        Raises:
            ATHError: INVALID_CREDENTIALS.
        """
        if self._damaged:
            raise ATHError(
                "INVALID_CREDENTIALS",
                f"The stored keys of {self._damaged} records are damaged; all others were read.",
            )


def _parse_key(text: str | bytes) -> CredentialKey | None:
    with suppress(RecursionError, ValueError):
        match json.loads(text):
            case [str(implementor), str(agent_id), str() | None as user, bool(registered)]:
                return CredentialKey(implementor, agent_id, user, registered)
            case _:
                pass
    return None


def expiry_of(record: str) -> float | None:
    """Until when a record must be kept, in seconds UTC; None for ever.

    Raises:
        ATHError: INVALID_ARGUMENT if it is not a JSON object, or cannot be encoded.
    """
    with suppress(RecursionError, ValueError):  # these errors hold the whole text
        record.encode()
        document = json.loads(record)
        if isinstance(document, dict):
            return _to_expiry(document.get("expires_at"))
    del record  # an error tracker records the variables of a frame that raises
    raise ATHError("INVALID_ARGUMENT", "A record must be a JSON object.")


def _to_expiry(value: object) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _LAST_SECOND:
        return float(value)
    return None


class Operations(ABC):
    """The operations of one engine, without I/O; ``store`` is the class that users know.

    The engine's part begins with an underscore. It may be carried out twice: an answer can be lost
    after the engine has acted, and libraries repeat commands by themselves.
    """

    def __init__(self, store: str) -> None:
        self.store = store

    def load(self, key: CredentialKey) -> Steps[str | None]:
        check_key(key)
        place = _place_of(key)
        return (yield from repeat_if_lost(lambda: self._load(place)))

    def replace(self, key: CredentialKey, old: str | None, new: str) -> Steps[bool]:
        check_key(key)
        place, expires_at = _place_of(key), expiry_of(new)
        if old is not None and not _can_be_stored(old):
            return False

        def attempt() -> Steps[bool]:
            return self._replace(place, old, new, expires_at)

        try:
            return (yield from attempt())
        except ATHError as error:
            failure = error
        if not _may_be_done(failure):
            raise failure
        found = yield from self._load(place)
        if found != old:
            return bool(found == new)
        if failure._delivery is Delivery.TIMED_OUT:
            raise failure
        return (yield from attempt())

    def delete(self, key: CredentialKey, old: str | None) -> Steps[bool]:
        check_key(key)
        place = _place_of(key)
        if old is not None and not _can_be_stored(old):
            return False
        try:
            return (yield from self._delete(place, old))
        except ATHError as error:
            failure = error
        if not _may_be_done(failure):
            raise failure
        found = yield from self._load(place)
        if found is None:
            return True
        if failure._delivery is Delivery.TIMED_OUT:
            raise failure
        return (yield from self._delete(place, old))

    def acquire(self, key: CredentialKey, owner: str, lease: float) -> Steps[bool]:
        check_key(key)
        place = _place_of(key)
        # The same at each repetition of this call, and another one at the owner's next call.
        holder = secrets.token_hex(16) + _name_of(owner)
        capped = min(_LONGEST_LEASE, lease)
        return (yield from repeat_if_lost(lambda: self._acquire(place, holder, capped)))

    def release(self, key: CredentialKey, owner: str) -> Steps[None]:
        place = _place_of(key)  # no key that acquire() refuses has a lock
        yield from repeat_if_lost(lambda: self._release(place, _name_of(owner)))

    @abstractmethod
    def explain(self, error: Exception) -> ATHError:
        """The error that users see in the place of a library's; it holds nothing of that's text."""

    @abstractmethod
    def _load(self, place: Place) -> Steps[str | None]: ...

    @abstractmethod
    def _replace(
        self, place: Place, old: str | None, new: str, expires_at: float | None
    ) -> Steps[bool]: ...

    @abstractmethod
    def _delete(self, place: Place, old: str | None) -> Steps[bool]: ...

    @abstractmethod
    def _acquire(self, place: Place, holder: str, lease: float) -> Steps[bool]: ...

    @abstractmethod
    def _release(self, place: Place, owner: str) -> Steps[None]: ...

    def failed(self, message: str, delivery: Delivery = Delivery.LOCAL) -> ATHError:
        """A STORAGE_ERROR that names the store."""
        error = ATHError("STORAGE_ERROR", f"{self.store}: {message}")
        error._delivery = delivery
        return error


def _name_of(owner: str) -> str:
    """The owner as text that any engine takes."""
    return sha256(owner.encode(errors="surrogatepass")).hexdigest()


def _may_be_done(failure: ATHError) -> bool:
    """Whether the engine may have acted all the same."""
    return failure._delivery in (Delivery.LOST, Delivery.TIMED_OUT)


def _can_be_stored(text: str) -> bool:
    try:
        return bool(text.encode()) and "\0" not in text  # which no JSON holds
    except UnicodeEncodeError:
        return False


def repeat_if_lost(attempt: Callable[[], Steps[T]]) -> Steps[T]:
    """Once more if the connection broke, as one from a pool does whose server was restarted."""
    try:
        return (yield from attempt())
    except ATHError as error:
        if error._delivery is not Delivery.LOST:
            raise
    return (yield from attempt())
