from __future__ import annotations

from typing import TYPE_CHECKING

from ..._writing import secrets_in as _secrets_in
from ..._writing import to_json as _to_json
from ...models.error_body import ErrorBody
from ...models.token_revocation_request import TokenRevocationRequest
from ...types import Answer, PreparedCall, Response

if TYPE_CHECKING:
    from ...client import Client

PATH = "/ath/revoke"
"""The path of the operation, below the base URL."""

_ANSWERS = (
    Answer(200, 200),
    Answer(401, 401, "application/json", ErrorBody.from_dict),
    Answer(403, 403, "application/json", ErrorBody.from_dict),
    Answer(429, 429, "application/json", ErrorBody.from_dict),
    Answer(500, 500, "application/json", ErrorBody.from_dict),
    Answer(400, 499, "application/json", ErrorBody.from_dict),
    Answer(500, 599, "application/json", ErrorBody.from_dict),
)


def prepare(*, body: TokenRevocationRequest) -> PreparedCall[None, ErrorBody]:
    """What ``sync`` sends, and how the answer to it is read. Sends nothing."""
    return PreparedCall(
        method="POST",
        path=PATH,
        media_type="application/json",
        body=_to_json(body),
        secrets=_secrets_in(body),
        answers=_ANSWERS,
    )


def sync_detailed(*, client: Client, body: TokenRevocationRequest) -> Response[None, ErrorBody]:
    """Give a token up, at once.

    An agent sends its client_id and client_secret along. A token that never existed is no error
    (RFC 7009), though some servers answer 400 TOKEN_INVALID.

    Args:
        body: A token to be given up.

    Returns:
        Every answer, also an error or one that is not as described.

    Raises:
        httpx.HTTPError: No answer came.
    """
    return client.send(prepare(body=body))


def sync(*, client: Client, body: TokenRevocationRequest) -> None:
    """Give a token up, at once.

    An agent sends its client_id and client_secret along. A token that never existed is no error
    (RFC 7009), though some servers answer 400 TOKEN_INVALID.

    Args:
        body: A token to be given up.

    Returns:
        The token is worth nothing any more. The body, if there is one, means nothing.

    Raises:
        errors.ResponseError: The answer is no success as described.
        httpx.HTTPError: No answer came.
    """
    return client.send(prepare(body=body)).value()


async def asyncio_detailed(
    *, client: Client, body: TokenRevocationRequest
) -> Response[None, ErrorBody]:
    """Give a token up, at once.

    An agent sends its client_id and client_secret along. A token that never existed is no error
    (RFC 7009), though some servers answer 400 TOKEN_INVALID.

    Args:
        body: A token to be given up.

    Returns:
        Every answer, also an error or one that is not as described.

    Raises:
        httpx.HTTPError: No answer came.
    """
    return await client.send_async(prepare(body=body))


async def asyncio(*, client: Client, body: TokenRevocationRequest) -> None:
    """Give a token up, at once.

    An agent sends its client_id and client_secret along. A token that never existed is no error
    (RFC 7009), though some servers answer 400 TOKEN_INVALID.

    Args:
        body: A token to be given up.

    Returns:
        The token is worth nothing any more. The body, if there is one, means nothing.

    Raises:
        errors.ResponseError: The answer is no success as described.
        httpx.HTTPError: No answer came.
    """
    return (await client.send_async(prepare(body=body))).value()
