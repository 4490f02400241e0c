from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.agent_status import AgentStatus

if TYPE_CHECKING:
    from ..models.provider_approval import ProviderApproval


T = TypeVar("T", bound="AgentRegistrationResponse")


@_attrs_define
class AgentRegistrationResponse:
    """A registration with its credentials, as handed out once.

    Attributes:
        client_id (str): The registration's name in every other call. Example: ath_client_1.
        client_secret (str): The registration's secret. Keep it; it is never sent again. Example: ath_secret_1.
        agent_status (AgentStatus | str): Whether the agent is approved; an unknown status is kept as text.
        approved_providers (list[ProviderApproval]): What was approved, provider by provider.
        approval_expires (datetime.datetime | None | str): When the approval ends. Text that is no date stays text; null
            means that the server did not say. Example: 2027-01-01T00:00:00Z.
    """

    client_id: str
    client_secret: str
    agent_status: AgentStatus | str
    approved_providers: list[ProviderApproval]
    approval_expires: datetime.datetime | None | str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        client_id = self.client_id

        client_secret = self.client_secret

        agent_status: str
        if isinstance(self.agent_status, AgentStatus):
            agent_status = self.agent_status.value
        else:
            agent_status = self.agent_status

        approved_providers = []
        for approved_providers_item_data in self.approved_providers:
            approved_providers_item = approved_providers_item_data.to_dict()
            approved_providers.append(approved_providers_item)

        approval_expires: None | str
        if isinstance(self.approval_expires, datetime.datetime):
            approval_expires = self.approval_expires.isoformat()
        else:
            approval_expires = self.approval_expires

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "client_id": client_id,
                "client_secret": client_secret,
                "agent_status": agent_status,
                "approved_providers": approved_providers,
                "approval_expires": approval_expires,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.provider_approval import ProviderApproval  # noqa: PLC0415

        d = dict(src_dict)
        client_id = d.pop("client_id")

        client_secret = d.pop("client_secret")

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

        def _parse_approval_expires(data: object) -> datetime.datetime | None | str:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                approval_expires_type_0 = datetime.datetime.fromisoformat(data)

                return approval_expires_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None | str, data)

        approval_expires = _parse_approval_expires(d.pop("approval_expires"))

        agent_registration_response = cls(
            client_id=client_id,
            client_secret=client_secret,
            agent_status=agent_status,
            approved_providers=approved_providers,
            approval_expires=approval_expires,
        )

        agent_registration_response.additional_properties = d
        return agent_registration_response

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
