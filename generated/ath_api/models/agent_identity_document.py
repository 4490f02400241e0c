from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..errors import FieldError
from ..types import (
    read_object,
    wrong_item,
    wrong_type,
)

_KNOWN = frozenset(
    (
        "ath_version",
        "agent_id",
        "name",
        "developer",
        "public_key",
        "capabilities",
    )
)


@_attrs_define(kw_only=True)
class AgentIdentityDocument:
    """What an agent publishes at its agent_id, so that implementors can verify its attestations."""

    ath_version: str
    """ The protocol version spoken by the agent. """

    agent_id: str
    """ The URL this very document is served at. """

    name: str
    """ The agent's name for people. """

    developer: DeveloperInfo
    """ Who answers for an agent. """

    public_key: Any
    """ The public P-256 key, as a JWK object (which every server understands) or as PEM text. """

    capabilities: list[str] | None = None
    """ What the agent can do. """

    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict, repr=False)
    """Fields that the spec does not know."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON; what is None is left out where the spec allows that."""
        field_dict: dict[str, Any] = {
            **self.additional_properties,
            "ath_version": self.ath_version,
            "agent_id": self.agent_id,
            "name": self.name,
            "developer": self.developer.to_dict(),
            "public_key": self.public_key,
        }
        if self.capabilities is not None:
            field_dict["capabilities"] = self.capabilities
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
            ath_version = src_dict["ath_version"]
            agent_id = src_dict["agent_id"]
            name = src_dict["name"]
            developer = src_dict["developer"]
            public_key = src_dict["public_key"]
        except KeyError as _missing:
            raise FieldError(str(_missing.args[0]), "missing") from None
        if not isinstance(ath_version, str):
            raise wrong_type("ath_version", "a string", ath_version)

        if not isinstance(agent_id, str):
            raise wrong_type("agent_id", "a string", agent_id)

        if not isinstance(name, str):
            raise wrong_type("name", "a string", name)

        developer = read_object("developer", developer, DeveloperInfo.from_dict)

        capabilities = src_dict.get("capabilities")
        if capabilities is not None:
            if not isinstance(capabilities, list):
                raise wrong_type("capabilities", "an array", capabilities)
            for _item in capabilities:
                if not isinstance(_item, str):
                    raise wrong_item("capabilities", "a string", capabilities, _item)
        _result = cls(
            ath_version=ath_version,
            agent_id=agent_id,
            name=name,
            developer=developer,
            public_key=public_key,
            capabilities=capabilities,
        )
        if len(src_dict) != 5 + (capabilities is not None):
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
