"""The client that the functions of ``ath_api.api`` send their calls with."""

from __future__ import annotations

import ssl
import threading
from typing import Any, Self

import httpx
from attrs import define, evolve, field

from .types import E, PreparedCall, Response, S

_BUILDING = threading.Lock()  # or threads that race would each open a pool, and lose all but one


@define
class Client:
    """Settings of the calls, and the httpx clients that are made of them at first use.

    Use it as a context manager, sync or async, so that its connections are closed. A call waits 30
    seconds unless ``timeout`` says otherwise, and follows no redirect. HTTP Basic is
    ``httpx_args={"auth": (client_id, client_secret)}``.
    """

    _base_url: str = field(alias="base_url")
    """What the paths of the calls are relative to."""
    _cookies: dict[str, str] = field(factory=dict, kw_only=True, alias="cookies", repr=False)
    _headers: dict[str, str] = field(factory=dict, kw_only=True, alias="headers", repr=False)
    _timeout: httpx.Timeout | float | None = field(default=30.0, kw_only=True, alias="timeout")
    """Seconds for each connect, read, write and wait for a connection; None waits for ever."""
    _verify_ssl: str | bool | ssl.SSLContext = field(default=True, kw_only=True, alias="verify_ssl")
    _follow_redirects: bool = field(default=False, kw_only=True, alias="follow_redirects")
    """Off, since a redirect would send secrets to another place."""
    _httpx_args: dict[str, Any] = field(factory=dict, kw_only=True, alias="httpx_args", repr=False)
    """More arguments of httpx.Client and httpx.AsyncClient, such as ``auth``."""
    _client: httpx.Client | None = field(default=None, init=False)
    _async_client: httpx.AsyncClient | None = field(default=None, init=False)

    def with_headers(self, headers: dict[str, str]) -> Self:
        """A client with more headers, and connections of its own; this one stays as it is."""
        return evolve(self, headers={**self._headers, **headers})

    def with_cookies(self, cookies: dict[str, str]) -> Self:
        """A client with more cookies; this one stays as it is."""
        return evolve(self, cookies={**self._cookies, **cookies})

    def with_timeout(self, timeout: httpx.Timeout | float | None) -> Self:
        """A client with another timeout in seconds; this one stays as it is."""
        return evolve(self, timeout=timeout)

    def set_httpx_client(self, client: httpx.Client) -> Self:
        """Use this httpx client, and its base URL and settings in place of those given here."""
        self._client = client
        return self

    def set_async_httpx_client(self, async_client: httpx.AsyncClient) -> Self:
        """Use this httpx client, and its base URL and settings in place of those given here."""
        self._async_client = async_client
        return self

    def get_httpx_client(self) -> httpx.Client:
        """The httpx client of the blocking calls."""
        with _BUILDING:
            if self._client is None:
                self._client = httpx.Client(**self._settings())
            return self._client

    def get_async_httpx_client(self) -> httpx.AsyncClient:
        """The httpx client of the calls that are coroutines."""
        with _BUILDING:
            if self._async_client is None:
                self._async_client = httpx.AsyncClient(**self._settings())
            return self._async_client

    def _settings(self) -> dict[str, Any]:
        return {
            "base_url": self._base_url,
            "cookies": self._cookies,
            "headers": self._headers,
            "timeout": self._timeout,
            "verify": self._verify_ssl,
            "follow_redirects": self._follow_redirects,
            **self._httpx_args,
        }

    def _request(
        self, http: httpx.Client | httpx.AsyncClient, call: PreparedCall[S, E]
    ) -> httpx.Request:
        return http.build_request(
            call.method,
            call.path,
            params=tuple(call.query) or None,
            headers=call.headers,
            cookies=call.cookies or None,
            content=call.content,
        )

    def send(self, call: PreparedCall[S, E]) -> Response[S, E]:
        """Send a prepared call, and read its answer.

        Raises:
            httpx.HTTPError: No answer came.
        """
        http = self.get_httpx_client()
        answer = http.send(self._request(http, call))
        return call.response(answer.status_code, answer.headers, answer.content)

    async def send_async(self, call: PreparedCall[S, E]) -> Response[S, E]:
        """Send a prepared call as a coroutine, and read its answer.

        Raises:
            httpx.HTTPError: No answer came.
        """
        http = self.get_async_httpx_client()
        answer = await http.send(self._request(http, call))
        return call.response(answer.status_code, answer.headers, answer.content)

    def __enter__(self) -> Self:
        self.get_httpx_client().__enter__()
        return self

    def __exit__(self, *args: Any) -> None:
        self.get_httpx_client().__exit__(*args)

    async def __aenter__(self) -> Self:
        await self.get_async_httpx_client().__aenter__()
        return self

    async def __aexit__(self, *args: Any) -> None:
        await self.get_async_httpx_client().__aexit__(*args)


@define
class AuthenticatedClient(Client):
    """A client that sends a token with every call, also through an httpx client of one's own."""

    token: str = field(repr=False)
    prefix: str = "Bearer"
    """What stands before the token; may be empty."""
    auth_header_name: str = "Authorization"

    def _request(
        self, http: httpx.Client | httpx.AsyncClient, call: PreparedCall[S, E]
    ) -> httpx.Request:
        request = super()._request(http, call)
        request.headers[self.auth_header_name] = f"{self.prefix} {self.token}".strip()
        return request
