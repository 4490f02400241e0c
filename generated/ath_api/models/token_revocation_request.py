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
        "token",
        "client_id",
        "client_secret",
    )
)


@_attrs_define(kw_only=True)
class TokenRevocationRequest:
    """A token to be given up."""

    token: str = _attrs_field(repr=False)
    """ The token. """

    client_id: str | None = None
    """ The registration; an agent must send it. """

    client_secret: str | None = _attrs_field(default=None, repr=False)
    """ The registration's secret; an agent must send it. """

    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict, repr=False)
    """Fields that the spec does not know."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON; what is None is left out where the spec allows that."""
        field_dict: dict[str, Any] = {
            **self.additional_properties,
            "token": self.token,
        }
        if self.client_id is not None:
            field_dict["client_id"] = self.client_id
        if self.client_secret is not None:
            field_dict["client_secret"] = self.client_secret
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
            token = src_dict["token"]
        except KeyError as _missing:
            raise FieldError(str(_missing.args[0]), "missing") from None
        if not isinstance(token, str):
            raise wrong_type("token", "a string", token)

        client_id = src_dict.get("client_id")
        if client_id is not None:
            if not isinstance(client_id, str):
                raise wrong_type("client_id", "a string", client_id)
        client_secret = src_dict.get("client_secret")
        if client_secret is not None:
            if not isinstance(client_secret, str):
                raise wrong_type("client_secret", "a string", client_secret)
        _result = cls(
            token=token,
            client_id=client_id,
            client_secret=client_secret,
        )
        if len(src_dict) != 1 + (client_id is not None) + (client_secret is not None):
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
