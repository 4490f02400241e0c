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
        "authorization_url",
        "ath_session_id",
    )
)


@_attrs_define(kw_only=True)
class AuthorizationResponse:
    """A consent session."""

    authorization_url: str
    """ Where to send the user's browser; carries code_challenge and code_challenge_method=S256. """

    ath_session_id: str
    """ The session to exchange after consent. """

    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict, repr=False)
    """Fields that the spec does not know."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON; what is None is left out where the spec allows that."""
        field_dict: dict[str, Any] = {
            **self.additional_properties,
            "authorization_url": self.authorization_url,
            "ath_session_id": self.ath_session_id,
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
            authorization_url = src_dict["authorization_url"]
            ath_session_id = src_dict["ath_session_id"]
        except KeyError as _missing:
            raise FieldError(str(_missing.args[0]), "missing") from None
        if not isinstance(authorization_url, str):
            raise wrong_type("authorization_url", "a string", authorization_url)

        if not isinstance(ath_session_id, str):
            raise wrong_type("ath_session_id", "a string", ath_session_id)

        _result = cls(
            authorization_url=authorization_url,
            ath_session_id=ath_session_id,
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
