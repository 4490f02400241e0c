from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.service_auth_config import ServiceAuthConfig


T = TypeVar("T", bound="ServiceDiscoveryDocument")


@_attrs_define
class ServiceDiscoveryDocument:
    """What a native service says about itself.

    Attributes:
        ath_version (str): The protocol version spoken here. Example: 0.1.
        app_id (str): The service's name for itself. Example: com.example.shop.
        name (str): The service's name for people. Example: Example Shop.
        auth (ServiceAuthConfig): How a native service asks its users.
        api_base (str): The URL under which the service's API lives. Example: https://shop.example.com/api.
    """

    ath_version: str
    app_id: str
    name: str
    auth: ServiceAuthConfig
    api_base: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        ath_version = self.ath_version

        app_id = self.app_id

        name = self.name

        auth = self.auth.to_dict()

        api_base = self.api_base

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "ath_version": ath_version,
                "app_id": app_id,
                "name": name,
                "auth": auth,
                "api_base": api_base,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.service_auth_config import ServiceAuthConfig  # noqa: PLC0415

        d = dict(src_dict)
        ath_version = d.pop("ath_version")

        app_id = d.pop("app_id")

        name = d.pop("name")

        auth = ServiceAuthConfig.from_dict(d.pop("auth"))

        api_base = d.pop("api_base")

        service_discovery_document = cls(
            ath_version=ath_version,
            app_id=app_id,
            name=name,
            auth=auth,
            api_base=api_base,
        )

        service_discovery_document.additional_properties = d
        return service_discovery_document

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
