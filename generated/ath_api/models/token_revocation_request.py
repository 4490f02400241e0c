from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _define
from attrs import field as _field

from .. import _reading
from .._model import Model as _Model
from ..errors import FieldError as _FieldError

_KNOWN: frozenset[str] = frozenset(
    (
        "token",
        "client_id",
        "client_secret",
    )
)


@_define(kw_only=True)
class TokenRevocationRequest(_Model):
    """A token to be given up."""

    token: str = _field(repr=False)
    """The token."""

    client_id: str | None = None
    """The registration; an agent must send it."""

    client_secret: str | None = _field(default=None, repr=False)
    """The registration's secret; an agent must send it."""

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the object from parsed JSON; raises FieldError."""
        _at = ""
        try:
            if type(src_dict) is not dict:
                _reading.mapping(src_dict)
            _at = "token"
            if type(token_ := src_dict[_at]) is not str:
                token_ = _reading.text(token_)
            _at = "client_id"
            if (client_id_ := src_dict.get(_at)) is not None:
                client_id_ = _reading.text(client_id_)
            _at = "client_secret"
            if (client_secret_ := src_dict.get(_at)) is not None:
                client_secret_ = _reading.text(client_secret_)
        except KeyError:
            raise _FieldError(_at, "missing") from None
        except _FieldError as _error:
            raise _error.inside(_at) from None
        _result = cls(
            token=token_,
            client_id=client_id_,
            client_secret=client_secret_,
        )
        if len(src_dict) != 1 + (client_id_ is not None) + (client_secret_ is not None):
            _result.additional_properties = {
                _key: _value for _key, _value in src_dict.items() if _key not in _KNOWN
            }
        return _result
