from __future__ import annotations

from typing import TYPE_CHECKING

from ...models.discovery_document import DiscoveryDocument
from ...models.error_body import ErrorBody
from ...types import Answer, PreparedCall, Response

if TYPE_CHECKING:
    from ...client import Client

PATH = "/.well-known/ath.json"
"""The path of the operation, below the base URL."""

_ANSWERS = (
    Answer(200, 200, "application/json", DiscoveryDocument.from_dict),
    Answer(429, 429, "application/json", ErrorBody.from_dict),
    Answer(400, 499, "application/json", ErrorBody.from_dict),
    Answer(500, 599, "application/json", ErrorBody.from_dict),
)


def prepare() -> PreparedCall[DiscoveryDocument, ErrorBody]:
    """What ``sync`` sends, and how the answer to it is read. Sends nothing."""
    return PreparedCall(
        method="GET",
        path=PATH,
        answers=_ANSWERS,
    )


def sync_detailed(*, client: Client) -> Response[DiscoveryDocument, ErrorBody]:
    """Read what a gateway offers.

    The providers behind the gateway, and the scopes that an agent may ask for there.

    Returns:
        Every answer, also an error or one that is not as described.

    Raises:
        httpx.HTTPError: No answer came.
    """
    return client.send(prepare())


def sync(*, client: Client) -> DiscoveryDocument:
    """Read what a gateway offers.

    The providers behind the gateway, and the scopes that an agent may ask for there.

    Returns:
        The gateway and its providers.

    Raises:
        errors.ResponseError: The answer is no success as described.
        httpx.HTTPError: No answer came.
    """
    return client.send(prepare()).value()


async def asyncio_detailed(*, client: Client) -> Response[DiscoveryDocument, ErrorBody]:
    """Read what a gateway offers.

    The providers behind the gateway, and the scopes that an agent may ask for there.

    Returns:
        Every answer, also an error or one that is not as described.

    Raises:
        httpx.HTTPError: No answer came.
    """
    return await client.send_async(prepare())


async def asyncio(*, client: Client) -> DiscoveryDocument:
    """Read what a gateway offers.

    The providers behind the gateway, and the scopes that an agent may ask for there.

    Returns:
        The gateway and its providers.

    Raises:
        errors.ResponseError: The answer is no success as described.
        httpx.HTTPError: No answer came.
    """
    return (await client.send_async(prepare())).value()
