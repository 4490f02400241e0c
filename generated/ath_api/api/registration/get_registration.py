from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ... import errors
from ...types import (
    UNREADABLE,
    Response,
    path_segment,
)

if TYPE_CHECKING:
    import httpx

    from ...client import AuthenticatedClient, Client


from ...models.agent_registration import AgentRegistration
from ...models.ath_error import ATHError


def _get_kwargs(
    client_id: str,
) -> dict[str, Any]:

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/ath/agents/{client_id}".format(
            client_id=path_segment("client_id", client_id),
        ),
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> ATHError | AgentRegistration | None:
    try:
        if response.status_code == 200:
            return AgentRegistration.from_dict(response.json())

        if response.status_code == 401:
            return ATHError.from_dict(response.json())

        if response.status_code == 403:
            return ATHError.from_dict(response.json())

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
) -> Response[ATHError | AgentRegistration]:
    return Response(
        status_code=response.status_code,
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    client_id: str,
    *,
    client: AuthenticatedClient | Client,
) -> Response[ATHError | AgentRegistration]:
    """Read the state of a registration, without its secret.

     The caller must be authenticated; by what means is the implementor's choice. HTTP Basic with
    client_id and client_secret is what this SDK sends.

    Args:
        client_id (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ATHError | AgentRegistration]
    """

    kwargs = _get_kwargs(
        client_id=client_id,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    client_id: str,
    *,
    client: AuthenticatedClient | Client,
) -> ATHError | AgentRegistration | None:
    """Read the state of a registration, without its secret.

     The caller must be authenticated; by what means is the implementor's choice. HTTP Basic with
    client_id and client_secret is what this SDK sends.

    Args:
        client_id (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ATHError | AgentRegistration
    """

    return sync_detailed(
        client_id=client_id,
        client=client,
    ).parsed


async def asyncio_detailed(
    client_id: str,
    *,
    client: AuthenticatedClient | Client,
) -> Response[ATHError | AgentRegistration]:
    """Read the state of a registration, without its secret.

     The caller must be authenticated; by what means is the implementor's choice. HTTP Basic with
    client_id and client_secret is what this SDK sends.

    Args:
        client_id (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ATHError | AgentRegistration]
    """

    kwargs = _get_kwargs(
        client_id=client_id,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    client_id: str,
    *,
    client: AuthenticatedClient | Client,
) -> ATHError | AgentRegistration | None:
    """Read the state of a registration, without its secret.

     The caller must be authenticated; by what means is the implementor's choice. HTTP Basic with
    client_id and client_secret is what this SDK sends.

    Args:
        client_id (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ATHError | AgentRegistration
    """

    return (
        await asyncio_detailed(
            client_id=client_id,
            client=client,
        )
    ).parsed
