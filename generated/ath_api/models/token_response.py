from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..errors import FieldError
from ..types import (
    read_object,
    whole_number,
    wrong_item,
    wrong_type,
)

_KNOWN = frozenset(
    (
        "access_token",
        "token_type",
        "expires_in",
        "effective_scopes",
        "provider_id",
        "agent_id",
        "scope_intersection",
    )
)


@_attrs_define(kw_only=True)
class TokenResponse:
    """An ATH token, tied to the agent, the user, the provider and the scopes."""

    access_token: str = _attrs_field(repr=False)
    """ The token itself; opaque. """

    token_type: str
    """ Bearer. """

    expires_in: int
    """ Seconds until the token ends. """

    effective_scopes: list[str]
    """ What the token may do. """

    provider_id: str
    """ The provider the token is for. """

    agent_id: str
    """ The agent the token is for. """

    scope_intersection: ScopeIntersection
    """ How the scopes of a token came about. """

    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict, repr=False)
    """Fields that the spec does not know."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON; what is None is left out where the spec allows that."""
        field_dict: dict[str, Any] = {
            **self.additional_properties,
            "access_token": self.access_token,
            "token_type": self.token_type,
            "expires_in": self.expires_in,
            "effective_scopes": self.effective_scopes,
            "provider_id": self.provider_id,
            "agent_id": self.agent_id,
            "scope_intersection": self.scope_intersection.to_dict(),
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
            access_token = src_dict["access_token"]
            token_type = src_dict["token_type"]
            expires_in = src_dict["expires_in"]
            effective_scopes = src_dict["effective_scopes"]
            provider_id = src_dict["provider_id"]
            agent_id = src_dict["agent_id"]
            scope_intersection = src_dict["scope_intersection"]
        except KeyError as _missing:
            raise FieldError(str(_missing.args[0]), "missing") from None
        if not isinstance(access_token, str):
            raise wrong_type("access_token", "a string", access_token)

        if not isinstance(token_type, str):
            raise wrong_type("token_type", "a string", token_type)

        if not isinstance(expires_in, int) or isinstance(expires_in, bool):
            expires_in = whole_number("expires_in", expires_in)

        if not isinstance(effective_scopes, list):
            raise wrong_type("effective_scopes", "an array", effective_scopes)
        for _item in effective_scopes:
            if not isinstance(_item, str):
                raise wrong_item("effective_scopes", "a string", effective_scopes, _item)

        if not isinstance(provider_id, str):
            raise wrong_type("provider_id", "a string", provider_id)

        if not isinstance(agent_id, str):
            raise wrong_type("agent_id", "a string", agent_id)

        scope_intersection = read_object(
            "scope_intersection", scope_intersection, ScopeIntersection.from_dict
        )

        _result = cls(
            access_token=access_token,
            token_type=token_type,
            expires_in=expires_in,
            effective_scopes=effective_scopes,
            provider_id=provider_id,
            agent_id=agent_id,
            scope_intersection=scope_intersection,
        )
        if len(src_dict) != 7:
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


from ..models.scope_intersection import ScopeIntersection  # noqa: E402
