from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..errors import FieldError
from ..models.agent_status import AgentStatus
from ..types import (
    read_datetime,
    read_objects,
    wrong_type,
)

_KNOWN = frozenset(
    (
        "client_id",
        "client_secret",
        "agent_status",
        "approved_providers",
        "approval_expires",
    )
)


@_attrs_define(kw_only=True)
class AgentRegistrationResponse:
    """A registration with its credentials, as handed out once."""

    client_id: str
    """ The registration's name in every other call. """

    client_secret: str = _attrs_field(repr=False)
    """ The registration's secret. Keep it; it is never sent again. """

    agent_status: AgentStatus | str
    """ Whether the agent is approved; an unknown status is kept as text. """

    approved_providers: list[ProviderApproval]
    """ What was approved, provider by provider. """

    approval_expires: datetime.datetime | None | str
    """ When the approval ends. Text that is no date stays text; null means that the server did not say. """

    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict, repr=False)
    """Fields that the spec does not know."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON; what is None is left out where the spec allows that."""
        field_dict: dict[str, Any] = {
            **self.additional_properties,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "agent_status": self.agent_status.value
            if isinstance(self.agent_status, AgentStatus)
            else self.agent_status,
            "approved_providers": [item.to_dict() for item in self.approved_providers],
            "approval_expires": self.approval_expires.isoformat()
            if isinstance(self.approval_expires, datetime.datetime)
            else self.approval_expires,
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
            client_id = src_dict["client_id"]
            client_secret = src_dict["client_secret"]
            agent_status = src_dict["agent_status"]
            approved_providers = src_dict["approved_providers"]
            approval_expires = src_dict["approval_expires"]
        except KeyError as _missing:
            raise FieldError(str(_missing.args[0]), "missing") from None
        if not isinstance(client_id, str):
            raise wrong_type("client_id", "a string", client_id)

        if not isinstance(client_secret, str):
            raise wrong_type("client_secret", "a string", client_secret)

        if isinstance(agent_status, str):
            try:
                agent_status = AgentStatus(agent_status)
            except ValueError:
                pass
        else:
            raise wrong_type("agent_status", "a string", agent_status)

        if not isinstance(approved_providers, list):
            raise wrong_type("approved_providers", "an array", approved_providers)
        approved_providers = read_objects(
            "approved_providers", approved_providers, ProviderApproval.from_dict
        )

        if isinstance(approval_expires, str):
            try:
                approval_expires = read_datetime(approval_expires)
            except ValueError:
                pass
        elif approval_expires is not None:
            raise wrong_type("approval_expires", "a string or null", approval_expires)

        _result = cls(
            client_id=client_id,
            client_secret=client_secret,
            agent_status=agent_status,
            approved_providers=approved_providers,
            approval_expires=approval_expires,
        )
        if len(src_dict) != 5:
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


from ..models.provider_approval import ProviderApproval  # noqa: E402
