from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _define

from .. import _reading
from .._model import Model as _Model
from ..errors import FieldError as _FieldError

_KNOWN: frozenset[str] = frozenset(
    (
        "provider_id",
        "approved_scopes",
        "denied_scopes",
        "denial_reason",
    )
)
_read_approved_scopes = _reading.array(_reading.text)
_read_denied_scopes = _reading.array(_reading.text)


@_define(kw_only=True)
class ProviderApproval(_Model):
    """What was decided for one provider; it may be a part of what was asked."""

    provider_id: str
    """The provider."""

    approved_scopes: list[str]
    """The scopes granted."""

    denied_scopes: list[str]
    """The scopes refused."""

    denial_reason: str | None = None
    """Why, in words."""

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the object from parsed JSON; raises FieldError."""
        _at = ""
        try:
            if type(src_dict) is not dict:
                _reading.mapping(src_dict)
            _at = "provider_id"
            if type(provider_id_ := src_dict[_at]) is not str:
                provider_id_ = _reading.text(provider_id_)
            _at = "approved_scopes"
            approved_scopes_ = _read_approved_scopes(src_dict[_at])
            _at = "denied_scopes"
            denied_scopes_ = _read_denied_scopes(src_dict[_at])
            _at = "denial_reason"
            if (denial_reason_ := src_dict.get(_at)) is not None:
                denial_reason_ = _reading.text(denial_reason_)
        except KeyError:
            raise _FieldError(_at, "missing") from None
        except _FieldError as _error:
            raise _error.inside(_at) from None
        _result = cls(
            provider_id=provider_id_,
            approved_scopes=approved_scopes_,
            denied_scopes=denied_scopes_,
            denial_reason=denial_reason_,
        )
        if len(src_dict) != 3 + (denial_reason_ is not None):
            _result.additional_properties = {
                _key: _value for _key, _value in src_dict.items() if _key not in _KNOWN
            }
        return _result
