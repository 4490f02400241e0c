"""Prove a generated package before it replaces the old one.

Run as a program, in a process of its own, it imports the package and makes every call of the document with it;
so no other ``ath_api`` gets in the way.
"""

from __future__ import annotations

import datetime
import enum
import importlib
import inspect
import json
import pkgutil
import re
import subprocess
import sys
import typing
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

Node = dict[str, Any]


def prove(package: Path, document: Node, classes: dict[str, Node], cache: Path | None) -> list[str]:
    """Say in a line each what is wrong with the package; mypy looks at it if it has a cache folder."""
    told = json.dumps([document, classes])
    command = [sys.executable, "-I", "-W", "error", __file__, str(package)]
    # Both at once: mypy takes longer than everything else.
    types = _mypy(package, cache) if cache else None
    run = subprocess.run(command, input=told, capture_output=True, encoding="utf-8", check=False)
    lines = run.stdout.splitlines()
    if run.returncode:
        lines += ["the package cannot be used:", *run.stderr.splitlines()[-3:]]
    if types is not None:
        output, _ = types.communicate()
        lines += output.splitlines() if types.returncode else []
    return lines


def _mypy(package: Path, cache: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--no-error-summary"]
    command += ["--python-version", "3.11", "--cache-dir", str(cache), package.name]
    return subprocess.Popen(
        command,
        cwd=package.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )


class Proof:
    """The package, held against the document."""

    def __init__(self, package: str, document: Node, classes: dict[str, Node]) -> None:
        self.package = package
        self.document = document
        self.classes = classes

    def all(self) -> Iterator[str]:
        """Everything that is wrong."""
        top = importlib.import_module(self.package)
        found = set()
        for module in pkgutil.walk_packages(top.__path__, f"{self.package}."):
            imported = importlib.import_module(module.name)
            if hasattr(imported, "prepare"):
                found.add(module.name)
        wanted = set()
        for path, item in self.document["paths"].items():
            for method, operation in item.items():
                if isinstance(operation, dict) and "x-module" in operation:
                    name = f"{self.package}.{operation['x-module']}"
                    wanted.add(name)
                    if name in found:
                        for problem in self.operation(sys.modules[name], path, method, item, operation):
                            yield f"{method.upper()} {path}: {problem}"
        for name in sorted(wanted ^ found):
            yield f"{name}: {'not generated' if name in wanted else 'generated, but not in the spec'}"
        models = importlib.import_module(f"{self.package}.models")
        for name, schema in self.classes.items():
            model = getattr(models, name)
            for problem in self.example(model, self.sample(schema)):
                yield f"{name}: {problem}"

    def operation(
        self, module: Any, path: str, method: str, item: Node, operation: Node
    ) -> Iterator[str]:
        """What a call made with every argument lacks, and which answers it does not read."""
        hints = typing.get_type_hints(module.prepare)
        given = {
            name: self.argument(hints[name], operation)
            for name in inspect.signature(module.prepare).parameters
        }
        call = module.prepare(**given)
        if call.method != method.upper() or not re.fullmatch(re.sub(r"\{.*?\}", "[^/]+", path), call.path):
            yield f"generated as {call.method} {call.path}"
        parameters = {
            (part["in"], part["name"])
            for holder in (item, operation)
            for part in holder.get("parameters", ())
            if part["in"] != "path" and "properties" not in self.resolved(part["schema"])
        }
        sent = {("query", name) for name, _ in call.query}
        sent |= {("header", name) for name in call.headers} | {("cookie", name) for name in call.cookies}
        for place, name in sorted(parameters - sent):
            yield f"the {place} parameter {name} is not sent"
        if (call.content is None) == ("requestBody" in operation):
            yield "the body is not sent" if call.content is None else "a body is sent that nobody asked for"
        elif "body" in given and json.dumps(call.body) != json.dumps(self.written(given["body"])):
            yield "the body is not sent as it is"
        for status, answer in operation["responses"].items():
            said = self.resolved(answer)
            for example in self.examples(said) or [None]:
                content = json.dumps(example) if said.get("content") else ""
                if any(media.startswith("text/") for media in said.get("content", {})):
                    content = example or ""
                elif said.get("content") and example is None:
                    continue
                response = call.response(int(status.replace("XX", "98")), {}, content.encode())
                if response.problem:
                    yield f"the answer {status} is not read: {response.problem}"
                elif hasattr(response.parsed, "to_dict"):
                    yield from self.example(type(response.parsed), example)

    def example(self, model: Any, example: Any) -> Iterator[str]:
        """Read and write an example."""
        example = {**example, "x-unknown": 1}
        try:
            read = model.from_dict(example)
        except ValueError as error:
            yield f"an example cannot be read: {error}"
            return
        fields = {field.metadata.get("name", field.name) for field in attrs.fields(model)}
        if read.additional_properties.keys() != example.keys() - fields:
            yield f"an example leaves {list(read.additional_properties)} unknown: {example}"
        if without_null(read.to_dict()) != without_null(example):
            yield f"an example is not written as it was read: {example}"

    def written(self, value: Any) -> Any:
        """An argument as JSON."""
        if isinstance(value, list):
            return [self.written(item) for item in value]
        return value.to_dict() if hasattr(value, "to_dict") else value

    def argument(self, hint: Any, operation: Node) -> Any:
        """A value for an argument of that type."""
        options = [part for part in typing.get_args(hint) if part is not type(None)]
        if typing.get_origin(hint) is list:
            return [self.argument(options[0], operation)]
        if typing.get_origin(hint) is typing.Literal:
            return options[0]
        if options:
            return self.argument(options[0], operation)
        if hasattr(hint, "from_dict"):
            examples = self.examples(self.resolved(operation.get("requestBody", {})))
            sample = examples[0] if examples else self.sample(self.classes[hint.__name__])
            return hint.from_dict(sample)
        if isinstance(hint, type) and issubclass(hint, enum.Enum):
            return next(iter(hint))
        now = datetime.datetime.now(datetime.UTC)
        values = {bool: True, int: 1, float: 1.5, str: "a", datetime.datetime: now}
        return {**values, datetime.date: now.date(), uuid.UUID: uuid.uuid4()}.get(hint, "a")

    def resolved(self, part: Any) -> Any:
        """The part, or what it refers to."""
        found = part
        if "$ref" in part:
            found = self.document
            for word in part["$ref"][2:].split("/"):
                found = found[word.replace("~1", "/").replace("~0", "~")]
        return found

    def examples(self, said: Node) -> list[Any]:
        """The examples of a body."""
        return [
            example
            for media in said.get("content", {}).values()
            for example in [
                *([media["example"]] if "example" in media else []),
                *(self.resolved(part)["value"] for part in media.get("examples", {}).values()),
            ]
        ]

    def sample(self, schema: Node, depth: int = 0) -> Any:
        """A value that fits a schema, made of the examples in it.

        Raises:
            LookupError: It would hold itself for ever.
        """
        if depth > 9:
            raise LookupError
        schema = self.resolved(schema)
        for word in ("const", "example", "default"):
            if schema.get(word) is not None:
                return schema[word]
        if "enum" in schema:
            return schema["enum"][0]
        for word in ("anyOf", "oneOf"):
            if word in schema:
                return self.sample(schema[word][0], depth + 1)
        kinds = schema.get("type", "object" if {"properties", "allOf"} & schema.keys() else None)
        kind = kinds[0] if isinstance(kinds, list) else kinds
        if kind == "array":
            return [self.sample(schema["items"], depth + 1)]
        if kind == "object":
            return self.sample_object(schema, depth)
        special = {"date-time": "2027-01-01T00:00:00Z", "date": "2027-01-01", "uuid": str(uuid.UUID(int=1))}
        text = special.get(schema.get("format", ""), "text")
        return {"boolean": True, "integer": 1, "number": 1.5, "null": None}.get(kind, text)

    def sample_object(self, schema: Node, depth: int) -> Any:
        """The same for an object, with as many of its fields as there are samples of."""
        parts = [self.sample(part, depth + 1) for part in schema.get("allOf", ())]
        if parts and not isinstance(parts[0], dict):
            return parts[0]
        found = {name: value for part in parts for name, value in part.items()}
        for name, part in schema.get("properties", {}).items():
            try:
                found[name] = self.sample(part, depth + 1)
            except LookupError:
                if name in schema.get("required", ()):
                    raise
        return found


def without_null(value: Any) -> Any:
    """JSON to compare: absent is null, and a time is a time however it is spelt."""
    if isinstance(value, dict):
        return {key: without_null(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_null(item) for item in value]
    if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d[Tt]", value):
        try:
            found = datetime.datetime.fromisoformat(value.upper())
        except ValueError:
            return value
        return (found if found.tzinfo else found.replace(tzinfo=datetime.UTC)).isoformat()
    return value


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    sys.path.insert(0, str(folder.parent))
    for line in Proof(folder.name, *json.load(sys.stdin)).all():
        print(line)
