from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..errors import FieldError
from ..types import (
    wrong_item,
    wrong_type,
)

_KNOWN = frozenset(
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


@_attrs_define(kw_only=True)
class AuthorizationRequest:
    """A request for the user's consent."""

    client_id: str
    """ The registration. """

    agent_attestation: str = _attrs_field(repr=False)
    """ A fresh ES256 JWT; its audience is the implementor's base URL. """

    provider_id: str
    """ The provider to be used. """

    scopes: list[str]
    """ Scopes within the approved ones. """

    state: str = _attrs_field(repr=False)
    """ At least 128 random bits that tie the consent to this agent. """

    user_redirect_uri: str | None = None
    """ Where the browser goes afterwards; exactly one of the registered redirect_uris. """

    resource: str | None = None
    """ The API the token is meant for (RFC 8707). """

    code_challenge: str | None = None
    """ The S256 challenge of the agent's code_verifier (RFC 7636). """

    code_challenge_method: str | None = None
    """ S256, the only method in use. """

    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict, repr=False)
    """Fields that the spec does not know."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON; what is None is left out where the spec allows that."""
        field_dict: dict[str, Any] = {
            **self.additional_properties,
            "client_id": self.client_id,
            "agent_attestation": self.agent_attestation,
            "provider_id": self.provider_id,
            "scopes": self.scopes,
            "state": self.state,
        }
        if self.user_redirect_uri is not None:
            field_dict["user_redirect_uri"] = self.user_redirect_uri
        if self.resource is not None:
            field_dict["resource"] = self.resource
        if self.code_challenge is not None:
            field_dict["code_challenge"] = self.code_challenge
        if self.code_challenge_method is not None:
            field_dict["code_challenge_method"] = self.code_challenge_method
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
            client_id = src_dict["client_id"]
            agent_attestation = src_dict["agent_attestation"]
            provider_id = src_dict["provider_id"]
            scopes = src_dict["scopes"]
            state = src_dict["state"]
        except KeyError as _missing:
            raise FieldError(str(_missing.args[0]), "missing") from None
        if not isinstance(client_id, str):
            raise wrong_type("client_id", "a string", client_id)

        if not isinstance(agent_attestation, str):
            raise wrong_type("agent_attestation", "a string", agent_attestation)

        if not isinstance(provider_id, str):
            raise wrong_type("provider_id", "a string", provider_id)

        if not isinstance(scopes, list):
            raise wrong_type("scopes", "an array", scopes)
        for _item in scopes:
            if not isinstance(_item, str):
                raise wrong_item("scopes", "a string", scopes, _item)

        if not isinstance(state, str):
            raise wrong_type("state", "a string", state)

        user_redirect_uri = src_dict.get("user_redirect_uri")
        if user_redirect_uri is not None:
            if not isinstance(user_redirect_uri, str):
                raise wrong_type("user_redirect_uri", "a string", user_redirect_uri)
        resource = src_dict.get("resource")
        if resource is not None:
            if not isinstance(resource, str):
                raise wrong_type("resource", "a string", resource)
        code_challenge = src_dict.get("code_challenge")
        if code_challenge is not None:
            if not isinstance(code_challenge, str):
                raise wrong_type("code_challenge", "a string", code_challenge)
        code_challenge_method = src_dict.get("code_challenge_method")
        if code_challenge_method is not None:
            if not isinstance(code_challenge_method, str):
                raise wrong_type("code_challenge_method", "a string", code_challenge_method)
        _result = cls(
            client_id=client_id,
            agent_attestation=agent_attestation,
            provider_id=provider_id,
            scopes=scopes,
            state=state,
            user_redirect_uri=user_redirect_uri,
            resource=resource,
            code_challenge=code_challenge,
            code_challenge_method=code_challenge_method,
        )
        if len(src_dict) != 5 + (user_redirect_uri is not None) + (resource is not None) + (
            code_challenge is not None
        ) + (code_challenge_method is not None):
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
