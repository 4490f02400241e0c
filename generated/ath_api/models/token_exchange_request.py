from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from attrs import define as _define
from attrs import field as _field

from .. import _reading
from .._model import Model as _Model
from ..errors import FieldError as _FieldError

_KNOWN: frozenset[str] = frozenset(
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
_read_grant_type = _reading.constant("authorization_code")


@_define(kw_only=True)
class TokenExchangeRequest(_Model):
    """A consented session, to be exchanged for a token."""

    grant_type: Literal["authorization_code"] = _field(
        default="authorization_code", metadata={"required": True}
    )
    """Always authorization_code, so it need not be given."""

    client_id: str
    """The registration."""

    client_secret: str = _field(repr=False)
    """The registration's secret."""

    agent_attestation: str = _field(repr=False)
    """A fresh ES256 JWT; its audience is the full URL of the token endpoint."""

    code: str = _field(repr=False)
    """The OAuth code if the agent got one; any text otherwise."""

    ath_session_id: str
    """The session that the user consented to."""

    code_verifier: str | None = _field(default=None, repr=False)
    """The verifier to the code_challenge that opened the session (RFC 7636)."""

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the object from parsed JSON; raises FieldError."""
        _at = ""
        try:
            if type(src_dict) is not dict:
                _reading.mapping(src_dict)
            _at = "grant_type"
            grant_type_ = _read_grant_type(src_dict[_at])
            _at = "client_id"
            if type(client_id_ := src_dict[_at]) is not str:
                client_id_ = _reading.text(client_id_)
            _at = "client_secret"
            if type(client_secret_ := src_dict[_at]) is not str:
                client_secret_ = _reading.text(client_secret_)
            _at = "agent_attestation"
            if type(agent_attestation_ := src_dict[_at]) is not str:
                agent_attestation_ = _reading.text(agent_attestation_)
            _at = "code"
            if type(code_ := src_dict[_at]) is not str:
                code_ = _reading.text(code_)
            _at = "ath_session_id"
            if type(ath_session_id_ := src_dict[_at]) is not str:
                ath_session_id_ = _reading.text(ath_session_id_)
            _at = "code_verifier"
            if (code_verifier_ := src_dict.get(_at)) is not None:
                code_verifier_ = _reading.text(code_verifier_)
        except KeyError:
            raise _FieldError(_at, "missing") from None
        except _FieldError as _error:
            raise _error.inside(_at) from None
        _result = cls(
            grant_type=grant_type_,
            client_id=client_id_,
            client_secret=client_secret_,
            agent_attestation=agent_attestation_,
            code=code_,
            ath_session_id=ath_session_id_,
            code_verifier=code_verifier_,
        )
        if len(src_dict) != 6 + (code_verifier_ is not None):
            _result.additional_properties = {
                _key: _value for _key, _value in src_dict.items() if _key not in _KNOWN
            }
        return _result
