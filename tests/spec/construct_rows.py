"""The rows of constructs.yaml: changes of a small spec, and what becomes of each."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

_SHORT = {"READ": "/paths/~1things~1{id}/get", "MAKE": "/paths/~1things/post"}


@dataclass(frozen=True)
class Row:
    name: str
    spec: dict[str, Any]
    right: str | None
    """A program that holds if the code is right; None if the spec is to be refused."""
    refused: tuple[str, ...]
    """What the refusal says, each a part of a line."""


def _path(place: str) -> list[str]:
    """The keys that lead to a place."""
    first, slash, rest = place.partition("/")
    if not first or first in _SHORT:
        place = _SHORT.get(first, "") + slash + rest
        return [key.replace("~1", "/").replace("~0", "~") for key in place.split("/")[1:]]
    component, dot, field = place.partition(".")
    return ["components", "schemas", component, *(["properties", field] if dot else [])]


def _holder(spec: Any, path: list[str]) -> Any:
    for key in path[:-1]:
        spec = spec[int(key)] if isinstance(spec, list) else spec.setdefault(key, {})
    return spec


def _changed(base: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    spec = copy.deepcopy(base)
    for place in row.get("drop", ()):
        path = _path(place)
        del _holder(spec, path)[path[-1]]
    for place, value in row.get("set", {}).items():
        path = _path(place)
        holder = _holder(spec, path)
        if path[-1] == "-":
            holder.append(value)
        else:
            holder[int(path[-1]) if isinstance(holder, list) else path[-1]] = value
    return spec


def _read() -> list[Row]:
    said = YAML(typ="safe").load(Path(__file__).with_name("constructs.yaml"))
    return [
        Row(row["name"], _changed(said["base"], row), row.get("right"), (*row.get("refused", ()),))
        for row in said["rows"]
    ]


ROWS = _read()
