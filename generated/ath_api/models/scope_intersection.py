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
        "agent_approved",
        "user_consented",
        "effective",
    )
)


@_attrs_define(kw_only=True)
class ScopeIntersection:
    """How the scopes of a token came about."""

    agent_approved: list[str]
    """ What the implementor approved. """

    user_consented: list[str]
    """ What the user consented to. """

    effective: list[str]
    """ What is left of both and of the request. """

    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict, repr=False)
    """Fields that the spec does not know."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON; what is None is left out where the spec allows that."""
        field_dict: dict[str, Any] = {
            **self.additional_properties,
            "agent_approved": self.agent_approved,
            "user_consented": self.user_consented,
            "effective": self.effective,
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
            agent_approved = src_dict["agent_approved"]
            user_consented = src_dict["user_consented"]
            effective = src_dict["effective"]
        except KeyError as _missing:
            raise FieldError(str(_missing.args[0]), "missing") from None
        if not isinstance(agent_approved, list):
            raise wrong_type("agent_approved", "an array", agent_approved)
        for _item in agent_approved:
            if not isinstance(_item, str):
                raise wrong_item("agent_approved", "a string", agent_approved, _item)

        if not isinstance(user_consented, list):
            raise wrong_type("user_consented", "an array", user_consented)
        for _item in user_consented:
            if not isinstance(_item, str):
                raise wrong_item("user_consented", "a string", user_consented, _item)

        if not isinstance(effective, list):
            raise wrong_type("effective", "an array", effective)
        for _item in effective:
            if not isinstance(_item, str):
                raise wrong_item("effective", "a string", effective, _item)

        _result = cls(
            agent_approved=agent_approved,
            user_consented=user_consented,
            effective=effective,
        )
        if len(src_dict) != 3:
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
