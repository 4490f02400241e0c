"""What a spec may say: whatever is generated right, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from openapi_python_client.strings import ClassName

from .build import identifier
from .directions import find_misdirected
from .document import (
    METHODS,
    Document,
    Node,
    Pointer,
    Problem,
    follow,
    get_first_tag,
    is_handwritten,
    is_secret,
)
from .invalid import find_invalid
from .schemas import SCALARS, Schemas
from .words import Words

_PATH = re.compile(r"(/([\w.~!$&'()*+,;=:@%-]|\{[^{}/]+\})*)+", re.ASCII)
_STATUS = re.compile(r"[1-5](\d\d|XX)")
_JSON = re.compile(r"application/(json|[\w.-]+\+json)(;.*)?")
_FORM = re.compile("application/x-www-form-urlencoded")
_TEXT = re.compile(r"text/[\w.+-]+(;.*)?")
_IN = {
    "path": SCALARS,
    "query": SCALARS | {"array", "object", "null"},
    "header": (SCALARS | {"null"}) - {"const", "date", "date-time"},
    "cookie": SCALARS | {"null"},
}
"""What a parameter can be, in each place."""
_TOKEN = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)
_IGNORED_HEADERS = {"accept", "authorization", "content-type"}
_FUNCTIONS = {"prepare", "sync_detailed", "asyncio_detailed"}
_CLASSES = {
    *("Answer", "Any", "Client", "IntEnum", "Literal", "Mapping", "PATH", "PreparedCall"),
    *("Response", "Self", "StrEnum"),
}
"""Names that the generated modules have beside the classes of the spec."""


def check(document: Document) -> None:
    """Refuse a document that would not become right code.

    Raises:
        Refused: Says each reason with its place.
    """
    words = Words(document.data)
    problems = list(words.check())
    invalid = list(find_invalid(document.data))
    if not words.is_misshapen:
        try:
            problems += Rules(document.data).check(words)
        except (AttributeError, LookupError, TypeError, ValueError):
            if not invalid:  # otherwise it is the document that is wrong, not a rule
                raise
    # What is told already is not told again in general words, at its place or around it.
    told = {
        problem.where[:depth] for problem in problems for depth in range(len(problem.where) + 1)
    }
    if problems or any(problem.where for problem in invalid):
        told.add(())
    document.refuse([*problems, *(problem for problem in invalid if problem.where not in told)])


class Rules:
    """The rules for what is made of the right words."""

    def __init__(self, data: Node) -> None:
        self.data = data
        self.schemas = Schemas(data)

    def check(self, words: Words) -> Iterator[Problem]:
        """Everything that is wrong."""
        circular = [
            Problem(where, "refers to itself with no object in between")
            for kind, node, where, _ in words.visited
            if kind == "schema" and self.schemas.is_circular(node)
        ]
        if circular:  # which the other rules would follow for ever
            yield from circular
            return
        checks: dict[str, Any] = {
            "path": self._path,
            "operation": self._operation,
            "parameter": self._parameter,
            "body": self._body,
            "answer": self._answer,
            "schema": self.schemas.check,
        }
        for kind, node, where, generated in words.visited:
            if generated and kind in checks:
                yield from checks[kind](node, where)
            schema = node if kind == "schema" else node.get("schema")
            if isinstance(schema, dict):
                yield from self._examples(schema, node, where)
        yield from self._twins()
        yield from self._same_classes()
        yield from find_misdirected(self.schemas, [said for _, said in self._operations()])

    def _examples(self, schema: Node, node: Node, where: Pointer) -> Iterator[Problem]:
        found: dict[Pointer, Any] = {}
        if "example" in node:
            found["example",] = node["example"]
        examples = node.get("examples")
        if isinstance(examples, list):
            found |= {("examples", index): value for index, value in enumerate(examples)}
        for name, example in examples.items() if isinstance(examples, dict) else ():
            said = follow(self.data, example)
            if isinstance(said, dict) and "value" in said:
                found["examples", name] = said["value"]
        for place, value in found.items():
            if misfit := self.schemas.misfit(value, schema):
                yield Problem((*where, *place), f"does not fit its schema: {misfit}")

    def _path(self, node: Node, where: Pointer) -> Iterator[Problem]:
        if not _PATH.fullmatch(str(where[-1])):
            yield Problem(where, "a path begins with / and holds no query or odd characters")
        segments = [unquote(segment) for segment in str(where[-1]).split("/")[1:]]
        if "" in segments[:-1] or {".", ".."} & set(segments):
            yield Problem(where, "a path has no empty and no dot segments: they would be dropped")
        if not node.keys() & set(METHODS):
            yield Problem(where, "a path without a method")

    def _operation(self, node: Node, where: Pointer) -> Iterator[Problem]:
        if not re.search("[A-Za-z]", str(node.get("operationId", ""))):
            yield Problem(where, "an operation needs an operationId, which names its module")
        tags = [tag.get("name") for tag in self.data.get("tags", ())]
        for index, tag in enumerate(node.get("tags", ())):
            if tag not in tags:
                what = f"{tag} is not among the tags of the document"
                yield Problem((*where, "tags", index), what)
        if not node.get("responses"):
            yield Problem(where, "an operation needs responses")
        for status, answer in node.get("responses", {}).items():
            place = (*where, "responses", status)
            if not _STATUS.fullmatch(status):
                yield Problem(place, "a status is a number of three digits, or such as 4XX")
            is_bare = where[-1] == "head" or status in ("204", "205", "304") or status[0] == "1"
            if is_bare and "content" in (follow(self.data, answer) or {}):
                yield Problem(place, "an answer to HEAD, and a 1XX, 204, 205 or 304, has no body")
        schemes = self.data.get("components", {}).get("securitySchemes", {})
        for index, wanted in enumerate(node.get("security", ())):
            for scheme in wanted.keys() - schemes.keys():
                what = f"there is no security scheme {scheme}"
                yield Problem((*where, "security", index), what)
        yield from self._arguments(node, where)

    def _arguments(self, node: Node, where: Pointer) -> Iterator[Problem]:
        """The parameters, together with those of the path."""
        parameters = [
            ((*base, "parameters", index), follow(self.data, part))
            for base, holder in ((where, node), (where[:2], self.data["paths"][where[1]]))
            for index, part in enumerate(holder.get("parameters", ()))
        ]
        taken = _FUNCTIONS | ({"body"} if "requestBody" in node else set())
        seen: set[tuple[Any, ...]] = set()
        in_path: dict[Any, Pointer] = {}
        for place, part in parameters:
            name = part.get("name")
            # Names of headers are the same in any case (RFC 9110, section 5.1).
            known = str(name).lower() if part.get("in") == "header" else name
            key = place[:-1], part.get("in"), known
            if key in seen:
                yield Problem(place, f"the {part.get('in')} parameter {name} is there twice")
            seen.add(key)
            if identifier(name) in taken:
                yield Problem(place, f"an argument cannot be called {name} here")
            if part.get("in") == "path":
                in_path[name] = place
        wanted = re.findall(r"\{(.*?)\}", str(where[1]))
        for name in dict.fromkeys(wanted):
            if wanted.count(name) > 1:
                yield Problem(where[:2], f"{{{name}}} is in the path twice")
            if name not in in_path:
                yield Problem(where, f"the path has a part {{{name}}} that is no parameter")
        for name in in_path.keys() - set(wanted):
            yield Problem(in_path[name], f"the path has no part {{{name}}}")

    def _parameter(self, node: Node, where: Pointer) -> Iterator[Problem]:
        place, name = node.get("in"), str(node.get("name", ""))
        if not re.search("[A-Za-z]", name):
            yield Problem(where, "a parameter needs a name")
        if place not in _IN:
            yield Problem((*where, "in"), f"{place} is no place for a parameter")
            return
        if place == "path" and node.get("required") is not True:
            yield Problem(where, "a parameter in the path needs required: true")
        if place == "header" and name.lower() in _IGNORED_HEADERS:
            yield Problem(
                where, f"OpenAPI ignores a header parameter {name}; use a security scheme"
            )
        if place in ("header", "cookie") and not _TOKEN.fullmatch(name):
            yield Problem((*where, "name"), f"{name!r} is no name of a {place} (RFC 9110)")
        if "schema" not in node:
            yield Problem(where, "a parameter needs a schema")
            return
        in_pairs = place in ("query", "cookie")
        style = "form" if in_pairs else "simple"
        kinds = self.schemas.kinds(node["schema"])
        if node.get("style", style) != style:
            yield Problem((*where, "style"), f"only {style} is generated here")
        if node.get("explode", in_pairs) != in_pairs and not kinds <= SCALARS:
            yield Problem((*where, "explode"), f"only {str(in_pairs).lower()} is generated here")
        flat = self.schemas.is_flat(node["schema"]) or kinds == {"object"}
        if kinds - _IN[place] or not flat:
            what = f"{' or '.join(sorted(kinds))} is not generated in a {place}"
            yield Problem((*where, "schema"), what)
        if kinds == {"object"}:
            for key, said in self.schemas.properties(node["schema"]).items():
                if any(self.schemas.kinds(part) - SCALARS - {"null"} for part in said):
                    yield Problem((*where, "schema"), f"{key} cannot be written as a pair of text")
        if is_secret(self.data, node["schema"]):
            yield Problem((*where, "schema"), "x-ath-secret is for what models hold")

    def _body(self, node: Node, where: Pointer) -> Iterator[Problem]:
        if not node.get("content"):
            yield Problem(where, "a body needs content")
        for place, media, schema in self._content(node, where):
            if _FORM.fullmatch(media):
                if self.schemas.kinds(schema) != {"object"}:
                    yield Problem(place, "a form needs an object")
                for name, said in self.schemas.properties(schema).items():
                    if not all(map(self.schemas.is_flat, said)):
                        yield Problem(place, f"{name} cannot be written in a form")
            elif not _JSON.fullmatch(media):
                yield Problem(place, f"{media} is not generated here")
        yield from self._media_types(node, where)

    def _answer(self, node: Node, where: Pointer) -> Iterator[Problem]:
        for place, media, schema in self._content(node, where):
            if _TEXT.fullmatch(media):
                if self.schemas.kinds(schema) != {"string"}:
                    yield Problem(place, "a text needs type: string")
            elif not _JSON.fullmatch(media):
                yield Problem(place, f"{media} is not generated here")
        yield from self._media_types(node, where)

    def _content(self, node: Node, where: Pointer) -> Iterator[tuple[Pointer, str, Any]]:
        for media, said in node.get("content", {}).items():
            yield (*where, "content", media), media, said.get("schema", {})

    def _media_types(self, node: Node, where: Pointer) -> Iterator[Problem]:
        if len(node.get("content", {})) > 1:
            yield Problem((*where, "content"), "one media type is generated, not several")
        for media, said in node.get("content", {}).items():
            place = (*where, "content", media)
            if "schema" not in said:
                yield Problem(place, "a body needs a schema")
            elif self.schemas.kinds(said["schema"]) == {"object"}:
                continue  # its model hides what is secret
            elif is_secret(self.data, said["schema"]):
                yield Problem(place, "x-ath-secret is for what models hold")

    def _operations(self) -> Iterator[tuple[Pointer, Node]]:
        for path, item in self.data.get("paths", {}).items():
            for method in METHODS:
                operation = item.get(method)
                if operation and not is_handwritten(item) and not is_handwritten(operation):
                    yield ("paths", path, method), operation

    def _twins(self) -> Iterator[Problem]:
        """Operations that would overwrite each other."""
        seen: dict[tuple[str, str], str] = {}
        for where, operation in self._operations():
            if "operationId" in operation:
                name = identifier(get_first_tag(operation)), identifier(operation["operationId"])
                if name in seen:
                    what = f"makes the same module as that of {seen[name]}"
                    yield Problem((*where, "operationId"), what)
                seen.setdefault(name, f"{str(where[2]).upper()} {where[1]}")

    def _same_classes(self) -> Iterator[Problem]:
        """Components that would be one class, or one that the generated code has of its own."""
        seen: dict[str, str] = {}
        for name, schema in self.data.get("components", {}).get("schemas", {}).items():
            if self.schemas.kinds(schema) & {"object", "enum"}:
                where = ("components", "schemas", name)
                called = str(ClassName(str(schema.get("title") or name), "field_"))
                module = identifier(called)
                if called in _CLASSES:
                    yield Problem(where, f"the generated code has a class {called} of its own")
                if module in seen:
                    yield Problem(where, f"makes the same class or module as {seen[module]}")
                seen.setdefault(module, name)
