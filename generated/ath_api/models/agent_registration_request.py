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
        "agent_id",
        "agent_attestation",
        "developer",
        "requested_providers",
        "purpose",
        "redirect_uris",
    )
)
_read_redirect_uris = _reading.array(_reading.text)


@_define(kw_only=True)
class AgentRegistrationRequest(_Model):
    """An agent's request for approval."""

    agent_id: str
    """The URL of the agent's identity document."""

    agent_attestation: str = _field(repr=False)
    """A fresh ES256 JWT (iss, sub, aud, iat, exp, jti); its audience is the implementor's base
    URL.
    """

    developer: DeveloperInfo
    """Who answers for an agent."""

    requested_providers: list[ProviderScopeRequest]
    """The providers and scopes the agent would like to use."""

    purpose: str | None = None
    """What the agent is for."""

    redirect_uris: list[str] | None = None
    """The only places a browser may be sent back to. Without any, user_redirect_uri is refused
    later.
    """

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the object from parsed JSON; raises FieldError."""
        _at = ""
        try:
            if type(src_dict) is not dict:
                _reading.mapping(src_dict)
            _at = "agent_id"
            if type(agent_id_ := src_dict[_at]) is not str:
                agent_id_ = _reading.text(agent_id_)
            _at = "agent_attestation"
            if type(agent_attestation_ := src_dict[_at]) is not str:
                agent_attestation_ = _reading.text(agent_attestation_)
            _at = "developer"
            developer_ = DeveloperInfo.from_dict(src_dict[_at])
            _at = "requested_providers"
            requested_providers_ = _reading.array(ProviderScopeRequest.from_dict)(src_dict[_at])
            _at = "purpose"
            if (purpose_ := src_dict.get(_at)) is not None:
                purpose_ = _reading.text(purpose_)
            _at = "redirect_uris"
            if (redirect_uris_ := src_dict.get(_at)) is not None:
                redirect_uris_ = _read_redirect_uris(redirect_uris_)
        except KeyError:
            raise _FieldError(_at, "missing") from None
        except _FieldError as _error:
            raise _error.inside(_at) from None
        _result = cls(
            agent_id=agent_id_,
            agent_attestation=agent_attestation_,
            developer=developer_,
            requested_providers=requested_providers_,
            purpose=purpose_,
            redirect_uris=redirect_uris_,
        )
        if len(src_dict) != 4 + (purpose_ is not None) + (redirect_uris_ is not None):
            _result.additional_properties = {
                _key: _value for _key, _value in src_dict.items() if _key not in _KNOWN
            }
        return _result


# At the end, so that models may name each other and typing.get_type_hints finds them.
from ..models.developer_info import DeveloperInfo
from ..models.provider_scope_request import ProviderScopeRequest
