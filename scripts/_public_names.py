"""The public names of the packages, with their signatures, as text that griffe can compare.

The text of a module looks like a stub: classes with all their members, also the inherited ones, and
functions without bodies. A name that has its home in another public module only points there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import griffe

Modules = dict[str, str]
"""The text of each public module, by its name."""

HEADING = "### "


def to_text(modules: Modules) -> str:
    """Write all modules into one text."""
    return "\n".join(f"{HEADING}{name}\n{text}" for name, text in sorted(modules.items()))


def from_text(text: str) -> Modules:
    """Read what to_text() wrote."""
    parts = re.split(rf"^{HEADING}", text, flags=re.MULTILINE)[1:]
    return {name: body for name, _, body in (part.partition("\n") for part in parts)}


def read_sources(folders: Sequence[Path]) -> Modules:
    """Read the public names of the packages ath and ath_api in these folders."""
    modules = {}
    for module, names in _load(folders):
        lines = (_write(name, module[name]) for name in names)
        modules[module.path] = "\n".join(lines) + "\n"
    return modules


def find_homes(folders: Sequence[Path]) -> dict[str, list[str]]:
    """List the public names by the module that is their home; no name has two."""
    return {
        module.path: [name for name in names if not _has_other_home(module[name])]
        for module, names in _load(folders)
    }


def find_breaks(old: Modules, new: Modules) -> Iterator[tuple[str, str]]:
    """Yield the name of what breaks, and what happened to it."""
    for name, text in old.items():
        if name not in new:
            yield name, "Public module was removed"
            continue
        breakages = griffe.find_breaking_changes(_parse(name, text), _parse(name, new[name]))
        for breakage in breakages:
            part = breakage.old_value or breakage.new_value
            parameter = f" ({part.name})" if isinstance(part, griffe.Parameter) else ""
            yield breakage.obj.path, f"{breakage.kind.value}{parameter}"


def _parse(name: str, text: str) -> griffe.Module:
    return griffe.visit(name, Path(f"{name}.pyi"), text)


def _load(folders: Sequence[Path]) -> list[tuple[griffe.Module, list[str]]]:
    """Load each public module, with its public names."""
    loader = griffe.GriffeLoader(search_paths=folders)
    # Without try_relative_path=False, a package in the current folder would be taken first.
    packages = [loader.load(name, try_relative_path=False) for name in ("ath", "ath_api")]
    loader.resolve_aliases(implicit=True)
    modules = [module for package in packages for module in _find_modules(package)]
    found = ((module, sorted(_public_names(module))) for module in modules)
    return sorted(
        ((module, names) for module, names in found if names), key=lambda pair: pair[0].path
    )


def _find_modules(module: griffe.Module) -> Iterator[griffe.Module]:
    yield module
    for name, member in module.modules.items():
        if not name.startswith("_") and not member.is_alias:
            yield from _find_modules(member)


def _public_names(module: griffe.Module) -> set[str]:
    """Find what a module offers: what it lists or, in generated code, has without underscore."""
    if module.exports is not None:
        return {str(name) for name in module.exports}
    if module.path.startswith("ath_api."):
        own = (name for name, member in module.members.items() if not member.is_alias)
        return {name for name in own if not name.startswith("_") and not module[name].is_module}
    return set()


def _has_other_home(member: griffe.Object | griffe.Alias) -> bool:
    """Whether another public module defines it."""
    if not member.is_alias:
        return member.is_module
    return not any(part.startswith("_") for part in member.final_target.path.split("."))


def _write(name: str, member: griffe.Object | griffe.Alias) -> str:
    if _has_other_home(member):
        return f"{name}: {member.final_target.path if member.is_alias else member.path}"
    if member.is_alias:
        member = member.final_target
    if member.is_class:
        lines = [f"    {line}" for line in _write_members(member)] or ["    pass"]
        return "\n".join([f"class {name}({', '.join(map(str, member.bases))}):", *lines])
    if member.is_function:
        return _write_function(name, member)
    return _write_attribute(name, member)


def _write_members(of: griffe.Class) -> Iterator[str]:
    members = {name: member.final_target if member.is_alias else member
               for name, member in of.all_members.items()}  # fmt: skip
    if constructor := _write_constructor(of, members):
        yield constructor
    for name, member in sorted(members.items()):
        if member.is_function and (member.is_special or not name.startswith("_")):
            yield _write_function(name, member)
        elif not name.startswith("_"):
            yield _write_attribute(name, member)


def _write_constructor(of: griffe.Class, members: dict[str, griffe.Object]) -> str:
    """Write the constructor that attrs or NamedTuple makes, and griffe does not know."""
    decorators = [str(decorator.value) for decorator in of.decorators]
    attrs = any(re.match(r"_?(define|frozen)\b", decorator) for decorator in decorators)
    if not attrs and "NamedTuple" not in map(str, of.bases):
        return ""
    parameters = ["*"] if any("kw_only=True" in decorator for decorator in decorators) else []
    fields = [(name, field) for name, field in members.items()
              if field.is_attribute and "property" not in field.labels]  # fmt: skip
    for name, field in fields:
        value = str(field.value or "")
        if "init=False" in value or name.startswith("_"):
            continue
        if "field(" in value:
            value = "..." if re.search("default=|factory=", value) else ""
        parameters.append(f"{name}: {field.annotation}{value and f' = {value}'}")
    return f"def __init__({', '.join(parameters)}) -> None: ..."


def _write_function(name: str, function: griffe.Function) -> str:
    word = "async def" if "async" in function.labels else "def"
    signature = function.signature(return_type=True, name=name)
    return f"{word} {signature}: ..."


def _write_attribute(name: str, attribute: griffe.Attribute) -> str:
    value = str(attribute.value or "")
    if value.startswith("Literal["):  # its values are names that users compare with
        words = re.findall(r"'(\w+)'", value)
        return "\n".join([f"class {name}:", *(f"    {word}: str" for word in words)])
    return f"{name}: {attribute.annotation or 'Any'}"
