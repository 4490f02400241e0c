"""The handshake's calls, blocking; aio.py has the same as coroutines, line by line."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from types import TracebackType
from typing import Any

from ath_api import models

from .. import _protocol
from .._http.transports import open_sync
from .._lazy import ssl
from ..arguments import Developer, ProviderScopes, Receiver
from ..consent import PendingSession
from ..grant import Grant
from ..retry import Default, Retry
from .base import Client, ClientT
from .run import SyncDriver

CLIENT = Default.CLIENT


class SyncClient(Client[SyncDriver]):
    """The handshake, blocking. Threads may share a client."""

    __slots__ = ()

    def _make_driver(
        self, http_client: object, ssl_context: ssl.SSLContext | None, **shared: Any
    ) -> SyncDriver:
        if http_client is None:
            return SyncDriver(partial(open_sync, ssl_context), **shared)
        from .._http.httpx_client import sync_transport

        transport = sync_transport(http_client)
        return SyncDriver(lambda: transport, **shared)

    def _prepare(self) -> None:
        self.load()

    def _load_for_plain_member(self) -> None:
        self._driver.drive(self._credentials.load_first())

    def register(
        self,
        *,
        developer: Developer | models.DeveloperInfo,
        providers: Sequence[ProviderScopes | models.ProviderScopeRequest],
        purpose: str | None = None,
        redirect_uris: Sequence[str] | None = None,
        retry: Retry = CLIENT,
    ) -> models.AgentRegistrationResponse:
        """Register the agent, and store the client_id and client_secret that the server returns.

        Always asks the server. Tokens outlive a new registration; open sessions end with the old
        one. Pending and denied are results: see ``agent_status`` and ``approved_providers``.

        Args:
            developer: Who answers for the agent: ``name``, ``id``, optionally ``contact``.
            providers: What is wanted: ``provider_id`` and ``scopes`` of each.
            purpose: What the agent is for, in words for a person.
            redirect_uris: Where the user's browser may be sent after consent.
            retry: Another policy for this call; None for a single attempt.

        Raises:
            ATHError: CONFLICT if the agent is registered already (``details["client_id"]``);
                OUTCOME_UNKNOWN if the reply was lost; REGISTRATION_REPLACED if another one was
                stored meanwhile (``details["client_id"]``: this one, which is lost);
                INVALID_ATTESTATION, INVALID_ARGUMENT, INVALID_RESPONSE, NETWORK_ERROR, TIMEOUT;
                STORAGE_ERROR if the credentials, which the client holds, could not be stored.
        """
        return self._driver.run(
            self._credentials,
            _protocol.registration.register(
                self._context,
                _protocol.registration.RegistrationOptions(
                    developer, providers, purpose, redirect_uris, retry
                ),
            ),
        )

    def ensure_registered(
        self,
        *,
        developer: Developer | models.DeveloperInfo,
        providers: Sequence[ProviderScopes | models.ProviderScopeRequest],
        purpose: str | None = None,
        redirect_uris: Sequence[str] | None = None,
        retry: Retry = CLIENT,
    ) -> None:
        """Register unless the agent is registered already; returns None.

        If a registration is held or stored, nothing is sent, whatever the arguments say. Otherwise
        one thread of one process registers while all others wait, so that many workers can start at
        once on one store. On a view with headers of its own that user is registered, on any other
        view the agent.

        Args:
            developer: As for :meth:`register`.
            providers: As for :meth:`register`.
            purpose: As for :meth:`register`.
            redirect_uris: As for :meth:`register`.
            retry: Another policy for this call; None for a single attempt.

        Raises:
            ATHError: as :meth:`register`; STORAGE_ERROR if another process holds the lock for
                longer than a registration may take. CONFLICT means that the agent is registered
                but that no registration appeared in the store.
        """
        self._driver.run(
            self._credentials,
            _protocol.registration.ensure_registered(
                self._context,
                _protocol.registration.RegistrationOptions(
                    developer, providers, purpose, redirect_uris, retry
                ),
            ),
        )

    def registration(self, *, retry: Retry = CLIENT) -> models.AgentRegistration:
        """Read one's own registration: ``agent_status``, approvals, ``approval_expires``.

        Raises:
            ATHError: NOT_REGISTERED, AGENT_NOT_REGISTERED, INVALID_RESPONSE, NETWORK_ERROR,
                TIMEOUT.
        """
        return self._driver.run(
            self._credentials, _protocol.registration.registration(self._context, retry)
        )

    def authorize(
        self,
        provider: str,
        scopes: Sequence[str],
        *,
        redirect_uri: str | None = None,
        resource: str | None = None,
        state: str | None = None,
        retry: Retry = CLIENT,
    ) -> models.AuthorizationResponse:
        """Open a session in which the user is asked for consent, at ``authorization_url``.

        Args:
            provider: The provider to be used.
            scopes: What is asked for, within what was approved.
            redirect_uri: One of the registered ones; the only one if there is just one.
            resource: The API that the token is meant for (RFC 8707).
            state: Your own, of at least 128 random bits; by default a fresh one of 256.
            retry: Another policy for this call; None for a single attempt.

        Raises:
            ATHError: NOT_REGISTERED; AGENT_UNAPPROVED, PROVIDER_NOT_APPROVED, SCOPE_NOT_APPROVED;
                PKCE_REQUIRED if the URL lacks S256 (RFC 7636); REGISTRATION_REPLACED if another
                registration was stored meanwhile; INVALID_RESPONSE, NETWORK_ERROR, TIMEOUT;
                STORAGE_ERROR if the session, which the client holds, could not be stored.
        """
        return self._driver.run(
            self._credentials,
            _protocol.consent.authorize(
                self._context, provider, scopes, redirect_uri, resource, state, retry
            ),
        )

    def exchange_token(
        self, code: str, session_id: str, *, retry: Retry = CLIENT
    ) -> models.TokenResponse:
        """Exchange a session that the user has consented to for a token, and keep that token.

        It serves the session's provider until it expires. A failed exchange leaves earlier tokens
        as they were. A user's view exchanges only sessions that were opened for that user.

        Args:
            code: The authorization code, or any text (``exchange``) where none arrived.
            session_id: The ``ath_session_id`` that authorize() returned.
            retry: Another policy for this call; None for a single attempt.

        Raises:
            ATHError: NOT_REGISTERED; SESSION_NOT_FOUND (also while the user has not answered),
                SESSION_EXPIRED, USER_DENIED; OUTCOME_UNKNOWN if the reply was lost;
                REGISTRATION_REPLACED if another registration was stored meanwhile (the token is
                kept all the same); INVALID_RESPONSE, NETWORK_ERROR, TIMEOUT; STORAGE_ERROR if the
                token, which the client holds, could not be stored.
        """
        return self._driver.run(
            self._credentials,
            _protocol.consent.exchange_token(self._context, code, session_id, retry),
        )

    def wait_for_token(self, session_id: str, *, timeout: float = 600) -> Grant:
        """Wait until the user has consented, and return what was granted.

        Tries the exchange at once, then after pauses of 1 to 5 seconds, with a fresh attestation
        each time. Failures that may pass (429, 5xx, no connection, lost replies) are waited out.
        If another worker on the same store exchanges the session, its grant is returned. Ctrl-C
        leaves at once; the session is kept, so that you can wait for it again.

        Args:
            session_id: Of a session that this client or view opened, in whichever worker.
            timeout: Seconds within which a try may begin. The last one has at least 5 seconds, so
                that no token is lost with its reply.

        Raises:
            ATHError: SESSION_NOT_FOUND if it is no open session of this client or view;
                USER_DENIED where the server tells (many answer SESSION_NOT_FOUND to a denial, which
                also means "not yet"); SESSION_EXPIRED at the end of the session's life;
                CONSENT_TIMEOUT when the time is over before; OUTCOME_UNKNOWN in the place of both
                if a reply was lost: the token may be lost with it; and as exchange_token().
        """
        return self._wait(session_id, timeout, None)

    def _wait(self, session_id: str, timeout: float, receiver: Receiver | None) -> Grant:
        return self._driver.run(
            self._credentials,
            _protocol.waiting.wait_for_token(self._context, session_id, timeout, receiver),
        )

    def complete_authorization(self, callback_url: str) -> Grant:
        """Exchange the session that the user's browser came back for, in a web application.

        Nothing in the URL is fetched, and its host and path are not compared, since a reverse
        proxy may change them.

        Args:
            callback_url: The URL that the browser came with, or its query alone, in any of the
                spellings that servers use (``session_id`` or ``ath_session_id``, ``success``,
                ``error``, ``code``, ``state``).

        Raises:
            ATHError: USER_DENIED (``details``: provider, scopes, session_id); OAUTH_ERROR for
                another error in the URL; INVALID_ARGUMENT if it names no session, or two;
                SESSION_NOT_FOUND, and nothing is sent, unless this client or view opened the
                session, in whichever worker, and it is still open (a reloaded link: see grant());
                STATE_MISMATCH; and as exchange_token().
        """
        return self._driver.run(
            self._credentials,
            _protocol.completing.complete_authorization(self._context, callback_url),
        )

    def wait_for_approval(self, timeout: float = 600) -> models.AgentRegistration:
        """Wait until the implementor has approved the agent, and return the registration.

        Args:
            timeout: Seconds.

        Raises:
            ATHError: AGENT_UNAPPROVED if it was denied (``details``: client_id, agent_status,
                approved_providers); APPROVAL_TIMEOUT when the time is over; and as registration().
        """
        return self._driver.run(
            self._credentials, _protocol.approval.wait_for_approval(self._context, timeout)
        )

    def pending_sessions(self) -> tuple[PendingSession, ...]:
        """The sessions of this client or view that wait for the user, in whichever worker opened.

        Those that have expired, were used, or are known to be denied are not among them.

        Raises:
            ATHError: STORAGE_ERROR or INVALID_CREDENTIALS.
        """
        return self._driver.run(
            self._credentials, _protocol.connect.pending_sessions(self._context)
        )

    def revoke(self, provider: str | None = None, *, retry: Retry = CLIENT) -> None:
        """Revoke one provider's token, or all that are held (RFC 7009).

        Every token is tried, and dropped once it is revoked; then the first error is raised. Each
        is revoked with the registration that it was granted to. A token that the server does not
        know counts as revoked; one whose registration is not known any more is dropped also if the
        server refuses.

        Raises:
            ATHError: NOT_REGISTERED, NETWORK_ERROR, TIMEOUT, or what the server answered;
                STORAGE_ERROR if the store could not be read or written.
        """
        return self._driver.run(
            self._credentials, _protocol.revocation.revoke(self._context, provider, retry)
        )

    def load(self) -> None:
        """Read the credentials from the store, early or again; unsaved changes stay.

        Raises:
            ATHError: STORAGE_ERROR or INVALID_CREDENTIALS.
        """
        self._driver.drive(self._credentials.load())

    def forget(self) -> None:
        """Remove this user's record (on the client itself: the agent's) from memory and store.

        Registration, tokens and open sessions are gone afterwards. Nothing is sent and nothing is
        revoked: call revoke() first to end the tokens.

        Raises:
            ATHError: STORAGE_ERROR; the record is still there then.
        """
        self._driver.drive(self._credentials.forget())

    def sign_attestation(self, audience: str | Sequence[str] | None = None) -> str:
        """Sign a fresh attestation, for calls of your own: ES256, valid for five minutes.

        Args:
            audience: For whom; the implementor's base URL by default.

        Raises:
            ATHError: SIGNING_FAILED.
        """
        return self._driver.run(
            self._credentials, _protocol.attestation.sign_attestation(self._context, audience)
        )

    def close(self) -> None:
        """Free the connections; the client makes no further call. Closing a view does nothing."""
        if self._root is None:
            self._driver.close()

    def __enter__(self: ClientT) -> ClientT:
        """Return the client itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()
