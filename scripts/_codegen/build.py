"""Run the generator on a document that has passed the rules."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import io
import os
import re
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import openapi_python_client
from openapi_python_client import Project
from openapi_python_client.config import Config, ConfigFile, MetaType
from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser.errors import GeneratorError, ParseError
from openapi_python_client.strings import PythonIdentifier

from .document import (
    METHODS,
    Document,
    Node,
    Pointer,
    Problem,
    Refused,
    follow,
    get_first_tag,
    is_handwritten,
    walk,
)
from .source import select_imports, write_docstring, write_type
from .views import Views, has_body, is_success, schema_of

INSTALLED = Path(openapi_python_client.__file__).parent / "templates"


def generate(document: Document, spec: Path, output: Path) -> tuple[Node, dict[str, Node]]:
    """Write the package into a folder that is not there yet; return what the proof needs.

    That is the document as the generator got it, with the module of each operation, and the
    schema of each class.

    Raises:
        Refused: The generator cannot make right code of the document.
    """
    check_templates(spec / "templates")
    data = lower(document.data)
    config = Config.from_sources(
        ConfigFile.load_from_path(spec / "generate.yaml"),
        MetaType.NONE,
        document_source=document.path,
        file_encoding="utf-8",
        overwrite=False,
        output_path=output,
    )
    parsed = GeneratorData.from_dict(copy.deepcopy(data), config=config)
    if isinstance(parsed, GeneratorError):
        raise Refused([f"{document.path}: {parsed.header}: {parsed.detail}"])
    collections = parsed.endpoint_collections_by_tag.values()
    refuse(document, parsed.errors)  # apart, since what uses these components fails as well
    refuse(document, [error for tag in collections for error in tag.parse_errors])

    project = Project(openapi=parsed, config=config, custom_template_path=spec / "templates")
    views = Views(data)
    project.env.filters.update(
        fields=views.fields,
        operation=views.operation,
        imports=select_imports,
        literal=repr,
        docstring=write_docstring,
    )
    answers = [a for tag in collections for e in tag.endpoints for a in e.responses.patterns]
    errors = [answer.prop for answer in answers if has_body(answer) and not is_success(answer)]
    needed = [prop.get_imports(prefix=".") | prop.get_lazy_imports(prefix=".") for prop in errors]
    project.env.globals.update(
        error_type=" | ".join(sorted({write_type(prop) for prop in errors})) or "None",
        error_imports=select_imports(line for lines in needed for line in lines),
    )
    # The post hooks find ruff on PATH; the one beside this interpreter is the pinned one.
    beside = str(Path(sys.executable).parent) + os.pathsep
    os.environ["PATH"] = beside + os.environ.get("PATH", "").removeprefix(beside)
    with contextlib.redirect_stdout(io.StringIO()):
        refuse(document, project.build())
    for module in (spec / "runtime").glob("*.py"):
        shutil.copy(module, output)
    shutil.copy(document.path, output / "openapi.yaml")
    (output / "py.typed").touch()  # without metadata the generator leaves it out
    return data, {str(model.class_info.name): schema_of(model) for model in parsed.models}


def check_templates(ours: Path) -> None:
    """Compare the generator's own templates with those that ours were written to replace.

    Templates are no public interface of the generator: after an upgrade each one that changed is
    read again, so that no safeguard is lost.

    Raises:
        Refused: Some have changed; names all of them.
    """
    changed = []
    for line in (ours / "REPLACED.sha256").read_text("utf-8").splitlines():
        wanted, name = line.split()
        installed = INSTALLED / name
        content = installed.read_bytes() if installed.exists() else b""
        found = hashlib.sha256(content).hexdigest()
        if found != wanted:
            changed.append(
                f"{ours.name}/REPLACED.sha256: {name} of the installed generator is not the one"
                f" that ours replaces; compare them, then write down its hash, {found}"
            )
    if changed:
        raise Refused(changed)


def lower(document: Node) -> Node:
    """What the generator gets: without what is written by hand, in forms that it reads right."""
    data = copy.deepcopy(document)
    data["paths"] = {
        path: {name: part for name, part in item.items() if not is_handwritten(part)}
        for path, item in data["paths"].items()
        if not is_handwritten(item)
    }
    for item in data["paths"].values():
        operations = [item[method] for method in METHODS if method in item]
        for holder in (item, *operations):
            holder["parameters"] = [follow(data, part) for part in holder.get("parameters", ())]
        for operation in operations:
            if "requestBody" in operation:
                operation["requestBody"] = follow(data, operation["requestBody"])
            module = identifier(get_first_tag(operation)), identifier(operation["operationId"])
            operation["x-module"] = f"api.{'.'.join(module)}"
    for _, part in list(walk(data)):
        if isinstance(part, dict):
            _lower_part(part)
    return data


def _lower_part(part: Node) -> None:
    """Say in other words what the generator overlooks."""
    if isinstance(part.get("allOf"), list) and part.keys() & {"properties", "required"}:
        own = {word: part.pop(word) for word in ("properties", "required") if word in part}
        part["allOf"] = [*part["allOf"], {"type": "object", **own}]
    if part.get("deprecated") is True:
        part["description"] = f"Deprecated. {part.get('description', '')}".strip()
    enum = part.get("enum")
    if isinstance(enum, list) and None in enum:
        values = [value for value in enum if value is not None]
        kind = "integer" if isinstance(values[0], int) else "string"
        names = {word: part.pop(word) for word in ("x-enum-varnames",) if word in part}
        del part["enum"]
        part.pop("type", None)
        part["anyOf"] = [{"type": kind, "enum": values, **names}, {"type": "null"}]


def identifier(name: Any) -> str:
    """The name of a module or an argument in Python."""
    return str(PythonIdentifier(str(name), "field_"))


def refuse(document: Document, errors: Iterable[GeneratorError]) -> None:
    """Stop if the generator reports anything, a warning too: it would drop what it warns of."""
    document.refuse(
        Problem(_find_place(document.data, error), f"{error.header.strip(' :')}: {error.detail}")
        for error in errors
    )


def _find_place(data: Node, error: GeneratorError) -> Pointer:
    """Where the generator found the error, as far as it says."""
    if isinstance(error, ParseError) and error.data is not None:
        said = error.data.model_dump(mode="json", by_alias=True, exclude_unset=True)
        for where, part in walk(data):
            if part == said:
                return where
    text = f"{error.header} {error.detail}"
    if found := re.search(r"/components/(\w+)/([\w.-]+)", text):
        return "components", found[1], found[2]
    if found := re.search(r"parsing ([A-Z]+) (/\S*) within", text):
        return "paths", found[2], found[1].lower()
    return ()
