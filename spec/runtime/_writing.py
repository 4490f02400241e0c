"""From Python values to JSON, to URLs and to headers."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from enum import Enum
from typing import Any
from urllib.parse import quote, unquote

from attrs import fields


def to_json(value: Any) -> Any:
    """What the json module can write for a value of a model."""
    if isinstance(value, list):
        return [to_json(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime.date):  # and a datetime, which is one
        return value.isoformat()
    if type(value).__name__ == "UUID":  # without an import of uuid, which few specs need
        return str(value)
    return value.to_dict() if hasattr(value, "to_dict") else value


def secrets_in(value: Any) -> tuple[str, ...]:
    """The texts that are secret in a value of a model."""
    if isinstance(value, list):
        return tuple(text for item in value for text in secrets_in(item))
    if not hasattr(value, "additional_properties"):
        return ()
    found: list[str] = []
    for a in fields(type(value)):
        inner = getattr(value, a.name)
        if a.init and not a.repr:
            found += [text for text in _texts_in(to_json(inner)) if text]
        else:
            found += secrets_in(inner)
    return tuple(found)


def _texts_in(written: Any) -> list[str]:
    if isinstance(written, dict | list):
        items = written.values() if isinstance(written, dict) else written
        return [text for item in items for text in _texts_in(item)]
    return [written] if isinstance(written, str) else []


def to_text(value: Any) -> str:
    """A value in a URL or a header: as in JSON, but text without quotes."""
    written = to_json(value)
    if isinstance(written, bool):
        return "true" if written else "false"
    if isinstance(written, str | int | float):
        return str(written)
    raise TypeError(f"a {type(value).__name__} cannot be part of a URL or a header")


def to_texts(values: Mapping[str, Any]) -> dict[str, str]:
    """Headers or cookies; None is left out."""
    return {name: to_text(value) for name, value in values.items() if value is not None}


def to_pairs(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """A query or a form: a pair for each item of an array and each property of an object."""
    pairs: list[tuple[str, str]] = []
    for name, value in values.items():
        written = to_json(value)
        if isinstance(written, dict):
            pairs += to_pairs(written)
        else:
            items = written if isinstance(written, list) else [written]
            pairs += [(name, to_text(item)) for item in items if item is not None]
    return pairs


def to_segment(name: str, value: Any) -> str:
    """One segment of a path, escaped.

    Raises:
        ValueError: It would address another endpoint: it is empty or a dot segment, as it stands
            or to a server that decodes more than once.
    """
    text = plain = to_text(value)
    while (decoded := unquote(plain)) != plain:
        plain = decoded
    if plain in ("", ".", ".."):
        raise ValueError(f"{name}: an empty or dot segment is no path parameter")
    return quote(text, safe="")
