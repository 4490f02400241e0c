from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="ProviderApproval")


@_attrs_define
class ProviderApproval:
    """What was decided for one provider; it may be a part of what was asked.

    Attributes:
        provider_id (str): The provider. Example: code-host.
        approved_scopes (list[str]): The scopes granted. Example: ['repo:read'].
        denied_scopes (list[str]): The scopes refused. Example: ['repo:write'].
        denial_reason (None | str | Unset): Why, in words. Example: Writing needs a review.
    """

    provider_id: str
    approved_scopes: list[str]
    denied_scopes: list[str]
    denial_reason: None | str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        provider_id = self.provider_id

        approved_scopes = self.approved_scopes

        denied_scopes = self.denied_scopes

        denial_reason: None | str | Unset
        if isinstance(self.denial_reason, Unset):
            denial_reason = UNSET
        else:
            denial_reason = self.denial_reason

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "provider_id": provider_id,
                "approved_scopes": approved_scopes,
                "denied_scopes": denied_scopes,
            }
        )
        if denial_reason is not UNSET:
            field_dict["denial_reason"] = denial_reason

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        provider_id = d.pop("provider_id")

        approved_scopes = cast(list[str], d.pop("approved_scopes"))

        denied_scopes = cast(list[str], d.pop("denied_scopes"))

        def _parse_denial_reason(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        denial_reason = _parse_denial_reason(d.pop("denial_reason", UNSET))

        provider_approval = cls(
            provider_id=provider_id,
            approved_scopes=approved_scopes,
            denied_scopes=denied_scopes,
            denial_reason=denial_reason,
        )

        provider_approval.additional_properties = d
        return provider_approval

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
