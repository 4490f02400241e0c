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
        "access_token",
        "token_type",
        "expires_in",
        "effective_scopes",
        "provider_id",
        "agent_id",
        "scope_intersection",
    )
)
_read_effective_scopes = _reading.array(_reading.text)


@_define(kw_only=True)
class TokenResponse(_Model):
    """An ATH token, tied to the agent, the user, the provider and the scopes."""

    access_token: str = _field(repr=False)
    """The token itself; opaque."""

    token_type: str
    """Bearer."""

    expires_in: int
    """Seconds until the token ends."""

    effective_scopes: list[str]
    """What the token may do."""

    provider_id: str
    """The provider the token is for."""

    agent_id: str
    """The agent the token is for."""

    scope_intersection: ScopeIntersection
    """How the scopes of a token came about."""

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the object from parsed JSON; raises FieldError."""
        _at = ""
        try:
            if type(src_dict) is not dict:
                _reading.mapping(src_dict)
            _at = "access_token"
            if type(access_token_ := src_dict[_at]) is not str:
                access_token_ = _reading.text(access_token_)
            _at = "token_type"
            if type(token_type_ := src_dict[_at]) is not str:
                token_type_ = _reading.text(token_type_)
            _at = "expires_in"
            if type(expires_in_ := src_dict[_at]) is not int:
                expires_in_ = _reading.integer(expires_in_)
            _at = "effective_scopes"
            effective_scopes_ = _read_effective_scopes(src_dict[_at])
            _at = "provider_id"
            if type(provider_id_ := src_dict[_at]) is not str:
                provider_id_ = _reading.text(provider_id_)
            _at = "agent_id"
            if type(agent_id_ := src_dict[_at]) is not str:
                agent_id_ = _reading.text(agent_id_)
            _at = "scope_intersection"
            scope_intersection_ = ScopeIntersection.from_dict(src_dict[_at])
        except KeyError:
            raise _FieldError(_at, "missing") from None
        except _FieldError as _error:
            raise _error.inside(_at) from None
        _result = cls(
            access_token=access_token_,
            token_type=token_type_,
            expires_in=expires_in_,
            effective_scopes=effective_scopes_,
            provider_id=provider_id_,
            agent_id=agent_id_,
            scope_intersection=scope_intersection_,
        )
        if len(src_dict) != 7:
            _result.additional_properties = {
                _key: _value for _key, _value in src_dict.items() if _key not in _KNOWN
            }
        return _result


# At the end, so that models may name each other and typing.get_type_hints finds them.
from ..models.scope_intersection import ScopeIntersection
