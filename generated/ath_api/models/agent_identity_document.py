from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.developer_info import DeveloperInfo


T = TypeVar("T", bound="AgentIdentityDocument")


@_attrs_define
class AgentIdentityDocument:
    """What an agent publishes at its agent_id, so that implementors can verify its attestations.

    Attributes:
        ath_version (str): The protocol version spoken by the agent. Example: 0.1.
        agent_id (str): The URL this very document is served at. Example: https://agent.example.com/.well-
            known/agent.json.
        name (str): The agent's name for people. Example: Example Agent.
        developer (DeveloperInfo): Who answers for an agent.
        public_key (Any): The public P-256 key, as a JWK object (which every server understands) or as PEM text.
            Example: {'kty': 'EC', 'crv': 'P-256', 'x': 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU', 'y':
            'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0'}.
        capabilities (list[str] | Unset): What the agent can do. Example: ['summarise'].
    """

    ath_version: str
    agent_id: str
    name: str
    developer: DeveloperInfo
    public_key: Any
    capabilities: list[str] | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        ath_version = self.ath_version

        agent_id = self.agent_id

        name = self.name

        developer = self.developer.to_dict()

        public_key = self.public_key

        capabilities: list[str] | Unset = UNSET
        if not isinstance(self.capabilities, Unset):
            capabilities = self.capabilities

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "ath_version": ath_version,
                "agent_id": agent_id,
                "name": name,
                "developer": developer,
                "public_key": public_key,
            }
        )
        if capabilities is not UNSET:
            field_dict["capabilities"] = capabilities

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.developer_info import DeveloperInfo  # noqa: PLC0415

        d = dict(src_dict)
        ath_version = d.pop("ath_version")

        agent_id = d.pop("agent_id")

        name = d.pop("name")

        developer = DeveloperInfo.from_dict(d.pop("developer"))

        public_key = d.pop("public_key")

        capabilities = cast(list[str], d.pop("capabilities", UNSET))

        agent_identity_document = cls(
            ath_version=ath_version,
            agent_id=agent_id,
            name=name,
            developer=developer,
            public_key=public_key,
            capabilities=capabilities,
        )

        agent_identity_document.additional_properties = d
        return agent_identity_document

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
