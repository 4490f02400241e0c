from __future__ import annotations

from typing import TYPE_CHECKING

from ..._writing import secrets_in as _secrets_in
from ..._writing import to_json as _to_json
from ...models.error_body import ErrorBody
from ...models.token_exchange_request import TokenExchangeRequest
from ...models.token_response import TokenResponse
from ...types import Answer, PreparedCall, Response

if TYPE_CHECKING:
    from ...client import Client

PATH = "/ath/token"
"""The path of the operation, below the base URL."""

_ANSWERS = (
    Answer(200, 200, "application/json", TokenResponse.from_dict),
    Answer(400, 400, "application/json", ErrorBody.from_dict),
    Answer(401, 401, "application/json", ErrorBody.from_dict),
    Answer(403, 403, "application/json", ErrorBody.from_dict),
    Answer(429, 429, "application/json", ErrorBody.from_dict),
    Answer(500, 500, "application/json", ErrorBody.from_dict),
    Answer(502, 502, "application/json", ErrorBody.from_dict),
    Answer(400, 499, "application/json", ErrorBody.from_dict),
    Answer(500, 599, "application/json", ErrorBody.from_dict),
)


def prepare(*, body: TokenExchangeRequest) -> PreparedCall[TokenResponse, ErrorBody]:
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
    *, client: Client, body: TokenExchangeRequest
) -> Response[TokenResponse, ErrorBody]:
    """Exchange a session the user has consented to for an ATH token.

    The attestation's audience is the full URL of this endpoint. A session yields one token,
    once. Most implementors use the OAuth code up themselves; the field is sent all the same,
    with any text.

    Args:
        body: A consented session, to be exchanged for a token.

    Returns:
        Every answer, also an error or one that is not as described.

    Raises:
        httpx.HTTPError: No answer came.
    """
    return client.send(prepare(body=body))


def sync(*, client: Client, body: TokenExchangeRequest) -> TokenResponse:
    """Exchange a session the user has consented to for an ATH token.

    The attestation's audience is the full URL of this endpoint. A session yields one token,
    once. Most implementors use the OAuth code up themselves; the field is sent all the same,
    with any text.

    Args:
        body: A consented session, to be exchanged for a token.

    Returns:
        The token, and how its scopes came about.

    Raises:
        errors.ResponseError: The answer is no success as described.
        httpx.HTTPError: No answer came.
    """
    return client.send(prepare(body=body)).value()


async def asyncio_detailed(
    *, client: Client, body: TokenExchangeRequest
) -> Response[TokenResponse, ErrorBody]:
    """Exchange a session the user has consented to for an ATH token.

    The attestation's audience is the full URL of this endpoint. A session yields one token,
    once. Most implementors use the OAuth code up themselves; the field is sent all the same,
    with any text.

    Args:
        body: A consented session, to be exchanged for a token.

    Returns:
        Every answer, also an error or one that is not as described.

    Raises:
        httpx.HTTPError: No answer came.
    """
    return await client.send_async(prepare(body=body))


async def asyncio(*, client: Client, body: TokenExchangeRequest) -> TokenResponse:
    """Exchange a session the user has consented to for an ATH token.

    The attestation's audience is the full URL of this endpoint. A session yields one token,
    once. Most implementors use the OAuth code up themselves; the field is sent all the same,
    with any text.

    Args:
        body: A consented session, to be exchanged for a token.

    Returns:
        The token, and how its scopes came about.

    Raises:
        errors.ResponseError: The answer is no success as described.
        httpx.HTTPError: No answer came.
    """
    return (await client.send_async(prepare(body=body))).value()
