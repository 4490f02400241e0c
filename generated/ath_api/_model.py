"""What models are made of, in a module of its own: it is all that reading an answer needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import NOTHING, define, field, fields

from ._writing import to_json


@define(kw_only=True)
class Model:
    """One JSON object. Secrets stay out of its repr; what is absent is None.

    Fields that the spec does not know are in ``additional_properties``, and items of the model.
    """

    additional_properties: dict[str, Any] = field(init=False, factory=dict, repr=False)

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the object from parsed JSON.

        Raises:
            FieldError: A field is missing or does not fit; says which one, and never its value.
        """
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON; what is None is left out where the spec allows that."""
        written = dict(self.additional_properties)
        for a in fields(type(self)):
            value = getattr(self, a.name)
            name = a.metadata.get("name", a.name)
            required = a.metadata.get("required", a.default is NOTHING)
            if a.init and (value is not None or (required and name not in written)):
                written[name] = to_json(value)
        return written

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties)

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
