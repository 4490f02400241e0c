"""The end of consent: tokens are revoked (RFC 7009)."""

from __future__ import annotations

from functools import partial

from ath_api.api.token import revoke_token as revoke_endpoint
from ath_api.models import TokenRevocationRequest

from .._secret import hide
from ..errors import ATHError
from ..retry import READ, Retry
from ..stores.record import Record, Token
from .arguments import require_text
from .context import Context, require_registration
from .replies import tell
from .steps import Flow, Reload, Save

_UNUSABLE_TOKEN_CODES = frozenset({"TOKEN_INVALID", "TOKEN_REVOKED", "TOKEN_EXPIRED"})
"""What a server says of a token that cannot be used any more, revoked or never known."""


def revoke(context: Context, provider: str | None, retry: Retry) -> Flow[None]:
    """Revoke one provider's token or all; every one is tried before the first error is raised."""
    if provider is not None:
        require_text(provider, "provider")
    first: ATHError | None = None
    try:
        yield Reload()  # what another process was granted meanwhile is to be revoked as well
    except ATHError as error:
        first = error  # at least what memory holds is revoked
    require_registration(context.credentials)
    for token in context.credentials.tokens(provider):
        try:
            yield from _revoke_token(context, token, retry)
        except ATHError as error:
            first = first or error
    if first is not None:
        raise first


def _revoke_token(context: Context, token: Token, retry: Retry) -> Flow[None]:
    """Revoke with the registration that the token was granted to, and forget the token.

    Where that registration is known no more, the server is asked with the present one; if it
    refuses, the token cannot be revoked in any other way, so it is forgotten.
    """
    own = context.credentials.registration_of(token.client_id)
    held = own or require_registration(context.credentials)
    body = TokenRevocationRequest(
        client_id=held.client_id, client_secret=held.client_secret, token=token.access_token
    )
    refusal: ATHError | None = None
    try:
        yield from tell(context, revoke_endpoint.prepare(body=body), READ, retry)
    except ATHError as error:
        if error.code not in _UNUSABLE_TOKEN_CODES:
            refusal = error
            refused = error.source == "implementor" and error.status in (400, 401, 403)
            if not refused or token.client_id is None or own is not None:
                raise
    yield Save(partial(Record.drop_token, access_token=hide(token.access_token)))
    if refusal is not None:
        raise refusal
