from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="AuthorizationRequest")


@_attrs_define
class AuthorizationRequest:
    """A request for the user's consent.

    Attributes:
        client_id (str): The registration. Example: ath_client_1.
        agent_attestation (str): A fresh ES256 JWT; its audience is the implementor's base URL. Example:
            eyJhbGciOiJFUzI1NiJ9.e30.c2ln.
        provider_id (str): The provider to be used. Example: code-host.
        scopes (list[str]): Scopes within the approved ones. Example: ['repo:read'].
        state (str): At least 128 random bits that tie the consent to this agent. Example: 3q2-7wAAAAAAAAAAAAAAAA.
        user_redirect_uri (str | Unset): Where the browser goes afterwards; exactly one of the registered redirect_uris.
            Example: https://agent.example.com/callback.
        resource (str | Unset): The API the token is meant for (RFC 8707). Example: https://api.code-host.example.com.
        code_challenge (str | Unset): The S256 challenge of the agent's code_verifier (RFC 7636). Example:
            E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM.
        code_challenge_method (str | Unset): S256, the only method in use. Example: S256.
    """

    client_id: str
    agent_attestation: str
    provider_id: str
    scopes: list[str]
    state: str
    user_redirect_uri: str | Unset = UNSET
    resource: str | Unset = UNSET
    code_challenge: str | Unset = UNSET
    code_challenge_method: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        client_id = self.client_id

        agent_attestation = self.agent_attestation

        provider_id = self.provider_id

        scopes = self.scopes

        state = self.state

        user_redirect_uri = self.user_redirect_uri

        resource = self.resource

        code_challenge = self.code_challenge

        code_challenge_method = self.code_challenge_method

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "client_id": client_id,
                "agent_attestation": agent_attestation,
                "provider_id": provider_id,
                "scopes": scopes,
                "state": state,
            }
        )
        if user_redirect_uri is not UNSET:
            field_dict["user_redirect_uri"] = user_redirect_uri
        if resource is not UNSET:
            field_dict["resource"] = resource
        if code_challenge is not UNSET:
            field_dict["code_challenge"] = code_challenge
        if code_challenge_method is not UNSET:
            field_dict["code_challenge_method"] = code_challenge_method

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        client_id = d.pop("client_id")

        agent_attestation = d.pop("agent_attestation")

        provider_id = d.pop("provider_id")

        scopes = cast(list[str], d.pop("scopes"))

        state = d.pop("state")

        user_redirect_uri = d.pop("user_redirect_uri", UNSET)

        resource = d.pop("resource", UNSET)

        code_challenge = d.pop("code_challenge", UNSET)

        code_challenge_method = d.pop("code_challenge_method", UNSET)

        authorization_request = cls(
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

        authorization_request.additional_properties = d
        return authorization_request

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
