"""Checks of what users pass in: each refuses with INVALID_ARGUMENT and names the argument."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeVar

from .._http.messages import RawHeaders
from ..errors import ATHError
from .bodies import UNREADABLE

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")

# What belongs to the transport or proves who calls; neither a user nor a language model sets it.
_RESERVED = frozenset(
    {
        "accept-encoding",
        "authorization",
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-ath-agent-id",
    }
)


class Model(Protocol[T_co]):
    """A generated model class."""

    def from_dict(self, src_dict: Any, /) -> T_co:
        """Read the JSON object."""
        ...


def require_text(value: object, name: str) -> str:
    """Text on one line that is not empty.

    Raises:
        ATHError: INVALID_ARGUMENT.
    """
    if not isinstance(value, str) or not value or not value.isprintable():
        raise ATHError("INVALID_ARGUMENT", f"{name} must be text on one line, not empty.")
    return value


def as_list(values: object, name: str) -> list[Any]:
    """A list of the values; text is not taken for the list of its letters.

    Raises:
        ATHError: INVALID_ARGUMENT.
    """
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise ATHError("INVALID_ARGUMENT", f"{name} must be a list.")
    return list(values)


def as_text(value: object, name: str) -> str:
    """Any text.

    Raises:
        ATHError: INVALID_ARGUMENT.
    """
    if not isinstance(value, str):
        raise ATHError("INVALID_ARGUMENT", f"{name} must be text.")
    return value


def as_texts(values: object, name: str) -> list[str]:
    """A list of any texts.

    Raises:
        ATHError: INVALID_ARGUMENT.
    """
    return [as_text(value, name) for value in as_list(values, name)]


def parse_model(value: Any, kind: Model[T], name: str) -> T:
    """A dict or a model as a checked model of ``kind``.

    Raises:
        ATHError: INVALID_ARGUMENT, naming the field.
    """
    if not isinstance(value, Mapping) and not hasattr(value, "to_dict"):
        raise ATHError("INVALID_ARGUMENT", f"{name} must be a dict or a model of ath_api.")
    try:
        return kind.from_dict(value if isinstance(value, Mapping) else value.to_dict())
    except UNREADABLE as error:
        raise ATHError("INVALID_ARGUMENT", f"{name} does not fit: {error}.") from None


def encode_headers(headers: object, *, per_call: bool = False) -> RawHeaders:
    """The user's headers as bytes.

    Raises:
        ATHError: INVALID_ARGUMENT for what cannot be sent, could split the request, or is set by
            the client itself; per call, the ``X-ATH-`` names are the client's too.
    """
    if headers is None:
        return []
    items = headers.items() if isinstance(headers, Mapping) else headers
    if isinstance(items, str | bytes) or not isinstance(items, Iterable):
        raise ATHError("INVALID_ARGUMENT", "headers must be a mapping of names to values.")
    raw: RawHeaders = []
    for item in items:
        try:
            name, value = item
        except (TypeError, ValueError):
            raise ATHError("INVALID_ARGUMENT", "headers must be pairs of name and value.") from None
        if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
            raise ATHError("INVALID_ARGUMENT", "A header's name holds characters it may not hold.")
        lower = name.lower()
        if lower in _RESERVED or (per_call and lower.startswith("x-ath-")):
            raise ATHError("INVALID_ARGUMENT", f"The header {name} is set by the client itself.")
        if not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
            raise ATHError(
                "INVALID_ARGUMENT",
                f"The header {name} must be printable ASCII text on one line.",
            )
        raw.append((name.encode("ascii"), value.strip(" \t").encode("ascii")))
    return raw
