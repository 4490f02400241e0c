"""A web application's callback: the session that the browser came back for is exchanged."""

from __future__ import annotations

from typing import Any

from .._secret import hide
from ..errors import ATHError
from ..grant import Grant
from ..retry import Default
from .callback import Callback, check_callback, parse_callback, refusal_of
from .consent import end_session
from .context import Context
from .grants import find_granted
from .steps import Flow, Reload
from .waiting import exchange_together


def complete_authorization(context: Context, callback_url: str) -> Flow[Grant]:
    """Exchange the session that the browser came back for."""
    callback_url = hide(callback_url)
    callback = parse_callback(callback_url)
    session_id = _find(context, callback)
    if session_id is None:
        yield Reload()  # another worker may have opened the session
        session_id = _find(context, callback)
    session = None if session_id is None else context.credentials.session(session_id)
    if session_id is None or session is None:
        raise _unknown_session(context, callback)
    yield from check_callback(context, callback, session_id, session)
    try:
        return (yield from exchange_together(context, callback.code, session_id, Default.CLIENT))
    except ATHError as error:
        if error.code == "OUTCOME_UNKNOWN":
            yield from end_session(context, session_id)
        if error.code != "SESSION_NOT_FOUND":
            raise
        granted = yield from find_granted(context, session_id)  # another worker may have been first
        if granted is None:
            raise
        return granted


def _unknown_session(context: Context, callback: Callback) -> ATHError:
    """What a URL means that belongs to no session of this view."""
    about: dict[str, Any] = {"provider": None, "scopes": [], "session_id": callback.session_id}
    said = refusal_of(callback, about)
    if said is not None:
        return said
    if callback.session_id is None and not callback.states:
        return ATHError("INVALID_ARGUMENT", "callback_url names no session.")
    whose = "this client" if context.user is None else repr(context.user)
    return ATHError(
        "SESSION_NOT_FOUND",
        f"No open session of {whose} has this id: it was used already, is over, "
        "or was opened for somebody else.",
    )


def _find(context: Context, callback: Callback) -> str | None:
    """The id of the session that the URL is about, by its id or by its state; None if unknown."""
    if callback.session_id is not None:
        known = context.credentials.session(callback.session_id)
        return None if known is None else callback.session_id
    if callback.states:
        for session_id, session in context.credentials.sessions().items():
            if session.state is not None and callback.has_state_of(session):
                return session_id
    return None
