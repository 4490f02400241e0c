"""Waiting for the user's consent: the exchange is tried until it succeeds or cannot any more."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from .._secret import hide
from ..arguments import Receiver
from ..errors import ATHError, Delivery
from ..grant import Grant
from ..retry import Retry
from ..stores.record import Session, Token
from .arguments import require_seconds, require_text
from .callback import Callback, check_callback, is_about, parse_callback
from .consent import describe_session, end_session, exchange
from .context import Context, Settings
from .failures import PLACEHOLDER_CODE
from .grants import find_granted, to_grant
from .steps import Flow, Pause, Receive, Share

if TYPE_CHECKING:
    from concurrent.futures import Future


FIRST_PAUSE = 1.0
LONGEST_PAUSE = 5.0
GROWTH = 1.5
SPREAD = 0.2
"""The share by which a pause may be shorter or longer."""
LEAST_ATTEMPT = 5.0
"""Seconds that a try has though the time is over sooner: one that is cut off may lose the token."""
LATE_BROWSER = 1.0
"""Seconds in which the browser may still come back after the token has come."""


class Schedule:
    """When to try again, within the time that the caller has."""

    def __init__(self, settings: Settings, timeout: object) -> None:
        """Begin now; ``timeout`` is in seconds.

        Raises:
            ATHError: INVALID_ARGUMENT.
        """
        self._now = settings.monotonic
        self._ends = self._now() + require_seconds(timeout, "timeout")
        self._pause = FIRST_PAUSE

    @property
    def left(self) -> float:
        """Seconds; negative if the time is over."""
        return self._ends - self._now()

    @property
    def within(self) -> float:
        """Seconds that a try may take now."""
        return max(self.left, LEAST_ATTEMPT)

    def next_pause(
        self, retry_after: float | None, left: float, until: Future[Any] | None = None
    ) -> Pause | None:
        """The pause before the next try, the last of which is when the time is over.

        None if there is none. ``left`` is in seconds.
        """
        least = retry_after or 0.0
        if left <= 0 or least > left:
            return None
        seconds = max(self._pause, least / (1 - SPREAD))
        self._pause = min(self._pause * GROWTH, LONGEST_PAUSE)
        if seconds * (1 + SPREAD) >= left:
            return Pause(left, until=until)
        return Pause(seconds, SPREAD, until)


def may_pass(error: ATHError) -> bool:
    """Whether another try may succeed where this one failed; it does no harm."""
    if error.code in ("SESSION_NOT_FOUND", "OUTCOME_UNKNOWN"):
        return True
    if error.status is not None:
        return error.status == 429 or error.status >= 500
    return error._delivery is not Delivery.LOCAL and error.code != "STORAGE_ERROR"


def wait_for_token(
    context: Context, session_id: str, timeout: float, receiver: Receiver | None = None
) -> Flow[Grant]:
    """Try to exchange a session until the user has consented."""
    check_receiver(receiver)
    wait = partial(wait_for_consent, context, session_id, timeout, receiver)
    if receiver is None:
        return (yield from wait())
    granted = yield Receive(receiver, wait)
    return granted  # type: ignore[no-any-return]


def check_receiver(receiver: object) -> None:
    """Refuse what cannot listen for a browser.

    Raises:
        ATHError: INVALID_ARGUMENT.
    """
    if receiver is not None and not isinstance(receiver, Receiver):
        raise ATHError(
            "INVALID_ARGUMENT", "receiver must be a LoopbackReceiver, or have all of its methods."
        )


def wait_for_consent(
    context: Context, session_id: str, timeout: float, receiver: Receiver | None
) -> Flow[Grant]:
    """The same with a receiver that listens already; the browser is told how it ended."""
    session = context.credentials.session(require_text(session_id, "session_id"))
    try:
        granted = yield from _try_until_consent(context, session_id, timeout, receiver)
    except ATHError as error:
        if receiver is not None:
            receiver.answer("denied" if error.code == "USER_DENIED" else "failed")
        raise
    if receiver is not None:
        yield from _wait_for_late_browser(context, receiver, session_id, session)
        receiver.answer("granted")
    return granted


def _wait_for_late_browser(
    context: Context, receiver: Receiver, session_id: str, session: Session | None
) -> Flow[None]:
    """The token may have come just before the browser: it is to find its page."""
    now = context.settings.monotonic
    ends = now() + LATE_BROWSER
    while (left := ends - now()) > 0:
        yield Pause(left, until=receiver.callback)
        if session is None or not receiver.callback.done():
            return
        if _read_callback(receiver, session_id, session) is not None:
            return


def _try_until_consent(
    context: Context, session_id: str, timeout: float, receiver: Receiver | None
) -> Flow[Grant]:
    schedule = Schedule(context.settings, timeout)
    lost, code = False, PLACEHOLDER_CODE
    while True:
        # Another worker may have exchanged the session, or seen a denial.
        granted = yield from find_granted(context, session_id)
        if granted is not None:
            return granted
        session = _require_open(context, session_id)
        try:
            return (yield from exchange_together(context, code, session_id, None, schedule.within))
        except ATHError as error:
            last, retry_after = error.code, error.retry_after
            if lost and last == "SESSION_EXPIRED":  # it may be over because it was exchanged
                break
            if not may_pass(error):
                raise
        lost = lost or last == "OUTCOME_UNKNOWN"
        left = min(schedule.left, session.expires_at - context.settings.clock())
        pause = schedule.next_pause(
            retry_after, left, None if receiver is None else receiver.callback
        )
        if pause is None:
            break
        yield pause
        if receiver is not None:
            came = yield from _take_callback(context, receiver, session_id, session)
            if came is not None:
                code, receiver = came, None
    granted = yield from find_granted(context, session_id)
    if granted is not None:
        return granted
    if lost:
        yield from end_session(context, session_id)
    raise _not_granted(context, session_id, session, timeout, last, lost=lost)


def exchange_together(
    context: Context, code: str, session_id: str, retry: Retry, within: float | None = None
) -> Flow[Grant]:
    """Exchange a session, or share the token of a caller who is doing so already.

    Another caller's failure is never this one's: theirs may have been another code, or they were
    interrupted. Unless the session was granted meanwhile, it is exchanged again then.
    """
    code = hide(code)
    led = False

    def make_flow() -> Flow[Token]:
        nonlocal led
        led = True
        token, _ = yield from exchange(context, code, session_id, retry, within)
        return token

    while True:
        try:
            token: Token = yield Share(f"exchange {session_id}".encode(), make_flow)
        except ATHError:
            if led:
                raise
        else:
            return to_grant(token, context.user)
        granted = yield from find_granted(context, session_id)
        if granted is not None:
            return granted


def _take_callback(
    context: Context, receiver: Receiver, session_id: str, session: Session
) -> Flow[str | None]:
    """The code with which the browser came back for this session; None if it did not.

    Raises:
        ATHError: USER_DENIED or OAUTH_ERROR, if the URL says so.
    """
    callback = _read_callback(receiver, session_id, session)
    if callback is None:
        return None
    yield from check_callback(context, callback, session_id, session)
    return callback.code


def _read_callback(receiver: Receiver, session_id: str, session: Session) -> Callback | None:
    """What the browser brought that came back for this session; others are turned away."""
    if not receiver.callback.done():
        return None
    with suppress(ATHError):
        callback = parse_callback(hide(receiver.callback.result()))
        if is_about(callback, session_id, session):
            return callback
    receiver.answer("failed")
    return None


def _require_open(context: Context, session_id: str) -> Session:
    session = context.credentials.session(session_id)
    if session is None:
        whose = "this client" if context.user is None else repr(context.user)
        raise ATHError(
            "SESSION_NOT_FOUND",
            f"{whose} has no such open session: it was used already, is over, ended with its "
            "registration, or was opened for somebody else.",
        )
    if session.denied:
        raise ATHError(
            "USER_DENIED",
            "The user denied the access.",
            details=describe_session(session_id, session),
        )
    return session


def _not_granted(
    context: Context, session_id: str, session: Session, timeout: float, last: str, *, lost: bool
) -> ATHError:
    """Why the wait ended without a token."""
    about = describe_session(session_id, session)
    if lost:
        return ATHError(
            "OUTCOME_UNKNOWN",
            "A reply was lost while the session was exchanged, and no token came since. The user "
            "may have consented, and the token may be lost with the reply.",
            details=about,
        )
    hint = "Many servers do not tell that the user has denied."
    if context.settings.clock() >= session.expires_at:
        return ATHError(
            "SESSION_EXPIRED",
            f"The session ended before the user had consented. {hint}",
            details=about,
        )
    if last != "SESSION_NOT_FOUND":
        hint = f"The last try failed with {last}."
    return ATHError(
        "CONSENT_TIMEOUT",
        f"The user has not consented within {round(timeout, 1):g} seconds. {hint}",
        details=about,
    )
