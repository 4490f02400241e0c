from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _define

from .. import _reading
from .._model import Model as _Model
from ..errors import FieldError as _FieldError

_KNOWN: frozenset[str] = frozenset(
    (
        "agent_approved",
        "user_consented",
        "effective",
    )
)
_read_agent_approved = _reading.array(_reading.text)
_read_user_consented = _reading.array(_reading.text)
_read_effective = _reading.array(_reading.text)


@_define(kw_only=True)
class ScopeIntersection(_Model):
    """How the scopes of a token came about."""

    agent_approved: list[str]
    """What the implementor approved."""

    user_consented: list[str]
    """What the user consented to."""

    effective: list[str]
    """What is left of both and of the request."""

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the object from parsed JSON; raises FieldError."""
        _at = ""
        try:
            if type(src_dict) is not dict:
                _reading.mapping(src_dict)
            _at = "agent_approved"
            agent_approved_ = _read_agent_approved(src_dict[_at])
            _at = "user_consented"
            user_consented_ = _read_user_consented(src_dict[_at])
            _at = "effective"
            effective_ = _read_effective(src_dict[_at])
        except KeyError:
            raise _FieldError(_at, "missing") from None
        except _FieldError as _error:
            raise _error.inside(_at) from None
        _result = cls(
            agent_approved=agent_approved_,
            user_consented=user_consented_,
            effective=effective_,
        )
        if len(src_dict) != 3:
            _result.additional_properties = {
                _key: _value for _key, _value in src_dict.items() if _key not in _KNOWN
            }
        return _result
