from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..errors import FieldError
from ..types import (
    wrong_type,
)

_KNOWN = frozenset(
    (
        "grant_type",
        "client_id",
        "client_secret",
        "agent_attestation",
        "code",
        "ath_session_id",
        "code_verifier",
    )
)


@_attrs_define(kw_only=True)
class TokenExchangeRequest:
    """A consented session, to be exchanged for a token."""

    client_id: str
    """ The registration. """

    client_secret: str = _attrs_field(repr=False)
    """ The registration's secret. """

    agent_attestation: str = _attrs_field(repr=False)
    """ A fresh ES256 JWT; its audience is the full URL of the token endpoint. """

    code: str = _attrs_field(repr=False)
    """ The OAuth code if the agent got one; any text otherwise. """

    ath_session_id: str
    """ The session that the user consented to. """

    grant_type: Literal["authorization_code"] = "authorization_code"
    """ Always authorization_code, so it need not be given. """

    code_verifier: str | None = _attrs_field(default=None, repr=False)
    """ The verifier to the code_challenge that opened the session (RFC 7636). """

    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict, repr=False)
    """Fields that the spec does not know."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON; what is None is left out where the spec allows that."""
        field_dict: dict[str, Any] = {
            **self.additional_properties,
            "grant_type": self.grant_type,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "agent_attestation": self.agent_attestation,
            "code": self.code,
            "ath_session_id": self.ath_session_id,
        }
        if self.code_verifier is not None:
            field_dict["code_verifier"] = self.code_verifier
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
            grant_type = src_dict["grant_type"]
            client_id = src_dict["client_id"]
            client_secret = src_dict["client_secret"]
            agent_attestation = src_dict["agent_attestation"]
            code = src_dict["code"]
            ath_session_id = src_dict["ath_session_id"]
        except KeyError as _missing:
            raise FieldError(str(_missing.args[0]), "missing") from None
        if grant_type != "authorization_code":
            raise FieldError("grant_type", "not the one value that is allowed")

        if not isinstance(client_id, str):
            raise wrong_type("client_id", "a string", client_id)

        if not isinstance(client_secret, str):
            raise wrong_type("client_secret", "a string", client_secret)

        if not isinstance(agent_attestation, str):
            raise wrong_type("agent_attestation", "a string", agent_attestation)

        if not isinstance(code, str):
            raise wrong_type("code", "a string", code)

        if not isinstance(ath_session_id, str):
            raise wrong_type("ath_session_id", "a string", ath_session_id)

        code_verifier = src_dict.get("code_verifier")
        if code_verifier is not None:
            if not isinstance(code_verifier, str):
                raise wrong_type("code_verifier", "a string", code_verifier)
        _result = cls(
            grant_type=grant_type,
            client_id=client_id,
            client_secret=client_secret,
            agent_attestation=agent_attestation,
            code=code,
            ath_session_id=ath_session_id,
            code_verifier=code_verifier,
        )
        if len(src_dict) != 6 + (code_verifier is not None):
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
