from __future__ import annotations

from typing import TYPE_CHECKING

from ..._writing import secrets_in as _secrets_in
from ..._writing import to_json as _to_json
from ...models.agent_registration_request import AgentRegistrationRequest
from ...models.agent_registration_response import AgentRegistrationResponse
from ...models.error_body import ErrorBody
from ...types import Answer, PreparedCall, Response

if TYPE_CHECKING:
    from ...client import Client

PATH = "/ath/agents/register"
"""The path of the operation, below the base URL."""

_ANSWERS = (
    Answer(200, 200, "application/json", AgentRegistrationResponse.from_dict),
    Answer(201, 201, "application/json", AgentRegistrationResponse.from_dict),
    Answer(401, 401, "application/json", ErrorBody.from_dict),
    Answer(409, 409, "application/json", ErrorBody.from_dict),
    Answer(429, 429, "application/json", ErrorBody.from_dict),
    Answer(500, 500, "application/json", ErrorBody.from_dict),
    Answer(400, 499, "application/json", ErrorBody.from_dict),
    Answer(500, 599, "application/json", ErrorBody.from_dict),
)


def prepare(
    *, body: AgentRegistrationRequest
) -> PreparedCall[AgentRegistrationResponse, ErrorBody]:
    """What ``sync`` sends, and how the answer to it is read. Sends nothing."""
    return PreparedCall(
        method="POST",
        path=PATH,
        media_type="application/json",
        body=_to_json(body),
        secrets=_secrets_in(body),
        answers=_ANSWERS,
    )


def sync_detailed(
    *, client: Client, body: AgentRegistrationRequest
) -> Response[AgentRegistrationResponse, ErrorBody]:
    """Ask the implementor to approve this agent.

    The attestation's audience is the implementor's base URL. The secret is handed out this
    once. Some servers know an agent already and answer 409 with the code CONFLICT, others
    register it again.

    Args:
        body: An agent's request for approval.

    Returns:
        Every answer, also an error or one that is not as described.

    Raises:
        httpx.HTTPError: No answer came.
    """
    return client.send(prepare(body=body))


def sync(*, client: Client, body: AgentRegistrationRequest) -> AgentRegistrationResponse:
    """Ask the implementor to approve this agent.

    The attestation's audience is the implementor's base URL. The secret is handed out this
    once. Some servers know an agent already and answer 409 with the code CONFLICT, others
    register it again.

    Args:
        body: An agent's request for approval.

    Returns:
        Registered. Read agent_status and the approvals; pending and denied come this way too.

    Raises:
        errors.ResponseError: The answer is no success as described.
        httpx.HTTPError: No answer came.
    """
    return client.send(prepare(body=body)).value()


async def asyncio_detailed(
    *, client: Client, body: AgentRegistrationRequest
) -> Response[AgentRegistrationResponse, ErrorBody]:
    """Ask the implementor to approve this agent.

    The attestation's audience is the implementor's base URL. The secret is handed out this
    once. Some servers know an agent already and answer 409 with the code CONFLICT, others
    register it again.

    Args:
        body: An agent's request for approval.

    Returns:
        Every answer, also an error or one that is not as described.

    Raises:
        httpx.HTTPError: No answer came.
    """
    return await client.send_async(prepare(body=body))


async def asyncio(*, client: Client, body: AgentRegistrationRequest) -> AgentRegistrationResponse:
    """Ask the implementor to approve this agent.

    The attestation's audience is the implementor's base URL. The secret is handed out this
    once. Some servers know an agent already and answer 409 with the code CONFLICT, others
    register it again.

    Args:
        body: An agent's request for approval.

    Returns:
        Registered. Read agent_status and the approvals; pending and denied come this way too.

    Raises:
        errors.ResponseError: The answer is no success as described.
        httpx.HTTPError: No answer came.
    """
    return (await client.send_async(prepare(body=body))).value()
