"""What a spec may say: whatever is generated right, and nothing else.

The words are those of OpenAPI 3.1 and JSON Schema that become code or are prose. A misspelt word and one that
the generator would ignore are refused alike, each with its place.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from typing import Any

from openapi_python_client.strings import ClassName
from openapi_spec_validator import OpenAPIV31SpecValidator

from .build import identifier
from .document import (
    METHODS,
    Document,
    Node,
    Pointer,
    Problem,
    definitions,
    first_tag,
    handwritten,
    is_secret,
    referred,
    resolve,
)
from .schemas import SCALARS, Schemas

_METHOD_WORDS = " ".join(f"{method}:operation" for method in METHODS)

# The words of each kind of object. After a colon: the kind of the object, [list] or {map} that it holds.
KINDS = {
    "document": "openapi info:info servers:[server] tags:[tag] paths:{path} components:components"
    " security externalDocs",
    "info": "title version summary description termsOfService contact license",
    "server": "url description variables",
    "tag": "name description externalDocs",
    "components": "schemas:{schema} responses:{answer} parameters:{parameter} requestBodies:{body}"
    " headers:{header} examples:{example} securitySchemes:{security_scheme}",
    "path": f"{_METHOD_WORDS} parameters:[parameter] summary description",
    "operation": "operationId tags parameters:[parameter] requestBody:body responses:{answer} security"
    " deprecated summary description externalDocs",
    "parameter": "$ref name in description required deprecated schema:schema style explode example"
    " examples:{example}",
    "body": "$ref description required content:{media_type}",
    "answer": "$ref description headers:{header} content:{media_type}",
    "header": "$ref description required deprecated schema:schema example examples:{example}",
    "media type": "schema:schema example examples:{example}",
    "example": "$ref summary description value",
    "security scheme": "type description name in scheme bearerFormat flows openIdConnectUrl",
    "schema": "$ref type format enum x-enum-varnames const default required properties:{schema}"
    " items:schema additionalProperties allOf:[schema] anyOf:[schema] oneOf:[schema] title description"
    " deprecated example examples readOnly writeOnly externalDocs minLength maxLength pattern minimum"
    " maximum exclusiveMinimum exclusiveMaximum multipleOf minItems maxItems uniqueItems minProperties"
    " maxProperties",
}
REASONS = ("x-ath-extension", "x-ath-relaxed", "x-handwritten-reason")
OUR_WORDS = (*REASONS, "x-ath-upstream", "x-ath-secret", "x-ath-lenient", "x-handwritten")
ADVICE = {
    "nullable": 'OpenAPI 3.1 says type: [..., "null"]',
    "discriminator": "a value is read as the first alternative that fits",
    "content": "give the parameter a schema",
    "allowReserved": "every value is escaped",
    "allowEmptyValue": "a parameter that is None is left out",
    "encoding": "forms are encoded in OpenAPI's default way",
    "servers": "callers name the base URL",
}
_PATH = re.compile(r"(/([\w.~!$&'()*+,;=:@%-]|\{[^{}/]+\})*)+", re.ASCII)
_TAKEN = {"Answer", "Any", "Client", "Literal", "Mapping", "PreparedCall", "Response", "Self", "UUID"}
"""Classes that the generated modules import beside those of the spec."""
_ALLOWED = {
    "path": SCALARS,
    "query": SCALARS | {"array", "object", "null"},
    "header": (SCALARS | {"null"}) - {"const", "date", "date-time"},
    "cookie": SCALARS | {"null"},
}
"""What a parameter can be, in each place."""
_JSON = r"application/(json|[\w.-]+\+json)(;.*)?"
_FORM = "application/x-www-form-urlencoded"
_TEXT = r"text/[\w.+-]+(;.*)?"
_IGNORED_HEADERS = {"accept", "authorization", "content-type"}


def check(document: Document) -> None:
    """Refuse a document that would not become right code.

    Raises:
        Refused: Says each reason with its place.
    """
    rules = Rules(document.data)
    problems = list(rules.words())
    invalid = list(_invalid(document.data))
    if not rules.is_misshapen:
        try:
            problems += rules.meaning()
        except (AttributeError, LookupError, TypeError, ValueError):
            if not invalid:  # then the rules are wrong, not the document
                raise
    places = {problem.where[:depth] for problem in problems for depth in range(len(problem.where) + 1)}
    document.refuse([*problems, *(problem for problem in invalid if problem.where not in places)])


def _invalid(data: Node) -> Iterator[Problem]:
    """What openapi-spec-validator finds."""
    try:
        for error in OpenAPIV31SpecValidator(data).iter_errors():
            yield Problem(tuple(error.absolute_path), f"not valid OpenAPI 3.1: {error.message[:300]}")
    except Exception as error:  # noqa: BLE001 - it gives up in many ways on what is far from OpenAPI
        yield Problem((), f"not valid OpenAPI 3.1: {error}"[:300])


class Rules:
    """The rules, applied to one document."""

    def __init__(self, data: Node) -> None:
        self.data = data
        self.schemas = Schemas(data)

        self.is_misshapen = False
        self._visited: list[tuple[str, Node, Pointer, bool]] = []

    def words(self) -> Iterator[Problem]:
        """Words that are not generated, and parts that are not what their place is for."""
        if not str(self.data.get("openapi", "")).startswith("3.1."):
            yield Problem(("openapi",), "only OpenAPI 3.1 is read")
        yield from self._visit("document", self.data, (), generated=True)

    def meaning(self) -> Iterator[Problem]:
        """What is wrong with a document of the right words."""
        checks: dict[str, Any] = {
            "path": self._path,
            "operation": self._operation,
            "parameter": self._parameter,
            "body": self._body,
            "answer": self._answer,
            "schema": self.schemas.check,
        }
        for kind, node, where, generated in self._visited:
            if generated and kind in checks:
                yield from checks[kind](node, where)
            yield from self._examples(kind, node, where)
        yield from self._twins()
        yield from self._classes()
        yield from self._directions()

    def _visit(self, kind: str, node: Any, where: Pointer, *, generated: bool) -> Iterator[Problem]:
        if not isinstance(node, dict):
            self.is_misshapen = True
            yield Problem(where, f"must be an object ({kind})")
            return
        generated = generated and not handwritten(node)
        if "$ref" in node and kind != "schema":
            yield from self._reference(kind, node, where)
            return
        self._visited.append((kind, node, where, generated))
        words = _words(kind)
        for word, value in node.items():
            place = (*where, word)
            if word in OUR_WORDS:
                yield from _our_word(word, value, node, place)
            elif word not in words:
                yield Problem(place, _unknown(kind, word, [*words, *OUR_WORDS]))
            elif words[word]:
                yield from self._inside(words[word], value, place, generated=generated)

    def _reference(self, kind: str, node: Node, where: Pointer) -> Iterator[Problem]:
        target = referred(self.data, node)
        if kind == "path":
            yield Problem((*where, "$ref"), "a path that is a reference is not generated")
        elif not isinstance(target, dict):
            yield Problem((*where, "$ref"), f"{node['$ref']} leads nowhere")
        elif "$ref" in target or len(node) > 1:
            yield Problem(where, "a reference must lead straight to what it names, and say nothing else")

    def _inside(self, form: str, value: Any, where: Pointer, *, generated: bool) -> Iterator[Problem]:
        kind = form.strip("[]{}")
        if form[0] == "[":
            parts = enumerate(value) if isinstance(value, list) else None
        elif form[0] == "{":
            parts = value.items() if isinstance(value, dict) else None
        else:
            yield from self._visit(kind, value, where, generated=generated)
            return
        if parts is None:
            self.is_misshapen = True
            yield Problem(where, "must be an array" if form[0] == "[" else "must be an object")
            return
        for key, part in parts:
            if key not in OUR_WORDS:
                yield from self._visit(kind, part, (*where, key), generated=generated)

    def _examples(self, kind: str, node: Node, where: Pointer) -> Iterator[Problem]:
        schema = node if kind == "schema" else node.get("schema")
        if not isinstance(schema, dict):
            return
        found = {("example",): node["example"]} if "example" in node else {}
        examples = node.get("examples")
        if isinstance(examples, list):
            found |= {("examples", index): value for index, value in enumerate(examples)}
        for name, example in examples.items() if isinstance(examples, dict) else ():
            said = referred(self.data, example)
            if isinstance(said, dict) and "value" in said:
                found["examples", name] = said["value"]
        for place, value in found.items():
            if misfit := self.schemas.misfit(value, schema):
                yield Problem((*where, *place), f"does not fit its schema: {misfit}")

    def _path(self, node: Node, where: Pointer) -> Iterator[Problem]:
        path = str(where[-1])
        if not _PATH.fullmatch(path):
            yield Problem(where, "a path begins with / and holds neither a query nor what must be escaped")
        if not node.keys() & set(METHODS):
            yield Problem(where, "a path without a method")

    def _operation(self, node: Node, where: Pointer) -> Iterator[Problem]:
        name = node.get("operationId")
        if not isinstance(name, str) or not re.search(r"[A-Za-z]", name):
            yield Problem(where, "an operation needs an operationId, which names its module")
        tags = [tag.get("name") for tag in self.data.get("tags", ()) if isinstance(tag, dict)]
        for index, tag in enumerate(node.get("tags", ())):
            if tag not in tags:
                yield Problem((*where, "tags", index), f"{tag} is not among the tags of the document")
        for status in node.get("responses", {}):
            if not re.fullmatch(r"[1-5](\d\d|XX)", status) and status not in OUR_WORDS:
                yield Problem(
                    (*where, "responses", status), "a status is a number of three digits, or such as 4XX"
                )
        if not node.get("responses"):
            yield Problem(where, "an operation needs responses")
        schemes = self.data.get("components", {}).get("securitySchemes", {})
        for index, wanted in enumerate(node.get("security", ())):
            for scheme in wanted:
                if scheme not in schemes:
                    yield Problem((*where, "security", index), f"there is no security scheme {scheme}")
        yield from self._arguments(node, where)

    def _arguments(self, node: Node, where: Pointer) -> Iterator[Problem]:
        """The parameters, together with those of the path item."""
        item = self.data["paths"][where[1]]
        places = [
            ((*base, "parameters", index), referred(self.data, part))
            for base, holder in ((where, node), (where[:2], item))
            for index, part in enumerate(holder.get("parameters", ()))
        ]
        parameters = [(place, part) for place, part in places if isinstance(part, dict)]
        in_path = {part.get("name"): place for place, part in parameters if part.get("in") == "path"}
        wanted = re.findall(r"\{(.*?)\}", str(where[1]))
        for name in wanted:
            if name not in in_path:
                yield Problem(where, f"the path has a part {{{name}}} that is no parameter")
        for name in set(wanted):
            if wanted.count(name) > 1:
                yield Problem(where[:2], f"{{{name}}} is in the path twice")
        for name, place in in_path.items():
            if name not in wanted:
                yield Problem(place, f"the path has no part {{{name}}}")
        seen: set[tuple[Any, ...]] = set()
        for place, part in parameters:
            key = place[:-1], part.get("in"), part.get("name")
            if key in seen:
                yield Problem(place, f"the {part.get('in')} parameter {part.get('name')} is there twice")
            seen.add(key)
            taken = {"prepare", "sync_detailed", "asyncio_detailed"}
            if "requestBody" in node:
                taken.add("body")
            if identifier(part.get("name")) in taken:
                yield Problem(place, f"an argument cannot be called {part.get('name')} here")

    def _parameter(self, node: Node, where: Pointer) -> Iterator[Problem]:
        place, name = node.get("in"), str(node.get("name", ""))
        if not re.search("[A-Za-z]", name):
            yield Problem(where, "a parameter needs a name")
        if place not in _ALLOWED:
            yield Problem((*where, "in"), f"{place} is no place for a parameter")
            return
        if place == "path" and node.get("required") is not True:
            yield Problem(where, "a parameter in the path needs required: true")
        if "schema" not in node:
            yield Problem(where, "a parameter needs a schema")
            return
        style, explode = ("form", True) if place in ("query", "cookie") else ("simple", False)
        if node.get("style", style) != style:
            yield Problem((*where, "style"), f"only {style} is generated here")
        kinds = self.schemas.kinds(node["schema"])
        if node.get("explode", explode) != explode and kinds & {"array", "object", "any"}:
            yield Problem((*where, "explode"), f"only {str(explode).lower()} is generated here")
        flat = self.schemas.is_flat(node["schema"]) or kinds == {"object"}
        if kinds - _ALLOWED[place] or not flat:
            yield Problem(
                (*where, "schema"), f"{' or '.join(sorted(kinds))} is not generated in a {place}"
            )
        if kinds == {"object"}:
            for key, said in self.schemas.properties(node["schema"]).items():
                if any(self.schemas.kinds(part) - SCALARS - {"null"} for part in said):
                    yield Problem((*where, "schema"), f"{key} cannot be written as one pair of a query")
        if place == "header" and name.lower() in _IGNORED_HEADERS:
            yield Problem(where, f"OpenAPI ignores a header parameter {name}; use a security scheme or a body")
        if is_secret(self.data, node["schema"]):
            yield Problem((*where, "schema"), "x-ath-secret is for what models hold")

    def _body(self, node: Node, where: Pointer) -> Iterator[Problem]:
        yield from self._content(node, where, _JSON, _FORM)
        for media, said in node.get("content", {}).items():
            if re.fullmatch(_FORM, media) and isinstance(said, dict):
                place = (*where, "content", media, "schema")
                if self.schemas.kinds(said.get("schema")) != {"object"}:
                    yield Problem(place, "a form needs an object")
                for name, schemas in self.schemas.properties(said.get("schema", {})).items():
                    if not all(map(self.schemas.is_flat, schemas)):
                        yield Problem(place, f"{name} cannot be written in a form")

    def _answer(self, node: Node, where: Pointer) -> Iterator[Problem]:
        yield from self._content(node, where, _JSON, _TEXT)
        for media, said in node.get("content", {}).items():
            if re.fullmatch(_TEXT, media) and self.schemas.kinds(said.get("schema")) != {"string"}:
                yield Problem((*where, "content", media), "a text needs type: string")

    def _content(self, node: Node, where: Pointer, *allowed: str) -> Iterator[Problem]:
        content = node.get("content", {})
        if len(content) > 1:
            yield Problem((*where, "content"), "one media type is generated, not several")
        for media, said in content.items():
            place = (*where, "content", media)
            if not any(re.fullmatch(pattern, media) for pattern in allowed):
                yield Problem(place, f"{media} is not generated here")
            elif not isinstance(said, dict) or "schema" not in said:
                yield Problem(place, "a body needs a schema")
            elif is_secret(self.data, said["schema"]) and self.schemas.kinds(said["schema"]) != {"object"}:
                yield Problem(place, "x-ath-secret is for what models hold")

    def _operations(self) -> Iterator[tuple[Pointer, Node]]:
        for path, item in self.data.get("paths", {}).items():
            if isinstance(item, dict) and not handwritten(item):
                for method, operation in item.items():
                    if method in METHODS and isinstance(operation, dict) and not handwritten(operation):
                        yield ("paths", path, method), operation

    def _twins(self) -> Iterator[Problem]:
        """Operations that would overwrite each other."""
        seen: dict[tuple[str, str], Pointer] = {}
        for where, operation in self._operations():
            name = identifier(first_tag(operation)), identifier(operation.get("operationId"))
            if name in seen and "operationId" in operation:
                other = f"{str(seen[name][2]).upper()} {seen[name][1]}"
                yield Problem((*where, "operationId"), f"makes the same module as that of {other}")
            seen.setdefault(name, where)

    def _classes(self) -> Iterator[Problem]:
        """Components that would be the same class, or one that the generated code has of its own."""
        seen: dict[str, str] = {}
        schemas = self.data.get("components", {}).get("schemas", {})
        for name, schema in schemas.items() if isinstance(schemas, dict) else ():
            kinds = self.schemas.kinds(schema)
            if not kinds & {"object", "enum"} or not isinstance(schema, dict):
                continue
            where = ("components", "schemas", name)
            called = str(ClassName(str(schema.get("title") or name), "field_"))
            if called in _TAKEN:
                yield Problem(where, f"the generated code has a class {called} of its own")
            module = identifier(called)
            if module in seen:
                yield Problem(where, f"makes the same class or module as {seen[module]}")
            seen.setdefault(module, name)

    def _directions(self) -> Iterator[Problem]:
        """Fields that must be there in a direction in which they are not sent."""
        asked = [operation.get("requestBody") for _, operation in self._operations()]
        answered = [operation.get("responses") for _, operation in self._operations()]
        for parts, word in ((asked, "readOnly"), (answered, "writeOnly")):
            for where, node in self._reached(parts):
                for name in node.get("required", ()):
                    said = self.schemas.properties(node).get(name, [])
                    if any(part.get(word) for schema in said for part in definitions(self.data, schema)):
                        yield Problem(where, f"{name} is {word} and required; models know no such difference")

    def _reached(self, parts: list[Any]) -> Iterator[tuple[Pointer, Node]]:
        """Each object schema that is reached, with the component or the top of the document as its place."""
        waiting: list[tuple[Pointer, Any]] = [(("paths",), part) for part in parts]
        seen: list[Node] = []
        while waiting:
            where, part = waiting.pop()
            if isinstance(part, list):
                waiting += [(where, item) for item in part]
            if not isinstance(part, dict) or any(part is other for other in seen):
                continue
            seen.append(part)
            if "required" in part and isinstance(part["required"], list):
                yield where, part
            waiting += [(where, item) for item in part.values()]
            if "$ref" in part:
                place = tuple(str(part["$ref"])[2:].split("/"))
                waiting.append((place, resolve(self.data, part["$ref"])))


def _our_word(word: str, value: Any, node: Node, where: Pointer) -> Iterator[Problem]:
    if word in REASONS:
        if not isinstance(value, str) or not value:
            yield Problem(where, "must be a reason in words")
    elif word == "x-ath-upstream":
        if not isinstance(value, dict) or "x-ath-relaxed" not in node:
            yield Problem(where, "must be a schema, beside x-ath-relaxed")
    elif value is not True:
        yield Problem(where, "must be true")
    if word == "x-ath-relaxed" and "x-ath-upstream" not in node:
        yield Problem(where, "x-ath-upstream must say beside it what the protocol's own schema says")


def _words(kind: str) -> dict[str, str]:
    return {
        word: form.replace("_", " ")
        for word, _, form in (said.partition(":") for said in KINDS[kind].split())
    }


def _unknown(kind: str, word: str, words: list[str]) -> str:
    close = difflib.get_close_matches(word, words, 1)
    hint = f"; did you mean {close[0]}?" if close else ""
    if word in ADVICE:
        hint = f": {ADVICE[word]}"
    return f"{word} is no word that is generated in this place ({kind}){hint}"
