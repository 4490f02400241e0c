from __future__ import annotations

from collections.abc import Mapping
from typing import (
    Any,
    Literal,
    TypeVar,
    cast,
)

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="TokenExchangeRequest")


@_attrs_define
class TokenExchangeRequest:
    """A consented session, to be exchanged for a token.

    Attributes:
        grant_type (Literal['authorization_code']): Always authorization_code, so it need not be given. Default:
            'authorization_code'.
        client_id (str): The registration. Example: ath_client_1.
        client_secret (str): The registration's secret. Example: ath_secret_1.
        agent_attestation (str): A fresh ES256 JWT; its audience is the full URL of the token endpoint. Example:
            eyJhbGciOiJFUzI1NiJ9.e30.c2ln.
        code (str): The OAuth code if the agent got one; any text otherwise. Example: exchange.
        ath_session_id (str): The session that the user consented to. Example: ath_sess_1.
        code_verifier (str | Unset): The verifier to the code_challenge that opened the session (RFC 7636). Example:
            dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk.
    """

    client_id: str
    client_secret: str
    agent_attestation: str
    code: str
    ath_session_id: str
    grant_type: Literal["authorization_code"] = "authorization_code"
    code_verifier: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        grant_type = self.grant_type

        client_id = self.client_id

        client_secret = self.client_secret

        agent_attestation = self.agent_attestation

        code = self.code

        ath_session_id = self.ath_session_id

        code_verifier = self.code_verifier

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "grant_type": grant_type,
                "client_id": client_id,
                "client_secret": client_secret,
                "agent_attestation": agent_attestation,
                "code": code,
                "ath_session_id": ath_session_id,
            }
        )
        if code_verifier is not UNSET:
            field_dict["code_verifier"] = code_verifier

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        grant_type = cast(Literal["authorization_code"], d.pop("grant_type"))
        if grant_type != "authorization_code":
            raise ValueError(
                f"grant_type must match const 'authorization_code', got '{grant_type}'"
            )

        client_id = d.pop("client_id")

        client_secret = d.pop("client_secret")

        agent_attestation = d.pop("agent_attestation")

        code = d.pop("code")

        ath_session_id = d.pop("ath_session_id")

        code_verifier = d.pop("code_verifier", UNSET)

        token_exchange_request = cls(
            grant_type=grant_type,
            client_id=client_id,
            client_secret=client_secret,
            agent_attestation=agent_attestation,
            code=code,
            ath_session_id=ath_session_id,
            code_verifier=code_verifier,
        )

        token_exchange_request.additional_properties = d
        return token_exchange_request

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
