"""What the templates write about fields and operations, as Python source."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from keyword import iskeyword
from typing import Any

from openapi_python_client.parser.openapi import Endpoint
from openapi_python_client.parser.properties import EnumProperty, ModelProperty
from openapi_python_client.parser.properties.const import ConstProperty
from openapi_python_client.parser.properties.date import DateProperty
from openapi_python_client.parser.properties.datetime import DateTimeProperty
from openapi_python_client.parser.properties.list_property import ListProperty
from openapi_python_client.parser.properties.union import UnionProperty
from openapi_python_client.parser.properties.uuid import UuidProperty
from openapi_python_client.strings import in_f_string_literal, safe_for_docstring

from .document import METHODS, Node, Refused, definitions, is_secret, referred

Property = Any
"""A property of the generator's; its classes have no useful common type."""

_SCALARS = {"str": "text", "int": "integer", "float": "number", "bool": "boolean"}
_CLASS_BODY = {
    *("Any", "Literal", "Mapping", "None", "Self", "UUID", "bool", "classmethod", "datetime"),
    *("dict", "float", "int", "list", "self", "str"),
    *("additional_keys", "additional_properties", "from_dict", "to_dict"),
}
"""Names that a generated class uses itself; a field of that name would hide them."""


def hint(prop: Property) -> str:
    """The type of a value that is there."""
    if isinstance(prop, UnionProperty):
        return " | ".join(dict.fromkeys(hint(inner) for inner in prop.inner_properties))
    if isinstance(prop, ListProperty):
        return f"list[{hint(prop.inner_property)}]"
    if isinstance(prop, ConstProperty):
        return f"Literal[{prop.value.raw_value!r}]"
    return str(prop.get_type_string(no_optional=True).as_unembedded_code())


def declared(prop: Property) -> str:
    """The type of a field or argument, which is None where it may be left out."""
    found = hint(prop)
    if prop.required or found == "Any" or "None" in found.split(" | "):
        return found
    return f"{found} | None"


def default(prop: Property) -> str | None:
    """The default; None if there is none."""
    if prop.default is None:
        return None if prop.required else "None"
    if isinstance(prop, DateTimeProperty):
        return f"_reading.moment({prop.default.raw_value!r})"
    if isinstance(prop, EnumProperty | UuidProperty | DateProperty):
        return str(prop.default.python_code.as_unembedded_code())
    return repr(prop.default.raw_value)


def alternatives(prop: Property) -> list[Property]:
    """What a value that is not null may be; text that is nothing richer comes last."""
    parts = prop.inner_properties if isinstance(prop, UnionProperty) else [prop]
    return sorted(
        (part for part in parts if hint(part) != "None"), key=lambda part: hint(part) == "str"
    )


def reader(prop: Property, *, null: bool) -> str:
    """What reads a value, of which null may be one."""
    parts = [_reader(part) for part in alternatives(prop)]
    if null or not parts:
        parts.append("_reading.null")
    return parts[0] if len(parts) == 1 else f"_reading.either({', '.join(parts)})"


def _reader(prop: Property) -> str:
    name = hint(prop)
    if name in _SCALARS:
        return f"_reading.{_SCALARS[name]}"
    match prop:
        case ListProperty():
            return f"_reading.array({reader(prop.inner_property, null=nullable(prop.inner_property))})"
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
    return "_reading.anything"


def nullable(prop: Property) -> bool:
    """Whether null is a value."""
    return "None" in hint(prop).split(" | ")


def holds_models(prop: Property) -> bool:
    """Whether there are models in it, whose classes are imported only when a value is read."""
    inner = getattr(prop, "inner_properties", None) or [getattr(prop, "inner_property", None)]
    return isinstance(prop, ModelProperty) or any(holds_models(part) for part in inner if part)


def imports(lines: Iterable[str]) -> list[str]:
    """The imports that the generator asks for, without those that only its own templates need."""
    return sorted({line for line in lines if "UNSET" not in line and "cast" not in line})


def docstring(text: Any) -> str:
    """A text as a docstring, wrapped; nothing if there is none."""
    lines = safe_for_docstring(text or "").strip().splitlines()
    wrapped = "\n".join(map(_wrap, lines))
    if "\n" in wrapped:
        wrapped += "\n"
    elif wrapped.endswith('"'):
        wrapped += " "
    return f'"""{wrapped}"""' if wrapped else ""


def _wrap(line: str) -> str:
    indent = len(line) - len(line.lstrip())
    further = " " * (indent + 4 if indent else 0)
    return textwrap.fill(
        line, 92, subsequent_indent=further, break_long_words=False, break_on_hyphens=False
    )


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
    reader: str
    """What is called once for the module, because it is made of readers only; may be empty."""
    reading: list[str]
    """The statements that take the value out of ``src_dict``."""


@dataclass(frozen=True)
class Operation:
    """One operation, and what its functions look like."""

    parameters: list[str]
    keywords: list[str]
    path: str
    query: list[str]
    headers: list[str]
    cookies: list[str]
    media_type: str
    body_is_optional: bool
    answers: list[str]
    success: str
    error: str
    summary: str
    description: str
    arguments: list[str]
    returns: str
    names: list[str]

    def signature(self, *more: str) -> str:
        """The arguments; those that are not part of the path by name only."""
        by_name = [*more, *self.keywords]
        return ", ".join([*self.parameters, *(["*"] if by_name else []), *by_name])

    @property
    def passed(self) -> str:
        """The same arguments, handed on."""
        return ", ".join(f"{name}={name}" for name in self.names)

    def doc(self, detailed: bool) -> str:
        """What a function of the operation does."""
        returns = "Every answer, also an error or one that is not as described."
        raises = ["httpx.HTTPError: No answer came."]
        if self.parameters:
            raises.append("ValueError: A part of the path is empty or a dot segment.")
        if not detailed:
            returns = self.returns
            raises.insert(0, "errors.ResponseError: The answer is not the success that is described.")
        sections = {"Args": self.arguments, "Returns": [returns], "Raises": raises}
        told = [f"{title}:\n    " + "\n    ".join(items) for title, items in sections.items() if items]
        return "\n\n".join(filter(None, [self.summary, self.description, *told]))


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

    def description(self, schema: Node) -> str:
        """What is said of the schema, at the nearest place."""
        said = (part.get("description", "") for part in definitions(self.document, schema, "allOf"))
        return next(filter(None, said), "")

    def fields(self, model: ModelProperty) -> list[Field]:
        """The fields of a model.

        Raises:
            Refused: Two of them would have the same name in Python.
        """
        schema = raw(model)
        props = [*(model.required_properties or ()), *(model.optional_properties or ())]
        used = {word for prop in props for word in re.findall(r"\w+", hint(prop))} | _CLASS_BODY
        fields = [self._field(schema, prop, used) for prop in props]
        keys: dict[str, str] = {}
        for field in fields:
            if field.name in keys:
                raise Refused(
                    f"{model.class_info.name}: the fields {keys[field.name]} and {field.key} would"
                    f" both be called {field.name} in Python"
                )
            keys[field.name] = field.key
        return fields

    def _field(self, model: Node, prop: Property, used: set[str]) -> Field:
        key = prop.name.get_untrusted_value()
        name = key if key.isidentifier() and not key.startswith("_") else str(prop.python_name)
        if iskeyword(name) or name in used:
            name += "_"
        inherited = definitions(self.document, model, "allOf")
        said = [part["properties"][key] for part in inherited if key in part.get("properties", {})]
        lenient = any(part.get("x-ath-lenient") for schema in said for part in definitions(self.document, schema))

        value = default(prop)
        metadata: Node = {"name": key} if name != key else {}
        if value is not None and prop.required:
            metadata["required"] = True
        arguments = [f"default={value}"] if value is not None else []
        if model.get("x-ath-secret") or any(is_secret(self.document, part) for part in said):
            arguments.append("repr=False")
        if metadata:
            arguments.append(f"metadata={metadata!r}")
        assigned = f" = _field({', '.join(arguments)})" if arguments else ""
        if arguments == [f"default={value}"]:
            assigned = f" = {value}"

        read = reader(prop, null=False)
        if lenient:
            read = f"_reading.lenient({read})"
        composed = "" if holds_models(prop) or not read.endswith(")") else read
        local = f"{name}_"
        source = "src_dict[_at]" if prop.required else "src_dict.get(_at)"
        call = f"_read_{name}" if composed else read
        kinds = " | ".join(map(hint, alternatives(prop)))
        quick = f"type({local}) is not {kinds}" if kinds in _SCALARS and not lenient else ""
        if value not in (None, "None") and not prop.required:
            given = f"{call}({value})" if isinstance(prop, ConstProperty) else value
            reading = [f"if ({local} := {source}) is None:", f"    {local} = {given}"]
            reading += [f"elif {quick}:" if quick else "else:", f"    {local} = {call}({local})"]
        elif nullable(prop) or not prop.required:
            reading = [f"if ({local} := {source}) is not None:", f"    {local} = {call}({local})"]
        elif quick:
            reading = [f"if {quick.replace(local, f'{local} := {source}')}:", f"    {local} = {call}({local})"]
        else:
            reading = [f"{local} = {call}({source})"]
        if read == "_reading.anything":
            reading = [f"{local} = {source}"]

        return Field(
            name=name,
            key=key,
            declaration=f"{name}: {declared(prop)}{assigned}",
            doc=self.description(said[-1]),
            required=prop.required,
            lenient=lenient,
            reader=composed,
            reading=reading,
        )

    def operation(self, endpoint: Endpoint) -> Operation:
        """The view of one operation."""
        path, item, operation = self.operations[f"api.{endpoint.tags[0]}.{endpoint.name}"]
        said = [*operation["parameters"], *item["parameters"]]
        arguments = [(str(place), prop) for place, prop in endpoint.iter_all_parameters()]
        described = {(p["in"], p["name"]): p for p in reversed(said)}
        told = []
        for place, prop in arguments:
            parameter = described[place, prop.name.get_untrusted_value()]
            text = parameter.get("description") or self.description(parameter["schema"])
            told.append(f"{prop.python_name}: {' '.join(text.split())}".rstrip(" :"))

        body = next(iter(endpoint.bodies), None)
        by_name = [prop for place, prop in arguments if place != "path"]
        if body is not None:
            by_name.insert(0, body.prop)
            said_of_body = operation["requestBody"]
            schema = said_of_body["content"][body.content_type.get_untrusted_value()]["schema"]
            text = said_of_body.get("description") or self.description(schema)
            told.append(f"body: {' '.join(text.split())}".rstrip(" :"))
        successes, errors, answers = [], [], []
        returns = ""
        for response in endpoint.responses.patterns:
            first, last = response.status_code.range or (0, 0)
            has_body = response.source["attribute"] != "None"
            (successes if first // 100 == 2 else errors).append(hint(response.prop) if has_body else "None")
            answers.append(_answer(response) if has_body else f"{first}, {last}")
            if first // 100 == 2:
                returns = returns or referred(self.document, operation["responses"][response.status_code.pattern])["description"]

        def entries(wanted: str) -> list[str]:
            return [
                f"{prop.name.get_untrusted_value()!r}: {prop.python_name}"
                for place, prop in arguments
                if place == wanted
            ]

        return Operation(
            parameters=[_argument(prop) for place, prop in arguments if place == "path"],
            keywords=[_argument(prop) for prop in by_name],
            names=[str(prop.python_name) for _, prop in arguments] + (["body"] if body else []),
            path=_path(path, endpoint),
            query=entries("query"),
            headers=entries("header"),
            cookies=entries("cookie"),
            media_type=body.content_type.get_untrusted_value() if body else "",
            body_is_optional=body is not None and not body.prop.required,
            answers=answers,
            success=_union(successes),
            error=_union(errors),
            summary=operation.get("summary", ""),
            description=operation.get("description", ""),
            arguments=told,
            returns=" ".join(returns.split()),
        )


def _argument(prop: Property) -> str:
    value = default(prop)
    return f"{prop.python_name}: {declared(prop)}" + (f" = {value}" if value is not None else "")


def _union(types: list[str]) -> str:
    return " | ".join(dict.fromkeys(types)) or "None"


def _path(path: str, endpoint: Endpoint) -> str:
    names = {p.name.get_untrusted_value(): p.python_name for p in endpoint.path_parameters}
    parts = re.split(r"\{(.+?)\}", path)
    texts = [
        f"{{_to_segment({str(names[part])!r}, {names[part]})}}" if odd % 2 else in_f_string_literal(part)
        for odd, part in enumerate(parts)
    ]
    return f'{"f" if names else ""}"{"".join(texts)}"'


def _answer(response: Any) -> str:
    first, last = response.status_code.range
    kind = "application/json" if response.source["attribute"] == "response.json()" else "text/plain"
    return f'{first}, {last}, "{kind}", {reader(response.prop, null=nullable(response.prop))}'


def raw(model: ModelProperty) -> Node:
    """The schema of a model, as the document has it."""
    return dict(model.data.model_dump(mode="json", by_alias=True, exclude_unset=True))
