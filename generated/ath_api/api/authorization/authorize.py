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
from ...models.authorization_request import AuthorizationRequest
from ...models.authorization_response import AuthorizationResponse


def _get_kwargs(
    *,
    body: AuthorizationRequest,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/ath/authorize",
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> ATHError | AuthorizationResponse | None:
    try:
        if response.status_code == 200:
            return AuthorizationResponse.from_dict(response.json())

        if response.status_code == 400:
            return ATHError.from_dict(response.json())

        if response.status_code == 401:
            return ATHError.from_dict(response.json())

        if response.status_code == 403:
            return ATHError.from_dict(response.json())

        if response.status_code == 500:
            return ATHError.from_dict(response.json())

        if response.status_code == 502:
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
) -> Response[ATHError | AuthorizationResponse]:
    return Response(
        status_code=response.status_code,
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient | Client,
    body: AuthorizationRequest,
) -> Response[ATHError | AuthorizationResponse]:
    """Open a consent session for the user.

     The attestation's audience is the implementor's base URL. The user's browser then goes to
    authorization_url, which carries PKCE parameters (S256).

    Args:
        body (AuthorizationRequest): A request for the user's consent.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ATHError | AuthorizationResponse]
    """

    kwargs = _get_kwargs(
        body=body,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient | Client,
    body: AuthorizationRequest,
) -> ATHError | AuthorizationResponse | None:
    """Open a consent session for the user.

     The attestation's audience is the implementor's base URL. The user's browser then goes to
    authorization_url, which carries PKCE parameters (S256).

    Args:
        body (AuthorizationRequest): A request for the user's consent.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ATHError | AuthorizationResponse
    """

    return sync_detailed(
        client=client,
        body=body,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient | Client,
    body: AuthorizationRequest,
) -> Response[ATHError | AuthorizationResponse]:
    """Open a consent session for the user.

     The attestation's audience is the implementor's base URL. The user's browser then goes to
    authorization_url, which carries PKCE parameters (S256).

    Args:
        body (AuthorizationRequest): A request for the user's consent.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ATHError | AuthorizationResponse]
    """

    kwargs = _get_kwargs(
        body=body,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient | Client,
    body: AuthorizationRequest,
) -> ATHError | AuthorizationResponse | None:
    """Open a consent session for the user.

     The attestation's audience is the implementor's base URL. The user's browser then goes to
    authorization_url, which carries PKCE parameters (S256).

    Args:
        body (AuthorizationRequest): A request for the user's consent.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ATHError | AuthorizationResponse
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
        )
    ).parsed
