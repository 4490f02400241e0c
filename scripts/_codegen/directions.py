"""Which fields are sent to servers, and which come from them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .document import Node, Pointer, Problem, find_definitions, resolve
from .schemas import Schemas


def find_misdirected(schemas: Schemas, operations: list[Node]) -> Iterator[Problem]:
    """Fields that must be there in a direction in which they are not sent."""
    for part, word in (("requestBody", "readOnly"), ("responses", "writeOnly")):
        parts = [operation.get(part) for operation in operations]
        for where, node in _reached(schemas.data, parts):
            for name in node.get("required", ()):
                for schema in schemas.properties(node).get(name, ()):
                    if any(said.get(word) for said in find_definitions(schemas.data, schema)):
                        what = f"{name} is {word} and required; models know no such difference"
                        yield Problem(where, what)


def _reached(data: Node, parts: list[Any]) -> Iterator[tuple[Pointer, Node]]:
    """Each object with required fields that is reached, and the component that it is in."""
    waiting: list[tuple[Pointer, Any]] = [(("paths",), part) for part in parts]
    seen: list[Node] = []
    while waiting:
        where, part = waiting.pop()
        if isinstance(part, list):
            waiting += [(where, item) for item in part]
        if not isinstance(part, dict) or any(part is other for other in seen):
            continue
        seen.append(part)
        if isinstance(part.get("required"), list):
            yield where, part
        waiting += [(where, item) for item in part.values()]
        if "$ref" in part:
            target = tuple(str(part["$ref"])[2:].split("/"))
            waiting.append((target, resolve(data, part["$ref"])))
