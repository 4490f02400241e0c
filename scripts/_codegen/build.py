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
    first_tag,
    handwritten,
    referred,
    walk,
)
from .views import Views, docstring, hint, imports, raw

INSTALLED = Path(openapi_python_client.__file__).parent / "templates"


def check_templates(spec: Path) -> None:
    """Compare the generator's own templates with those that ours were written to replace.

    Templates are no public interface of the generator: after an upgrade each one that changed is read
    again, so that no safeguard is lost.

    Raises:
        Refused: Some have changed; names all of them.
    """
    changed = []
    for line in (spec / "templates" / "REPLACED.sha256").read_text("utf-8").splitlines():
        wanted, name = line.split()
        template = INSTALLED / name
        found = hashlib.sha256(template.read_bytes()).hexdigest() if template.exists() else "absent"
        if found != wanted:
            changed.append(
                f"spec/templates/REPLACED.sha256: {name} of the installed generator is not the one that"
                f" ours replaces; compare them, then write down its hash, {found}"
            )
    if changed:
        raise Refused(changed)


def lowered(document: Node) -> Node:
    """What the generator gets: without what is written by hand, in forms that it reads right."""
    data = copy.deepcopy(document)
    data["paths"] = {
        path: {name: part for name, part in item.items() if not handwritten(part)}
        for path, item in data["paths"].items()
        if not handwritten(item)
    }
    for item in data["paths"].values():
        for holder in [item, *(item[method] for method in METHODS if method in item)]:
            holder["parameters"] = [referred(data, part) for part in holder.get("parameters", ())]
            if "requestBody" in holder:
                holder["requestBody"] = referred(data, holder["requestBody"])
            if "operationId" in holder:
                module = identifier(first_tag(holder)), identifier(holder["operationId"])
                holder["x-module"] = f"api.{'.'.join(module)}"
    _spell_out(data)
    return data


def identifier(name: Any) -> str:
    """The name of a module or an argument in Python."""
    return str(PythonIdentifier(str(name), "field_"))


def _spell_out(part: Any) -> None:
    """Write deprecation and nullable enums, which the generator leaves out, in words that it reads."""
    if isinstance(part, list):
        for item in part:
            _spell_out(item)
    if not isinstance(part, dict):
        return
    if "allOf" in part and part.keys() & {"properties", "required"}:
        own = {word: part.pop(word) for word in ("properties", "required") if word in part}
        part["allOf"] = [*part["allOf"], {"type": "object", **own}]
    if part.get("deprecated") is True:
        part["description"] = f"Deprecated. {part.get('description', '')}".strip()
    enum = part.get("enum")
    if isinstance(enum, list) and None in enum:
        values = {**part, "type": "integer" if isinstance(enum[0], int) else "string"}
        values["enum"] = [value for value in enum if value is not None]
        said = {word: part[word] for word in part if word not in ("enum", "type")}
        part.clear()
        part.update(said, anyOf=[values, {"type": "null"}])
        return
    for inner in part.values():
        _spell_out(inner)


def generate(document: Document, spec: Path, output: Path) -> tuple[Node, dict[str, Node]]:
    """Write the package into a folder that is not there yet; return what was given, for the proof.

    That is the document as the generator got it, with the module of each operation, and the schema of
    each class.

    Raises:
        Refused: The generator cannot make right code of the document.
    """
    check_templates(spec)
    data = lowered(document.data)
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
    refuse(document, parsed.errors)
    for collection in parsed.endpoint_collections_by_tag.values():
        refuse(document, collection.parse_errors)

    project = Project(openapi=parsed, config=config, custom_template_path=spec / "templates")
    views = Views(data)
    project.env.filters.update(
        fields=views.fields,
        operation=views.operation,
        imports=imports,
        literal=repr,
        docstring=docstring,
    )
    errors = [
        answer.prop
        for collection in parsed.endpoint_collections_by_tag.values()
        for endpoint in collection.endpoints
        for answer in endpoint.responses.patterns
        if answer.source["attribute"] != "None" and answer.status_code.range[0] // 100 != 2
    ]
    project.env.globals.update(
        error_type=" | ".join(sorted({hint(prop) for prop in errors})) or "None",
        error_imports=imports(
            line
            for prop in errors
            for line in prop.get_imports(prefix=".") | prop.get_lazy_imports(prefix=".")
        ),
    )
    # The post hooks find ruff on PATH; the one beside this interpreter is the pinned one.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with contextlib.redirect_stdout(io.StringIO()):
        refuse(document, project.build())
    for module in (spec / "runtime").glob("*.py"):
        shutil.copy(module, output)
    shutil.copy(document.path, output / "openapi.yaml")
    (output / "py.typed").touch()  # without metadata the generator leaves it out
    return data, {str(model.class_info.name): raw(model) for model in parsed.models}


def refuse(document: Document, errors: Iterable[GeneratorError]) -> None:
    """Stop if the generator reports anything, a warning too: it would drop what it warns of."""
    document.refuse(
        Problem(_place(document.data, error), f"{error.header.strip(' :')}: {error.detail or ''}".strip())
        for error in errors
    )


def _place(data: Node, error: GeneratorError) -> Pointer:
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
