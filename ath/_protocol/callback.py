"""The URL that the browser came back with, in every spelling that servers use."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import Any
from urllib.parse import parse_qs

from .._secret import SecretText
from ..errors import ATHError
from ..stores.record import Session
from .consent import deny_session, describe_session, end_session
from .context import Context
from .failures import PLACEHOLDER_CODE
from .steps import Flow

_SESSION_NAMES = ("session_id", "ath_session_id")
_LONGEST_WORDS = 500  # characters of what the URL says that a message quotes
_MOST_PARAMETERS = 100


@dataclass(frozen=True, slots=True)
class Callback:
    """What the URL says."""

    session_id: str | None
    error: str | None
    description: str | None
    success: bool
    """False if it says something else than that the user has consented."""
    code: str = field(repr=False)
    states: tuple[str, ...] = field(repr=False)

    @property
    def denied(self) -> bool:
        """Whether the user denied."""
        return self.error == "access_denied" or (self.error is None and not self.success)

    def has_state_of(self, session: Session) -> bool:
        """Whether the state is the session's; also if none came back, as from most servers."""
        return all(_same(state, session.state or "") for state in self.states)


def parse_callback(url: object) -> Callback:
    """Read the URL, or its query alone.

    Raises:
        ATHError: INVALID_ARGUMENT if it is no text, or names two sessions.
    """
    reason = "callback_url must be the text of a URL or of its query."
    if isinstance(url, str):
        # An error tracker records the variables of a frame that raises: this one holds nothing.
        with suppress(ValueError):  # too many parameters
            callback = _to_callback(
                parse_qs(_query_of(url), keep_blank_values=True, max_num_fields=_MOST_PARAMETERS)
            )
            if callback is not None:
                return callback
            reason = "callback_url names two different sessions."
    del url
    raise ATHError("INVALID_ARGUMENT", reason)


def _query_of(url: str) -> str:
    before, mark, after = url.partition("#")[0].partition("?")
    is_query = not mark or ("=" in before and not before.startswith("/") and "://" not in before)
    return url.partition("#")[0] if is_query else after


def _to_callback(values: Mapping[str, list[str]]) -> Callback | None:
    """The parameters by their meaning; None if they name two sessions."""
    sessions = {text for name in _SESSION_NAMES for text in values.get(name, []) if text}
    if len(sessions) > 1:
        return None
    return Callback(
        session_id=next(iter(sessions), None),
        error=_first(values, "error"),
        description=_first(values, "error_description"),
        success=all(text == "true" for text in values.get("success", [])),
        code=SecretText(_first(values, "code") or PLACEHOLDER_CODE),
        states=tuple(SecretText(text) for text in values.get("state", [])),
    )


def _first(values: Mapping[str, list[str]], name: str) -> str | None:
    return next((text for text in values.get(name, []) if text), None)


def _same(one: str, other: str) -> bool:
    return compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


def check_callback(
    context: Context, callback: Callback, session_id: str, session: Session
) -> Flow[None]:
    """Raise what the URL says about a session, unless the user has consented.

    That the session is over is remembered with it.

    Raises:
        ATHError: USER_DENIED, OAUTH_ERROR or STATE_MISMATCH.
    """
    said = refusal_of(callback, describe_session(session_id, session))
    ours = callback.has_state_of(session)
    if said is not None:
        if callback.denied and ours:
            yield from deny_session(session_id)
        elif ours:
            yield from end_session(context, session_id)
        raise said
    if not ours:
        raise ATHError(
            "STATE_MISMATCH",
            "The browser came back with another state than it was sent with.",
            details={"session_id": session_id},
        )


def refusal_of(callback: Callback, about: dict[str, Any]) -> ATHError | None:
    """The error that the URL means, with those details; None if it means consent."""
    if callback.denied:
        return ATHError("USER_DENIED", "The user denied the access.", details=about)
    if callback.error is None:
        return None
    words = [callback.error, callback.description]
    said = ": ".join(word[:_LONGEST_WORDS] for word in words if word)
    about |= {"error": callback.error, "error_description": callback.description}
    return ATHError("OAUTH_ERROR", f"The OAuth server said {said}.", details=about)


def is_about(callback: Callback, session_id: str, session: Session) -> bool:
    """Whether a browser came back for that session, and not for another one or for none."""
    if not callback.has_state_of(session):
        return False
    if callback.session_id is None:
        return bool(callback.states)
    return _same(callback.session_id, session_id)
