from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="AuthorizationResponse")


@_attrs_define
class AuthorizationResponse:
    """A consent session.

    Attributes:
        authorization_url (str): Where to send the user's browser; carries code_challenge and
            code_challenge_method=S256. Example: https://ath-
            gateway.example.com/consent?code_challenge=abc&code_challenge_method=S256.
        ath_session_id (str): The session to exchange after consent. Example: ath_sess_1.
    """

    authorization_url: str
    ath_session_id: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        authorization_url = self.authorization_url

        ath_session_id = self.ath_session_id

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "authorization_url": authorization_url,
                "ath_session_id": ath_session_id,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        authorization_url = d.pop("authorization_url")

        ath_session_id = d.pop("ath_session_id")

        authorization_response = cls(
            authorization_url=authorization_url,
            ath_session_id=ath_session_id,
        )

        authorization_response.additional_properties = d
        return authorization_response

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
