from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _define
from attrs import field as _field

from .. import _reading
from .._model import Model as _Model
from ..errors import FieldError as _FieldError

_KNOWN: frozenset[str] = frozenset(
    (
        "client_id",
        "agent_attestation",
        "provider_id",
        "scopes",
        "state",
        "user_redirect_uri",
        "resource",
        "code_challenge",
        "code_challenge_method",
    )
)
_read_scopes = _reading.array(_reading.text)


@_define(kw_only=True)
class AuthorizationRequest(_Model):
    """A request for the user's consent."""

    client_id: str
    """The registration."""

    agent_attestation: str = _field(repr=False)
    """A fresh ES256 JWT; its audience is the implementor's base URL."""

    provider_id: str
    """The provider to be used."""

    scopes: list[str]
    """Scopes within the approved ones."""

    state: str = _field(repr=False)
    """At least 128 random bits that tie the consent to this agent."""

    user_redirect_uri: str | None = None
    """Where the browser goes afterwards; exactly one of the registered redirect_uris."""

    resource: str | None = None
    """The API the token is meant for (RFC 8707)."""

    code_challenge: str | None = None
    """The S256 challenge of the agent's code_verifier (RFC 7636)."""

    code_challenge_method: str | None = None
    """S256, the only method in use."""

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the object from parsed JSON; raises FieldError."""
        _at = ""
        try:
            if type(src_dict) is not dict:
                _reading.mapping(src_dict)
            _at = "client_id"
            if type(client_id_ := src_dict[_at]) is not str:
                client_id_ = _reading.text(client_id_)
            _at = "agent_attestation"
            if type(agent_attestation_ := src_dict[_at]) is not str:
                agent_attestation_ = _reading.text(agent_attestation_)
            _at = "provider_id"
            if type(provider_id_ := src_dict[_at]) is not str:
                provider_id_ = _reading.text(provider_id_)
            _at = "scopes"
            scopes_ = _read_scopes(src_dict[_at])
            _at = "state"
            if type(state_ := src_dict[_at]) is not str:
                state_ = _reading.text(state_)
            _at = "user_redirect_uri"
            if (user_redirect_uri_ := src_dict.get(_at)) is not None:
                user_redirect_uri_ = _reading.text(user_redirect_uri_)
            _at = "resource"
            if (resource_ := src_dict.get(_at)) is not None:
                resource_ = _reading.text(resource_)
            _at = "code_challenge"
            if (code_challenge_ := src_dict.get(_at)) is not None:
                code_challenge_ = _reading.text(code_challenge_)
            _at = "code_challenge_method"
            if (code_challenge_method_ := src_dict.get(_at)) is not None:
                code_challenge_method_ = _reading.text(code_challenge_method_)
        except KeyError:
            raise _FieldError(_at, "missing") from None
        except _FieldError as _error:
            raise _error.inside(_at) from None
        _result = cls(
            client_id=client_id_,
            agent_attestation=agent_attestation_,
            provider_id=provider_id_,
            scopes=scopes_,
            state=state_,
            user_redirect_uri=user_redirect_uri_,
            resource=resource_,
            code_challenge=code_challenge_,
            code_challenge_method=code_challenge_method_,
        )
        if len(src_dict) != 5 + (user_redirect_uri_ is not None) + (resource_ is not None) + (
            code_challenge_ is not None
        ) + (code_challenge_method_ is not None):
            _result.additional_properties = {
                _key: _value for _key, _value in src_dict.items() if _key not in _KNOWN
            }
        return _result
