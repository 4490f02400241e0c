"""What carries the calls of clients that were given no httpx client."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from ..errors import ATHError

if TYPE_CHECKING:
    import ssl

    from .aio import AsyncTransport
    from .httpx_client import AsyncHTTPXTransport, SyncHTTPXTransport
    from .sync import SyncTransport

_SCHEMES = ("http", "https", "all")


def check_ssl_context(context: object, http_client: object) -> ssl.SSLContext | None:
    """The user's own context, if there is one.

    Raises:
        ATHError: INVALID_ARGUMENT if it is not one for clients, or if httpx is to carry the calls.
    """
    if context is None:
        return None
    import ssl  # slow to import, and calls over plain http need it later or never

    if http_client is not None:
        raise ATHError("INVALID_ARGUMENT", "Give the ssl_context to your http_client (verify=).")
    if isinstance(context, ssl.SSLContext) and context.protocol != ssl.PROTOCOL_TLS_SERVER:
        return context
    raise ATHError("INVALID_ARGUMENT", "ssl_context must be an ssl.SSLContext for clients.")


def open_sync(ssl_context: ssl.SSLContext | None) -> SyncTransport | SyncHTTPXTransport:
    """Connections of our own, or httpx where the environment names a proxy.

    Raises:
        ATHError: INVALID_ARGUMENT if httpx does not take that proxy.
    """
    if names_proxy():
        from .proxies import sync_proxy_transport

        return sync_proxy_transport(ssl_context)
    from .sync import SyncTransport

    return SyncTransport(ssl_context)


def open_async(ssl_context: ssl.SSLContext | None) -> AsyncTransport | AsyncHTTPXTransport:
    """As :func:`open_sync`, for coroutines."""
    if names_proxy():
        from .proxies import async_proxy_transport

        return async_proxy_transport(ssl_context)
    from .aio import AsyncTransport

    return AsyncTransport(ssl_context)


def names_proxy() -> bool:
    """Whether the environment, or the system on macOS and Windows, names a proxy for http(s)."""
    if sys.platform in ("darwin", "win32"):
        from urllib.request import getproxies  # slow to import; it asks the system as well

        return not getproxies().keys().isdisjoint(_SCHEMES)
    names = {name.lower() for name, value in os.environ.items() if value}
    return any(f"{scheme}_proxy" in names for scheme in _SCHEMES)
