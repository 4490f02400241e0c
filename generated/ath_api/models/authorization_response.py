from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _define

from .. import _reading
from .._model import Model as _Model
from ..errors import FieldError as _FieldError

_KNOWN: frozenset[str] = frozenset(
    (
        "authorization_url",
        "ath_session_id",
    )
)


@_define(kw_only=True)
class AuthorizationResponse(_Model):
    """A consent session."""

    authorization_url: str
    """Where to send the user's browser; carries code_challenge and code_challenge_method=S256."""

    ath_session_id: str
    """The session to exchange after consent."""

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the object from parsed JSON; raises FieldError."""
        _at = ""
        try:
            if type(src_dict) is not dict:
                _reading.mapping(src_dict)
            _at = "authorization_url"
            if type(authorization_url_ := src_dict[_at]) is not str:
                authorization_url_ = _reading.text(authorization_url_)
            _at = "ath_session_id"
            if type(ath_session_id_ := src_dict[_at]) is not str:
                ath_session_id_ = _reading.text(ath_session_id_)
        except KeyError:
            raise _FieldError(_at, "missing") from None
        except _FieldError as _error:
            raise _error.inside(_at) from None
        _result = cls(
            authorization_url=authorization_url_,
            ath_session_id=ath_session_id_,
        )
        if len(src_dict) != 2:
            _result.additional_properties = {
                _key: _value for _key, _value in src_dict.items() if _key not in _KNOWN
            }
        return _result
