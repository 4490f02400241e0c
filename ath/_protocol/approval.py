"""Waiting for the implementor's approval of the agent."""

from __future__ import annotations

from typing import Any

from ath_api.models import AgentRegistration, AgentRegistrationResponse, AgentStatus

from ..errors import ATHError
from .context import Context
from .registration import registration
from .steps import Flow
from .waiting import Schedule, may_pass


def wait_for_approval(context: Context, timeout: float) -> Flow[AgentRegistration]:
    """Read the registration until it is approved."""
    schedule = Schedule(context.settings, timeout)
    details: dict[str, Any] = {}
    while True:
        last, retry_after = "", None
        try:
            found = yield from registration(context, None, schedule.within)
        except ATHError as error:
            if not may_pass(error):
                raise
            last, retry_after = f" The last try failed with {error.code}.", error.retry_after
        else:
            if found.agent_status == AgentStatus.APPROVED:
                return found
            if found.agent_status == AgentStatus.DENIED:
                raise unapproved(found)
            details = describe_registration(found)
        pause = schedule.next_pause(retry_after, schedule.left)
        if pause is None:
            raise ATHError(
                "APPROVAL_TIMEOUT",
                f"The agent was not approved within {round(timeout, 1):g} seconds.{last}",
                details=details,
            )
        yield pause


def unapproved(found: AgentRegistration | AgentRegistrationResponse) -> ATHError:
    """The error for an agent that may not ask a user yet, or ever."""
    return ATHError(
        "AGENT_UNAPPROVED",
        f"The implementor says that the agent is {found.agent_status}.",
        details=describe_registration(found),
    )


def describe_registration(found: AgentRegistration | AgentRegistrationResponse) -> dict[str, Any]:
    """Where a registration stands, for an error's details."""
    return {
        "client_id": found.client_id,
        "agent_status": str(found.agent_status),
        "approved_providers": [provider.to_dict() for provider in found.approved_providers],
    }
