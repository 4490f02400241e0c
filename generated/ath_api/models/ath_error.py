from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..errors import FieldError
from ..models.ath_error_code import ATHErrorCode
from ..types import (
    wrong_type,
)

_KNOWN = frozenset(
    (
        "code",
        "message",
        "details",
    )
)


@_attrs_define(kw_only=True)
class ATHError:
    """Why a call failed. The table at the top says what to do."""

    code: ATHErrorCode | str
    """ What went wrong, for programs. """

    message: str
    """ What went wrong, for people. """

    details: Any = None
    """ More about it; any JSON. """

    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict, repr=False)
    """Fields that the spec does not know."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON; what is None is left out where the spec allows that."""
        field_dict: dict[str, Any] = {
            **self.additional_properties,
            "code": self.code.value if isinstance(self.code, ATHErrorCode) else self.code,
            "message": self.message,
        }
        if self.details is not None:
            field_dict["details"] = self.details
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
            code = src_dict["code"]
            message = src_dict["message"]
        except KeyError as _missing:
            raise FieldError(str(_missing.args[0]), "missing") from None
        if isinstance(code, str):
            try:
                code = ATHErrorCode(code)
            except ValueError:
                pass
        else:
            raise wrong_type("code", "a string", code)

        if not isinstance(message, str):
            raise wrong_type("message", "a string", message)

        details = src_dict.get("details")
        _result = cls(
            code=code,
            message=message,
            details=details,
        )
        if len(src_dict) != 2 + (details is not None):
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
