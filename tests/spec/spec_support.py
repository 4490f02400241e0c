"""What the tests of the spec and its generated code share."""

from __future__ import annotations

import copy
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
SPEC_FILE = ROOT / "spec" / "openapi.yaml"
GENERATED = ROOT / "generated" / "ath_api"

_SPEC: dict[str, Any] = YAML(typ="safe").load(SPEC_FILE)


def read_spec() -> dict[str, Any]:
    """A copy of the spec, to be changed at will."""
    return copy.deepcopy(_SPEC)


def write_spec(spec: dict[str, Any], path: Path) -> Path:
    """JSON is YAML, so that no second style of YAML comes into play."""
    path.write_text(json.dumps(spec), encoding="utf-8")
    return path


def run_script(
    name: str, *arguments: str | Path, root: Path = ROOT, **environment: str
) -> subprocess.CompletedProcess[str]:
    return run(root / "scripts" / name, *arguments, **environment)


def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run this Python with the arguments."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        env={**os.environ, **environment},
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def operations(spec: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each operation by its operationId."""
    for item in spec["paths"].values():
        for method, operation in item.items():
            if method in ("get", "head", "options", "post", "put", "patch", "delete"):
                yield operation["operationId"], operation


def generated_operations() -> Iterator[dict[str, Any]]:
    """Each operation that is generated."""
    for item in _SPEC["paths"].values():
        if not item.get("x-handwritten"):
            yield from (operation for _, operation in operations({"paths": {"": item}}))


def media_types(spec: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each JSON body of the spec, under a name that tells where it stands."""
    for operation in generated_operations():
        name = operation["operationId"]
        bodies = {"request": operation.get("requestBody", {}), **operation["responses"]}
        for place, body in bodies.items():
            for media in body.get("content", {}).values():
                yield f"{name} {place}", media
    for name, response in spec["components"]["responses"].items():
        for media in response["content"].values():
            yield name, media


def model(name: str) -> Any:
    """The generated class of a component."""
    renamed = {"ATHError": "ErrorBody"}  # see spec/generate.yaml
    return getattr(importlib.import_module("ath_api.models"), renamed.get(name, name))


def samples() -> dict[str, dict[str, Any]]:
    """One JSON object for each component that is an object, made of the examples of the spec."""
    schemas = _SPEC["components"]["schemas"]
    return {
        name: _sample(schema) for name, schema in schemas.items() if schema.get("type") == "object"
    }


def _sample(schema: dict[str, Any]) -> Any:
    for word in ("const", "example"):
        if word in schema:
            return copy.deepcopy(schema[word])
    if "$ref" in schema:
        return _sample(_SPEC["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    if "anyOf" in schema:
        return _sample(schema["anyOf"][0])
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema["type"][0] if isinstance(schema["type"], list) else schema["type"]
    if kind == "object":
        return {name: _sample(part) for name, part in schema["properties"].items()}
    if kind == "array":
        return [_sample(schema["items"])]
    return {"string": "text", "boolean": True, "integer": 1}[kind]
