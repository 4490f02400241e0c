"""Contains some shared types for properties"""

import datetime
from collections.abc import Callable, Mapping, MutableMapping
from typing import IO, Any, BinaryIO, Generic, TypeVar
from urllib.parse import quote, unquote

from attrs import define, field

from .errors import FieldError

_JSON_TYPES: dict[type, str] = {
    bool: "a boolean",
    dict: "an object",
    float: "a number",
    int: "a number",
    list: "an array",
    str: "a string",
    type(None): "null",
}


def wrong_type(path: str, expected: str, value: object) -> FieldError:
    """The error for a value of the wrong JSON type."""
    found = _JSON_TYPES.get(type(value), type(value).__name__)
    return FieldError(path, f"expected {expected}, not {found}")


def wrong_item(path: str, expected: str, items: list[Any], item: object) -> FieldError:
    """The error for the first item of the wrong JSON type; the caller's loop stopped at it."""
    index = next(index for index, other in enumerate(items) if other is item)
    return wrong_type(f"{path}[{index}]", expected, item)


def whole_number(path: str, value: Any) -> int:
    """The last chance of a value that is no int: to JSON, 3600.0 is an integer as well."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise wrong_type(path, "an integer", value)


def read_datetime(text: str) -> datetime.datetime:
    """An RFC 3339 time; one that names no offset is taken as UTC, so that times can be compared."""
    moment = datetime.datetime.fromisoformat(text.upper())
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)


Model = TypeVar("Model")


def read_object(path: str, value: Any, read: Callable[[Any], Model]) -> Model:
    """An object inside an object; its errors get the path to it."""
    try:
        return read(value)
    except FieldError as error:
        raise error.inside(path) from None


def read_objects(path: str, values: list[Any], read: Callable[[Any], Model]) -> list[Model]:
    """An array of objects; their errors get the path to the one that does not fit."""
    models: list[Model] = []
    try:
        for value in values:
            models.append(read(value))
    except FieldError as error:
        raise error.inside(f"{path}[{len(models)}]") from None
    return models


def path_segment(name: str, value: object) -> str:
    """One segment of a path, escaped.

    Raises:
        ValueError: It is empty or a dot segment, as it stands or to a server that decodes more than once.
    """
    text = plain = str(value)
    while (decoded := unquote(plain)) != plain:
        plain = decoded
    if plain in ("", ".", ".."):
        raise ValueError(f"{name}: an empty or dot segment is no path parameter")
    return quote(text, safe="")


# The types that `httpx.Client(files=)` can accept, copied from that library.
FileContent = IO[bytes] | bytes | str
FileTypes = (
    # (filename, file (or bytes), content_type)
    tuple[str | None, FileContent, str | None]
    # (filename, file (or bytes), content_type, headers)
    | tuple[str | None, FileContent, str | None, Mapping[str, str]]
)
RequestFiles = list[tuple[str, FileTypes]]


@define
class File:
    """Contains information for file uploads"""

    payload: BinaryIO
    file_name: str | None = None
    mime_type: str | None = None

    def to_tuple(self) -> FileTypes:
        """Return a tuple representation that httpx will accept for multipart/form-data"""
        return self.file_name, self.payload, self.mime_type


T = TypeVar("T")

# What reading a body can raise, however broken or hostile the body is.
UNREADABLE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


@define
class Response(Generic[T]):
    """A response from an endpoint; ``parsed`` is None when the body is not what the spec says"""

    status_code: int
    content: bytes = field(repr=False)
    headers: MutableMapping[str, str] = field(repr=False)
    parsed: T | None


__all__ = ["File", "FileTypes", "RequestFiles", "Response"]
