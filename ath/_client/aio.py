"""The handshake's calls as coroutines; sync.py has the same, blocking, line by line."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from ath_api import models

from .. import _protocol
from .._http.transports import open_async
from .._lazy import ssl
from ..arguments import Developer, ProviderScopes, Receiver
from ..consent import PendingSession
from ..errors import ATHError
from ..grant import Grant
from ..retry import Default, Retry
from .base import Client

if TYPE_CHECKING:
    from .run_async import AsyncDriver

CLIENT = Default.CLIENT
AsyncClientT = TypeVar("AsyncClientT", bound="AsyncClient")


class AsyncClient(Client["AsyncDriver"]):
    """The handshake as coroutines, in one event loop at a time."""

    __slots__ = ()

    _awaits = True

    def _make_driver(
        self, http_client: object, ssl_context: ssl.SSLContext | None, **shared: Any
    ) -> AsyncDriver:
        from .run_async import AsyncDriver  # asyncio is slow to import; sync users need none

        if http_client is None:
            return AsyncDriver(partial(open_async, ssl_context), **shared)
        from .._http.httpx_client import async_transport

        transport = async_transport(http_client)
        return AsyncDriver(lambda: transport, **shared)

    def _prepare(self) -> None:
        """Leave the store alone: nothing of it may block the event loop."""

    def _load_for_plain_member(self) -> None:
        raise ATHError("NOT_LOADED", "The store of this client was not read yet.")

    async def register(
        self,
        *,
        developer: Developer | models.DeveloperInfo,
        providers: Sequence[ProviderScopes | models.ProviderScopeRequest],
        purpose: str | None = None,
        redirect_uris: Sequence[str] | None = None,
        retry: Retry = CLIENT,
    ) -> models.AgentRegistrationResponse:
        """Register the agent; see :meth:`SyncClient.register`."""
        return await self._driver.run(
            self._credentials,
            _protocol.registration.register(
                self._context,
                _protocol.registration.RegistrationOptions(
                    developer, providers, purpose, redirect_uris, retry
                ),
            ),
        )

    async def ensure_registered(
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
        await self._driver.run(
            self._credentials,
            _protocol.registration.ensure_registered(
                self._context,
                _protocol.registration.RegistrationOptions(
                    developer, providers, purpose, redirect_uris, retry
                ),
            ),
        )

    async def registration(self, *, retry: Retry = CLIENT) -> models.AgentRegistration:
        """Read one's own registration; see :meth:`SyncClient.registration`."""
        return await self._driver.run(
            self._credentials, _protocol.registration.registration(self._context, retry)
        )

    async def authorize(
        self,
        provider: str,
        scopes: Sequence[str],
        *,
        redirect_uri: str | None = None,
        resource: str | None = None,
        state: str | None = None,
        retry: Retry = CLIENT,
    ) -> models.AuthorizationResponse:
        """Open a session for the user's consent; see :meth:`SyncClient.authorize`."""
        return await self._driver.run(
            self._credentials,
            _protocol.consent.authorize(
                self._context, provider, scopes, redirect_uri, resource, state, retry
            ),
        )

    async def exchange_token(
        self, code: str, session_id: str, *, retry: Retry = CLIENT
    ) -> models.TokenResponse:
        """Exchange a consented session for a token; see :meth:`SyncClient.exchange_token`."""
        return await self._driver.run(
            self._credentials,
            _protocol.consent.exchange_token(self._context, code, session_id, retry),
        )

    async def wait_for_token(self, session_id: str, *, timeout: float = 600) -> Grant:
        """Wait for the user's consent; see :meth:`SyncClient.wait_for_token`.

        Cancelling leaves at once; the session is kept.
        """
        return await self._wait(session_id, timeout, None)

    async def _wait(self, session_id: str, timeout: float, receiver: Receiver | None) -> Grant:
        return await self._driver.run(
            self._credentials,
            _protocol.waiting.wait_for_token(self._context, session_id, timeout, receiver),
        )

    async def complete_authorization(self, callback_url: str) -> Grant:
        """Exchange the session of a callback; see :meth:`SyncClient.complete_authorization`."""
        return await self._driver.run(
            self._credentials,
            _protocol.completing.complete_authorization(self._context, callback_url),
        )

    async def wait_for_approval(self, timeout: float = 600) -> models.AgentRegistration:
        """Wait for the agent's approval; see :meth:`SyncClient.wait_for_approval`."""
        return await self._driver.run(
            self._credentials, _protocol.approval.wait_for_approval(self._context, timeout)
        )

    async def pending_sessions(self) -> tuple[PendingSession, ...]:
        """The sessions that wait for the user; see :meth:`SyncClient.pending_sessions`."""
        return await self._driver.run(
            self._credentials, _protocol.connect.pending_sessions(self._context)
        )

    async def revoke(self, provider: str | None = None, *, retry: Retry = CLIENT) -> None:
        """Revoke one provider's token or all; see :meth:`SyncClient.revoke`."""
        return await self._driver.run(
            self._credentials, _protocol.revocation.revoke(self._context, provider, retry)
        )

    async def load(self) -> None:
        """Read the credentials from the store, early or again; unsaved changes stay.

        Raises:
            ATHError: STORAGE_ERROR or INVALID_CREDENTIALS.
        """
        await self._driver.drive(self._credentials.load())

    async def forget(self) -> None:
        """Remove this user's record (on the client itself: the agent's) from memory and store.

        Registration, tokens and open sessions are gone afterwards. Nothing is sent and nothing is
        revoked: call revoke() first to end the tokens.

        Raises:
            ATHError: STORAGE_ERROR; the record is still there then.
        """
        await self._driver.drive(self._credentials.forget())

    async def sign_attestation(self, audience: str | Sequence[str] | None = None) -> str:
        """Sign a fresh attestation; see :meth:`SyncClient.sign_attestation`."""
        return await self._driver.run(
            self._credentials, _protocol.attestation.sign_attestation(self._context, audience)
        )

    async def aclose(self) -> None:
        """Free the connections; the client makes no further call. Closing a view does nothing."""
        if self._root is None:
            await self._driver.aclose()

    async def __aenter__(self: AsyncClientT) -> AsyncClientT:
        """Return the client itself, with its credentials loaded from the store."""
        await self._driver.drive(self._credentials.load_first())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        await self.aclose()
