"""From Python values to JSON, to URLs and to headers."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from enum import Enum
from typing import Any
from urllib.parse import quote, unquote


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
