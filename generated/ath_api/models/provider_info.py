from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="ProviderInfo")


@_attrs_define
class ProviderInfo:
    """A provider that stands behind a gateway.

    Attributes:
        provider_id (str): The provider's name in every other call. Example: code-host.
        display_name (str): The provider's name for people. Example: Code Host.
        available_scopes (list[str]): The scopes that an agent may ask for. Example: ['repo:read', 'repo:write'].
        auth_mode (str): How the provider asks its users. Example: OAUTH2.
        agent_approval_required (bool): Whether an agent needs approval before it may ask a user.
        categories (list[str] | None | Unset): What kind of service this is. Example: ['development'].
    """

    provider_id: str
    display_name: str
    available_scopes: list[str]
    auth_mode: str
    agent_approval_required: bool
    categories: list[str] | None | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        provider_id = self.provider_id

        display_name = self.display_name

        available_scopes = self.available_scopes

        auth_mode = self.auth_mode

        agent_approval_required = self.agent_approval_required

        categories: list[str] | None | Unset
        if isinstance(self.categories, Unset):
            categories = UNSET
        elif isinstance(self.categories, list):
            categories = self.categories

        else:
            categories = self.categories

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "provider_id": provider_id,
                "display_name": display_name,
                "available_scopes": available_scopes,
                "auth_mode": auth_mode,
                "agent_approval_required": agent_approval_required,
            }
        )
        if categories is not UNSET:
            field_dict["categories"] = categories

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        provider_id = d.pop("provider_id")

        display_name = d.pop("display_name")

        available_scopes = cast(list[str], d.pop("available_scopes"))

        auth_mode = d.pop("auth_mode")

        agent_approval_required = d.pop("agent_approval_required")

        def _parse_categories(data: object) -> list[str] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                categories_type_0 = cast(list[str], data)

                return categories_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[str] | None | Unset, data)

        categories = _parse_categories(d.pop("categories", UNSET))

        provider_info = cls(
            provider_id=provider_id,
            display_name=display_name,
            available_scopes=available_scopes,
            auth_mode=auth_mode,
            agent_approval_required=agent_approval_required,
            categories=categories,
        )

        provider_info.additional_properties = d
        return provider_info

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
