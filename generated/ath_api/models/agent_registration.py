from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.agent_status import AgentStatus
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.provider_approval import ProviderApproval


T = TypeVar("T", bound="AgentRegistration")


@_attrs_define
class AgentRegistration:
    """A registration as its owner can read it again, without the secret.

    Attributes:
        client_id (str): The registration's name in every other call. Example: ath_client_1.
        agent_status (AgentStatus | str): Whether the agent is approved; an unknown status is kept as text.
        approved_providers (list[ProviderApproval]): What is approved, provider by provider.
        agent_id (None | str | Unset): The registered agent. Example: https://agent.example.com/.well-known/agent.json.
        approval_expires (datetime.datetime | None | str | Unset): When the approval ends. Text that is no date stays
            text; null means that the server did not say. Example: 2027-01-01T00:00:00Z.
        redirect_uris (list[str] | None | Unset): The places a browser may be sent back to.
        purpose (None | str | Unset): What the agent said it is for.
    """

    client_id: str
    agent_status: AgentStatus | str
    approved_providers: list[ProviderApproval]
    agent_id: None | str | Unset = UNSET
    approval_expires: datetime.datetime | None | str | Unset = UNSET
    redirect_uris: list[str] | None | Unset = UNSET
    purpose: None | str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        client_id = self.client_id

        agent_status: str
        if isinstance(self.agent_status, AgentStatus):
            agent_status = self.agent_status.value
        else:
            agent_status = self.agent_status

        approved_providers = []
        for approved_providers_item_data in self.approved_providers:
            approved_providers_item = approved_providers_item_data.to_dict()
            approved_providers.append(approved_providers_item)

        agent_id: None | str | Unset
        if isinstance(self.agent_id, Unset):
            agent_id = UNSET
        else:
            agent_id = self.agent_id

        approval_expires: None | str | Unset
        if isinstance(self.approval_expires, Unset):
            approval_expires = UNSET
        elif isinstance(self.approval_expires, datetime.datetime):
            approval_expires = self.approval_expires.isoformat()
        else:
            approval_expires = self.approval_expires

        redirect_uris: list[str] | None | Unset
        if isinstance(self.redirect_uris, Unset):
            redirect_uris = UNSET
        elif isinstance(self.redirect_uris, list):
            redirect_uris = self.redirect_uris

        else:
            redirect_uris = self.redirect_uris

        purpose: None | str | Unset
        if isinstance(self.purpose, Unset):
            purpose = UNSET
        else:
            purpose = self.purpose

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "client_id": client_id,
                "agent_status": agent_status,
                "approved_providers": approved_providers,
            }
        )
        if agent_id is not UNSET:
            field_dict["agent_id"] = agent_id
        if approval_expires is not UNSET:
            field_dict["approval_expires"] = approval_expires
        if redirect_uris is not UNSET:
            field_dict["redirect_uris"] = redirect_uris
        if purpose is not UNSET:
            field_dict["purpose"] = purpose

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.provider_approval import ProviderApproval  # noqa: PLC0415

        d = dict(src_dict)
        client_id = d.pop("client_id")

        def _parse_agent_status(data: object) -> AgentStatus | str:
            try:
                if not isinstance(data, str):
                    raise TypeError()
                agent_status_type_0 = AgentStatus(data)

                return agent_status_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(AgentStatus | str, data)

        agent_status = _parse_agent_status(d.pop("agent_status"))

        approved_providers = []
        _approved_providers = d.pop("approved_providers")
        for approved_providers_item_data in _approved_providers:
            approved_providers_item = ProviderApproval.from_dict(approved_providers_item_data)

            approved_providers.append(approved_providers_item)

        def _parse_agent_id(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        agent_id = _parse_agent_id(d.pop("agent_id", UNSET))

        def _parse_approval_expires(data: object) -> datetime.datetime | None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                approval_expires_type_0 = datetime.datetime.fromisoformat(data)

                return approval_expires_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None | str | Unset, data)

        approval_expires = _parse_approval_expires(d.pop("approval_expires", UNSET))

        def _parse_redirect_uris(data: object) -> list[str] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                redirect_uris_type_0 = cast(list[str], data)

                return redirect_uris_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[str] | None | Unset, data)

        redirect_uris = _parse_redirect_uris(d.pop("redirect_uris", UNSET))

        def _parse_purpose(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        purpose = _parse_purpose(d.pop("purpose", UNSET))

        agent_registration = cls(
            client_id=client_id,
            agent_status=agent_status,
            approved_providers=approved_providers,
            agent_id=agent_id,
            approval_expires=approval_expires,
            redirect_uris=redirect_uris,
            purpose=purpose,
        )

        agent_registration.additional_properties = d
        return agent_registration

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
