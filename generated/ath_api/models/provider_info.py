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
        "provider_id",
        "display_name",
        "available_scopes",
        "auth_mode",
        "agent_approval_required",
        "categories",
    )
)


@_attrs_define(kw_only=True)
class ProviderInfo:
    """A provider that stands behind a gateway."""

    provider_id: str
    """ The provider's name in every other call. """

    display_name: str
    """ The provider's name for people. """

    available_scopes: list[str]
    """ The scopes that an agent may ask for. """

    auth_mode: str
    """ How the provider asks its users. """

    agent_approval_required: bool
    """ Whether an agent needs approval before it may ask a user. """

    categories: list[str] | None = None
    """ What kind of service this is. """

    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict, repr=False)
    """Fields that the spec does not know."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON; what is None is left out where the spec allows that."""
        field_dict: dict[str, Any] = {
            **self.additional_properties,
            "provider_id": self.provider_id,
            "display_name": self.display_name,
            "available_scopes": self.available_scopes,
            "auth_mode": self.auth_mode,
            "agent_approval_required": self.agent_approval_required,
        }
        if self.categories is not None:
            field_dict["categories"] = self.categories
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
            provider_id = src_dict["provider_id"]
            display_name = src_dict["display_name"]
            available_scopes = src_dict["available_scopes"]
            auth_mode = src_dict["auth_mode"]
            agent_approval_required = src_dict["agent_approval_required"]
        except KeyError as _missing:
            raise FieldError(str(_missing.args[0]), "missing") from None
        if not isinstance(provider_id, str):
            raise wrong_type("provider_id", "a string", provider_id)

        if not isinstance(display_name, str):
            raise wrong_type("display_name", "a string", display_name)

        if not isinstance(available_scopes, list):
            raise wrong_type("available_scopes", "an array", available_scopes)
        for _item in available_scopes:
            if not isinstance(_item, str):
                raise wrong_item("available_scopes", "a string", available_scopes, _item)

        if not isinstance(auth_mode, str):
            raise wrong_type("auth_mode", "a string", auth_mode)

        if not isinstance(agent_approval_required, bool):
            raise wrong_type("agent_approval_required", "a boolean", agent_approval_required)

        categories = src_dict.get("categories")
        if categories is not None:
            if not isinstance(categories, list):
                raise wrong_type("categories", "an array", categories)
            for _item in categories:
                if not isinstance(_item, str):
                    raise wrong_item("categories", "a string", categories, _item)
        _result = cls(
            provider_id=provider_id,
            display_name=display_name,
            available_scopes=available_scopes,
            auth_mode=auth_mode,
            agent_approval_required=agent_approval_required,
            categories=categories,
        )
        if len(src_dict) != 5 + (categories is not None):
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
