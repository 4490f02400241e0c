"""Calls through the proxies that the environment names: httpx carries them, so its rules hold."""

from __future__ import annotations

import ssl
from functools import partial
from http.cookiejar import DefaultCookiePolicy
from typing import TypeVar

import httpx

from ..errors import ATHError
from .httpx_client import AsyncHTTPXTransport, SyncHTTPXTransport
from .idle import KEPT_IDLE, MAX_OPEN
from .tls import context_for

ClientT = TypeVar("ClientT", httpx.Client, httpx.AsyncClient)


def sync_proxy_transport(ssl_context: ssl.SSLContext | None) -> SyncHTTPXTransport:
    """Send as httpx does where the environment names proxies.

    Raises:
        ATHError: INVALID_ARGUMENT if httpx does not take them.
    """
    return SyncHTTPXTransport(partial(_make, httpx.Client, ssl_context), httpx.Client.close)


def async_proxy_transport(ssl_context: ssl.SSLContext | None) -> AsyncHTTPXTransport:
    """As :func:`sync_proxy_transport`; what it raises comes with the first call."""
    make = partial(_make, httpx.AsyncClient, ssl_context)
    return AsyncHTTPXTransport(make, httpx.AsyncClient.aclose)


def _make(kind: type[ClientT], ssl_context: ssl.SSLContext | None) -> ClientT:
    pool = httpx.Limits(max_connections=MAX_OPEN, keepalive_expiry=KEPT_IDLE)
    context = context_for(ssl_context)
    try:
        client = kind(trust_env=True, verify=context, limits=pool)
    except (ImportError, TypeError, ValueError, httpx.InvalidURL) as error:
        reason = type(error).__name__  # its text may quote the proxy's password
    else:
        client.headers.clear()  # requests name all of theirs
        client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))  # it keeps none
        return client
    raise ATHError("INVALID_ARGUMENT", f"httpx cannot use the environment's proxies ({reason}).")
