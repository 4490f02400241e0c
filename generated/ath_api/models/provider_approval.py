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
        "approved_scopes",
        "denied_scopes",
        "denial_reason",
    )
)


@_attrs_define(kw_only=True)
class ProviderApproval:
    """What was decided for one provider; it may be a part of what was asked."""

    provider_id: str
    """ The provider. """

    approved_scopes: list[str]
    """ The scopes granted. """

    denied_scopes: list[str]
    """ The scopes refused. """

    denial_reason: None | str = None
    """ Why, in words. """

    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict, repr=False)
    """Fields that the spec does not know."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON; what is None is left out where the spec allows that."""
        field_dict: dict[str, Any] = {
            **self.additional_properties,
            "provider_id": self.provider_id,
            "approved_scopes": self.approved_scopes,
            "denied_scopes": self.denied_scopes,
        }
        if self.denial_reason is not None:
            field_dict["denial_reason"] = self.denial_reason
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
            approved_scopes = src_dict["approved_scopes"]
            denied_scopes = src_dict["denied_scopes"]
        except KeyError as _missing:
            raise FieldError(str(_missing.args[0]), "missing") from None
        if not isinstance(provider_id, str):
            raise wrong_type("provider_id", "a string", provider_id)

        if not isinstance(approved_scopes, list):
            raise wrong_type("approved_scopes", "an array", approved_scopes)
        for _item in approved_scopes:
            if not isinstance(_item, str):
                raise wrong_item("approved_scopes", "a string", approved_scopes, _item)

        if not isinstance(denied_scopes, list):
            raise wrong_type("denied_scopes", "an array", denied_scopes)
        for _item in denied_scopes:
            if not isinstance(_item, str):
                raise wrong_item("denied_scopes", "a string", denied_scopes, _item)

        denial_reason = src_dict.get("denial_reason")
        if denial_reason is not None:
            if not isinstance(denial_reason, str):
                raise wrong_type("denial_reason", "a string", denial_reason)
        _result = cls(
            provider_id=provider_id,
            approved_scopes=approved_scopes,
            denied_scopes=denied_scopes,
            denial_reason=denial_reason,
        )
        if len(src_dict) != 3 + (denial_reason is not None):
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
