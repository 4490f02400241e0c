"""Gateway mode: one implementor in front of many providers, called through its proxy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from . import _protocol
from ._client.aio import AsyncClient
from ._client.sync import CLIENT, SyncClient
from ._protocol.provider_call import proxy_call
from ._protocol.provider_request import CallOptions
from .retry import Retry

if TYPE_CHECKING:
    import httpx
    from ath_api.models import DiscoveryDocument

__all__ = ["ATHGatewayClient", "AsyncATHGatewayClient"]


class ATHGatewayClient(SyncClient):
    """An agent at a gateway. Threads may share it."""

    __slots__ = ()

    def discover(self, *, retry: Retry = CLIENT) -> DiscoveryDocument:
        """Ask what the gateway offers: its providers and their scopes.

        Raises:
            ATHError: HTTP_ERROR, INVALID_RESPONSE, NETWORK_ERROR, TIMEOUT.
        """
        return self._driver.run(
            self._credentials, _protocol.registration.discover_gateway(self._context, retry)
        )

    def proxy(
        self,
        provider: str,
        method: str,
        path: str,
        body: Any = None,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | str | None = None,
        timeout: float | httpx.Timeout | None = None,
        idempotent: bool | None = None,
        retry: Retry = CLIENT,
    ) -> Any:
        """Call a provider's API through the gateway, with the user's token for it.

        Returns parsed JSON, str for text, bytes for anything else, None for no body.

        An error's ``source`` says whose word it is. A provider that answers in ATH's own form with
        one of ATH's codes cannot be told apart from the gateway.

        Args:
            provider: The provider's id, as discover() lists it.
            method: The HTTP method.
            path: Below the provider's API, with a query string or without.
            body: Sent as JSON; None for no body.
            params: Added to the query; a list gives a name several values.
            headers: Added to this request.
            content: Bytes or text to send as they are, instead of ``body``.
            timeout: Seconds for one attempt, or an httpx.Timeout; None for the client's.
            idempotent: Whether the call may be made twice: True lets it be repeated after a lost
                reply, False forbids it; by default the method decides.
            retry: Another policy for this call; None for a single attempt.

        Raises:
            ATHError: NOT_REGISTERED, NO_TOKEN or TOKEN_EXPIRED before anything is sent, and
                INVALID_PATH or INVALID_ARGUMENT for what cannot be sent safely; PROVIDER_ERROR for
                the provider's own errors; TOKEN_INVALID, TOKEN_REVOKED, SCOPE_NOT_APPROVED and
                other codes of the gateway; INVALID_RESPONSE, RESPONSE_TOO_LARGE, NETWORK_ERROR,
                TIMEOUT.
        """
        return self._driver.call(
            self._credentials,
            proxy_call(self._context, provider, CallOptions(
                method, path, body, params, headers, content, timeout, idempotent, retry
            )),
        )  # fmt: skip


class AsyncATHGatewayClient(AsyncClient):
    """The same as coroutines, in the event loop of the first call."""

    __slots__ = ()

    async def discover(self, *, retry: Retry = CLIENT) -> DiscoveryDocument:
        """Ask what the gateway offers; see :meth:`ATHGatewayClient.discover`."""
        return await self._driver.run(
            self._credentials, _protocol.registration.discover_gateway(self._context, retry)
        )

    async def proxy(
        self,
        provider: str,
        method: str,
        path: str,
        body: Any = None,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | str | None = None,
        timeout: float | httpx.Timeout | None = None,
        idempotent: bool | None = None,
        retry: Retry = CLIENT,
    ) -> Any:
        """Call a provider's API through the gateway; see :meth:`ATHGatewayClient.proxy`."""
        return await self._driver.call(
            self._credentials,
            proxy_call(self._context, provider, CallOptions(
                method, path, body, params, headers, content, timeout, idempotent, retry
            )),
        )  # fmt: skip
