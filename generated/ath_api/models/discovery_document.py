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
        "gateway_id",
        "agent_registration_endpoint",
        "supported_providers",
    )
)


@_define(kw_only=True)
class DiscoveryDocument(_Model):
    """What a gateway says about itself and the providers behind it."""

    ath_version: str
    """The protocol version spoken here."""

    gateway_id: str
    """The gateway's name for itself."""

    agent_registration_endpoint: str
    """Where agents register. Shown, not followed; calls go to the base URL the user configured."""

    supported_providers: list[ProviderInfo]
    """The providers that can be reached through this gateway."""

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
            _at = "gateway_id"
            if type(gateway_id_ := src_dict[_at]) is not str:
                gateway_id_ = _reading.text(gateway_id_)
            _at = "agent_registration_endpoint"
            if type(agent_registration_endpoint_ := src_dict[_at]) is not str:
                agent_registration_endpoint_ = _reading.text(agent_registration_endpoint_)
            _at = "supported_providers"
            supported_providers_ = _reading.array(ProviderInfo.from_dict)(src_dict[_at])
        except KeyError:
            raise _FieldError(_at, "missing") from None
        except _FieldError as _error:
            raise _error.inside(_at) from None
        _result = cls(
            ath_version=ath_version_,
            gateway_id=gateway_id_,
            agent_registration_endpoint=agent_registration_endpoint_,
            supported_providers=supported_providers_,
        )
        if len(src_dict) != 4:
            _result.additional_properties = {
                _key: _value for _key, _value in src_dict.items() if _key not in _KNOWN
            }
        return _result


# At the end, so that models may name each other and typing.get_type_hints finds them.
from ..models.provider_info import ProviderInfo
