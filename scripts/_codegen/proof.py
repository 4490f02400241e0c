"""Prove a generated package before it replaces the old one.

Run as a program, in a process of its own, it imports the package and makes every call of the
document with it; so no other ``ath_api`` gets in the way.
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


def prove(package: Path, document: Node, classes: dict[str, Node], cache: Path) -> list[str]:
    """Say in a line each what is wrong with the package."""
    mypy = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--no-error-summary"]
    mypy += ["--python-version", "3.11", "--cache-dir", str(cache), package.name]
    pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "encoding": "utf-8"}
    with subprocess.Popen(mypy, cwd=package.parent, **pipes) as types:  # both at once
        run = subprocess.run(
            [sys.executable, "-I", "-W", "error", __file__, str(package)],
            input=json.dumps([document, classes]),
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        told, _ = types.communicate()
    lines = run.stdout.splitlines()
    if run.returncode:
        lines += ["the package cannot be used:", *run.stderr.splitlines()[-3:]]
    return [*lines, *(told.splitlines() if types.returncode else ())]


class Proof:
    """The package, held against the document."""

    def __init__(self, package: str, document: Node, classes: dict[str, Node]) -> None:
        self.package = package
        self.document = document
        self.classes = classes

    def all(self) -> Iterator[str]:
        """Everything that is wrong."""
        samples = {}
        for name, schema in self.classes.items():
            try:
                samples[name] = self.sample(schema)
            except LookupError:
                yield f"{name}: its required fields hold it again, without end"
        if samples.keys() != self.classes.keys():
            return
        top = importlib.import_module(self.package)
        names = [module.name for module in pkgutil.walk_packages(top.__path__, f"{top.__name__}.")]
        modules = {name: importlib.import_module(name) for name in names}
        found = {name for name, module in modules.items() if hasattr(module, "prepare")}
        wanted = set()
        for path, item in self.document["paths"].items():
            for method, operation in item.items():
                if isinstance(operation, dict) and "x-module" in operation:
                    name = f"{self.package}.{operation['x-module']}"
                    wanted.add(name)
                    if name in found:
                        place = f"{method.upper()} {path}"
                        problems = self.operation(modules[name], place, item, operation)
                        yield from (f"{place}: {problem}" for problem in problems)
        for name in sorted(wanted ^ found):
            yield f"{name} is {'not generated' if name in wanted else 'not in the spec'}"
        models = importlib.import_module(f"{self.package}.models")
        for name, sample in samples.items():
            problems = self.example(getattr(models, name), sample)
            yield from (f"{name}: {problem}" for problem in problems)

    def operation(self, module: Any, place: str, item: Node, operation: Node) -> Iterator[str]:
        """What a call made with every argument lacks, and which answers it does not read."""
        hints = typing.get_type_hints(module.prepare)
        names = inspect.signature(module.prepare).parameters
        given = {name: self.argument(hints[name], operation) for name in names}
        call = module.prepare(**given)
        if not re.fullmatch(re.sub(r"\{.*?\}", "[^/]+", place), f"{call.method} {call.path}"):
            yield f"generated as {call.method} {call.path}"
        wanted = {
            (part["in"], part["name"])
            for part in (*item["parameters"], *operation["parameters"])
            if part["in"] != "path" and "properties" not in self.resolved(part["schema"])
        }
        sent = {("query", name) for name, _ in call.query}
        sent |= {("header", name) for name in call.headers}
        sent |= {("cookie", name) for name in call.cookies}
        for kind, name in sorted(wanted - sent):
            yield f"the {kind} parameter {name} is not sent"
        if (call.content is None) == ("requestBody" in operation):
            yield "a body is not sent, or sent though nobody asked for it"
        elif "body" in given and call.body != write(given["body"]):
            yield "the body is not sent as it is"
        for status, answer in operation["responses"].items():
            said = self.resolved(answer)
            for example in self.examples(said):
                is_text = any(media.startswith("text/") for media in said["content"])
                content = example if is_text else json.dumps(example)
                number = int(status.replace("XX", "98"))
                response = call.response(number, {}, content.encode())
                if response.problem:
                    yield f"the answer {status} is not read: {response.problem}"
                elif hasattr(response.parsed, "to_dict"):
                    yield from self.example(type(response.parsed), example)

    def example(self, model: Any, example: Any) -> Iterator[str]:
        """What is wrong with reading and writing an example, with a field that nobody knows."""
        example = {**example, "x-unknown": 1}
        try:
            read = model.from_dict(example)
        except ValueError as error:
            yield f"an example cannot be read: {error}"
            return
        known = {field.metadata.get("name", field.name) for field in attrs.fields(model)}
        if read.additional_properties.keys() != example.keys() - known:
            yield f"an example leaves {list(read.additional_properties)} unknown: {example}"
        written = read.to_dict()
        if not holds(normalize(written), normalize(example)) or model.from_dict(written) != read:
            yield f"an example is not written as it was read: {example}"

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
            examples = self.examples(operation.get("requestBody", {}))
            fitting = [example for example in examples if isinstance(example, dict)]
            return hint.from_dict((*fitting, self.sample(self.classes[hint.__name__]))[0])
        if isinstance(hint, type) and issubclass(hint, enum.Enum):
            return next(iter(hint))
        now = datetime.datetime.now(datetime.UTC)
        values = {bool: True, int: 1, float: 1.5, datetime.datetime: now}
        return {**values, datetime.date: now.date(), uuid.UUID: uuid.uuid4()}.get(hint, "a")

    def resolved(self, part: Node) -> Any:
        """The part, or what it refers to."""
        found = part
        if "$ref" in part:
            found = self.document
            for key in part["$ref"][2:].split("/"):
                found = found[key.replace("~1", "/").replace("~0", "~")]
        return found

    def examples(self, said: Node) -> Iterator[Any]:
        """The examples of a body."""
        for media in said.get("content", {}).values():
            if "example" in media:
                yield media["example"]
            for part in media.get("examples", {}).values():
                yield self.resolved(part)["value"]

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
        types = schema.get("type", "object" if {"properties", "allOf"} & schema.keys() else "")
        kind = types[0] if isinstance(types, list) else types
        if kind == "array":
            return [self.sample(schema["items"], depth + 1)]
        if kind == "object":
            return self.sample_object(schema, depth)
        day, moment = "2027-01-01", "2027-01-01T00:00:00Z"
        texts = {"date": day, "date-time": moment, "uuid": str(uuid.UUID(int=1))}
        text = texts.get(schema.get("format", ""), "text")
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


def write(value: Any) -> Any:
    """An argument as JSON."""
    if isinstance(value, list):
        return [write(item) for item in value]
    return value.to_dict() if hasattr(value, "to_dict") else value


def holds(written: Any, example: Any) -> bool:
    """Whether all of an example is there; an object that was read has its defaults besides."""
    if isinstance(example, dict) and isinstance(written, dict):
        return all(key in written and holds(written[key], example[key]) for key in example)
    if isinstance(example, list) and isinstance(written, list):
        return len(written) == len(example) and all(map(holds, written, example))
    return bool(written == example)


def normalize(value: Any) -> Any:
    """JSON in which absent is null, and a time is a time however it is spelt."""
    if isinstance(value, dict):
        return {key: normalize(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [normalize(item) for item in value]
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
