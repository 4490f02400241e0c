"""The four public classes: gateway and service, each sync and async."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypedDict, Unpack

from ._browser import consent
from ._implementor import Implementor
from ._quirks import Quirks
from ._state import Status
from ._wsgi import Mounts, Provider

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

APP_ID = "com.example.shop"


class Options(TypedDict, total=False):
    """The keyword arguments of `LocalGateway`, which `LocalService` takes too."""

    clock: Callable[[], float]
    token_lifetime: float
    session_lifetime: float
    approval: Status
    denied_scopes: Collection[str]
    user_sessions: Mapping[str, str] | None
    quirks: Quirks | None
    path: str
    port: int


class _Sync(Implementor):
    def approve(
        self,
        authorization_url: str,
        scopes: Collection[str] | None = None,
        *,
        account: str | None = None,
    ) -> str:
        """Consent like a person in a browser; return the URL where the browser ended.

        `scopes` are those that stay ticked, by default all. `account` is the provider's account
        that is typed into the page, by default the one it proposes.

        Raises:
            ConsentError: there was no consent page, or it ended in an error.
        """
        return consent(authorization_url, allow=True, scopes=scopes, account=account)

    def deny(self, authorization_url: str) -> str:
        """Deny like a person in a browser; return the URL where the browser ended.

        Raises:
            ConsentError: there was no consent page, or it ended in an error.
        """
        return consent(authorization_url, allow=False)

    def start(self) -> Self:
        """Begin to answer."""
        self._start()
        return self

    def stop(self) -> None:
        """Close every connection and end every thread; a second call does nothing."""
        self._stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


class _Async(Implementor):
    async def approve(
        self,
        authorization_url: str,
        scopes: Collection[str] | None = None,
        *,
        account: str | None = None,
    ) -> str:
        """Consent like a person in a browser; see `LocalGateway.approve`."""
        return await asyncio.to_thread(
            consent, authorization_url, allow=True, scopes=scopes, account=account
        )

    async def deny(self, authorization_url: str) -> str:
        """Deny like a person in a browser; see `LocalGateway.deny`."""
        return await asyncio.to_thread(consent, authorization_url, allow=False)

    async def start(self) -> Self:
        """Begin to answer."""
        await asyncio.to_thread(self._start)
        return self

    async def stop(self) -> None:
        """Close every connection and end every thread; a second call does nothing."""
        await asyncio.to_thread(self._stop)

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()


class _Gateway(Implementor):
    def __init__(
        self,
        *,
        providers: Mapping[str, Provider | WSGIApplication] | None = None,
        **options: Unpack[Options],
    ) -> None:
        """Prepare a gateway; it begins to answer when it is entered or started.

        Args:
            providers: Applications of your own behind it, by provider id, besides `github` and
                `shop`: any WSGI application, or a `Provider` that says what its scopes open. An
                application with one of these two ids takes its place.
            options: See `Options`.
        """
        self._mounts = Mounts(providers or {})
        super().__init__(**options)


class _Service(Implementor):
    _app_id = APP_ID

    def __init__(self, *, separate_api: bool = False, **options: Unpack[Options]) -> None:
        """Prepare it as `LocalGateway` does; `separate_api` puts `api_base` on another origin."""
        self._separate_api = separate_api
        super().__init__(**options)

    @property
    def app_id(self) -> str:
        """Its id, and the `provider_id` that agents register for."""
        return APP_ID

    @property
    def api_base(self) -> str:
        """Where its API is."""
        return self._api_base()


class LocalGateway(_Sync, _Gateway):
    """An ATH gateway on loopback before two small APIs, for tests and for play.

        with LocalGateway() as gateway:
            gateway.publish_identity(agent_id, private_key)
            client = ATHGatewayClient(gateway.url, agent_id, private_key)
            ...
            gateway.approve(auth.authorization_url)

    It enforces what the specification demands of an implementor. `requests` are those that it
    received, `provider_requests` those that came to the APIs and the OAuth server behind it.
    """


class LocalService(_Sync, _Service):
    """A service on loopback that speaks ATH itself: the shop, without a gateway."""


class AsyncLocalGateway(_Async, _Gateway):
    """`LocalGateway` for coroutines: the same server, entered, left and consented with await."""


class AsyncLocalService(_Async, _Service):
    """`LocalService` for coroutines: the same server, entered, left and consented with await."""
