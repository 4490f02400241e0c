from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..errors import FieldError
from ..types import (
    read_object,
    read_objects,
    wrong_item,
    wrong_type,
)

_KNOWN = frozenset(
    (
        "agent_id",
        "agent_attestation",
        "developer",
        "requested_providers",
        "purpose",
        "redirect_uris",
    )
)


@_attrs_define(kw_only=True)
class AgentRegistrationRequest:
    """An agent's request for approval."""

    agent_id: str
    """ The URL of the agent's identity document. """

    agent_attestation: str = _attrs_field(repr=False)
    """ A fresh ES256 JWT (iss, sub, aud, iat, exp, jti); its audience is the implementor's base URL. """

    developer: DeveloperInfo
    """ Who answers for an agent. """

    requested_providers: list[ProviderScopeRequest]
    """ The providers and scopes the agent would like to use. """

    purpose: str | None = None
    """ What the agent is for. """

    redirect_uris: list[str] | None = None
    """ The only places a browser may be sent back to. Without any, user_redirect_uri is refused later. """

    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict, repr=False)
    """Fields that the spec does not know."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON; what is None is left out where the spec allows that."""
        field_dict: dict[str, Any] = {
            **self.additional_properties,
            "agent_id": self.agent_id,
            "agent_attestation": self.agent_attestation,
            "developer": self.developer.to_dict(),
            "requested_providers": [item.to_dict() for item in self.requested_providers],
        }
        if self.purpose is not None:
            field_dict["purpose"] = self.purpose
        if self.redirect_uris is not None:
            field_dict["redirect_uris"] = self.redirect_uris
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
            agent_id = src_dict["agent_id"]
            agent_attestation = src_dict["agent_attestation"]
            developer = src_dict["developer"]
            requested_providers = src_dict["requested_providers"]
        except KeyError as _missing:
            raise FieldError(str(_missing.args[0]), "missing") from None
        if not isinstance(agent_id, str):
            raise wrong_type("agent_id", "a string", agent_id)

        if not isinstance(agent_attestation, str):
            raise wrong_type("agent_attestation", "a string", agent_attestation)

        developer = read_object("developer", developer, DeveloperInfo.from_dict)

        if not isinstance(requested_providers, list):
            raise wrong_type("requested_providers", "an array", requested_providers)
        requested_providers = read_objects(
            "requested_providers", requested_providers, ProviderScopeRequest.from_dict
        )

        purpose = src_dict.get("purpose")
        if purpose is not None:
            if not isinstance(purpose, str):
                raise wrong_type("purpose", "a string", purpose)
        redirect_uris = src_dict.get("redirect_uris")
        if redirect_uris is not None:
            if not isinstance(redirect_uris, list):
                raise wrong_type("redirect_uris", "an array", redirect_uris)
            for _item in redirect_uris:
                if not isinstance(_item, str):
                    raise wrong_item("redirect_uris", "a string", redirect_uris, _item)
        _result = cls(
            agent_id=agent_id,
            agent_attestation=agent_attestation,
            developer=developer,
            requested_providers=requested_providers,
            purpose=purpose,
            redirect_uris=redirect_uris,
        )
        if len(src_dict) != 4 + (purpose is not None) + (redirect_uris is not None):
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


from ..models.developer_info import DeveloperInfo  # noqa: E402
from ..models.provider_scope_request import ProviderScopeRequest  # noqa: E402
