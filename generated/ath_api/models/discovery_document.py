from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..errors import FieldError
from ..types import (
    read_objects,
    wrong_type,
)

_KNOWN = frozenset(
    (
        "ath_version",
        "gateway_id",
        "agent_registration_endpoint",
        "supported_providers",
    )
)


@_attrs_define(kw_only=True)
class DiscoveryDocument:
    """What a gateway says about itself and the providers behind it."""

    ath_version: str
    """ The protocol version spoken here. """

    gateway_id: str
    """ The gateway's name for itself. """

    agent_registration_endpoint: str
    """ Where agents register. Shown, not followed; calls go to the base URL the user configured. """

    supported_providers: list[ProviderInfo]
    """ The providers that can be reached through this gateway. """

    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict, repr=False)
    """Fields that the spec does not know."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON; what is None is left out where the spec allows that."""
        field_dict: dict[str, Any] = {
            **self.additional_properties,
            "ath_version": self.ath_version,
            "gateway_id": self.gateway_id,
            "agent_registration_endpoint": self.agent_registration_endpoint,
            "supported_providers": [item.to_dict() for item in self.supported_providers],
        }
        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the object from parsed JSON.

        Raises:
            FieldError: A field is missing or of the wrong type; says which one, and never its value.
        """

        if not isinstance(src_dict, dict) and not isinstance(src_dict, Mapping):
            raise wrong_type("", "an object", src_dict)
        try:
            ath_version = src_dict["ath_version"]
            gateway_id = src_dict["gateway_id"]
            agent_registration_endpoint = src_dict["agent_registration_endpoint"]
            supported_providers = src_dict["supported_providers"]
        except KeyError as _missing:
            raise FieldError(str(_missing.args[0]), "missing") from None
        if not isinstance(ath_version, str):
            raise wrong_type("ath_version", "a string", ath_version)

        if not isinstance(gateway_id, str):
            raise wrong_type("gateway_id", "a string", gateway_id)

        if not isinstance(agent_registration_endpoint, str):
            raise wrong_type("agent_registration_endpoint", "a string", agent_registration_endpoint)

        if not isinstance(supported_providers, list):
            raise wrong_type("supported_providers", "an array", supported_providers)
        supported_providers = read_objects(
            "supported_providers", supported_providers, ProviderInfo.from_dict
        )

        _result = cls(
            ath_version=ath_version,
            gateway_id=gateway_id,
            agent_registration_endpoint=agent_registration_endpoint,
            supported_providers=supported_providers,
        )
        if len(src_dict) != 4:
            _result.additional_properties = {
                _key: _value for _key, _value in src_dict.items() if _key not in _KNOWN
            }
        return _result

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties


from ..models.provider_info import ProviderInfo  # noqa: E402
