"""Gateway mode: one implementor in front of many providers, called through its proxy."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from functools import partial
from typing import Any

from ath_api import models

from . import _protocol
from ._client.aio import AsyncClient
from ._client.sync import CLIENT, SyncClient
from ._lazy import httpx, streams
from ._protocol import provider_call
from ._protocol.provider_request import CallOptions
from .arguments import Content, Timeout
from .response import Response
from .retry import Retry

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
            ATHError: as :meth:`request` when the block is entered, and as the answer's methods say
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
            ATHError: as :meth:`request` when the block is entered, and as the answer's methods say
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
