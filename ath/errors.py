"""What can go wrong: one exception, two warnings. The table of codes is in codes.py.

A server's code is passed on as it came, known or not. The codes in :data:`CODES` come with advice.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from ._lazy import responses
from .codes import CODES

__all__ = ["ATHError", "ATHSecurityWarning", "ATHWarning"]


class Delivery(Enum):
    """How far a failed call got: what may be repeated depends on it."""

    LOCAL = "refused here, before anything was sent"
    UNSENT = "no connection: nothing was sent"
    LOST = "the connection broke: the request may have been carried out"
    TIMED_OUT = "no answer in time: the request may have been carried out"
    ANSWERED = "the server answered"


class ATHWarning(UserWarning):
    """Something worked, but a person should look at it."""


class ATHSecurityWarning(ATHWarning):
    """Something worked, but less safely than it should."""


_LONGEST_CODE = 100
LONGEST_MESSAGE = 1_500


def on_one_line(text: str, longest: int = LONGEST_MESSAGE) -> str:
    """Printable text of at most about that many characters."""
    cut = text[:longest]
    if not cut.isprintable():
        cut = "".join(character if character.isprintable() else " " for character in cut)
    return cut if len(text) <= longest else f"{cut}…"


class ATHError(Exception):
    """A call that did not succeed.

    Attributes:
        code: A stable word to branch on: the server's own, or one of :data:`CODES`.
        message: What happened, as a sentence on one printable line. Never contains a secret.
        status: The HTTP status of the answer; None when the error was raised here.
        details: What else the server said, such as the existing ``client_id`` of a CONFLICT. Of a
            PROVIDER_ERROR, the provider's ``status`` and parsed ``body``.
        source: Whose word the error is: ``client`` (raised here, nothing else was said),
            ``implementor`` (the gateway or service) or ``provider`` (the API behind a gateway).
        retry_after: Seconds that the server asks to wait, or None.
        headers: Of the answer: ``retry-after``, ``x-request-id`` and rate limits, in lower case.
        response: The provider's answer, of a PROVIDER_ERROR and of an INVALID_RESPONSE in a call to
            a provider; else None.
        retryable: True if repeating the same call is safe and may help.
    """

    def __init__(
        self,
        code: str,
        message: str,
        status: int | None = None,
        details: Mapping[str, Any] | None = None,
        *,
        source: str | None = None,
        retry_after: float | None = None,
        retryable: bool = False,
        headers: Mapping[str, str] | None = None,
        response: responses.Response | None = None,
    ) -> None:
        code, message = on_one_line(code, _LONGEST_CODE), on_one_line(message)
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.status = status
        self.details: dict[str, Any] = dict(details or {})
        self.source = source or ("client" if status is None else "implementor")
        self.retry_after = retry_after
        self.retryable = retryable
        self.headers: dict[str, str] = dict(headers or {})
        self.response = response
        self._delivery = Delivery.LOCAL if status is None else Delivery.ANSWERED

    @property
    def request_id(self) -> str | None:
        """The server's name for the failed call (``X-Request-Id``), or None."""
        return self.headers.get("x-request-id")

    @property
    def advice(self) -> str:
        """What to do next; empty for a server's code that is not in :data:`CODES`."""
        return CODES.get(self.code, "")

    def copy(self) -> ATHError:
        """The same error without its traceback, for another caller."""
        copied = type(self)(self.code, self.message)
        copied.__dict__.update(self.__dict__, details=dict(self.details))
        copied.__dict__.pop("__notes__", None)
        return copied

    def __str__(self) -> str:
        """Code, status, message and advice on one printable line of at most 2,000 characters."""
        status = "" if self.status is None else f" (HTTP {self.status})"
        stop = "" if self.message.endswith((".", "!", "?")) else "."
        return f"{self.code}{status}: {self.message}{stop} {self.advice}".rstrip()

    def __repr__(self) -> str:
        """Without details, which may be long."""
        return f"ATHError(code={self.code!r}, message={self.message!r}, status={self.status!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by value: the state carries the rest, notes included."""
        return type(self), (self.code, self.message), self.__dict__
