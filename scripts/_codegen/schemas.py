"""What a schema may say."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from keyword import iskeyword
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from openapi_python_client.parser.properties import EnumProperty
from openapi_python_client.parser.properties.schemas import Class
from openapi_python_client.strings import ClassName, PythonIdentifier, in_double_quote_literal

from .document import Node, Pointer, Problem, definitions, resolve

TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")
FORMATS = {
    "string": "date-time date uuid uri uri-reference email hostname ipv4 ipv6 byte password".split(),
    "integer": ["int32", "int64"],
    "number": ["float", "double"],
}
SCALARS = {"string", "integer", "number", "boolean", "enum", "const", "date", "date-time", "uuid"}
_SHAPES = ("enum", "const", "anyOf", "oneOf", "allOf")
_BELONGS = {"properties": "object", "additionalProperties": "object", "items": "array"}
_PLAIN = {"description", "deprecated", "title", "example", "examples", "externalDocs"}


class Schemas:
    """The rules for schemas, applied to one document."""

    def __init__(self, data: Node) -> None:
        self.data = data
        self._validators: dict[int, Any] = {}

    def check(self, node: Node, where: Pointer) -> Iterator[Problem]:
        """Everything that is wrong with one schema, but for what is inside it."""
        checks: list[Callable[[Node, Pointer], Iterator[Problem]]] = [
            *(self._reference, self._types, self._shape, self._enum, self._const, self._default),
            *(self._object, self._all_of),
        ]
        for rule in checks:
            yield from rule(node, where)

    def _reference(self, node: Node, where: Pointer) -> Iterator[Problem]:
        if "$ref" not in node:
            return
        reference = str(node["$ref"])
        target = resolve(self.data, reference)
        if not reference.startswith("#/components/schemas/") or reference.count("/") != 3:
            yield Problem(where, f"{reference} is no reference to a schema of this document")
        elif not isinstance(target, dict):
            yield Problem(where, f"{reference} leads nowhere")
        for word in node.keys() - _PLAIN - {"$ref"}:
            if not word.startswith("x-"):
                yield Problem((*where, word), f"{word} is ignored beside $ref; write it where that leads")

    def _types(self, node: Node, where: Pointer) -> Iterator[Problem]:
        types = type_list(node)
        for name in types:
            if name not in TYPES:
                yield Problem((*where, "type"), f"{name} is no type; the types are {', '.join(TYPES)}")
        if len(set(types)) != len(types) or ("type" in node and not types):
            yield Problem((*where, "type"), "must name each type once")
        if "format" in node:
            known = [name for kind in types for name in FORMATS.get(kind, ())]
            if node["format"] not in known:
                yield Problem(
                    (*where, "format"),
                    f"{node['format']} is no format that is generated for this type; those are: "
                    f"{', '.join(known) or 'none'}",
                )
        if "array" in types and "items" not in node:
            yield Problem(where, "an array needs items")
        for word, kind in _BELONGS.items():
            implied = kind == "object" and not types
            if word in node and kind not in types and not implied:
                yield Problem((*where, word), f"{word} is for type: {kind}")
        if node.get("additionalProperties", True) not in (True, {}):
            yield Problem(
                (*where, "additionalProperties"),
                "models keep every unknown field, of any type; only true is generated",
            )

    def _shape(self, node: Node, where: Pointer) -> Iterator[Problem]:
        shapes = [word for word in _SHAPES if word in node]
        if len(shapes) > 1:
            yield Problem((*where, shapes[1]), f"{' and '.join(shapes)} together are not generated")
        for word in ("anyOf", "oneOf"):
            if word in node:
                for other in ("type", "properties", "items", "format", "default"):
                    if other in node:
                        yield Problem((*where, other), f"{other} beside {word} is not generated")

    def _enum(self, node: Node, where: Pointer) -> Iterator[Problem]:
        if "enum" not in node:
            return
        place = (*where, "enum")
        enum = node["enum"]
        values = [value for value in enum if value is not None] if isinstance(enum, list) else []
        kind = type(values[0]) if values else None
        if kind not in (str, int) or any(type(value) is not kind for value in values):
            yield Problem(place, "the values must be all strings or all integers; null may be one of them")
            return
        wanted = {str: {"string"}, int: {"integer", "number"}}[kind] | {"null"}
        if set(type_list(node)) - wanted:
            yield Problem(place, "the values are not of the type")
        for value in {json.dumps(value) for value in enum if enum.count(value) > 1}:
            yield Problem(place, f"{value} is there twice")
            return
        names = node.get("x-enum-varnames", [])
        if names and (len(names) != len(values) or not all(isinstance(name, str) for name in names)):
            yield Problem((*where, "x-enum-varnames"), "must name every value of the enum")
            return
        try:
            members = EnumProperty.values_from_list(values, _ANY_CLASS, names)
        except ValueError:
            members = {}
        if len(members) != len(values):
            yield Problem(place, "two values would have the same name in Python; give x-enum-varnames")
        for name in members:
            if not name.isidentifier() or iskeyword(name):
                yield Problem(place, f"{name!r} is no name in Python; give x-enum-varnames")
        for value in values:
            if kind is str and json.loads(f'"{in_double_quote_literal(value)}"') != value:
                yield Problem(place, f"{value!r} holds characters that cannot be written")

    def _const(self, node: Node, where: Pointer) -> Iterator[Problem]:
        if "const" not in node:
            return
        if not isinstance(node["const"], str | int):
            yield Problem((*where, "const"), "must be a string, an integer or a boolean")
        elif isinstance(node.get("type"), list):
            yield Problem((*where, "type"), "a list of types beside const is not generated")
        elif not self.fits(node["const"], {"type": node["type"]} if "type" in node else {}):
            yield Problem((*where, "const"), "is not of the type")

    def _default(self, node: Node, where: Pointer) -> Iterator[Problem]:
        if node.get("default") is None:
            return
        kinds = self.kinds(node) - {"null"}
        if len(kinds) != 1 or kinds - SCALARS or ("enum" in kinds and "null" in self.kinds(node)):
            yield Problem((*where, "default"), "a default is generated for a single value only")
        elif misfit := self.misfit(node["default"], node):
            yield Problem((*where, "default"), f"does not fit: {misfit}")

    def _object(self, node: Node, where: Pointer) -> Iterator[Problem]:
        if "allOf" in where[-2:-1] and "properties" not in node:
            return  # what is required here may be described in the other parts
        known = self.properties(node)
        names: dict[str, str] = {}
        for name in known:
            python = str(PythonIdentifier(name, "field_", skip_snake_case=True))
            if python in names:
                what = f"{names[python]} and {name} would both be called {python} in Python"
                yield Problem((*where, "properties", name), what)
            names[python] = name
        required = node.get("required", [])
        if not isinstance(required, list):
            yield Problem((*where, "required"), "must be an array of names")
            return
        for index, name in enumerate(required):
            if name not in known and "allOf" not in where[-2:-1]:
                yield Problem((*where, "required", index), f"{name} is no property of this object")
        for name, schema in node.get("properties", {}).items() if isinstance(node.get("properties"), dict) else ():
            if isinstance(schema, dict) and "x-ath-lenient" in schema:
                if name in required and "null" not in self.kinds(schema):
                    yield Problem(
                        (*where, "properties", name, "x-ath-lenient"),
                        "a field that becomes null when it does not fit must allow null",
                    )

    def _all_of(self, node: Node, where: Pointer) -> Iterator[Problem]:
        parts = node.get("allOf", [])
        if not isinstance(parts, list):
            return
        if len(parts) == 1 and "$ref" in parts[0] and not node.keys() & {"properties", "required"}:
            return  # another name for what is referred to
        for index, part in enumerate(parts):
            place = (*where, "allOf", index)
            if isinstance(part, dict) and "$ref" not in part and part.keys() & {"allOf", "anyOf", "oneOf", "enum"}:
                yield Problem(place, "must be an object with properties, or a reference to one")
            elif self.kinds(part) - {"object", "any"}:
                yield Problem(place, "only objects can be put together")

    def properties(self, node: Node) -> dict[str, list[Node]]:
        """The properties of an object and what it inherits; all that is said of each."""
        found: dict[str, list[Node]] = {}
        for part in definitions(self.data, node, "allOf"):
            properties = part.get("properties")
            for name, schema in properties.items() if isinstance(properties, dict) else ():
                found.setdefault(name, []).append(schema)
        return found

    def kinds(self, node: Any) -> set[str]:
        """What a value of the schema may be: types, but ``enum``, ``date`` and so on for some strings."""
        found: set[str] = set()
        for part in definitions(self.data, node, "anyOf", "oneOf"):
            if "$ref" in part or "anyOf" in part or "oneOf" in part:
                continue
            if "enum" in part:
                values = part["enum"] if isinstance(part["enum"], list) else []
                found |= {"null" if value is None else "enum" for value in values}
            elif "const" in part:
                found.add("const")
            elif "allOf" in part:
                one = part["allOf"] if len(part["allOf"]) == 1 else []
                found |= self.kinds(one[0]) if one else {"object"}
            elif not type_list(part):
                found.add("object" if "properties" in part else "any")
            else:
                special = part.get("format") in ("date", "date-time", "uuid")
                found |= {
                    part["format"] if special and kind == "string" else kind for kind in type_list(part)
                }
        return found

    def is_flat(self, node: Any) -> bool:
        """Whether a value can be written as pairs of text: single values, and arrays of them."""
        kinds = self.kinds(node) - {"null"}
        items = [part["items"] for part in definitions(self.data, node, "anyOf", "oneOf", "allOf") if "items" in part]
        return kinds <= SCALARS | {"array"} and all(self.kinds(item) <= SCALARS for item in items)

    def fits(self, value: Any, schema: Node) -> bool:
        """Whether the value is one that the schema allows."""
        return not self.misfit(value, schema)

    def misfit(self, value: Any, schema: Node) -> str:
        """Why the value does not fit; empty if it does."""
        # The document comes along, so that references into it resolve.
        try:
            error = best_match(
                Draft202012Validator(
                    {**schema, "components": self.data.get("components", {})}
                ).iter_errors(value)
            )
        except Exception:  # noqa: BLE001 - the schema itself is broken, which other rules say
            return ""
        if error is None:
            return ""
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path)
        return f"{place.lstrip('.')}: {error.message[:300]}" if place else str(error.message[:300])


_ANY_CLASS = Class(name=ClassName("Enum", ""), module_name=PythonIdentifier("enum", ""))


def type_list(node: Any) -> list[Any]:
    """The types that a schema names."""
    found = node.get("type", []) if isinstance(node, dict) else []
    return found if isinstance(found, list) else [found]
