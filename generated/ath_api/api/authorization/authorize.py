from __future__ import annotations

from typing import TYPE_CHECKING

from ..._writing import secrets_in as _secrets_in
from ..._writing import to_json as _to_json
from ...models.authorization_request import AuthorizationRequest
from ...models.authorization_response import AuthorizationResponse
from ...models.error_body import ErrorBody
from ...types import Answer, PreparedCall, Response

if TYPE_CHECKING:
    from ...client import Client

PATH = "/ath/authorize"
"""The path of the operation, below the base URL."""

_ANSWERS = (
    Answer(200, 200, "application/json", AuthorizationResponse.from_dict),
    Answer(400, 400, "application/json", ErrorBody.from_dict),
    Answer(401, 401, "application/json", ErrorBody.from_dict),
    Answer(403, 403, "application/json", ErrorBody.from_dict),
    Answer(429, 429, "application/json", ErrorBody.from_dict),
    Answer(500, 500, "application/json", ErrorBody.from_dict),
    Answer(502, 502, "application/json", ErrorBody.from_dict),
    Answer(400, 499, "application/json", ErrorBody.from_dict),
    Answer(500, 599, "application/json", ErrorBody.from_dict),
)


def prepare(*, body: AuthorizationRequest) -> PreparedCall[AuthorizationResponse, ErrorBody]:
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
    *, client: Client, body: AuthorizationRequest
) -> Response[AuthorizationResponse, ErrorBody]:
    """Open a consent session for the user.

    The attestation's audience is the implementor's base URL. The user's browser then goes to
    authorization_url, which carries PKCE parameters (S256).

    Args:
        body: A request for the user's consent.

    Returns:
        Every answer, also an error or one that is not as described.

    Raises:
        httpx.HTTPError: No answer came.
    """
    return client.send(prepare(body=body))


def sync(*, client: Client, body: AuthorizationRequest) -> AuthorizationResponse:
    """Open a consent session for the user.

    The attestation's audience is the implementor's base URL. The user's browser then goes to
    authorization_url, which carries PKCE parameters (S256).

    Args:
        body: A request for the user's consent.

    Returns:
        Where to send the user, and the session to exchange afterwards.

    Raises:
        errors.ResponseError: The answer is no success as described.
        httpx.HTTPError: No answer came.
    """
    return client.send(prepare(body=body)).value()


async def asyncio_detailed(
    *, client: Client, body: AuthorizationRequest
) -> Response[AuthorizationResponse, ErrorBody]:
    """Open a consent session for the user.

    The attestation's audience is the implementor's base URL. The user's browser then goes to
    authorization_url, which carries PKCE parameters (S256).

    Args:
        body: A request for the user's consent.

    Returns:
        Every answer, also an error or one that is not as described.

    Raises:
        httpx.HTTPError: No answer came.
    """
    return await client.send_async(prepare(body=body))


async def asyncio(*, client: Client, body: AuthorizationRequest) -> AuthorizationResponse:
    """Open a consent session for the user.

    The attestation's audience is the implementor's base URL. The user's browser then goes to
    authorization_url, which carries PKCE parameters (S256).

    Args:
        body: A request for the user's consent.

    Returns:
        Where to send the user, and the session to exchange afterwards.

    Raises:
        errors.ResponseError: The answer is no success as described.
        httpx.HTTPError: No answer came.
    """
    return (await client.send_async(prepare(body=body))).value()
