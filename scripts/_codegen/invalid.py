"""What openapi-spec-validator finds in a document, each with its place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from openapi_spec_validator import OpenAPIV31SpecValidator

from .document import Node, Pointer, Problem, walk


def find_invalid(data: Node) -> Iterator[Problem]:
    """Why it is not valid OpenAPI 3.1."""
    prefix = "not valid OpenAPI 3.1: "
    try:
        for error in OpenAPIV31SpecValidator(data).iter_errors():
            yield Problem(_find_place(data, error), f"{prefix}{error.message[:300]}")
    except Exception as error:  # it gives up in many ways on what is far from OpenAPI
        yield Problem((), f"{prefix}{error}"[:300])


def _find_place(data: Node, error: Any) -> Pointer:
    """Where an error is; of one in a schema, the validator says only where in that schema."""
    inner = tuple(error.absolute_path)
    if not inner and not isinstance(error.instance, dict):
        return ()
    found = [
        where
        for where, part in walk(data)
        if part is error.instance and where[len(where) - len(inner) :] == inner
    ]
    return inner if inner in found else next(iter(found), inner)
