"""JSON request bodies, read with the generated wire models."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

from flask import request
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from ._errors import Refused

M = TypeVar("M", covariant=True)


class _Model(Protocol[M]):
    def from_dict(self, src_dict: Any, /) -> M: ...


def json_object() -> dict[str, Any]:
    try:
        body = request.get_json()
    except (BadRequest, UnsupportedMediaType, RecursionError) as error:
        raise Refused("INVALID_REQUEST", "the body is not JSON") from error
    if not isinstance(body, dict):
        raise Refused("INVALID_REQUEST", "the body is not a JSON object")
    return body


def parsed(model: _Model[M]) -> M:
    body = json_object()
    try:
        return model.from_dict(body)
    except (TypeError, ValueError, LookupError, AttributeError, RecursionError) as error:
        raise Refused("INVALID_REQUEST", f"the body does not fit: {error}") from error
