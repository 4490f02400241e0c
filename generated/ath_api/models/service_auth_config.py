from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _define

from .. import _reading
from .._model import Model as _Model
from ..errors import FieldError as _FieldError

_KNOWN: frozenset[str] = frozenset(
    (
        "type",
        "authorization_endpoint",
        "token_endpoint",
        "scopes_supported",
        "registration_endpoint",
        "agent_attestation_required",
    )
)
_read_scopes_supported = _reading.array(_reading.text)


@_define(kw_only=True)
class ServiceAuthConfig(_Model):
    """How a native service asks its users."""

    type: str
    """The kind of authentication; oauth2."""

    authorization_endpoint: str
    """The OAuth server's consent page."""

    token_endpoint: str
    """The OAuth server's token endpoint."""

    scopes_supported: list[str]
    """The scopes that an agent may ask for."""

    registration_endpoint: str | None = None
    """Where a developer signs up."""

    agent_attestation_required: bool | None = None
    """Whether agents must attest. Only an explicit false means no."""

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the object from parsed JSON; raises FieldError."""
        _at = ""
        try:
            if type(src_dict) is not dict:
                _reading.mapping(src_dict)
            _at = "type"
            if type(type_ := src_dict[_at]) is not str:
                type_ = _reading.text(type_)
            _at = "authorization_endpoint"
            if type(authorization_endpoint_ := src_dict[_at]) is not str:
                authorization_endpoint_ = _reading.text(authorization_endpoint_)
            _at = "token_endpoint"
            if type(token_endpoint_ := src_dict[_at]) is not str:
                token_endpoint_ = _reading.text(token_endpoint_)
            _at = "scopes_supported"
            scopes_supported_ = _read_scopes_supported(src_dict[_at])
            _at = "registration_endpoint"
            if (registration_endpoint_ := src_dict.get(_at)) is not None:
                registration_endpoint_ = _reading.text(registration_endpoint_)
            _at = "agent_attestation_required"
            if (agent_attestation_required_ := src_dict.get(_at)) is not None:
                agent_attestation_required_ = _reading.boolean(agent_attestation_required_)
        except KeyError:
            raise _FieldError(_at, "missing") from None
        except _FieldError as _error:
            raise _error.inside(_at) from None
        _result = cls(
            type=type_,
            authorization_endpoint=authorization_endpoint_,
            token_endpoint=token_endpoint_,
            scopes_supported=scopes_supported_,
            registration_endpoint=registration_endpoint_,
            agent_attestation_required=agent_attestation_required_,
        )
        if len(src_dict) != 4 + (registration_endpoint_ is not None) + (
            agent_attestation_required_ is not None
        ):
            _result.additional_properties = {
                _key: _value for _key, _value in src_dict.items() if _key not in _KNOWN
            }
        return _result
