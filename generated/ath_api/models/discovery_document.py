from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.provider_info import ProviderInfo


T = TypeVar("T", bound="DiscoveryDocument")


@_attrs_define
class DiscoveryDocument:
    """What a gateway says about itself and the providers behind it.

    Attributes:
        ath_version (str): The protocol version spoken here. Example: 0.1.
        gateway_id (str): The gateway's name for itself. Example: ath-gateway.example.com.
        agent_registration_endpoint (str): Where agents register. Shown, not followed; calls go to the base URL the user
            configured. Example: https://ath-gateway.example.com/ath/agents/register.
        supported_providers (list[ProviderInfo]): The providers that can be reached through this gateway.
    """

    ath_version: str
    gateway_id: str
    agent_registration_endpoint: str
    supported_providers: list[ProviderInfo]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        ath_version = self.ath_version

        gateway_id = self.gateway_id

        agent_registration_endpoint = self.agent_registration_endpoint

        supported_providers = []
        for supported_providers_item_data in self.supported_providers:
            supported_providers_item = supported_providers_item_data.to_dict()
            supported_providers.append(supported_providers_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "ath_version": ath_version,
                "gateway_id": gateway_id,
                "agent_registration_endpoint": agent_registration_endpoint,
                "supported_providers": supported_providers,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.provider_info import ProviderInfo  # noqa: PLC0415

        d = dict(src_dict)
        ath_version = d.pop("ath_version")

        gateway_id = d.pop("gateway_id")

        agent_registration_endpoint = d.pop("agent_registration_endpoint")

        supported_providers = []
        _supported_providers = d.pop("supported_providers")
        for supported_providers_item_data in _supported_providers:
            supported_providers_item = ProviderInfo.from_dict(supported_providers_item_data)

            supported_providers.append(supported_providers_item)

        discovery_document = cls(
            ath_version=ath_version,
            gateway_id=gateway_id,
            agent_registration_endpoint=agent_registration_endpoint,
            supported_providers=supported_providers,
        )

        discovery_document.additional_properties = d
        return discovery_document

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
