"""What a schema may say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from keyword import iskeyword
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from openapi_python_client.parser.properties import EnumProperty
from openapi_python_client.parser.properties.schemas import Class
from openapi_python_client.strings import ClassName, PythonIdentifier, in_double_quote_literal

from .document import Node, Pointer, Problem, find_definitions, resolve

TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")
FORMATS = {
    "string": (
        *("date-time", "date", "uuid", "uri", "uri-reference", "email", "hostname"),
        *("ipv4", "ipv6", "byte", "password"),
    ),
    "integer": ("int32", "int64"),
    "number": ("float", "double"),
}
SCALARS = {"string", "integer", "number", "boolean", "enum", "const", "date", "date-time", "uuid"}
_SHAPES = ("enum", "const", "anyOf", "oneOf", "allOf")
_BELONGS = {"properties": "object", "additionalProperties": "object", "items": "array"}
_BESIDE_REF = {"$ref", "description", "deprecated", "example", "examples", "externalDocs", "title"}
_ANY_CLASS = Class(name=ClassName("Enum", ""), module_name=PythonIdentifier("enum", ""))


class Schemas:
    """The rules for schemas, applied to one document."""

    def __init__(self, data: Node) -> None:
        self.data = data

    def check(self, node: Node, where: Pointer) -> Iterator[Problem]:
        """Everything that is wrong with one schema, but for what is inside it."""
        if "x-ath-lenient" in node and where[-2] not in ("properties", "schemas"):
            yield Problem((*where, "x-ath-lenient"), "only a field of a model can be lenient")
        yield from self._reference(node, where)
        yield from self._types(node, where)
        yield from self._shape(node, where)
        if "enum" in node:
            yield from self._enum(node, (*where, "enum"))
        if "const" in node:
            yield from self._const(node, (*where, "const"))
        if "default" in node and (node["default"] is not None or self.misfit(None, node)):
            yield from self._default(node, (*where, "default"))
        yield from self._object(node, where)
        yield from self._all_of(node, where)

    def _reference(self, node: Node, where: Pointer) -> Iterator[Problem]:
        if "$ref" not in node:
            return
        reference = str(node["$ref"])
        if not reference.startswith("#/components/schemas/") or reference.count("/") != 3:
            yield Problem(where, f"{reference} is no reference to a schema of this document")
        elif not isinstance(resolve(self.data, reference), dict):
            yield Problem(where, f"{reference} leads nowhere")
        for word in node.keys() - _BESIDE_REF:
            if not word.startswith("x-"):
                what = f"{word} is ignored beside $ref; write it where that leads"
                yield Problem((*where, word), what)

    def _types(self, node: Node, where: Pointer) -> Iterator[Problem]:
        types = list_types(node)
        for name in types:
            if name not in TYPES:
                what = f"{name} is no type; the types are {', '.join(TYPES)}"
                yield Problem((*where, "type"), what)
        if len(set(types)) != len(types) or ("type" in node and not types):
            yield Problem((*where, "type"), "must name each type once")
        known = [name for kind in types for name in FORMATS.get(kind, ())]
        if "format" in node and node["format"] not in known:
            what = f"{node['format']} is no format that is generated for this type"
            yield Problem((*where, "format"), f"{what}; known: {', '.join(known) or 'none'}")
        if "array" in types and "items" not in node:
            yield Problem(where, "an array needs items")
        for word, kind in _BELONGS.items():
            if word in node and kind not in (types or ["object"]):
                yield Problem((*where, word), f"{word} is for type: {kind}")
        if node.get("additionalProperties", True) not in (True, {}):
            what = "models keep every unknown field, of any type; only true is generated"
            yield Problem((*where, "additionalProperties"), what)

    def _shape(self, node: Node, where: Pointer) -> Iterator[Problem]:
        shapes = [word for word in _SHAPES if word in node]
        if len(shapes) > 1:
            what = f"{' and '.join(shapes)} together are not generated"
            yield Problem((*where, shapes[1]), what)
        if "anyOf" in node or "oneOf" in node:
            for word in ("type", "properties", "items", "format", "default"):
                if word in node:
                    what = f"{word} beside {shapes[0]} is not generated"
                    yield Problem((*where, word), what)

    def _enum(self, node: Node, where: Pointer) -> Iterator[Problem]:
        enum, names = node["enum"], node.get("x-enum-varnames", [])
        values = [value for value in enum if value is not None] if isinstance(enum, list) else []
        kind = type(values[0]) if values else None
        if kind not in (str, int) or any(type(value) is not kind for value in values):
            what = "the values must be all strings or all integers; null may be one of them"
            yield Problem(where, what)
            return
        if set(list_types(node)) - (
            {"string", "null"} if kind is str else {"integer", "number", "null"}
        ):
            yield Problem(where, "the values are not of the type")
        twice = {json.dumps(value) for value in enum if enum.count(value) > 1}
        if twice:
            yield Problem(where, f"{', '.join(sorted(twice))} is there twice")
            return
        if names and len(names) != len(values):
            yield Problem(where, "x-enum-varnames must name every value")
            return
        try:
            members = EnumProperty.values_from_list(values, _ANY_CLASS, names)
        except ValueError:
            members = {}
        if len(members) != len(values):
            what = "two values would have the same name in Python; give x-enum-varnames"
            yield Problem(where, what)
        for name in members:
            if not name.isidentifier() or iskeyword(name):
                yield Problem(where, f"{name!r} is no name in Python; give x-enum-varnames")
        for value in values:
            if kind is str and json.loads(f'"{in_double_quote_literal(value)}"') != value:
                yield Problem(where, f"{value!r} holds characters that cannot be written")

    def _const(self, node: Node, where: Pointer) -> Iterator[Problem]:
        if not isinstance(node["const"], str | int):
            yield Problem(where, "must be a string, an integer or a boolean")
        elif isinstance(node.get("type"), list):
            yield Problem(where, "a list of types beside const is not generated")
        elif "type" in node and self.misfit(node["const"], {"type": node["type"]}):
            yield Problem(where, "is not of the type")

    def _default(self, node: Node, where: Pointer) -> Iterator[Problem]:
        kinds = self.kinds(node)
        if len(kinds - {"null"}) != 1 or kinds - SCALARS - {"null"} or kinds == {"enum", "null"}:
            yield Problem(where, "a default is generated for a single value only")
        elif misfit := self.misfit(node["default"], node):
            yield Problem(where, f"does not fit: {misfit}")
        elif "integer" in kinds and isinstance(node["default"], float):
            yield Problem(where, "an integer is written without a point")

    def _object(self, node: Node, where: Pointer) -> Iterator[Problem]:
        properties = self.properties(node)
        required = node.get("required", [])
        if not isinstance(required, list):
            return  # the validator says it
        names: dict[str, str] = {}
        for name, said in properties.items():
            python = str(PythonIdentifier(name, "field_", skip_snake_case=True))
            if python in names:
                what = f"{names[python]} and {name} would both be called {python} in Python"
                yield Problem((*where, "properties", name), what)
            names[python] = name
            lenient = any(part.get("x-ath-lenient") for part in said)
            if lenient and name in required and "null" not in self.kinds(said[0]):
                what = "x-ath-lenient needs null, which a value becomes that does not fit"
                yield Problem((*where, "properties", name), what)
        if "allOf" in where[-2:-1]:
            return  # what is required here may be described in the other parts
        for index, name in enumerate(required):
            if name not in properties:
                what = f"{name} is no property of this object"
                yield Problem((*where, "required", index), what)

    def _all_of(self, node: Node, where: Pointer) -> Iterator[Problem]:
        parts = node.get("allOf", [])
        if len(parts) == 1 and "$ref" in parts[0] and not node.keys() & {"properties", "required"}:
            return  # another name for what is referred to
        for index, part in enumerate(parts):
            place = (*where, "allOf", index)
            if "$ref" not in part and part.keys() & set(_SHAPES):
                yield Problem(place, "must be an object with properties, or a reference to one")
            elif self.kinds(part) - {"object", "any"}:
                yield Problem(place, "only objects can be put together")

    def properties(self, node: Any) -> dict[str, list[Node]]:
        """The properties of an object and what it inherits; all that is said of each."""
        found: dict[str, list[Node]] = {}
        for part in find_definitions(self.data, node, "allOf"):
            for name, schema in part.get("properties", {}).items():
                found.setdefault(name, []).append(schema)
        return found

    def kinds(self, node: Any) -> set[str]:
        """What a value may be: types, but ``enum``, ``date`` and so on for some strings."""
        found: set[str] = set()
        for part in find_definitions(self.data, node, "anyOf", "oneOf"):
            if part.keys() & {"$ref", "anyOf", "oneOf"}:
                continue  # the parts follow
            if "enum" in part:
                found |= {"null" if value is None else "enum" for value in part["enum"]}
            elif "const" in part:
                found.add("const")
            elif "allOf" in part:
                alone = len(part["allOf"]) == 1
                found |= self.kinds(part["allOf"][0]) if alone else {"object"}
            elif not list_types(part):
                found.add("object" if "properties" in part else "any")
            else:
                special = part.get("format") in SCALARS
                found |= {
                    part["format"] if special and kind == "string" else kind
                    for kind in list_types(part)
                }
        return found

    def is_circular(self, node: Node) -> bool:
        """Whether it refers to itself with no object in between, which nothing here can follow."""
        words = ("allOf", "anyOf", "oneOf", "items")
        inner = {word: node[word] for word in ("$ref", *words) if word in node}
        return any(part is node for part in find_definitions(self.data, inner, *words))

    def is_flat(self, node: Any) -> bool:
        """Whether it can be written as pairs of text: single values, and arrays of them."""
        parts = find_definitions(self.data, node, "anyOf", "oneOf", "allOf")
        items = [part["items"] for part in parts if "items" in part]
        return self.kinds(node) <= SCALARS | {"array", "null"} and all(
            self.kinds(item) <= SCALARS for item in items
        )

    def misfit(self, value: Any, schema: Node) -> str:
        """Why the value does not fit; empty if it does."""
        # The document comes along, so that references into it resolve.
        whole = {**schema, "components": self.data.get("components", {})}
        formats = Draft202012Validator.FORMAT_CHECKER
        try:
            validator = Draft202012Validator(whole, format_checker=formats)
            error = best_match(validator.iter_errors(value))
        except Exception:  # the schema itself is broken, which other rules say
            return ""
        if error is None:
            only_objects = self.kinds(schema) == {"object"} and not isinstance(value, dict)
            return "it is no object" if only_objects else ""
        return f"{error.json_path.removeprefix('$')} {error.message[:300]}".strip(" .")


def list_types(node: Any) -> list[Any]:
    """The types that a schema names."""
    found = node.get("type", []) if isinstance(node, dict) else []
    return found if isinstance(found, list) else [found]
