"""Readers: each returns what a model holds for a value of parsed JSON, or raises FieldError."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from operator import length_hint
from typing import Any, TypeVar

from .errors import FieldError

T = TypeVar("T")
Reader = Callable[[Any], Any]

_JSON_TYPES: dict[type, str] = {
    bool: "a boolean",
    dict: "an object",
    float: "a number",
    int: "a number",
    list: "an array",
    str: "a string",
    type(None): "null",
}


def wrong_type(expected: str, value: object) -> FieldError:
    """The error for a value of the wrong JSON type."""
    found = _JSON_TYPES.get(type(value), type(value).__name__)
    return FieldError("", f"expected {expected}, not {found}", expected)


def anything(value: Any) -> Any:
    return value


def null(value: Any) -> Any:
    if value is not None:
        raise wrong_type("null", value)


def text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise wrong_type("a string", value)


def boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise wrong_type("a boolean", value)


def integer(value: Any) -> int:
    """To JSON, 3600.0 is an integer as well."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise wrong_type("an integer", value)


def number(value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise wrong_type("a number", value)


def mapping(value: Any) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    raise wrong_type("an object", value)


def moment(value: Any) -> datetime.datetime:
    """An RFC 3339 time; one that names no offset is taken as UTC, so that times can be compared."""
    found = _parsed(datetime.datetime.fromisoformat, text(value).upper())
    return found if found.tzinfo else found.replace(tzinfo=datetime.UTC)


def day(value: Any) -> datetime.date:
    return _parsed(datetime.date.fromisoformat, text(value))


_UNCHANGED: dict[Reader, type] = {text: str, boolean: bool, integer: int}
"""The type of the values that these readers leave as they are."""


def constant(only: str | int | bool) -> Reader:
    """The one value that is allowed."""

    def read(value: Any) -> Any:
        if value == only and isinstance(value, bool) == isinstance(only, bool):
            return only
        raise FieldError("", "not the one value that is allowed")

    return read


def parsed(kind: Callable[[Any], T], json_type: Callable[[Any], Any] = text) -> Callable[[Any], T]:
    """A value of an enum or another class whose constructor knows what is allowed."""
    return lambda value: _parsed(kind, json_type(value))


def _parsed(kind: Callable[[Any], T], value: Any) -> T:
    try:
        return kind(value)
    except ValueError:
        raise FieldError("", "not a value that is allowed") from None


def array(read: Reader) -> Callable[[Any], list[Any]]:
    """An array; the errors of its items say which one does not fit."""
    unchanged = _UNCHANGED.get(read)

    def read_array(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise wrong_type("an array", value)
        for item in value:
            if type(item) is not unchanged:
                break
        else:
            return value
        items = iter(value)
        try:
            return [read(item) for item in items]
        except FieldError as error:
            index = len(value) - length_hint(items) - 1
            raise error.inside(f"[{index}]") from None

    return read_array


def either(*readers: Reader) -> Reader:
    """The first alternative that fits."""

    def read(value: Any) -> Any:
        errors = []
        for alternative in readers:
            try:
                return alternative(value)
            except FieldError as error:
                errors.append(error)
        # An alternative of the right JSON type knows best what is wrong.
        closest = [error for error in errors if not error.expected]
        if len(closest) == 1:
            raise closest[0]
        if closest:
            raise FieldError("", "fits none of the alternatives")
        raise wrong_type(" or ".join(dict.fromkeys(error.expected for error in errors)), value)

    return read


def lenient(read: Reader) -> Reader:
    """None in place of a value that does not fit (x-ath-lenient)."""

    def read_leniently(value: Any) -> Any:
        try:
            return read(value)
        except FieldError:
            return None

    return read_leniently
