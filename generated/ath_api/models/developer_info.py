from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _define

from .. import _reading
from .._model import Model as _Model
from ..errors import FieldError as _FieldError

_KNOWN: frozenset[str] = frozenset(
    (
        "name",
        "id",
        "contact",
    )
)


@_define(kw_only=True)
class DeveloperInfo(_Model):
    """Who answers for an agent."""

    name: str
    """The person's or company's name."""

    id: str
    """The developer's identifier."""

    contact: str | None = None
    """Whom to write to about security."""

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the object from parsed JSON; raises FieldError."""
        _at = ""
        try:
            if type(src_dict) is not dict:
                _reading.mapping(src_dict)
            _at = "name"
            if type(name_ := src_dict[_at]) is not str:
                name_ = _reading.text(name_)
            _at = "id"
            if type(id_ := src_dict[_at]) is not str:
                id_ = _reading.text(id_)
            _at = "contact"
            if (contact_ := src_dict.get(_at)) is not None:
                contact_ = _reading.text(contact_)
        except KeyError:
            raise _FieldError(_at, "missing") from None
        except _FieldError as _error:
            raise _error.inside(_at) from None
        _result = cls(
            name=name_,
            id=id_,
            contact=contact_,
        )
        if len(src_dict) != 2 + (contact_ is not None):
            _result.additional_properties = {
                _key: _value for _key, _value in src_dict.items() if _key not in _KNOWN
            }
        return _result
