"""The spec as data that remembers where it stands, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, SequenceNode
from ruamel.yaml.nodes import Node as YAMLNode

Node = dict[str, Any]
Pointer = tuple[str | int, ...]
"""Where a part of the document is: the keys and indexes that lead to it."""

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


@dataclass(frozen=True)
class Problem:
    """Something in the document that cannot become right code."""

    where: Pointer
    what: str


class Refused(Exception):
    """What stops the work before anything is replaced; says everything that is wrong at once."""

    def __init__(self, lines: Iterable[str]) -> None:
        super().__init__("\n".join(lines))


class Document:
    """A YAML or JSON file whose top is an object.

    Raises:
        Refused: The file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lines: dict[Pointer, int] = {}
        # The pure parser, since the other one does not give positions.
        self._yaml = YAML(typ="safe", pure=True)
        try:
            self.data = self._plain(self._yaml.compose(path.read_text("utf-8")), ())
        except OSError as error:
            raise Refused([f"{path}: {error.strerror}"]) from None
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = f":{mark.line + 1}" if mark else ""
            raise Refused([f"{path}{line}: not YAML: {error.problem}"]) from None
        except (YAMLError, UnicodeDecodeError, RecursionError) as error:
            raise Refused([f"{path}: not YAML: {error}"]) from None
        if not isinstance(self.data, dict):
            raise Refused([f"{path}: not a YAML object"])

    def _plain(self, node: YAMLNode | None, where: Pointer) -> Any:
        if isinstance(node, MappingNode):
            return self._object(node, where)
        if isinstance(node, SequenceNode):
            for index, item in enumerate(node.value):
                self._lines[*where, index] = item.start_mark.line + 1
            return [self._plain(item, (*where, index)) for index, item in enumerate(node.value)]
        if node is None:
            return None
        if str(node.tag).endswith(":timestamp"):  # YAML 1.2 has no dates
            return node.value
        return self._yaml.constructor.construct_object(node)

    def _object(self, node: MappingNode, where: Pointer) -> Node:
        merged: Node = {}
        own: Node = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if key_node.tag.endswith(":merge"):
                several = isinstance(value_node, SequenceNode)
                sources = value_node.value if several else [value_node]
                if not all(isinstance(source, MappingNode) for source in sources):
                    raise Refused([f"{self.path}:{line}: << takes an object or a list of objects"])
                for source in reversed(sources):  # the first one wins
                    merged |= self._object(source, where)
                continue
            key = key_node.value  # as text, whatever it looks like: 200 is a key of responses
            if not isinstance(key, str) or key in own:
                raise Refused([f"{self.path}:{line}: the key {key} is there twice or no text"])
            self._lines[*where, key] = line
            own[key] = self._plain(value_node, (*where, key))
        return merged | own

    def refuse(self, problems: Iterable[Problem]) -> None:
        """Stop if there are problems.

        Raises:
            Refused: There are; says each with its place, in the order of the document.
        """
        order = {where: number for number, where in enumerate(self._lines)}
        found = sorted(problems, key=lambda problem: order.get(problem.where, len(order)))
        if found:
            told = dict.fromkeys(f"{self._write_place(p.where)}: {p.what}" for p in found)
            raise Refused(told)

    def _write_place(self, where: Pointer) -> str:
        """A pointer as people and editors read it: file, line, JSON pointer."""
        known = where
        while known and known not in self._lines:
            known = known[:-1]
        keys = (str(key).replace("~", "~0").replace("/", "~1") for key in where)
        return f"{self.path}:{self._lines.get(known, 1)}: #{''.join(f'/{key}' for key in keys)}"


def resolve(data: Any, reference: Any) -> Any:
    """What a reference into the document leads to; None if it leads nowhere."""
    if not isinstance(reference, str) or not reference.startswith("#/"):
        return None
    for part in reference[2:].split("/"):
        key = part.replace("~1", "/").replace("~0", "~")
        data = data.get(key) if isinstance(data, dict) else None
    return data


def follow(data: Node, part: Any) -> Any:
    """The part itself, or what it refers to."""
    return resolve(data, part["$ref"]) if isinstance(part, dict) and "$ref" in part else part


def walk(part: Any, where: Pointer = ()) -> Iterator[tuple[Pointer, Any]]:
    """Every part of a document, from the top."""
    yield where, part
    inner: Iterable[tuple[Any, Any]] = ()
    if isinstance(part, dict):
        inner = part.items()
    elif isinstance(part, list):
        inner = enumerate(part)
    for key, item in inner:
        yield from walk(item, (*where, key))


def find_definitions(data: Node, schema: Any, *words: str) -> Iterator[Node]:
    """A schema, what it refers to and, under the given words, what it is made of."""
    waiting = [schema]
    seen: list[Node] = []
    while waiting:
        part = waiting.pop(0)
        if not isinstance(part, dict) or any(part is other for other in seen):
            continue
        seen.append(part)
        yield part
        waiting.append(resolve(data, part.get("$ref")))
        for word in words:
            inner = part.get(word)
            waiting += inner if isinstance(inner, list) else [inner]


def is_secret(data: Node, schema: Any) -> bool:
    """Whether a value of this schema, or an item of it, must not be shown."""
    parts = find_definitions(data, schema, "allOf", "anyOf", "oneOf", "items")
    return any(part.get("x-ath-secret") is True for part in parts)


def is_handwritten(part: Any) -> bool:
    """Whether a path or an operation is marked as not to be generated."""
    return isinstance(part, dict) and part.get("x-handwritten") is True


def get_first_tag(operation: Node) -> str:
    """The tag that decides where an operation goes."""
    return str(next(iter(operation.get("tags") or ()), "default"))
