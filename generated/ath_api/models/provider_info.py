from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _define

from .. import _reading
from .._model import Model as _Model
from ..errors import FieldError as _FieldError

_KNOWN: frozenset[str] = frozenset(
    (
        "provider_id",
        "display_name",
        "available_scopes",
        "auth_mode",
        "agent_approval_required",
        "categories",
    )
)
_read_available_scopes = _reading.array(_reading.text)
_read_categories = _reading.array(_reading.text)


@_define(kw_only=True)
class ProviderInfo(_Model):
    """A provider that stands behind a gateway."""

    provider_id: str
    """The provider's name in every other call."""

    display_name: str
    """The provider's name for people."""

    available_scopes: list[str]
    """The scopes that an agent may ask for."""

    auth_mode: str
    """How the provider asks its users."""

    agent_approval_required: bool
    """Whether an agent needs approval before it may ask a user."""

    categories: list[str] | None = None
    """What kind of service this is."""

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the object from parsed JSON; raises FieldError."""
        _at = ""
        try:
            if type(src_dict) is not dict:
                _reading.mapping(src_dict)
            _at = "provider_id"
            if type(provider_id_ := src_dict[_at]) is not str:
                provider_id_ = _reading.text(provider_id_)
            _at = "display_name"
            if type(display_name_ := src_dict[_at]) is not str:
                display_name_ = _reading.text(display_name_)
            _at = "available_scopes"
            available_scopes_ = _read_available_scopes(src_dict[_at])
            _at = "auth_mode"
            if type(auth_mode_ := src_dict[_at]) is not str:
                auth_mode_ = _reading.text(auth_mode_)
            _at = "agent_approval_required"
            if type(agent_approval_required_ := src_dict[_at]) is not bool:
                agent_approval_required_ = _reading.boolean(agent_approval_required_)
            _at = "categories"
            if (categories_ := src_dict.get(_at)) is not None:
                categories_ = _read_categories(categories_)
        except KeyError:
            raise _FieldError(_at, "missing") from None
        except _FieldError as _error:
            raise _error.inside(_at) from None
        _result = cls(
            provider_id=provider_id_,
            display_name=display_name_,
            available_scopes=available_scopes_,
            auth_mode=auth_mode_,
            agent_approval_required=agent_approval_required_,
            categories=categories_,
        )
        if len(src_dict) != 5 + (categories_ is not None):
            _result.additional_properties = {
                _key: _value for _key, _value in src_dict.items() if _key not in _KNOWN
            }
        return _result
