from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..errors import FieldError
from ..types import (
    read_object,
    wrong_type,
)

_KNOWN = frozenset(
    (
        "ath_version",
        "app_id",
        "name",
        "auth",
        "api_base",
    )
)


@_attrs_define(kw_only=True)
class ServiceDiscoveryDocument:
    """What a native service says about itself."""

    ath_version: str
    """ The protocol version spoken here. """

    app_id: str
    """ The service's name for itself. """

    name: str
    """ The service's name for people. """

    auth: ServiceAuthConfig
    """ How a native service asks its users. """

    api_base: str
    """ The URL under which the service's API lives. """

    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict, repr=False)
    """Fields that the spec does not know."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON; what is None is left out where the spec allows that."""
        field_dict: dict[str, Any] = {
            **self.additional_properties,
            "ath_version": self.ath_version,
            "app_id": self.app_id,
            "name": self.name,
            "auth": self.auth.to_dict(),
            "api_base": self.api_base,
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
            ath_version = src_dict["ath_version"]
            app_id = src_dict["app_id"]
            name = src_dict["name"]
            auth = src_dict["auth"]
            api_base = src_dict["api_base"]
        except KeyError as _missing:
            raise FieldError(str(_missing.args[0]), "missing") from None
        if not isinstance(ath_version, str):
            raise wrong_type("ath_version", "a string", ath_version)

        if not isinstance(app_id, str):
            raise wrong_type("app_id", "a string", app_id)

        if not isinstance(name, str):
            raise wrong_type("name", "a string", name)

        auth = read_object("auth", auth, ServiceAuthConfig.from_dict)

        if not isinstance(api_base, str):
            raise wrong_type("api_base", "a string", api_base)

        _result = cls(
            ath_version=ath_version,
            app_id=app_id,
            name=name,
            auth=auth,
            api_base=api_base,
        )
        if len(src_dict) != 5:
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


from ..models.service_auth_config import ServiceAuthConfig  # noqa: E402
