from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..errors import FieldError
from ..types import (
    wrong_type,
)

_KNOWN = frozenset(
    (
        "name",
        "id",
        "contact",
    )
)


@_attrs_define(kw_only=True)
class DeveloperInfo:
    """Who answers for an agent."""

    name: str
    """ The person's or company's name. """

    id: str
    """ The developer's identifier. """

    contact: str | None = None
    """ Whom to write to about security. """

    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict, repr=False)
    """Fields that the spec does not know."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON; what is None is left out where the spec allows that."""
        field_dict: dict[str, Any] = {
            **self.additional_properties,
            "name": self.name,
            "id": self.id,
        }
        if self.contact is not None:
            field_dict["contact"] = self.contact
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
            name = src_dict["name"]
            id = src_dict["id"]
        except KeyError as _missing:
            raise FieldError(str(_missing.args[0]), "missing") from None
        if not isinstance(name, str):
            raise wrong_type("name", "a string", name)

        if not isinstance(id, str):
            raise wrong_type("id", "a string", id)

        contact = src_dict.get("contact")
        if contact is not None:
            if not isinstance(contact, str):
                raise wrong_type("contact", "a string", contact)
        _result = cls(
            name=name,
            id=id,
            contact=contact,
        )
        if len(src_dict) != 2 + (contact is not None):
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
