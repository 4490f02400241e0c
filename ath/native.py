"""Native mode: a service that speaks ATH itself, called at its own ``api_base``."""

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
from ._protocol.context import Context
from ._protocol.provider_request import CallOptions
from .arguments import Content, Developer, ProviderScopes, Receiver, Show, Timeout
from .grant import Grant
from .response import Response
from .retry import Retry
from .show import open_browser

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

    def discover(self, *, retry: Retry = CLIENT) -> models.ServiceDiscoveryDocument:
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
        timeout: float | Timeout | None = None,
        idempotent: bool | None = None,
        retry: Retry = CLIENT,
    ) -> Any:
        """Call the service's API with the user's latest token.

        Returns parsed JSON, str for text, bytes for anything else, None for no body or a 304.

        Args:
            method: The HTTP method.
            path: Below the service's API, with a query string or without.
            body: Sent as JSON; None for no body.
            params: Added to the query; a list gives a name several values.
            headers: Added to this request.
            content: Bytes or text to send as they are, instead of ``body``.
            timeout: Seconds for one attempt, or an httpx.Timeout; None for the client's.
            idempotent: Whether the call may be made twice: True lets it be repeated after a lost
                reply, False forbids it; by default the method decides.
            retry: Another policy for this call; None for a single attempt.

        Raises:
            ATHError: NOT_REGISTERED, NOT_DISCOVERED, NO_TOKEN or TOKEN_EXPIRED before anything is
                sent, and INVALID_PATH or INVALID_ARGUMENT for what cannot be sent safely;
                PROVIDER_ERROR for the service's own errors, with the answer as ``response``;
                TOKEN_INVALID, TOKEN_REVOKED, SCOPE_NOT_APPROVED and other codes of ATH (an API that
                answers in ATH's own form with one of these codes cannot be told apart);
                INVALID_RESPONSE if the call succeeded but the body is not what its type says;
                RESPONSE_TOO_LARGE, NETWORK_ERROR, TIMEOUT.
        """
        return self._driver.run(
            self._credentials,
            provider_call.call(
                self._context,
                None,
                CallOptions(
                    method, path, body, params, headers, content, timeout, idempotent, retry
                ),
            ),
        )

    def request(
        self,
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
        """Call the service's API, and get its answer as a value.

        The service's own errors are answers too, the last one after the repetitions that the rules
        allow; the implementor's refusals are raised.

        Args:
            method: The HTTP method.
            path: Below the service's API, with a query string or without.
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
            ATHError: as :meth:`api`, but for PROVIDER_ERROR and INVALID_RESPONSE.
        """
        return self._driver.run(
            self._credentials,
            provider_call.request(
                self._context,
                None,
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
        """Call the service's API in a ``with`` block, and read the answer's body while it comes.

        The block gets a :class:`StreamedResponse`; its body may be of any size. What was not
        read at the block's end is given up, and the connection with it. The call is repeated as by
        :meth:`request` until the head of an answer has come, and never after that.

        Args:
            method: The HTTP method.
            path: Below the service's API, with a query string or without.
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
            ATHError: as :meth:`api` when the block is entered, and as the answer's methods say
                while it is read. What ``content`` raises while it is read passes through unchanged.
        """
        return self._driver.stream(
            self._credentials,
            provider_call.stream(
                self._context,
                None,
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

    def http(self) -> httpx.Client:
        """An httpx client whose calls go to the service's API, for libraries that take one.

        Its ``base_url`` is the service's ``api_base``, and each of its requests
        carries the user's token and the agent's id; see :meth:`http_transport`. Close it as any
        other: that closes none of this client's connections. Its timeouts are this client's, each
        wait on its own.

        Raises:
            ATHError: NOT_DISCOVERED.
        """
        return self._driver.lend_client(
            self._credentials,
            partial(provider_call.forward, self._context, None),
            provider_call.base_url(self._context, None),
        )

    def http_transport(self) -> httpx.BaseTransport:
        """What carries the calls of :meth:`http`, for libraries that make their httpx client.

        Such a library needs the service's ``api_base`` as its base URL too.
        Each request is one attempt, with the token held at that time, by the guards of
        :meth:`request`. The library's own ``Authorization``, ``Cookie``, ``Accept-Encoding`` and
        ``X-ATH-*`` are not sent. Closing the transport closes nothing.

        Its requests raise ATHError for what is refused before anything is sent (NO_TOKEN,
        TOKEN_EXPIRED, INVALID_PATH for a link to another host, INVALID_ARGUMENT) and for the
        implementor's refusals, and otherwise what httpx raises (``httpx.ConnectError``,
        ``ReadTimeout`` and so on). The provider's errors are answers.
        """
        return self._driver.lend(
            self._credentials, partial(provider_call.forward, self._context, None)
        )

    def grant(self, scopes: Sequence[str] = ()) -> Grant | None:
        """What may be called at the service now, if that suffices for these scopes; or None.

        Nothing is sent; the store is read, since another worker may have revoked what is held here.
        A token whose scopes are not known suffices only for no scopes at all.

        Args:
            scopes: All of these must have been granted.

        Raises:
            ATHError: INVALID_ARGUMENT, STORAGE_ERROR or INVALID_CREDENTIALS.
        """
        return self._driver.run(
            self._credentials, _protocol.connect.grant(self._context, None, scopes)
        )

    def start_connect(
        self,
        scopes: Sequence[str],
        *,
        developer: Developer | models.DeveloperInfo | None = None,
        providers: Sequence[ProviderScopes | models.ProviderScopeRequest] | None = None,
        purpose: str | None = None,
        redirect_uri: str | None = None,
        state: str | None = None,
    ) -> consents.Consent:
        """Get ready to use the service, and come back at once: to show the user a URL, or not.

        Discovers and registers if need be. A grant that suffices is reused, and so is an open
        session that asks for the same scopes and redirect URI, lives for another 60 seconds, and
        was not denied.
        Otherwise a session is opened; since a new token takes the place of the old one, it asks
        for what is granted already as well, or, if the server refuses that, only for ``scopes``.

        Args:
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
            None, scopes, developer, providers, purpose, redirect_uri, state
        )
        started = self._driver.run(
            self._credentials, _protocol.connect.start_connect(self._context, options)
        )
        return consents.Consent(*started, self._wait)

    def connect(
        self,
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
        """Get a user's grant for the service: register if need be, show the URL, wait for consent.

        What suffices already is returned at once. Less consented than asked for is a success: see
        ``scopes`` of the grant. Ctrl-C leaves at once; the session is kept, and the next connect()
        goes on with it.

        Args:
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
                    None, scopes, developer, providers, purpose, redirect_uri, state
                ),
                _protocol.connect.WaitOptions(
                    show, timeout, wait_for_approval, receiver, require_all
                ),
            ),
        )


class AsyncATHNativeClient(AsyncClient):
    """Async version of ATHNativeClient. Use one instance per event loop."""

    __slots__ = ()

    _native = True

    @property
    def api_base(self) -> str | None:
        """Where api() calls go, as discover() learned it; it may be another host than ``url``."""
        return _api_base(self._context)

    async def discover(self, *, retry: Retry = CLIENT) -> models.ServiceDiscoveryDocument:
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
        timeout: float | Timeout | None = None,
        idempotent: bool | None = None,
        retry: Retry = CLIENT,
    ) -> Any:
        """Call the service's API with the user's latest token.

        Returns parsed JSON, str for text, bytes for anything else, None for no body or a 304.

        Args:
            method: The HTTP method.
            path: Below the service's API, with a query string or without.
            body: Sent as JSON; None for no body.
            params: Added to the query; a list gives a name several values.
            headers: Added to this request.
            content: Bytes or text to send as they are, instead of ``body``.
            timeout: Seconds for one attempt, or an httpx.Timeout; None for the client's.
            idempotent: Whether the call may be made twice: True lets it be repeated after a lost
                reply, False forbids it; by default the method decides.
            retry: Another policy for this call; None for a single attempt.

        Raises:
            ATHError: NOT_REGISTERED, NOT_DISCOVERED, NO_TOKEN or TOKEN_EXPIRED before anything is
                sent, and INVALID_PATH or INVALID_ARGUMENT for what cannot be sent safely;
                PROVIDER_ERROR for the service's own errors, with the answer as ``response``;
                TOKEN_INVALID, TOKEN_REVOKED, SCOPE_NOT_APPROVED and other codes of ATH (an API that
                answers in ATH's own form with one of these codes cannot be told apart);
                INVALID_RESPONSE if the call succeeded but the body is not what its type says;
                RESPONSE_TOO_LARGE, NETWORK_ERROR, TIMEOUT.
        """
        return await self._driver.run(
            self._credentials,
            provider_call.call(
                self._context,
                None,
                CallOptions(
                    method, path, body, params, headers, content, timeout, idempotent, retry
                ),
            ),
        )

    async def request(
        self,
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
        """Call the service's API, and get its answer as a value.

        The service's own errors are answers too, the last one after the repetitions that the rules
        allow; the implementor's refusals are raised.

        Args:
            method: The HTTP method.
            path: Below the service's API, with a query string or without.
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
            ATHError: as :meth:`api`, but for PROVIDER_ERROR and INVALID_RESPONSE.
        """
        return await self._driver.run(
            self._credentials,
            provider_call.request(
                self._context,
                None,
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
        """Call the service's API in an ``async with`` block, and read the body while it comes.

        The block gets an :class:`AsyncStreamedResponse`; its body may be of any size. What was not
        read at the block's end is given up, and the connection with it. The call is repeated as by
        :meth:`request` until the head of an answer has come, and never after that.

        Args:
            method: The HTTP method.
            path: Below the service's API, with a query string or without.
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
            ATHError: as :meth:`api` when the block is entered, and as the answer's methods say
                while it is read. What ``content`` raises while it is read passes through unchanged.
        """
        return self._driver.stream(
            self._credentials,
            provider_call.stream(
                self._context,
                None,
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

    def http(self) -> httpx.AsyncClient:
        """An httpx client whose calls go to the service's API, for libraries that take one.

        Its ``base_url`` is the service's ``api_base``, and each of its requests
        carries the user's token and the agent's id; see :meth:`http_transport`. Close it as any
        other: that closes none of this client's connections. Its timeouts are this client's, each
        wait on its own.

        Raises:
            ATHError: NOT_DISCOVERED.
        """
        return self._driver.lend_client(
            self._credentials,
            partial(provider_call.forward, self._context, None),
            provider_call.base_url(self._context, None),
        )

    def http_transport(self) -> httpx.AsyncBaseTransport:
        """What carries the calls of :meth:`http`, for libraries that make their httpx client.

        Such a library needs the service's ``api_base`` as its base URL too.
        Each request is one attempt, with the token held at that time, by the guards of
        :meth:`request`. The library's own ``Authorization``, ``Cookie``, ``Accept-Encoding`` and
        ``X-ATH-*`` are not sent. Closing the transport closes nothing.

        Its requests raise ATHError for what is refused before anything is sent (NO_TOKEN,
        TOKEN_EXPIRED, INVALID_PATH for a link to another host, INVALID_ARGUMENT) and for the
        implementor's refusals, and otherwise what httpx raises (``httpx.ConnectError``,
        ``ReadTimeout`` and so on). The provider's errors are answers.
        """
        return self._driver.lend(
            self._credentials, partial(provider_call.forward, self._context, None)
        )

    async def grant(self, scopes: Sequence[str] = ()) -> Grant | None:
        """What may be called now, if that suffices; see :meth:`ATHNativeClient.grant`."""
        return await self._driver.run(
            self._credentials, _protocol.connect.grant(self._context, None, scopes)
        )

    async def start_connect(
        self,
        scopes: Sequence[str],
        *,
        developer: Developer | models.DeveloperInfo | None = None,
        providers: Sequence[ProviderScopes | models.ProviderScopeRequest] | None = None,
        purpose: str | None = None,
        redirect_uri: str | None = None,
        state: str | None = None,
    ) -> consents.AsyncConsent:
        """Get ready, and come back at once; see :meth:`ATHNativeClient.start_connect`."""
        options = _protocol.connect.ConnectOptions(
            None, scopes, developer, providers, purpose, redirect_uri, state
        )
        started = await self._driver.run(
            self._credentials, _protocol.connect.start_connect(self._context, options)
        )
        return consents.AsyncConsent(*started, self._wait)

    async def connect(
        self,
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
        """Get a user's grant; see :meth:`ATHNativeClient.connect`.

        ``show`` may be a coroutine function; a plain one is called in the event loop.
        """
        return await self._driver.run(
            self._credentials,
            _protocol.connect.connect(
                self._context,
                _protocol.connect.ConnectOptions(
                    None, scopes, developer, providers, purpose, redirect_uri, state
                ),
                _protocol.connect.WaitOptions(
                    show, timeout, wait_for_approval, receiver, require_all
                ),
            ),
        )
