"""Checks of what users pass in: each refuses with INVALID_ARGUMENT and names the argument."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeVar

from .._http.messages import RawHeaders, parse_base
from .._json import MALFORMED
from ..errors import ATHError

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")

# What belongs to the transport or proves who calls; neither a user nor a language model sets it.
_RESERVED = frozenset(
    {
        "acceptencoding",
        "authorization",
        "connection",
        "contentlength",
        "expect",
        "host",
        "keepalive",
        "proxyauthenticate",
        "proxyauthorization",
        "proxyconnection",
        "te",
        "trailer",
        "transferencoding",
        "upgrade",
        "xathagentid",
    }
)
_OVERRIDABLE = re.compile(r"accept|useragent$|contenttype$")


def fold_name(name: str) -> str:
    """A header's name as it reads to servers that fold names: WSGI and CGI take "_" for "-"."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


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


def optional_text(value: object, name: str) -> str | None:
    """None, or text as :func:`require_text` wants it."""
    return None if value is None else require_text(value, name)


def check_agent_id(agent_id: object) -> str:
    """The URL of an agent's identity document, which has to fit into a header.

    Raises:
        ATHError: INVALID_ARGUMENT if it is not https (or http on loopback).
    """
    base = parse_base(agent_id, "agent_id")
    if not isinstance(agent_id, str) or not agent_id.isascii():
        raise ATHError("INVALID_ARGUMENT", "agent_id must be an ASCII URL.")
    if base.is_plaintext:
        raise ATHError("INVALID_ARGUMENT", "agent_id must be an https URL (http on loopback only).")
    return agent_id


def as_list(values: object, name: str) -> list[Any]:
    """A list of the values; text is not taken for the list of its letters.

    Raises:
        ATHError: INVALID_ARGUMENT.
    """
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise ATHError("INVALID_ARGUMENT", f"{name} must be a list.")
    return list(values)


def require_texts(values: object, name: str) -> list[str]:
    """A list of texts, each as :func:`require_text` wants it."""
    return [require_text(value, name) for value in as_list(values, name)]


def as_text(value: object, name: str) -> str:
    """Any text.

    Raises:
        ATHError: INVALID_ARGUMENT.
    """
    if not isinstance(value, str):
        raise ATHError("INVALID_ARGUMENT", f"{name} must be text.")
    return value


def require_seconds(value: object, name: str) -> float:
    """A number of seconds, 0 or more.

    Raises:
        ATHError: INVALID_ARGUMENT.
    """
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= value < math.inf:  # type: ignore[operator]
        raise ATHError("INVALID_ARGUMENT", f"{name} must be a number of seconds, 0 or more.")
    return float(value)  # type: ignore[arg-type]


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
    except MALFORMED as error:
        raise ATHError("INVALID_ARGUMENT", f"{name} does not fit: {error}.") from None


def encode_headers(headers: object) -> RawHeaders:
    """The user's headers as bytes.

    Raises:
        ATHError: INVALID_ARGUMENT for what cannot be sent, could split the request, or is set by
            the client itself.
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
        if fold_name(name) in _RESERVED:
            raise ATHError("INVALID_ARGUMENT", f"The header {name} is set by the client itself.")
        if not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
            raise ATHError(
                "INVALID_ARGUMENT",
                f"The header {name} must be printable ASCII text on one line.",
            )
        raw.append((name.encode("ascii"), value.strip(" \t").encode("ascii")))
    return raw


def encode_call_headers(headers: object, of_client: RawHeaders) -> RawHeaders:
    """The headers of one call, which a language model may have chosen.

    Raises:
        ATHError: INVALID_ARGUMENT as :func:`encode_headers`, and for the ``X-ATH-`` names and those
            that the client or the view was given, in any spelling.
    """
    raw = encode_headers(headers)
    given = {fold_name(name.decode("ascii")) for name, _ in of_client}
    for encoded, _ in raw:
        name = encoded.decode("ascii")
        folded = fold_name(name)
        if folded.startswith("xath") or (folded in given and not _OVERRIDABLE.match(folded)):
            raise ATHError("INVALID_ARGUMENT", f"The header {name} is set by the client itself.")
    return raw


def drop_reserved_headers(raw: RawHeaders, of_client: RawHeaders) -> list[tuple[str, str]]:
    """What another library's client may say in its headers; :func:`encode_call_headers` takes it.

    Its own credentials and cookies are for the provider, which is not who gets them.
    """
    given = {fold_name(name.decode("ascii")) for name, _ in of_client}
    kept: list[tuple[str, str]] = []
    for raw_name, value in raw:
        name = raw_name.decode("latin-1")
        folded = fold_name(name)
        mine = folded in given and not _OVERRIDABLE.match(folded)
        if not (mine or folded in _RESERVED or folded == "cookie" or folded.startswith("xath")):
            kept.append((name, value.decode("latin-1")))
    return kept
