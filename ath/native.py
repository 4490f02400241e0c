"""Native mode: a service that speaks ATH itself, called at its own ``api_base``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from . import _protocol
from ._client.aio import AsyncClient
from ._client.sync import CLIENT, SyncClient
from ._protocol.provider_call import api_call
from ._protocol.provider_request import CallOptions
from .retry import Retry

if TYPE_CHECKING:
    import httpx
    from ath_api.models import ServiceDiscoveryDocument

    from ._protocol.context import Context

__all__ = ["ATHNativeClient", "AsyncATHNativeClient"]


def _api_base(context: Context) -> str | None:
    base = context.learned.api_base
    return None if base is None else base.url


class ATHNativeClient(SyncClient):
    """An agent at a native service. Threads may share it."""

    __slots__ = ()

    _native = True

    @property
    def api_base(self) -> str | None:
        """Where api() calls go, as discover() learned it; it may be another host than ``url``."""
        return _api_base(self._context)

    def discover(self, *, retry: Retry = CLIENT) -> ServiceDiscoveryDocument:
        """Ask what the service offers, and keep its ``api_base`` for api().

        Raises:
            ATHError: INVALID_RESPONSE, also for an api_base that leads from https down to http;
                HTTP_ERROR, NETWORK_ERROR, TIMEOUT.
        """
        return self._driver.run(
            self._credentials, _protocol.registration.discover_service(self._context, retry)
        )

    def api(
        self,
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
        """Call the service's API with the latest token.

        Arguments, result and errors are those of :meth:`ath.ATHGatewayClient.proxy`, without the
        provider: a native service is its own, so that ATH's codes in its API's errors cannot be
        told apart from its own refusals. NOT_DISCOVERED is raised before discover().
        """
        return self._driver.call(
            self._credentials,
            api_call(self._context, CallOptions(
                method, path, body, params, headers, content, timeout, idempotent, retry
            )),
        )  # fmt: skip


class AsyncATHNativeClient(AsyncClient):
    """The same as coroutines, in the event loop of the first call."""

    __slots__ = ()

    _native = True

    @property
    def api_base(self) -> str | None:
        """Where api() calls go, as discover() learned it; it may be another host than ``url``."""
        return _api_base(self._context)

    async def discover(self, *, retry: Retry = CLIENT) -> ServiceDiscoveryDocument:
        """Ask what the service offers; see :meth:`ATHNativeClient.discover`."""
        return await self._driver.run(
            self._credentials, _protocol.registration.discover_service(self._context, retry)
        )

    async def api(
        self,
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
        """Call the service's API with the latest token; see :meth:`ATHNativeClient.api`."""
        return await self._driver.call(
            self._credentials,
            api_call(self._context, CallOptions(
                method, path, body, params, headers, content, timeout, idempotent, retry
            )),
        )  # fmt: skip
