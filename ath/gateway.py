"""Gateway mode: one implementor in front of many providers, called through its proxy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from functools import partial
from typing import Any

from ath_api import models

from . import _protocol
from ._client.aio import AsyncClient
from ._client.sync import CLIENT, SyncClient
from ._lazy import consents, httpx, streams
from ._protocol import provider_call
from ._protocol.provider_request import CallOptions
from .arguments import Content, Developer, ProviderScopes, Receiver, Show, Timeout
from .grant import Grant
from .response import Response
from .retry import Retry
from .show import open_browser

__all__ = ["ATHGatewayClient", "AsyncATHGatewayClient"]


class ATHGatewayClient(SyncClient):
    """An agent at a gateway. Threads may share it."""

    __slots__ = ()

    def discover(self, *, retry: Retry = CLIENT) -> models.DiscoveryDocument:
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
        timeout: float | Timeout | None = None,
        idempotent: bool | None = None,
        retry: Retry = CLIENT,
    ) -> Any:
        """Call a provider's API through the gateway, with the user's token for it.

        Returns parsed JSON, str for text, bytes for anything else, None for no body or a 304.

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
                the provider's own errors, with the answer as ``response``; TOKEN_INVALID,
                TOKEN_REVOKED, SCOPE_NOT_APPROVED and other codes of the implementor (a provider
                that answers in ATH's own form with one of these codes cannot be told apart);
                INVALID_RESPONSE if the call succeeded but the body is not what its type says;
                RESPONSE_TOO_LARGE, NETWORK_ERROR, TIMEOUT.
        """
        return self._driver.run(
            self._credentials,
            provider_call.call(
                self._context,
                provider,
                CallOptions(
                    method, path, body, params, headers, content, timeout, idempotent, retry
                ),
            ),
        )

    def request(
        self,
        provider: str,
        method: str,
        path: str,
        body: Any = None,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | str | None = None,
        data: Mapping[str, Any] | None = None,
        files: Any = None,
        timeout: float | Timeout | None = None,
        idempotent: bool | None = None,
        retry: Retry = CLIENT,
    ) -> Response:
        """Call a provider's API through the gateway, and get its answer as a value.

        The provider's own errors are answers too, the last one after the repetitions that the rules
        allow; the implementor's refusals are raised.

        Args:
            provider: The provider's id, as discover() lists it.
            method: The HTTP method.
            path: Below the provider's API, with a query string or without.
            body: Sent as JSON; None for no body.
            params: Added to the query; a list gives a name several values.
            headers: Added to this request.
            content: Bytes or text to send as they are, instead of ``body``.
            data: Form fields, instead of ``body``.
            files: Files of a multipart form, as httpx takes them, with ``data`` or without; they
                are read at once, which ``stream()`` does while it sends.
            timeout: Seconds for one attempt, or an httpx.Timeout; None for the client's.
            idempotent: Whether the call may be made twice: True lets it be repeated after a lost
                reply, False forbids it; by default the method decides.
            retry: Another policy for this call; None for a single attempt.

        Raises:
            ATHError: as :meth:`proxy`, but for PROVIDER_ERROR and INVALID_RESPONSE.
        """
        return self._driver.run(
            self._credentials,
            provider_call.request(
                self._context,
                provider,
                CallOptions(
                    method,
                    path,
                    body,
                    params,
                    headers,
                    content,
                    timeout,
                    idempotent,
                    retry,
                    data,
                    files,
                ),
            ),
        )

    def stream(
        self,
        provider: str,
        method: str,
        path: str,
        body: Any = None,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        content: Content | None = None,
        data: Mapping[str, Any] | None = None,
        files: Any = None,
        timeout: float | Timeout | None = None,
        total_timeout: float | None = None,
        idempotent: bool | None = None,
        retry: Retry = CLIENT,
    ) -> AbstractContextManager[streams.StreamedResponse]:
        """Call a provider's API in a ``with`` block, and read the answer's body while it comes.

        The block gets a :class:`StreamedResponse`; its body may be of any size. What was not
        read at the block's end is given up, and the connection with it. The call is repeated as by
        :meth:`request` until the head of an answer has come, and never after that.

        Args:
            provider: The provider's id, as discover() lists it.
            method: The HTTP method.
            path: Below the provider's API, with a query string or without.
            body: Sent as JSON; None for no body.
            params: Added to the query; a list gives a name several values.
            headers: Added to this request.
            content: Sent as it is, instead of ``body``: bytes, text, a file open for reading bytes,
                or an iterable of bytes. What cannot be rewound is not
                sent twice, and has no Content-Length.
            data: Form fields, instead of ``body``.
            files: Files of a multipart form, as httpx takes them; with ``data`` or without.
            timeout: Seconds for connecting and for each wait, or an httpx.Timeout; None for the
                client's.
            total_timeout: Seconds for the whole, until the body has come to its end; None for no
                bound.
            idempotent: Whether the call may be made twice; by default the method decides.
            retry: Another policy for this call; None for a single attempt.

        Raises:
            ATHError: as :meth:`proxy` when the block is entered, and as the answer's methods say
                while it is read. What ``content`` raises while it is read passes through unchanged.
        """
        return self._driver.stream(
            self._credentials,
            provider_call.stream(
                self._context,
                provider,
                CallOptions(
                    method,
                    path,
                    body,
                    params,
                    headers,
                    content,
                    timeout,
                    idempotent,
                    retry,
                    data,
                    files,
                ),
                total_timeout,
            ),
        )

    def http(self, provider: str) -> httpx.Client:
        """An httpx client whose calls go through the gateway, for libraries that take one.

        Its ``base_url`` is the provider's place at the gateway, and each of its requests
        carries the user's token and the agent's id; see :meth:`http_transport`. Close it as any
        other: that closes none of this client's connections. Its timeouts are this client's, each
        wait on its own.

        Raises:
            ATHError: INVALID_ARGUMENT.
        """
        return self._driver.lend_client(
            self._credentials,
            partial(provider_call.forward, self._context, provider),
            provider_call.base_url(self._context, provider),
        )

    def http_transport(self, provider: str) -> httpx.BaseTransport:
        """What carries the calls of :meth:`http`, for libraries that make their httpx client.

        Such a library needs the provider's place at the gateway as its base URL too.
        Each request is one attempt, with the token held at that time, by the guards of
        :meth:`request`. The library's own ``Authorization``, ``Cookie``, ``Accept-Encoding`` and
        ``X-ATH-*`` are not sent. Closing the transport closes nothing.

        Its requests raise ATHError for what is refused before anything is sent (NO_TOKEN,
        TOKEN_EXPIRED, INVALID_PATH for a link to another host, INVALID_ARGUMENT) and for the
        implementor's refusals, and otherwise what httpx raises (``httpx.ConnectError``,
        ``ReadTimeout`` and so on). The provider's errors are answers.
        """
        return self._driver.lend(
            self._credentials, partial(provider_call.forward, self._context, provider)
        )

    def grant(self, provider: str, scopes: Sequence[str] = ()) -> Grant | None:
        """What may be called at a provider now, if that suffices for these scopes; or None.

        Nothing is sent; the store is read, since another worker may have revoked what is held here.
        A token whose scopes are not known suffices only for no scopes at all.

        Args:
            provider: The provider's id, as discover() lists it.
            scopes: All of these must have been granted.

        Raises:
            ATHError: INVALID_ARGUMENT, STORAGE_ERROR or INVALID_CREDENTIALS.
        """
        return self._driver.run(
            self._credentials, _protocol.connect.grant(self._context, provider, scopes)
        )

    def start_connect(
        self,
        provider: str,
        scopes: Sequence[str],
        *,
        developer: Developer | models.DeveloperInfo | None = None,
        providers: Sequence[ProviderScopes | models.ProviderScopeRequest] | None = None,
        purpose: str | None = None,
        redirect_uri: str | None = None,
        state: str | None = None,
    ) -> consents.Consent:
        """Get ready to use a provider, and come back at once: to show the user a URL, or not.

        Registers if need be. A grant that suffices is reused, and so is an open session that asks
        for the same scopes and redirect URI, lives for another 60 seconds, and was not denied.
        Otherwise a session is opened; since a new token takes the place of the old one, it asks
        for what is granted already as well, or, if the server refuses that, only for ``scopes``.

        Args:
            provider: The provider's id, as discover() lists it.
            scopes: What you want to do there.
            developer: As for register(); may be left out once the agent is registered.
            providers: What to register for, as for register(); by default what is asked for here.
            purpose: As for register().
            redirect_uri: Where the browser is sent afterwards; also registered, if the agent is
                registered now.
            state: Your own, of at least 128 random bits; a new session is opened then.

        Raises:
            ATHError: INVALID_ARGUMENT, also if the agent is not registered and there is no
                developer; AGENT_UNAPPROVED; PROVIDER_NOT_APPROVED or SCOPE_NOT_APPROVED, with what
                was asked for in ``details["scopes"]``; and as register() and authorize().
        """
        options = _protocol.connect.ConnectOptions(
            provider, scopes, developer, providers, purpose, redirect_uri, state
        )
        started = self._driver.run(
            self._credentials, _protocol.connect.start_connect(self._context, options)
        )
        return consents.Consent(*started, self._wait)

    def connect(
        self,
        provider: str,
        scopes: Sequence[str],
        *,
        developer: Developer | models.DeveloperInfo | None = None,
        providers: Sequence[ProviderScopes | models.ProviderScopeRequest] | None = None,
        purpose: str | None = None,
        redirect_uri: str | None = None,
        state: str | None = None,
        show: Show = open_browser,
        timeout: float = 600,
        wait_for_approval: bool = False,
        receiver: Receiver | None = None,
        require_all: bool = False,
    ) -> Grant:
        """Get a user's grant for a provider: register if need be, show the URL, wait for consent.

        What suffices already is returned at once. Less consented than asked for is a success: see
        ``scopes`` of the grant. Ctrl-C leaves at once; the session is kept, and the next connect()
        goes on with it.

        Args:
            provider: The provider's id, as discover() lists it.
            scopes: What you want to do there.
            developer: As for register(); may be left out once the agent is registered.
            providers: What to register for, as for register(); by default what is asked for here.
            purpose: As for register().
            redirect_uri: Where the browser is sent afterwards, by default to the receiver's; also
                registered, if the agent is registered now.
            state: Your own, of at least 128 random bits; a new session is opened then.
            show: Gets the URL for the user. What it raises is raised, and the session is kept.
            timeout: Seconds for all of it, but for registering and opening the session, which the
                client's own ``timeout`` and ``retry`` bound.
            wait_for_approval: Whether to wait for an agent that is not approved yet.
            receiver: Listens for the browser at the redirect URI, such as a ``LoopbackReceiver``.
            require_all: Raise SCOPE_NOT_APPROVED if less than ``scopes`` was granted; the token is
                kept all the same.

        Raises:
            ATHError: as :meth:`start_connect`, wait_for_token() and, with ``wait_for_approval``,
                wait_for_approval(); RECEIVER_UNAVAILABLE if the receiver cannot listen.
        """
        return self._driver.run(
            self._credentials,
            _protocol.connect.connect(
                self._context,
                _protocol.connect.ConnectOptions(
                    provider, scopes, developer, providers, purpose, redirect_uri, state
                ),
                _protocol.connect.WaitOptions(
                    show, timeout, wait_for_approval, receiver, require_all
                ),
            ),
        )


class AsyncATHGatewayClient(AsyncClient):
    """Async version of ATHGatewayClient. Use one instance per event loop."""

    __slots__ = ()

    async def discover(self, *, retry: Retry = CLIENT) -> models.DiscoveryDocument:
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
        timeout: float | Timeout | None = None,
        idempotent: bool | None = None,
        retry: Retry = CLIENT,
    ) -> Any:
        """Call a provider's API through the gateway, with the user's token for it.

        Returns parsed JSON, str for text, bytes for anything else, None for no body or a 304.

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
                the provider's own errors, with the answer as ``response``; TOKEN_INVALID,
                TOKEN_REVOKED, SCOPE_NOT_APPROVED and other codes of the implementor (a provider
                that answers in ATH's own form with one of these codes cannot be told apart);
                INVALID_RESPONSE if the call succeeded but the body is not what its type says;
                RESPONSE_TOO_LARGE, NETWORK_ERROR, TIMEOUT.
        """
        return await self._driver.run(
            self._credentials,
            provider_call.call(
                self._context,
                provider,
                CallOptions(
                    method, path, body, params, headers, content, timeout, idempotent, retry
                ),
            ),
        )

    async def request(
        self,
        provider: str,
        method: str,
        path: str,
        body: Any = None,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | str | None = None,
        data: Mapping[str, Any] | None = None,
        files: Any = None,
        timeout: float | Timeout | None = None,
        idempotent: bool | None = None,
        retry: Retry = CLIENT,
    ) -> Response:
        """Call a provider's API through the gateway, and get its answer as a value.

        The provider's own errors are answers too, the last one after the repetitions that the rules
        allow; the implementor's refusals are raised.

        Args:
            provider: The provider's id, as discover() lists it.
            method: The HTTP method.
            path: Below the provider's API, with a query string or without.
            body: Sent as JSON; None for no body.
            params: Added to the query; a list gives a name several values.
            headers: Added to this request.
            content: Bytes or text to send as they are, instead of ``body``.
            data: Form fields, instead of ``body``.
            files: Files of a multipart form, as httpx takes them, with ``data`` or without; they
                are read at once, which ``stream()`` does while it sends.
            timeout: Seconds for one attempt, or an httpx.Timeout; None for the client's.
            idempotent: Whether the call may be made twice: True lets it be repeated after a lost
                reply, False forbids it; by default the method decides.
            retry: Another policy for this call; None for a single attempt.

        Raises:
            ATHError: as :meth:`proxy`, but for PROVIDER_ERROR and INVALID_RESPONSE.
        """
        return await self._driver.run(
            self._credentials,
            provider_call.request(
                self._context,
                provider,
                CallOptions(
                    method,
                    path,
                    body,
                    params,
                    headers,
                    content,
                    timeout,
                    idempotent,
                    retry,
                    data,
                    files,
                ),
            ),
        )

    def stream(
        self,
        provider: str,
        method: str,
        path: str,
        body: Any = None,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        content: Content | None = None,
        data: Mapping[str, Any] | None = None,
        files: Any = None,
        timeout: float | Timeout | None = None,
        total_timeout: float | None = None,
        idempotent: bool | None = None,
        retry: Retry = CLIENT,
    ) -> AbstractAsyncContextManager[streams.AsyncStreamedResponse]:
        """Call a provider's API in an ``async with`` block, and read the body while it comes.

        The block gets an :class:`AsyncStreamedResponse`; its body may be of any size. What was not
        read at the block's end is given up, and the connection with it. The call is repeated as by
        :meth:`request` until the head of an answer has come, and never after that.

        Args:
            provider: The provider's id, as discover() lists it.
            method: The HTTP method.
            path: Below the provider's API, with a query string or without.
            body: Sent as JSON; None for no body.
            params: Added to the query; a list gives a name several values.
            headers: Added to this request.
            content: Sent as it is, instead of ``body``: bytes, text, a file open for reading bytes,
                or an iterable of bytes, async or not. What cannot be rewound is not
                sent twice, and has no Content-Length.
            data: Form fields, instead of ``body``.
            files: Files of a multipart form, as httpx takes them; with ``data`` or without.
            timeout: Seconds for connecting and for each wait, or an httpx.Timeout; None for the
                client's.
            total_timeout: Seconds for the whole, until the body has come to its end; None for no
                bound.
            idempotent: Whether the call may be made twice; by default the method decides.
            retry: Another policy for this call; None for a single attempt.

        Raises:
            ATHError: as :meth:`proxy` when the block is entered, and as the answer's methods say
                while it is read. What ``content`` raises while it is read passes through unchanged.
        """
        return self._driver.stream(
            self._credentials,
            provider_call.stream(
                self._context,
                provider,
                CallOptions(
                    method,
                    path,
                    body,
                    params,
                    headers,
                    content,
                    timeout,
                    idempotent,
                    retry,
                    data,
                    files,
                ),
                total_timeout,
            ),
        )

    def http(self, provider: str) -> httpx.AsyncClient:
        """An httpx client whose calls go through the gateway, for libraries that take one.

        Its ``base_url`` is the provider's place at the gateway, and each of its requests
        carries the user's token and the agent's id; see :meth:`http_transport`. Close it as any
        other: that closes none of this client's connections. Its timeouts are this client's, each
        wait on its own.

        Raises:
            ATHError: INVALID_ARGUMENT.
        """
        return self._driver.lend_client(
            self._credentials,
            partial(provider_call.forward, self._context, provider),
            provider_call.base_url(self._context, provider),
        )

    def http_transport(self, provider: str) -> httpx.AsyncBaseTransport:
        """What carries the calls of :meth:`http`, for libraries that make their httpx client.

        Such a library needs the provider's place at the gateway as its base URL too.
        Each request is one attempt, with the token held at that time, by the guards of
        :meth:`request`. The library's own ``Authorization``, ``Cookie``, ``Accept-Encoding`` and
        ``X-ATH-*`` are not sent. Closing the transport closes nothing.

        Its requests raise ATHError for what is refused before anything is sent (NO_TOKEN,
        TOKEN_EXPIRED, INVALID_PATH for a link to another host, INVALID_ARGUMENT) and for the
        implementor's refusals, and otherwise what httpx raises (``httpx.ConnectError``,
        ``ReadTimeout`` and so on). The provider's errors are answers.
        """
        return self._driver.lend(
            self._credentials, partial(provider_call.forward, self._context, provider)
        )

    async def grant(self, provider: str, scopes: Sequence[str] = ()) -> Grant | None:
        """What may be called now, if that suffices; see :meth:`ATHGatewayClient.grant`."""
        return await self._driver.run(
            self._credentials, _protocol.connect.grant(self._context, provider, scopes)
        )

    async def start_connect(
        self,
        provider: str,
        scopes: Sequence[str],
        *,
        developer: Developer | models.DeveloperInfo | None = None,
        providers: Sequence[ProviderScopes | models.ProviderScopeRequest] | None = None,
        purpose: str | None = None,
        redirect_uri: str | None = None,
        state: str | None = None,
    ) -> consents.AsyncConsent:
        """Get ready, and come back at once; see :meth:`ATHGatewayClient.start_connect`."""
        options = _protocol.connect.ConnectOptions(
            provider, scopes, developer, providers, purpose, redirect_uri, state
        )
        started = await self._driver.run(
            self._credentials, _protocol.connect.start_connect(self._context, options)
        )
        return consents.AsyncConsent(*started, self._wait)

    async def connect(
        self,
        provider: str,
        scopes: Sequence[str],
        *,
        developer: Developer | models.DeveloperInfo | None = None,
        providers: Sequence[ProviderScopes | models.ProviderScopeRequest] | None = None,
        purpose: str | None = None,
        redirect_uri: str | None = None,
        state: str | None = None,
        show: Show = open_browser,
        timeout: float = 600,
        wait_for_approval: bool = False,
        receiver: Receiver | None = None,
        require_all: bool = False,
    ) -> Grant:
        """Get a user's grant; see :meth:`ATHGatewayClient.connect`.

        ``show`` may be a coroutine function; a plain one is called in the event loop.
        """
        return await self._driver.run(
            self._credentials,
            _protocol.connect.connect(
                self._context,
                _protocol.connect.ConnectOptions(
                    provider, scopes, developer, providers, purpose, redirect_uri, state
                ),
                _protocol.connect.WaitOptions(
                    show, timeout, wait_for_approval, receiver, require_all
                ),
            ),
        )
