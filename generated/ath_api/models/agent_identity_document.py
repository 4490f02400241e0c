from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _define

from .. import _reading
from .._model import Model as _Model
from ..errors import FieldError as _FieldError

_KNOWN: frozenset[str] = frozenset(
    (
        "ath_version",
        "agent_id",
        "name",
        "developer",
        "public_key",
        "capabilities",
    )
)
_read_capabilities = _reading.array(_reading.text)


@_define(kw_only=True)
class AgentIdentityDocument(_Model):
    """What an agent publishes at its agent_id, so that implementors can verify its attestations."""

    ath_version: str
    """The protocol version spoken by the agent."""

    agent_id: str
    """The URL this very document is served at."""

    name: str
    """The agent's name for people."""

    developer: DeveloperInfo
    """Who answers for an agent."""

    public_key: Any
    """The public P-256 key, as a JWK object (which every server understands) or as PEM text."""

    capabilities: list[str] | None = None
    """What the agent can do."""

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the object from parsed JSON; raises FieldError."""
        _at = ""
        try:
            if type(src_dict) is not dict:
                _reading.mapping(src_dict)
            _at = "ath_version"
            if type(ath_version_ := src_dict[_at]) is not str:
                ath_version_ = _reading.text(ath_version_)
            _at = "agent_id"
            if type(agent_id_ := src_dict[_at]) is not str:
                agent_id_ = _reading.text(agent_id_)
            _at = "name"
            if type(name_ := src_dict[_at]) is not str:
                name_ = _reading.text(name_)
            _at = "developer"
            developer_ = DeveloperInfo.from_dict(src_dict[_at])
            _at = "public_key"
            public_key_ = src_dict[_at]
            _at = "capabilities"
            if (capabilities_ := src_dict.get(_at)) is not None:
                capabilities_ = _read_capabilities(capabilities_)
        except KeyError:
            raise _FieldError(_at, "missing") from None
        except _FieldError as _error:
            raise _error.inside(_at) from None
        _result = cls(
            ath_version=ath_version_,
            agent_id=agent_id_,
            name=name_,
            developer=developer_,
            public_key=public_key_,
            capabilities=capabilities_,
        )
        if len(src_dict) != 5 + (capabilities_ is not None):
            _result.additional_properties = {
                _key: _value for _key, _value in src_dict.items() if _key not in _KNOWN
            }
        return _result


# At the end, so that models may name each other and typing.get_type_hints finds them.
from ..models.developer_info import DeveloperInfo
