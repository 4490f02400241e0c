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
        "scopes",
    )
)


@_attrs_define(kw_only=True)
class ProviderScopeRequest:
    """A provider, and the scopes wanted there."""

    provider_id: str
    """ The provider. """

    scopes: list[str]
    """ The scopes wanted. """

    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict, repr=False)
    """Fields that the spec does not know."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON; what is None is left out where the spec allows that."""
        field_dict: dict[str, Any] = {
            **self.additional_properties,
            "provider_id": self.provider_id,
            "scopes": self.scopes,
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
            provider_id = src_dict["provider_id"]
            scopes = src_dict["scopes"]
        except KeyError as _missing:
            raise FieldError(str(_missing.args[0]), "missing") from None
        if not isinstance(provider_id, str):
            raise wrong_type("provider_id", "a string", provider_id)

        if not isinstance(scopes, list):
            raise wrong_type("scopes", "an array", scopes)
        for _item in scopes:
            if not isinstance(_item, str):
                raise wrong_item("scopes", "a string", scopes, _item)

        _result = cls(
            provider_id=provider_id,
            scopes=scopes,
        )
        if len(src_dict) != 2:
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
