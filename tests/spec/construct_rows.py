"""The rows of constructs.yaml: changes of a small spec, and what becomes of each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from spec_changes import changed


@dataclass(frozen=True)
class Row:
    name: str
    spec: dict[str, Any]
    right: str | None
    """A program that holds if the code is right; None if the spec is to be refused."""
    refused: tuple[str, ...]
    """What the refusal says, each a part of a line."""


def _read() -> list[Row]:
    said = YAML(typ="safe").load(Path(__file__).with_name("constructs.yaml"))
    return [
        Row(row["name"], changed(said["base"], row), row.get("right"), (*row.get("refused", ()),))
        for row in said["rows"]
    ]


ROWS = _read()
