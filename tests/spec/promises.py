"""What ath promises its users of the spec: the fields of results and arguments, codes and statuses.

More may come; what is here stays, with its type. A release that breaks a promise says so in
CHANGELOG.md and changes promises.yaml.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
from ruamel.yaml import YAML

PROMISES: dict[str, Any] = YAML(typ="safe").load(Path(__file__).with_name("promises.yaml"))


def broken(models: Any) -> Iterator[str]:
    """Each promise that these models break, naming the field and the spec."""
    for name, promised in PROMISES.items():
        model = getattr(models, name, None)
        if model is None:
            yield f"{name} is gone from spec/openapi.yaml; it is promised in promises.yaml"
        elif issubclass(model, enum.Enum):
            for member in set(promised) - set(model.__members__):
                yield f"{name}.{member} is gone from spec/openapi.yaml; promises.yaml has it"
        else:
            yield from _broken_fields(model, promised)


def _broken_fields(model: Any, promised: dict[str, str]) -> Iterator[str]:
    fields = {field.name: field for field in attrs.fields(model) if field.init}
    for name, kind in promised.items():
        place = f"{model.__name__}.{name}"
        if name not in fields:
            yield f"{place} is gone from spec/openapi.yaml; it is promised in promises.yaml"
        elif fields[name].type != kind:
            yield f"{place} is {fields[name].type} in spec/openapi.yaml; promises.yaml: {kind}"
    for name in fields.keys() - promised.keys():
        if fields[name].default is attrs.NOTHING:
            yield f"{model.__name__}.{name} is new and required in spec/openapi.yaml"
