"""Changes of a spec, as the rows of constructs.yaml and changes.yaml write them."""

from __future__ import annotations

import copy
from typing import Any

Spec = dict[str, Any]


def changed(base: Spec, row: dict[str, Any]) -> Spec:
    """The spec after the changes of a row."""
    spec = copy.deepcopy(base)
    for place in row.get("drop", ()):
        _take(spec, _path(spec, place))
    for place, value in row.get("set", {}).items():
        _put(spec, _path(spec, place), copy.deepcopy(value))
    for place, value in row.get("require", {}).items():
        _put(spec, _path(spec, place), copy.deepcopy(value))
        _required(spec, place).append(_path(spec, place)[-1])
    for place, name in row.get("move", {}).items():
        if place in spec["paths"]:
            spec["paths"][name] = spec["paths"].pop(place)
        else:
            _, path, method = _path(spec, place)
            spec["paths"][path][name] = spec["paths"][path].pop(method)
    for place, name in row.get("rename", {}).items():
        path = _path(spec, place)
        required = _required(spec, place)
        if path[-1] in required:
            required.append(name)
        _put(spec, [*path[:-1], name], _take(spec, path))
    return spec


def _path(spec: Spec, place: str) -> list[str]:
    """The keys that lead to a place.

    It is a JSON pointer, or begins with an operationId, or is Component or Component.field.
    """
    first, _, rest = place.partition("/")
    keys = [key.replace("~1", "/").replace("~0", "~") for key in rest.split("/") if rest]
    if not first:
        return keys
    for path, item in spec["paths"].items():
        for method, operation in item.items():
            if isinstance(operation, dict) and operation.get("operationId") == first:
                return ["paths", path, method, *keys]
    component, dot, field = place.partition(".")
    return ["components", "schemas", component, *(["properties", field] if dot else [])]


def _holder(spec: Any, path: list[str]) -> Any:
    for key in path[:-1]:
        spec = spec[int(key)] if isinstance(spec, list) else spec.setdefault(key, {})
    return spec


def _put(spec: Spec, path: list[str], value: Any) -> None:
    holder, key = _holder(spec, path), path[-1]
    if key == "-":
        holder.append(value)
    elif isinstance(holder, list):
        holder[int(key)] = value
    else:
        holder[key] = value


def _take(spec: Spec, path: list[str]) -> Any:
    """Take a part out, and a field out of those that are required as well."""
    if path[-2:-1] == ["properties"]:
        required = _holder(spec, path[:-1]).get("required", [])
        required[:] = [name for name in required if name != path[-1]]
    return _holder(spec, path).pop(path[-1])


def _required(spec: Spec, field: str) -> list[str]:
    component = spec["components"]["schemas"][field.partition(".")[0]]
    required: list[str] = component.setdefault("required", [])
    return required
