from __future__ import annotations

from typing import TYPE_CHECKING

from ...models.error_body import ErrorBody
from ...models.service_discovery_document import ServiceDiscoveryDocument
from ...types import Answer, PreparedCall, Response

if TYPE_CHECKING:
    from ...client import Client

PATH = "/.well-known/ath-app.json"
"""The path of the operation, below the base URL."""

_ANSWERS = (
    Answer(200, 200, "application/json", ServiceDiscoveryDocument.from_dict),
    Answer(429, 429, "application/json", ErrorBody.from_dict),
    Answer(400, 499, "application/json", ErrorBody.from_dict),
    Answer(500, 599, "application/json", ErrorBody.from_dict),
)


def prepare() -> PreparedCall[ServiceDiscoveryDocument, ErrorBody]:
    """What ``sync`` sends, and how the answer to it is read. Sends nothing."""
    return PreparedCall(
        method="GET",
        path=PATH,
        answers=_ANSWERS,
    )


def sync_detailed(*, client: Client) -> Response[ServiceDiscoveryDocument, ErrorBody]:
    """Read what a native service offers.

    Where the service's API is, and how it asks its users.

    Returns:
        Every answer, also an error or one that is not as described.

    Raises:
        httpx.HTTPError: No answer came.
    """
    return client.send(prepare())


def sync(*, client: Client) -> ServiceDiscoveryDocument:
    """Read what a native service offers.

    Where the service's API is, and how it asks its users.

    Returns:
        The service, its API and its OAuth endpoints.

    Raises:
        errors.ResponseError: The answer is no success as described.
        httpx.HTTPError: No answer came.
    """
    return client.send(prepare()).value()


async def asyncio_detailed(*, client: Client) -> Response[ServiceDiscoveryDocument, ErrorBody]:
    """Read what a native service offers.

    Where the service's API is, and how it asks its users.

    Returns:
        Every answer, also an error or one that is not as described.

    Raises:
        httpx.HTTPError: No answer came.
    """
    return await client.send_async(prepare())


async def asyncio(*, client: Client) -> ServiceDiscoveryDocument:
    """Read what a native service offers.

    Where the service's API is, and how it asks its users.

    Returns:
        The service, its API and its OAuth endpoints.

    Raises:
        errors.ResponseError: The answer is no success as described.
        httpx.HTTPError: No answer came.
    """
    return (await client.send_async(prepare())).value()
