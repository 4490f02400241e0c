from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..errors import FieldError
from ..types import (
    wrong_item,
    wrong_type,
)

_KNOWN = frozenset(
    (
        "type",
        "authorization_endpoint",
        "token_endpoint",
        "scopes_supported",
        "registration_endpoint",
        "agent_attestation_required",
    )
)


@_attrs_define(kw_only=True)
class ServiceAuthConfig:
    """How a native service asks its users."""

    type_: str
    """ The kind of authentication; oauth2. """

    authorization_endpoint: str
    """ The OAuth server's consent page. """

    token_endpoint: str
    """ The OAuth server's token endpoint. """

    scopes_supported: list[str]
    """ The scopes that an agent may ask for. """

    registration_endpoint: None | str = None
    """ Where a developer signs up. """

    agent_attestation_required: bool | None = None
    """ Whether agents must attest. Only an explicit false means no. """

    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict, repr=False)
    """Fields that the spec does not know."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON; what is None is left out where the spec allows that."""
        field_dict: dict[str, Any] = {
            **self.additional_properties,
            "type": self.type_,
            "authorization_endpoint": self.authorization_endpoint,
            "token_endpoint": self.token_endpoint,
            "scopes_supported": self.scopes_supported,
        }
        if self.registration_endpoint is not None:
            field_dict["registration_endpoint"] = self.registration_endpoint
        if self.agent_attestation_required is not None:
            field_dict["agent_attestation_required"] = self.agent_attestation_required
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
            type_ = src_dict["type"]
            authorization_endpoint = src_dict["authorization_endpoint"]
            token_endpoint = src_dict["token_endpoint"]
            scopes_supported = src_dict["scopes_supported"]
        except KeyError as _missing:
            raise FieldError(str(_missing.args[0]), "missing") from None
        if not isinstance(type_, str):
            raise wrong_type("type", "a string", type_)

        if not isinstance(authorization_endpoint, str):
            raise wrong_type("authorization_endpoint", "a string", authorization_endpoint)

        if not isinstance(token_endpoint, str):
            raise wrong_type("token_endpoint", "a string", token_endpoint)

        if not isinstance(scopes_supported, list):
            raise wrong_type("scopes_supported", "an array", scopes_supported)
        for _item in scopes_supported:
            if not isinstance(_item, str):
                raise wrong_item("scopes_supported", "a string", scopes_supported, _item)

        registration_endpoint = src_dict.get("registration_endpoint")
        if registration_endpoint is not None:
            if not isinstance(registration_endpoint, str):
                raise wrong_type("registration_endpoint", "a string", registration_endpoint)
        agent_attestation_required = src_dict.get("agent_attestation_required")
        if agent_attestation_required is not None:
            if not isinstance(agent_attestation_required, bool):
                raise wrong_type(
                    "agent_attestation_required", "a boolean", agent_attestation_required
                )
        _result = cls(
            type_=type_,
            authorization_endpoint=authorization_endpoint,
            token_endpoint=token_endpoint,
            scopes_supported=scopes_supported,
            registration_endpoint=registration_endpoint,
            agent_attestation_required=agent_attestation_required,
        )
        if len(src_dict) != 4 + (registration_endpoint is not None) + (
            agent_attestation_required is not None
        ):
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
