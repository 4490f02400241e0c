from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _define

from .. import _reading
from .._model import Model as _Model
from ..errors import FieldError as _FieldError

_KNOWN: frozenset[str] = frozenset(
    (
        "ath_version",
        "app_id",
        "name",
        "auth",
        "api_base",
    )
)


@_define(kw_only=True)
class ServiceDiscoveryDocument(_Model):
    """What a native service says about itself."""

    ath_version: str
    """The protocol version spoken here."""

    app_id: str
    """The service's name for itself."""

    name: str
    """The service's name for people."""

    auth: ServiceAuthConfig
    """How a native service asks its users."""

    api_base: str
    """The URL under which the service's API lives."""

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the object from parsed JSON; raises FieldError."""
        _at = ""
        try:
            if type(src_dict) is not dict:
                _reading.mapping(src_dict)
            _at = "ath_version"
            if type(ath_version_ := src_dict[_at]) is not str:
                ath_version_ = _reading.text(ath_version_)
            _at = "app_id"
            if type(app_id_ := src_dict[_at]) is not str:
                app_id_ = _reading.text(app_id_)
            _at = "name"
            if type(name_ := src_dict[_at]) is not str:
                name_ = _reading.text(name_)
            _at = "auth"
            auth_ = ServiceAuthConfig.from_dict(src_dict[_at])
            _at = "api_base"
            if type(api_base_ := src_dict[_at]) is not str:
                api_base_ = _reading.text(api_base_)
        except KeyError:
            raise _FieldError(_at, "missing") from None
        except _FieldError as _error:
            raise _error.inside(_at) from None
        _result = cls(
            ath_version=ath_version_,
            app_id=app_id_,
            name=name_,
            auth=auth_,
            api_base=api_base_,
        )
        if len(src_dict) != 5:
            _result.additional_properties = {
                _key: _value for _key, _value in src_dict.items() if _key not in _KNOWN
            }
        return _result


# At the end, so that models may name each other and typing.get_type_hints finds them.
from ..models.service_auth_config import ServiceAuthConfig
