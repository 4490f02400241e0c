"""What is held, as the user is told: never the secret itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from ..grant import Grant
from ..stores.record import Token
from .context import Context, is_expired
from .steps import Flow, Reload, SaveUnsaved

_LAST_SECOND = datetime.max.replace(microsecond=0, tzinfo=UTC)


def is_usable(token: Token, now: float) -> bool:
    """Whether a call may be made with a token; ``now`` is in seconds UTC."""
    return not token.refused and not is_expired(token, now)


def to_grant(token: Token, user: str | None) -> Grant:
    """The token without its secret."""
    ends = None if token.expires_at is None else to_datetime(token.expires_at)
    return Grant(token.provider, token.scopes, ends, user)


def to_datetime(seconds: float) -> datetime:
    """The time in UTC: 1970 for any that is earlier, and the last that datetime knows for later."""
    return datetime.fromtimestamp(max(0.0, min(_LAST_SECOND.timestamp(), seconds)), UTC)


def live_grant(context: Context, provider: str | None) -> Grant | None:
    """What may be called at that provider now; None stands for a native service."""
    credentials = context.credentials
    token = credentials.latest_token() if provider is None else credentials.token_for(provider)
    if token is None or not is_usable(token, context.settings.clock()):
        return None
    return to_grant(token, context.user)


def suffices(grant: Grant, scopes: Sequence[str]) -> bool:
    """Whether a grant covers these scopes; one of unknown scopes covers only none at all."""
    return set(scopes) <= set(grant.scopes)


def find_granted(context: Context, session_id: str) -> Flow[Grant | None]:
    """Look what that session was exchanged for, by whichever worker, if it is usable.

    A token that the store did not take from another caller is stored before it is told.
    """
    yield Reload()
    for token in context.credentials.tokens():
        if token.session_id == session_id and is_usable(token, context.settings.clock()):
            yield SaveUnsaved()
            return to_grant(token, context.user)
    return None
