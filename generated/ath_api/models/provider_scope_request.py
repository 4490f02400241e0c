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
        "scopes",
    )
)
_read_scopes = _reading.array(_reading.text)


@_define(kw_only=True)
class ProviderScopeRequest(_Model):
    """A provider, and the scopes wanted there."""

    provider_id: str
    """The provider."""

    scopes: list[str]
    """The scopes wanted."""

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
            _at = "scopes"
            scopes_ = _read_scopes(src_dict[_at])
        except KeyError:
            raise _FieldError(_at, "missing") from None
        except _FieldError as _error:
            raise _error.inside(_at) from None
        _result = cls(
            provider_id=provider_id_,
            scopes=scopes_,
        )
        if len(src_dict) != 2:
            _result.additional_properties = {
                _key: _value for _key, _value in src_dict.items() if _key not in _KNOWN
            }
        return _result
