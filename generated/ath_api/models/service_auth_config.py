from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="ServiceAuthConfig")


@_attrs_define
class ServiceAuthConfig:
    """How a native service asks its users.

    Attributes:
        type_ (str): The kind of authentication; oauth2. Example: oauth2.
        authorization_endpoint (str): The OAuth server's consent page. Example:
            https://shop.example.com/oauth/authorize.
        token_endpoint (str): The OAuth server's token endpoint. Example: https://shop.example.com/oauth/token.
        scopes_supported (list[str]): The scopes that an agent may ask for. Example: ['cart:write', 'orders:read'].
        registration_endpoint (None | str | Unset): Where a developer signs up. Example:
            https://shop.example.com/developers.
        agent_attestation_required (bool | None | Unset): Whether agents must attest. Only an explicit false means no.
    """

    type_: str
    authorization_endpoint: str
    token_endpoint: str
    scopes_supported: list[str]
    registration_endpoint: None | str | Unset = UNSET
    agent_attestation_required: bool | None | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        type_ = self.type_

        authorization_endpoint = self.authorization_endpoint

        token_endpoint = self.token_endpoint

        scopes_supported = self.scopes_supported

        registration_endpoint: None | str | Unset
        if isinstance(self.registration_endpoint, Unset):
            registration_endpoint = UNSET
        else:
            registration_endpoint = self.registration_endpoint

        agent_attestation_required: bool | None | Unset
        if isinstance(self.agent_attestation_required, Unset):
            agent_attestation_required = UNSET
        else:
            agent_attestation_required = self.agent_attestation_required

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "type": type_,
                "authorization_endpoint": authorization_endpoint,
                "token_endpoint": token_endpoint,
                "scopes_supported": scopes_supported,
            }
        )
        if registration_endpoint is not UNSET:
            field_dict["registration_endpoint"] = registration_endpoint
        if agent_attestation_required is not UNSET:
            field_dict["agent_attestation_required"] = agent_attestation_required

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        type_ = d.pop("type")

        authorization_endpoint = d.pop("authorization_endpoint")

        token_endpoint = d.pop("token_endpoint")

        scopes_supported = cast(list[str], d.pop("scopes_supported"))

        def _parse_registration_endpoint(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        registration_endpoint = _parse_registration_endpoint(d.pop("registration_endpoint", UNSET))

        def _parse_agent_attestation_required(data: object) -> bool | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(bool | None | Unset, data)

        agent_attestation_required = _parse_agent_attestation_required(
            d.pop("agent_attestation_required", UNSET)
        )

        service_auth_config = cls(
            type_=type_,
            authorization_endpoint=authorization_endpoint,
            token_endpoint=token_endpoint,
            scopes_supported=scopes_supported,
            registration_endpoint=registration_endpoint,
            agent_attestation_required=agent_attestation_required,
        )

        service_auth_config.additional_properties = d
        return service_auth_config

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
