from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _define

from .. import _reading
from .._model import Model as _Model
from ..errors import FieldError as _FieldError
from ..models.ath_error_code import ATHErrorCode

_KNOWN: frozenset[str] = frozenset(
    (
        "code",
        "message",
        "details",
        "client_id",
    )
)
_read_code = _reading.either(_reading.parsed(ATHErrorCode), _reading.text)
_read_client_id = _reading.lenient(_reading.text)


@_define(kw_only=True)
class ErrorBody(_Model):
    """Why a call failed. The table at the top says what to do."""

    code: ATHErrorCode | str
    """What went wrong, for programs."""

    message: str
    """What went wrong, for people."""

    details: Any = None
    """More about it; any JSON."""

    client_id: str | None = None
    """The registration that is there already."""

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the object from parsed JSON; raises FieldError."""
        _at = ""
        try:
            if type(src_dict) is not dict:
                _reading.mapping(src_dict)
            _at = "code"
            code_ = _read_code(src_dict[_at])
            _at = "message"
            if type(message_ := src_dict[_at]) is not str:
                message_ = _reading.text(message_)
            _at = "details"
            details_ = src_dict.get(_at)
            _at = "client_id"
            if (client_id_ := src_dict.get(_at)) is not None:
                client_id_ = _read_client_id(client_id_)
        except KeyError:
            raise _FieldError(_at, "missing") from None
        except _FieldError as _error:
            raise _error.inside(_at) from None
        _result = cls(
            code=code_,
            message=message_,
            details=details_,
            client_id=client_id_,
        )
        if len(src_dict) != 2 + (details_ is not None) + (client_id_ is not None):
            _result.additional_properties = {
                _key: _value for _key, _value in src_dict.items() if _key not in _KNOWN
            }
        if client_id_ is None and src_dict.get("client_id") is not None:
            _result.additional_properties["client_id"] = src_dict["client_id"]
        return _result
