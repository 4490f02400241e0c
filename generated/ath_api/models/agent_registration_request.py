from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.developer_info import DeveloperInfo
    from ..models.provider_scope_request import ProviderScopeRequest


T = TypeVar("T", bound="AgentRegistrationRequest")


@_attrs_define
class AgentRegistrationRequest:
    """An agent's request for approval.

    Attributes:
        agent_id (str): The URL of the agent's identity document. Example: https://agent.example.com/.well-
            known/agent.json.
        agent_attestation (str): A fresh ES256 JWT (iss, sub, aud, iat, exp, jti); its audience is the implementor's
            base URL. Example: eyJhbGciOiJFUzI1NiJ9.e30.c2ln.
        developer (DeveloperInfo): Who answers for an agent.
        requested_providers (list[ProviderScopeRequest]): The providers and scopes the agent would like to use.
        purpose (str | Unset): What the agent is for. Example: Summarises pull requests.
        redirect_uris (list[str] | Unset): The only places a browser may be sent back to. Without any, user_redirect_uri
            is refused later. Example: ['https://agent.example.com/callback'].
    """

    agent_id: str
    agent_attestation: str
    developer: DeveloperInfo
    requested_providers: list[ProviderScopeRequest]
    purpose: str | Unset = UNSET
    redirect_uris: list[str] | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        agent_id = self.agent_id

        agent_attestation = self.agent_attestation

        developer = self.developer.to_dict()

        requested_providers = []
        for requested_providers_item_data in self.requested_providers:
            requested_providers_item = requested_providers_item_data.to_dict()
            requested_providers.append(requested_providers_item)

        purpose = self.purpose

        redirect_uris: list[str] | Unset = UNSET
        if not isinstance(self.redirect_uris, Unset):
            redirect_uris = self.redirect_uris

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "agent_id": agent_id,
                "agent_attestation": agent_attestation,
                "developer": developer,
                "requested_providers": requested_providers,
            }
        )
        if purpose is not UNSET:
            field_dict["purpose"] = purpose
        if redirect_uris is not UNSET:
            field_dict["redirect_uris"] = redirect_uris

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.developer_info import DeveloperInfo  # noqa: PLC0415
        from ..models.provider_scope_request import ProviderScopeRequest  # noqa: PLC0415

        d = dict(src_dict)
        agent_id = d.pop("agent_id")

        agent_attestation = d.pop("agent_attestation")

        developer = DeveloperInfo.from_dict(d.pop("developer"))

        requested_providers = []
        _requested_providers = d.pop("requested_providers")
        for requested_providers_item_data in _requested_providers:
            requested_providers_item = ProviderScopeRequest.from_dict(requested_providers_item_data)

            requested_providers.append(requested_providers_item)

        purpose = d.pop("purpose", UNSET)

        redirect_uris = cast(list[str], d.pop("redirect_uris", UNSET))

        agent_registration_request = cls(
            agent_id=agent_id,
            agent_attestation=agent_attestation,
            developer=developer,
            requested_providers=requested_providers,
            purpose=purpose,
            redirect_uris=redirect_uris,
        )

        agent_registration_request.additional_properties = d
        return agent_registration_request

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
