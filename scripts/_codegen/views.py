"""What the templates write about the fields of a model and about an operation."""

from __future__ import annotations

import re
from dataclasses import dataclass
from keyword import iskeyword
from typing import Any

from openapi_python_client.parser.openapi import Endpoint
from openapi_python_client.parser.properties import ModelProperty
from openapi_python_client.parser.properties.const import ConstProperty
from openapi_python_client.strings import in_f_string_literal

from .document import METHODS, Node, find_definitions, follow, is_secret
from .source import (
    SCALARS,
    Property,
    holds_models,
    is_nullable,
    list_alternatives,
    write_declared_type,
    write_default,
    write_reader,
    write_type,
)

_CLASS_BODY = {
    *("Any", "Literal", "Mapping", "None", "Self", "UUID", "bool", "classmethod", "datetime"),
    *("dict", "float", "int", "list", "self", "str"),
    *("additional_keys", "additional_properties", "from_dict", "to_dict"),
}
"""Names that a generated class uses itself; a field of that name would hide them."""


@dataclass(frozen=True)
class Field:
    """One field of a model."""

    name: str
    key: str
    """Its name in JSON."""
    declaration: str
    doc: str
    required: bool
    lenient: bool
    there: str
    """Whether JSON that was read has the field, if it need not."""
    reader: str
    """What is made once for the module, because no model is needed for it; may be empty."""
    reading: list[str]
    """The statements that take the value out of ``src_dict``."""


@dataclass(frozen=True)
class Operation:
    """One operation."""

    path_arguments: list[str]
    other_arguments: list[str]
    names: list[str]
    path_template: str
    path: str
    query: list[str]
    headers: list[str]
    cookies: list[str]
    media_type: str
    body_is_optional: bool
    answers: list[str]
    success: str
    error: str
    prose: list[str]
    told_arguments: list[str]
    told_success: str

    def signature(self, *more: str) -> str:
        """The arguments; those that are not part of the path by name only."""
        by_name = [*more, *self.other_arguments]
        return ", ".join([*self.path_arguments, *(["*"] if by_name else []), *by_name])

    @property
    def passed(self) -> str:
        """The same arguments, handed on."""
        return ", ".join(f"{name}={name}" for name in self.names)

    def doc(self, detailed: bool) -> str:
        """What a function of the operation does."""
        returns = "Every answer, also an error or one that is not as described."
        raises = ["httpx.HTTPError: No answer came."]
        if self.path_arguments:
            raises.append("ValueError: A part of the path is empty or a dot segment.")
        if not detailed:
            returns = self.told_success
            raises.insert(0, "errors.ResponseError: The answer is no success as described.")
        sections = {"Args": self.told_arguments, "Returns": [returns], "Raises": raises}
        told = [f"{title}:\n    " + "\n    ".join(said) for title, said in sections.items() if said]
        return "\n\n".join(filter(None, [*self.prose, *told]))


class Views:
    """The views of one document; the templates use them as filters."""

    def __init__(self, document: Node) -> None:
        self.document = document
        self.operations = {
            operation["x-module"]: (path, item, operation)
            for path, item in document["paths"].items()
            for method, operation in item.items()
            if method in METHODS
        }

    def _description(self, schema: Node) -> str:
        """What is said of the schema, at the nearest place."""
        parts = find_definitions(self.document, schema, "allOf")
        return next((part["description"] for part in parts if part.get("description")), "")

    def fields(self, model: ModelProperty) -> list[Field]:
        """The fields of a model."""
        properties = [*(model.required_properties or ()), *(model.optional_properties or ())]
        used = {word for prop in properties for word in re.findall(r"\w+", write_type(prop))}
        return [self._field(schema_of(model), prop, used | _CLASS_BODY) for prop in properties]

    def _field(self, model: Node, prop: Property, used: set[str]) -> Field:
        key = prop.name.get_untrusted_value()
        name = key if key.isidentifier() and not key.startswith("_") else str(prop.python_name)
        if iskeyword(name) or name in used:
            name += "_"
        inherited = find_definitions(self.document, model, "allOf")
        said = [part["properties"][key] for part in inherited if key in part.get("properties", {})]
        own = [part for schema in said for part in find_definitions(self.document, schema)]
        lenient = any(part.get("x-ath-lenient") for part in own)
        read = write_reader(prop, null=False)
        if lenient:
            read = f"_reading.lenient({read})"
        composed = read if read.endswith(")") and not holds_models(prop) else ""
        secret = any(is_secret(self.document, schema) for schema in (*said, model))
        return Field(
            name=name,
            key=key,
            declaration=_write_declaration(prop, name, key, secret=secret),
            doc=self._description(said[-1]),
            required=prop.required,
            lenient=lenient,
            there=f"{name}_ is not None" if prop.default is None else f"{key!r} in src_dict",
            reader=composed,
            reading=_reading(prop, name, f"_read_{name}" if composed else read),
        )

    def operation(self, endpoint: Endpoint) -> Operation:
        """The view of one operation."""
        path, item, operation = self.operations[f"api.{endpoint.tags[0]}.{endpoint.name}"]
        arguments = [(str(place), prop) for place, prop in endpoint.iter_all_parameters()]
        said = [*item["parameters"], *operation["parameters"]]
        told = []
        for place, prop in arguments:
            name = prop.name.get_untrusted_value()
            (part,) = [p for p in said if (p["in"], p["name"]) == (place, name)][-1:]
            about = part.get("description") or self._description(part["schema"])
            told.append(f"{prop.python_name}: {about}")

        body = next(iter(endpoint.bodies), None)
        others = [prop for place, prop in arguments if place != "path"]
        names = [str(prop.python_name) for _, prop in arguments]
        if body is not None:
            asked = operation["requestBody"]
            schema = asked["content"][body.content_type.get_untrusted_value()]["schema"]
            told.append(f"body: {asked.get('description') or self._description(schema)}")
            others.insert(0, body.prop)
            names.append("body")

        types: dict[bool, dict[str, None]] = {True: {}, False: {}}
        successes = []
        for answer in endpoint.responses.patterns:
            types[is_success(answer)][write_type(answer.prop) if has_body(answer) else "None"] = (
                None
            )
            if is_success(answer):
                described = operation["responses"][answer.status_code.pattern]
                successes.append(follow(self.document, described)["description"])

        def entries(wanted: str) -> list[str]:
            pairs = [(p.name, p.python_name) for place, p in arguments if place == wanted]
            return [f"{name.get_untrusted_value()!r}: {python}" for name, python in pairs]

        return Operation(
            path_arguments=[_write_argument(prop) for place, prop in arguments if place == "path"],
            other_arguments=[_write_argument(prop) for prop in others],
            names=names,
            path_template=path,
            path=_path(path, endpoint),
            query=entries("query"),
            headers=entries("header"),
            cookies=entries("cookie"),
            media_type=body.content_type.get_untrusted_value() if body else "",
            body_is_optional=body is not None and not body.prop.required,
            answers=[_answer(answer) for answer in endpoint.responses.patterns],
            success=" | ".join(types[True]) or "None",
            error=" | ".join(types[False]) or "None",
            prose=[operation.get("summary", ""), operation.get("description", "")],
            told_arguments=[_join_lines(text).removesuffix(":") for text in told],
            told_success=_join_lines(" ".join(successes[-1:])) or "Nothing.",
        )


def schema_of(model: ModelProperty) -> Node:
    """The schema of a model, as the document has it."""
    return dict(model.data.model_dump(mode="json", by_alias=True, exclude_unset=True))


def has_body(answer: Any) -> bool:
    """Whether the body of an answer of the generator's is described."""
    return bool(answer.source["attribute"] != "None")


def is_success(answer: Any) -> bool:
    """Whether an answer of the generator's has a status of success."""
    return bool(answer.status_code.range[0] // 100 == 2)


def _write_declaration(prop: Property, name: str, key: str, *, secret: bool) -> str:
    value = write_default(prop)
    metadata: Node = {}
    if name != key:
        metadata["name"] = key
    if prop.required and value is not None:
        metadata["required"] = True
    arguments = []
    if value is not None:
        arguments.append(f"default={value}")
    if secret:
        arguments.append("repr=False")
    if metadata:
        arguments.append(f"metadata={metadata!r}")
    declaration = f"{name}: {write_declared_type(prop)}"
    if not arguments:
        return declaration
    if value is not None and len(arguments) == 1:
        return f"{declaration} = {value}"
    return f"{declaration} = _field({', '.join(arguments)})"


def _reading(prop: Property, name: str, read: str) -> list[str]:
    """Statements: a value of the right type as it is, any other as the reader says."""
    local = f"{name}_"
    source = "src_dict[_at]" if prop.required else "src_dict.get(_at)"
    types = " | ".join(map(write_type, list_alternatives(prop)))
    is_scalar = read == f"_reading.{SCALARS.get(types)}"
    value = write_default(prop)
    if read == "_reading.anything":
        return [f"{local} = {source}"]
    if value not in (None, "None") and not prop.required:
        given = f"{read}({value})" if isinstance(prop, ConstProperty) else value
        return [
            f"if ({local} := {source}) is None:",
            f"    {local} = {given}",
            f"elif type({local}) is not {types}:" if is_scalar else "else:",
            f"    {local} = {read}({local})",
        ]
    if is_nullable(prop) or not prop.required:
        return [f"if ({local} := {source}) is not None:", f"    {local} = {read}({local})"]
    if is_scalar:
        return [f"if type({local} := {source}) is not {types}:", f"    {local} = {read}({local})"]
    return [f"{local} = {read}({source})"]


def _write_argument(prop: Property) -> str:
    value = write_default(prop)
    return f"{prop.python_name}: {write_declared_type(prop)}" + (
        f" = {value}" if value is not None else ""
    )


def _path(path: str, endpoint: Endpoint) -> str:
    names = {p.name.get_untrusted_value(): str(p.python_name) for p in endpoint.path_parameters}
    parts = re.split(r"\{(.+?)\}", path)
    for index, part in enumerate(parts):
        if index % 2:
            parts[index] = f"{{_to_segment({names[part]!r}, {names[part]})}}"
        else:
            parts[index] = in_f_string_literal(part)
    return f'f"{"".join(parts)}"' if names else "PATH"


def _answer(answer: Any) -> str:
    first, last = answer.status_code.range
    if not has_body(answer):
        return f"{first}, {last}"
    is_json = answer.source["attribute"] == "response.json()"
    media_type = "application/json" if is_json else "text/plain"
    return f'{first}, {last}, "{media_type}", {write_reader(answer.prop)}'


def _join_lines(text: str) -> str:
    return " ".join(text.split())
