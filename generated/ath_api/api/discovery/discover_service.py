from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ... import errors
from ...types import (
    UNREADABLE,
    Response,
)

if TYPE_CHECKING:
    import httpx

    from ...client import AuthenticatedClient, Client


from ...models.ath_error import ATHError
from ...models.service_discovery_document import ServiceDiscoveryDocument


def _get_kwargs() -> dict[str, Any]:

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/.well-known/ath-app.json",
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> ATHError | ServiceDiscoveryDocument | None:
    try:
        if response.status_code == 200:
            return ServiceDiscoveryDocument.from_dict(response.json())

        if 400 <= response.status_code <= 499:
            return ATHError.from_dict(response.json())

        if 500 <= response.status_code <= 599:
            return ATHError.from_dict(response.json())

    except UNREADABLE:
        return None
    if client.raise_on_unexpected_status:
        raise errors.UnexpectedStatus(response.status_code, response.content)
    return None


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[ATHError | ServiceDiscoveryDocument]:
    return Response(
        status_code=response.status_code,
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient | Client,
) -> Response[ATHError | ServiceDiscoveryDocument]:
    """Read what a native service offers.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ATHError | ServiceDiscoveryDocument]
    """

    kwargs = _get_kwargs()

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient | Client,
) -> ATHError | ServiceDiscoveryDocument | None:
    """Read what a native service offers.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ATHError | ServiceDiscoveryDocument
    """

    return sync_detailed(
        client=client,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient | Client,
) -> Response[ATHError | ServiceDiscoveryDocument]:
    """Read what a native service offers.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ATHError | ServiceDiscoveryDocument]
    """

    kwargs = _get_kwargs()

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient | Client,
) -> ATHError | ServiceDiscoveryDocument | None:
    """Read what a native service offers.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ATHError | ServiceDiscoveryDocument
    """

    return (
        await asyncio_detailed(
            client=client,
        )
    ).parsed
