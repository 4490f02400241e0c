from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.ath_error_code import ATHErrorCode
from ..types import UNSET, Unset

T = TypeVar("T", bound="ATHError")


@_attrs_define
class ATHError:
    """Why a call failed. The table at the top says what to do.

    Attributes:
        code (ATHErrorCode | str): What went wrong, for programs.
        message (str): What went wrong, for people. Example: No such session..
        details (Any | Unset): More about it; any JSON. Example: {'scopes': ['repo:write']}.
    """

    code: ATHErrorCode | str
    message: str
    details: Any | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        code: str
        if isinstance(self.code, ATHErrorCode):
            code = self.code.value
        else:
            code = self.code

        message = self.message

        details = self.details

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "code": code,
                "message": message,
            }
        )
        if details is not UNSET:
            field_dict["details"] = details

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_code(data: object) -> ATHErrorCode | str:
            try:
                if not isinstance(data, str):
                    raise TypeError()
                code_type_0 = ATHErrorCode(data)

                return code_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(ATHErrorCode | str, data)

        code = _parse_code(d.pop("code"))

        message = d.pop("message")

        details = d.pop("details", UNSET)

        ath_error = cls(
            code=code,
            message=message,
            details=details,
        )

        ath_error.additional_properties = d
        return ath_error

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
