"""The words of a spec: those of OpenAPI and JSON Schema that become code or are prose, and ours.

A misspelt word and one that the generator would ignore are refused alike.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import Any

from .document import METHODS, Node, Pointer, Problem, follow, is_handwritten

# The words of each kind of object. After a colon: the kind of the object, [list] or {map} in it.
KINDS = {
    "document": """openapi info:info servers:[server] tags:[tag] paths:{path}
        components:components security externalDocs""",
    "info": "title version summary description termsOfService contact license",
    "server": "url description variables",
    "tag": "name description externalDocs",
    "components": """schemas:{schema} responses:{answer} parameters:{parameter}
        requestBodies:{body} headers:{header} examples:{example}
        securitySchemes:{security_scheme}""",
    "path": f"""{" ".join(f"{method}:operation" for method in METHODS)}
        parameters:[parameter] summary description x-handwritten x-handwritten-reason""",
    "operation": """x-handwritten x-handwritten-reason
        operationId tags parameters:[parameter] requestBody:body responses:{answer}
        security deprecated summary description externalDocs""",
    "parameter": """$ref name in description required deprecated schema:schema style explode
        example examples:{example}""",
    "body": "$ref description required content:{media_type}",
    "answer": "$ref description headers:{header} content:{media_type}",
    "header": "$ref description required deprecated schema:schema example examples:{example}",
    "media_type": "schema:schema example examples:{example}",
    "example": "$ref summary description value",
    "security_scheme": "type description name in scheme bearerFormat flows openIdConnectUrl",
    "schema": """x-ath-lenient x-ath-relaxed x-ath-secret x-ath-upstream
        $ref type format enum x-enum-varnames const default required
        properties:{schema} items:schema additionalProperties
        allOf:[schema] anyOf:[schema] oneOf:[schema]
        title description deprecated example examples readOnly writeOnly externalDocs
        minLength maxLength pattern minimum maximum exclusiveMinimum exclusiveMaximum multipleOf
        minItems maxItems uniqueItems minProperties maxProperties""",
}
HOMES = {
    form.strip("{}"): word
    for word, _, form in (entry.partition(":") for entry in KINDS["components"].split())
}
"""Where the objects of a kind are that can be referred to."""
REASONS = ("x-ath-extension", "x-ath-relaxed", "x-handwritten-reason")
OUR_WORDS = (*REASONS, "x-ath-upstream", "x-ath-secret", "x-ath-lenient", "x-handwritten")
ADVICE = {
    "nullable": 'OpenAPI 3.1 says type: [..., "null"]',
    "discriminator": "a value is read as the first alternative that fits",
    "content": "only bodies have it; a parameter has a schema",
    "allowReserved": "every value is escaped",
    "allowEmptyValue": "a parameter that is None is left out",
    "encoding": "forms are encoded in OpenAPI's default way",
    "servers": "callers name the base URL",
}


class Words:
    """A walk through a document that looks at its words."""

    def __init__(self, data: Node) -> None:
        self.data = data
        self.visited: list[tuple[str, Node, Pointer, bool]] = []
        """Each object: its kind, itself, its place, and whether it is generated."""
        self.is_misshapen = False
        """Whether something is no object or array where there must be one."""

    def check(self) -> Iterator[Problem]:
        """Find words that are not generated, and parts that are not what their place is for."""
        if not str(self.data.get("openapi", "")).startswith("3.1."):
            yield Problem(("openapi",), "only OpenAPI 3.1 is read")
        if "paths" not in self.data:
            self.is_misshapen = True
            yield Problem((), "paths are needed")
        yield from self._visit("document", self.data, (), generated=True)

    def _visit(self, kind: str, node: Any, where: Pointer, *, generated: bool) -> Iterator[Problem]:
        if not isinstance(node, dict):
            self.is_misshapen = True
            yield Problem(where, f"must be an object ({kind})")
            return
        generated = generated and not is_handwritten(node)
        if "$ref" in node and kind != "schema":
            yield from self._reference(kind, node, where)
            return
        self.visited.append((kind, node, where, generated))
        words = {word: form for word, _, form in (w.partition(":") for w in KINDS[kind].split())}
        for word, value in node.items():
            place = (*where, word)
            if word not in words and word != "x-ath-extension":
                yield Problem(place, _describe_unknown(kind, word, [*words, "x-ath-extension"]))
            elif word in OUR_WORDS:
                yield from _check_our_word(word, value, node, place)
            elif form := words[word]:
                for key, part in self._parts(form, value):
                    if part is None and not key:
                        yield Problem(
                            place, f"must be an {'array' if form[0] == '[' else 'object'}"
                        )
                    else:
                        inside = (*place, *key)
                        inner = form.strip("[]{}")
                        yield from self._visit(inner, part, inside, generated=generated)

    def _parts(self, form: str, value: Any) -> Iterable[tuple[Pointer, Any]]:
        """The objects under a word, each with the key that leads to it."""
        if form[0] == "[" and isinstance(value, list):
            return [((index,), part) for index, part in enumerate(value)]
        if form[0] == "{" and isinstance(value, dict):
            return [((key,), part) for key, part in value.items()]
        if form[0] not in "[{":
            return [((), value)]
        self.is_misshapen = True
        return [((), None)]

    def _reference(self, kind: str, node: Node, where: Pointer) -> Iterator[Problem]:
        target = follow(self.data, node)
        if kind == "path":
            yield Problem((*where, "$ref"), "a path that is a reference is not generated")
        elif kind not in HOMES:
            self.is_misshapen = True
            yield Problem((*where, "$ref"), f"a reference is not generated in this place ({kind})")
        elif not isinstance(target, dict):
            yield Problem((*where, "$ref"), f"{node['$ref']} leads nowhere")
        elif not node["$ref"].startswith(f"#/components/{HOMES[kind]}/"):
            self.is_misshapen = True
            what = f"{node['$ref']} is not one of #/components/{HOMES[kind]}"
            yield Problem((*where, "$ref"), what)
        elif "$ref" in target or len(node) > 1:
            yield Problem(where, "a reference must lead straight to its goal, and say nothing else")


def _check_our_word(word: str, value: Any, node: Node, where: Pointer) -> Iterator[Problem]:
    if word in REASONS:
        if not isinstance(value, str) or not value:
            yield Problem(where, "must be a reason in words")
    elif word == "x-ath-upstream":
        if not isinstance(value, dict) or "x-ath-relaxed" not in node:
            yield Problem(where, "must be a schema, beside x-ath-relaxed")
    elif value is not True:
        yield Problem(where, "must be true")
    if word == "x-ath-relaxed" and "x-ath-upstream" not in node:
        yield Problem(where, "needs x-ath-upstream, which says what the protocol's schema says")


def _describe_unknown(kind: str, word: str, words: list[str]) -> str:
    close = difflib.get_close_matches(word, words, 1)
    hint = f"; did you mean {close[0]}?" if close else ""
    if word in ADVICE:
        hint = f": {ADVICE[word]}"
    return f"{word} is no word that is generated in this place ({kind}){hint}"
