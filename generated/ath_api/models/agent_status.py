from enum import StrEnum


class AgentStatus(StrEnum):
    """Where a registration stands."""

    APPROVED = "approved"
    PENDING = "pending"
    DENIED = "denied"
