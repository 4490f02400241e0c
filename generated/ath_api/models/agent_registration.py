from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _define

from .. import _reading
from .._model import Model as _Model
from ..errors import FieldError as _FieldError
from ..models.agent_status import AgentStatus

_KNOWN: frozenset[str] = frozenset(
    (
        "client_id",
        "agent_status",
        "approved_providers",
        "agent_id",
        "approval_expires",
        "redirect_uris",
        "purpose",
    )
)
_read_agent_status = _reading.either(_reading.parsed(AgentStatus), _reading.text)
_read_approval_expires = _reading.lenient(_reading.moment)
_read_redirect_uris = _reading.array(_reading.text)


@_define(kw_only=True)
class AgentRegistration(_Model):
    """A registration as its owner can read it again, without the secret."""

    client_id: str
    """The registration's name in every other call."""

    agent_status: AgentStatus | str
    """Whether the agent is approved; an unknown status is kept as text."""

    approved_providers: list[ProviderApproval]
    """What is approved, provider by provider."""

    agent_id: str | None = None
    """The registered agent."""

    approval_expires: datetime.datetime | None = None
    """When the approval ends; null if the server did not say. What cannot be read as a time is in
    additional_properties instead.
    """

    redirect_uris: list[str] | None = None
    """The places a browser may be sent back to."""

    purpose: str | None = None
    """What the agent said it is for."""

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the object from parsed JSON; raises FieldError."""
        _at = ""
        try:
            if type(src_dict) is not dict:
                _reading.mapping(src_dict)
            _at = "client_id"
            if type(client_id_ := src_dict[_at]) is not str:
                client_id_ = _reading.text(client_id_)
            _at = "agent_status"
            agent_status_ = _read_agent_status(src_dict[_at])
            _at = "approved_providers"
            approved_providers_ = _reading.array(ProviderApproval.from_dict)(src_dict[_at])
            _at = "agent_id"
            if (agent_id_ := src_dict.get(_at)) is not None:
                agent_id_ = _reading.text(agent_id_)
            _at = "approval_expires"
            if (approval_expires_ := src_dict.get(_at)) is not None:
                approval_expires_ = _read_approval_expires(approval_expires_)
            _at = "redirect_uris"
            if (redirect_uris_ := src_dict.get(_at)) is not None:
                redirect_uris_ = _read_redirect_uris(redirect_uris_)
            _at = "purpose"
            if (purpose_ := src_dict.get(_at)) is not None:
                purpose_ = _reading.text(purpose_)
        except KeyError:
            raise _FieldError(_at, "missing") from None
        except _FieldError as _error:
            raise _error.inside(_at) from None
        _result = cls(
            client_id=client_id_,
            agent_status=agent_status_,
            approved_providers=approved_providers_,
            agent_id=agent_id_,
            approval_expires=approval_expires_,
            redirect_uris=redirect_uris_,
            purpose=purpose_,
        )
        if len(src_dict) != 3 + (agent_id_ is not None) + (approval_expires_ is not None) + (
            redirect_uris_ is not None
        ) + (purpose_ is not None):
            _result.additional_properties = {
                _key: _value for _key, _value in src_dict.items() if _key not in _KNOWN
            }
        if approval_expires_ is None and src_dict.get("approval_expires") is not None:
            _result.additional_properties["approval_expires"] = src_dict["approval_expires"]
        return _result


# At the end, so that models may name each other and typing.get_type_hints finds them.
from ..models.provider_approval import ProviderApproval
