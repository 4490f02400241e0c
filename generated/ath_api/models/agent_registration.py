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
    wrong_item,
    wrong_type,
)

_KNOWN = frozenset(
    (
        "client_id",
        "agent_status",
        "approved_providers",
        "agent_id",
        "approval_expires",
        "redirect_uris",
        "purpose",
    )
)


@_attrs_define(kw_only=True)
class AgentRegistration:
    """A registration as its owner can read it again, without the secret."""

    client_id: str
    """ The registration's name in every other call. """

    agent_status: AgentStatus | str
    """ Whether the agent is approved; an unknown status is kept as text. """

    approved_providers: list[ProviderApproval]
    """ What is approved, provider by provider. """

    agent_id: None | str = None
    """ The registered agent. """

    approval_expires: datetime.datetime | None | str = None
    """ When the approval ends. Text that is no date stays text; null means that the server did not say. """

    redirect_uris: list[str] | None = None
    """ The places a browser may be sent back to. """

    purpose: None | str = None
    """ What the agent said it is for. """

    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict, repr=False)
    """Fields that the spec does not know."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON; what is None is left out where the spec allows that."""
        field_dict: dict[str, Any] = {
            **self.additional_properties,
            "client_id": self.client_id,
            "agent_status": self.agent_status.value
            if isinstance(self.agent_status, AgentStatus)
            else self.agent_status,
            "approved_providers": [item.to_dict() for item in self.approved_providers],
        }
        if self.agent_id is not None:
            field_dict["agent_id"] = self.agent_id
        if self.approval_expires is not None:
            field_dict["approval_expires"] = (
                self.approval_expires.isoformat()
                if isinstance(self.approval_expires, datetime.datetime)
                else self.approval_expires
            )
        if self.redirect_uris is not None:
            field_dict["redirect_uris"] = self.redirect_uris
        if self.purpose is not None:
            field_dict["purpose"] = self.purpose
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
            agent_status = src_dict["agent_status"]
            approved_providers = src_dict["approved_providers"]
        except KeyError as _missing:
            raise FieldError(str(_missing.args[0]), "missing") from None
        if not isinstance(client_id, str):
            raise wrong_type("client_id", "a string", client_id)

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

        agent_id = src_dict.get("agent_id")
        if agent_id is not None:
            if not isinstance(agent_id, str):
                raise wrong_type("agent_id", "a string", agent_id)
        approval_expires = src_dict.get("approval_expires")
        if approval_expires is not None:
            if isinstance(approval_expires, str):
                try:
                    approval_expires = read_datetime(approval_expires)
                except ValueError:
                    pass
            else:
                raise wrong_type("approval_expires", "a string or null", approval_expires)
        redirect_uris = src_dict.get("redirect_uris")
        if redirect_uris is not None:
            if not isinstance(redirect_uris, list):
                raise wrong_type("redirect_uris", "an array", redirect_uris)
            for _item in redirect_uris:
                if not isinstance(_item, str):
                    raise wrong_item("redirect_uris", "a string", redirect_uris, _item)
        purpose = src_dict.get("purpose")
        if purpose is not None:
            if not isinstance(purpose, str):
                raise wrong_type("purpose", "a string", purpose)
        _result = cls(
            client_id=client_id,
            agent_status=agent_status,
            approved_providers=approved_providers,
            agent_id=agent_id,
            approval_expires=approval_expires,
            redirect_uris=redirect_uris,
            purpose=purpose,
        )
        if len(src_dict) != 3 + (agent_id is not None) + (approval_expires is not None) + (
            redirect_uris is not None
        ) + (purpose is not None):
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
