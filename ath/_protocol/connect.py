"""From a wish to a user's grant: what is held, what is open, or a new session; then the wait."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from ath_api.models import AgentStatus, DeveloperInfo, ProviderScopeRequest

from ..arguments import Developer, ProviderScopes
from ..consent import PendingSession
from ..errors import ATHError
from ..grant import Grant
from ..retry import Default
from ..stores.record import Session
from .approval import unapproved, wait_for_approval
from .arguments import as_texts, optional_text, require_seconds, require_text
from .consent import default_redirect_uri, open_session
from .context import Context, require_registration
from .grants import live_grant, suffices, to_datetime
from .registration import RegistrationOptions, discover_service, register_if_needed
from .steps import Flow, Receive, Reload, SaveUnsaved, Show
from .waiting import check_receiver, wait_for_consent

if TYPE_CHECKING:
    from .. import arguments

REUSE_SECONDS = 60.0
"""How long an open session must still live to be handed out again."""
_SCOPES_REFUSED = frozenset({"SCOPE_NOT_APPROVED", "INVALID_SCOPE"})
_REFUSED = _SCOPES_REFUSED | {"PROVIDER_NOT_APPROVED"}


@dataclass(frozen=True, slots=True)
class ConnectOptions:
    """What the user of ``connect()`` asked for; the public methods document it."""

    provider: str | None
    """None for a native service, which is its own provider."""
    scopes: Sequence[str]
    developer: Developer | DeveloperInfo | None
    providers: Sequence[ProviderScopes | ProviderScopeRequest] | None
    purpose: str | None
    redirect_uri: str | None
    state: str | None = field(repr=False)


class WaitOptions(NamedTuple):
    """How ``connect()`` is to go about it; the public methods document it."""

    show: arguments.Show
    timeout: float
    wait_for_approval: bool
    receiver: arguments.Receiver | None
    require_all: bool


class Started(NamedTuple):
    """What was found or begun; a ``Consent`` for the user."""

    grant: Grant | None
    authorization_url: str | None = None
    session_id: str | None = None
    expires_at: datetime | None = None


def grant(context: Context, provider: str | None, scopes: Sequence[str]) -> Flow[Grant | None]:
    """What is held and suffices, or None."""
    if not context.settings.native:
        require_text(provider, "provider")
    wanted = as_texts(scopes, "scopes")
    yield Reload()  # another worker may have been granted it, or have revoked it
    held = live_grant(context, provider)
    return held if held is not None and suffices(held, wanted) else None


def start_connect(context: Context, options: ConnectOptions) -> Flow[Started]:
    """Reuse a grant that suffices or an open session; otherwise open one."""
    options = _check(context, options)
    provider = yield from _find_provider(context, options)
    yield from _register(context, options, provider)
    held = yield from grant(context, options.provider, options.scopes)
    if held is not None:
        yield SaveUnsaved()  # if the store did not take it from another call
        return Started(held)
    less = live_grant(context, options.provider)
    everything = list(dict.fromkeys([*options.scopes, *(less.scopes if less else ())]))
    if len(everything) > len(options.scopes):  # a new token takes the place of the old one
        try:
            return (yield from _ask_user(context, options, provider, everything))
        except ATHError as error:
            if error.code not in _SCOPES_REFUSED:
                raise
    return (yield from _ask_user(context, options, provider, list(options.scopes)))


def connect(context: Context, options: ConnectOptions, waiting: WaitOptions) -> Flow[Grant]:
    """Start, show the URL, and wait."""
    receiver = waiting.receiver
    check_receiver(receiver)
    if not callable(waiting.show):
        raise ATHError("INVALID_ARGUMENT", "show must be a function that takes the URL.")
    if receiver is None:
        return (yield from _connect(context, options, waiting))
    if options.redirect_uri is None:
        options = replace(options, redirect_uri=receiver.redirect_uri)
    granted = yield Receive(receiver, partial(_connect, context, options, waiting))
    return granted  # type: ignore[no-any-return]


def _connect(context: Context, options: ConnectOptions, waiting: WaitOptions) -> Flow[Grant]:
    options, now = _check(context, options), context.settings.monotonic
    ends = now() + require_seconds(waiting.timeout, "timeout")
    started = yield from _start_once_approved(context, options, waiting, ends)
    if started.grant is not None:
        return started.grant
    assert started.authorization_url is not None  # noqa: S101 - one of the two is there
    assert started.session_id is not None  # noqa: S101
    yield Show(waiting.show, started.authorization_url)
    left = max(0.0, ends - now())
    granted = yield from wait_for_consent(context, started.session_id, left, waiting.receiver)
    if waiting.require_all and not suffices(granted, options.scopes):
        raise ATHError(
            "SCOPE_NOT_APPROVED",
            "The user has allowed less than was asked for. The token that was granted is kept.",
            details={
                "provider": granted.provider,
                "user": context.user,
                "scopes": list(options.scopes),
                "granted": list(granted.scopes),
            },
        )
    return granted


def _start_once_approved(
    context: Context, options: ConnectOptions, waiting: WaitOptions, ends: float
) -> Flow[Started]:
    try:
        return (yield from start_connect(context, options))
    except ATHError as error:
        if error.code != "AGENT_UNAPPROVED" or not waiting.wait_for_approval:
            raise
    yield from wait_for_approval(context, max(0.0, ends - context.settings.monotonic()))
    return (yield from start_connect(context, options))


def pending_sessions(context: Context) -> Flow[tuple[PendingSession, ...]]:
    """The sessions that still wait for the user's answer, the oldest first."""
    yield Reload()
    now = context.settings.clock()
    return tuple(
        PendingSession(
            session_id,
            session.provider,
            session.scopes,
            session.authorization_url,
            to_datetime(session.opened_at),
            to_datetime(session.expires_at),
        )
        for session_id, session in context.credentials.sessions().items()
        if session.expires_at > now and not session.denied
    )


def _check(context: Context, options: ConnectOptions) -> ConnectOptions:
    if not context.settings.native:
        require_text(options.provider, "provider")
    optional_text(options.redirect_uri, "redirect_uri")
    optional_text(options.state, "state")
    scopes = as_texts(options.scopes, "scopes")
    return replace(options, scopes=tuple(dict.fromkeys(scopes)))


def _find_provider(context: Context, options: ConnectOptions) -> Flow[str]:
    """The provider's id; a native service tells its own, and where its API is."""
    if options.provider is not None:
        return options.provider
    known = context.learned.app_id
    if known is not None:
        return known
    document = yield from discover_service(context, Default.CLIENT)
    return document.app_id


def _register(context: Context, options: ConnectOptions, provider: str) -> Flow[None]:
    """Register if need be.

    Raises:
        ATHError: INVALID_ARGUMENT if that takes a developer; AGENT_UNAPPROVED if the agent, just
            registered, has to wait for its approval.
    """
    if context.credentials.registration is None and options.developer is None:
        yield Reload()
    if context.credentials.registration is not None:
        return
    if options.developer is None:
        raise ATHError(
            "INVALID_ARGUMENT", "The agent is not registered yet: pass developer= to register it."
        )
    providers = options.providers
    if providers is None:
        providers = [ProviderScopeRequest(provider_id=provider, scopes=list(options.scopes))]
    uris = None if options.redirect_uri is None else [options.redirect_uri]
    made = yield from register_if_needed(
        context,
        RegistrationOptions(options.developer, providers, options.purpose, uris, Default.CLIENT),
    )
    if made is not None and made.agent_status == AgentStatus.PENDING:
        raise unapproved(made)


def _ask_user(
    context: Context, options: ConnectOptions, provider: str, scopes: list[str]
) -> Flow[Started]:
    """An open session that asks for the same, or a new one."""
    found = None if options.state is not None else _find_open(context, options, provider, scopes)
    if found is not None:
        return _to_started(*found)
    try:
        response, session = yield from open_session(
            context, provider, scopes, options.redirect_uri, None, options.state, Default.CLIENT
        )
    except ATHError as error:
        if error.code in _REFUSED:
            error.details |= {"provider": provider, "user": context.user, "scopes": scopes}
        raise
    return _to_started(response.ath_session_id, session)


def _find_open(
    context: Context, options: ConnectOptions, provider: str, scopes: list[str]
) -> tuple[str, Session] | None:
    """The latest open session that asks for the same and can be shown again."""
    redirect_uri = options.redirect_uri
    if redirect_uri is None:
        redirect_uri = default_redirect_uri(require_registration(context.credentials))
    until = context.settings.clock() + REUSE_SECONDS
    for session_id, session in reversed(context.credentials.sessions().items()):
        same = session.provider == provider and session.redirect_uri == redirect_uri
        usable = session.expires_at > until and session.authorization_url and not session.denied
        if same and usable and set(session.scopes) == set(scopes):
            return session_id, session
    return None


def _to_started(session_id: str, session: Session) -> Started:
    ends = to_datetime(session.expires_at)
    return Started(None, session.authorization_url, session_id, ends)
