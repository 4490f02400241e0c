"""Properties, as the generator parses them, in Python source."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import Any

from openapi_python_client.parser.properties import EnumProperty, ModelProperty
from openapi_python_client.parser.properties.const import ConstProperty
from openapi_python_client.parser.properties.date import DateProperty
from openapi_python_client.parser.properties.datetime import DateTimeProperty
from openapi_python_client.parser.properties.list_property import ListProperty
from openapi_python_client.parser.properties.union import UnionProperty
from openapi_python_client.parser.properties.uuid import UuidProperty
from openapi_python_client.strings import safe_for_docstring

Property = Any
"""A property of the generator's; its classes have no useful common type."""

SCALARS = {"str": "text", "int": "integer", "float": "number", "bool": "boolean"}
"""The types that need no reading, and the readers that refuse all others."""
_WIDTH = 92  # of a docstring, so that with its indent it stays below 100


def write_type(prop: Property) -> str:
    """The type of a value that is there."""
    if isinstance(prop, UnionProperty):
        return " | ".join(dict.fromkeys(map(write_type, prop.inner_properties)))
    if isinstance(prop, ListProperty):
        return f"list[{write_type(prop.inner_property)}]"
    if isinstance(prop, ConstProperty):
        return f"Literal[{prop.value.raw_value!r}]"
    return str(prop.get_type_string(no_optional=True).as_unembedded_code())


def is_nullable(prop: Property) -> bool:
    """Whether null is a value."""
    return "None" in write_type(prop).split(" | ")


def write_declared_type(prop: Property) -> str:
    """The type of a field or argument, which is None where it may be left out."""
    found = write_type(prop)
    return found if prop.required or found == "Any" or is_nullable(prop) else f"{found} | None"


def write_default(prop: Property) -> str | None:
    """The default; None if there is none."""
    if prop.default is None:
        return None if prop.required else "None"
    if isinstance(prop, DateTimeProperty):
        return f"_reading.moment({prop.default.raw_value!r})"
    if isinstance(prop, EnumProperty | UuidProperty | DateProperty):
        return str(prop.default.python_code.as_unembedded_code())
    return repr(prop.default.raw_value)


def list_alternatives(prop: Property) -> list[Property]:
    """What a value that is not null may be; text that is nothing richer comes last."""
    parts = prop.inner_properties if isinstance(prop, UnionProperty) else [prop]
    found = [part for part in parts if write_type(part) != "None"]
    return sorted(found, key=lambda part: write_type(part) == "str")


def write_reader(prop: Property, *, null: bool | None = None) -> str:
    """What reads a value, of which null may be one."""
    parts = [_reader(part) for part in list_alternatives(prop)]
    if not parts or (is_nullable(prop) if null is None else null):
        parts.append("_reading.null")
    return parts[0] if len(parts) == 1 else f"_reading.either({', '.join(parts)})"


def _reader(prop: Property) -> str:
    name = write_type(prop)
    match prop:
        case ListProperty():
            return f"_reading.array({write_reader(prop.inner_property)})"
        case ModelProperty():
            return f"{name}.from_dict"
        case ConstProperty():
            return f"_reading.constant({prop.value.raw_value!r})"
        case EnumProperty() if prop.value_type is int:
            return f"_reading.parsed({name}, _reading.integer)"
        case EnumProperty() | UuidProperty():
            return f"_reading.parsed({name})"
        case DateTimeProperty():
            return "_reading.moment"
        case DateProperty():
            return "_reading.day"
    return f"_reading.{SCALARS.get(name, 'anything')}"


def holds_models(prop: Property) -> bool:
    """Whether there are models in it, whose classes are imported only when a value is read."""
    if isinstance(prop, UnionProperty):
        return any(map(holds_models, prop.inner_properties))
    if isinstance(prop, ListProperty):
        return holds_models(prop.inner_property)
    return isinstance(prop, ModelProperty)


def select_imports(lines: Iterable[str]) -> list[str]:
    """The imports that the generator asks for, without those that only its own templates need."""
    return sorted({line for line in lines if "UNSET" not in line and "cast" not in line})


def write_docstring(text: Any) -> str:
    """A text as a docstring, wrapped; nothing if there is none."""
    wrapped = "\n".join(map(_wrap, safe_for_docstring(text or "").strip().splitlines()))
    if "\n" in wrapped:
        wrapped += "\n"
    elif wrapped.endswith('"'):
        wrapped += " "
    return f'"""{wrapped}"""' if wrapped else ""


def _wrap(line: str) -> str:
    indent = len(line) - len(line.lstrip())
    return textwrap.fill(
        line,
        _WIDTH,
        subsequent_indent=" " * (indent + 4 if indent else 0),
        break_long_words=False,
        break_on_hyphens=False,
    )
