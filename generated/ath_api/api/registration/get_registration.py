from __future__ import annotations

from typing import TYPE_CHECKING

from ..._writing import to_segment as _to_segment
from ...models.agent_registration import AgentRegistration
from ...models.error_body import ErrorBody
from ...types import Answer, PreparedCall, Response

if TYPE_CHECKING:
    from ...client import Client

PATH = "/ath/agents/{clientId}"
"""The path of the operation, below the base URL."""

_ANSWERS = (
    Answer(200, 200, "application/json", AgentRegistration.from_dict),
    Answer(401, 401, "application/json", ErrorBody.from_dict),
    Answer(403, 403, "application/json", ErrorBody.from_dict),
    Answer(429, 429, "application/json", ErrorBody.from_dict),
    Answer(400, 499, "application/json", ErrorBody.from_dict),
    Answer(500, 599, "application/json", ErrorBody.from_dict),
)


def prepare(client_id: str) -> PreparedCall[AgentRegistration, ErrorBody]:
    """What ``sync`` sends, and how the answer to it is read. Sends nothing."""
    return PreparedCall(
        method="GET",
        path=f"/ath/agents/{_to_segment('client_id', client_id)}",
        answers=_ANSWERS,
    )


def sync_detailed(client_id: str, *, client: Client) -> Response[AgentRegistration, ErrorBody]:
    """Read the state of a registration, without its secret.

    The caller must be authenticated; by what means is the implementor's choice. HTTP Basic with
    client_id and client_secret is what this SDK sends.

    Args:
        client_id: The client_id of the registration.

    Returns:
        Every answer, also an error or one that is not as described.

    Raises:
        httpx.HTTPError: No answer came.
        ValueError: A part of the path is empty or a dot segment.
    """
    return client.send(prepare(client_id=client_id))


def sync(client_id: str, *, client: Client) -> AgentRegistration:
    """Read the state of a registration, without its secret.

    The caller must be authenticated; by what means is the implementor's choice. HTTP Basic with
    client_id and client_secret is what this SDK sends.

    Args:
        client_id: The client_id of the registration.

    Returns:
        The registration.

    Raises:
        errors.ResponseError: The answer is no success as described.
        httpx.HTTPError: No answer came.
        ValueError: A part of the path is empty or a dot segment.
    """
    return client.send(prepare(client_id=client_id)).value()


async def asyncio_detailed(
    client_id: str, *, client: Client
) -> Response[AgentRegistration, ErrorBody]:
    """Read the state of a registration, without its secret.

    The caller must be authenticated; by what means is the implementor's choice. HTTP Basic with
    client_id and client_secret is what this SDK sends.

    Args:
        client_id: The client_id of the registration.

    Returns:
        Every answer, also an error or one that is not as described.

    Raises:
        httpx.HTTPError: No answer came.
        ValueError: A part of the path is empty or a dot segment.
    """
    return await client.send_async(prepare(client_id=client_id))


async def asyncio(client_id: str, *, client: Client) -> AgentRegistration:
    """Read the state of a registration, without its secret.

    The caller must be authenticated; by what means is the implementor's choice. HTTP Basic with
    client_id and client_secret is what this SDK sends.

    Args:
        client_id: The client_id of the registration.

    Returns:
        The registration.

    Raises:
        errors.ResponseError: The answer is no success as described.
        httpx.HTTPError: No answer came.
        ValueError: A part of the path is empty or a dot segment.
    """
    return (await client.send_async(prepare(client_id=client_id))).value()
