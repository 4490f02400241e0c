"""Connections of our own: opened through proxies and TLS as httpx does, and kept for the next call.

httpcore is the engine of httpx and comes with it.
"""

from __future__ import annotations

import os
import ssl
from functools import cache
from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import unquote

import httpcore

from ..errors import ATHError
from .messages import Base

KEPT_IDLE = 5.0  # seconds; servers commonly close after 5 to 75
MAX_IDLE = 100  # connections kept per client


class Line(Protocol):
    """A connection that carries one call at a time."""

    def is_available(self) -> bool:
        """Whether it is open and idle."""
        ...

    def has_expired(self) -> bool:
        """Whether it has been idle too long, or the server has closed it."""
        ...

    def holds_more(self) -> bool:
        """Whether the server sent more than its answer; see :func:`holds_more`."""
        ...


L = TypeVar("L", bound=Line)


class FreeList(Generic[L]):
    """Idle connections, the warmest first.

    httpcore's pool looks at every idle connection at each call; here a call's cost does not
    depend on how many there are.
    """

    def __init__(self) -> None:
        self._idle: dict[tuple[str, str, int], list[L]] = {}
        self._process = os.getpid()
        self._closed = False

    def take(self, base: Base) -> tuple[L | None, list[L]]:
        """An idle connection to that origin, if any, and those to be closed."""
        if self._process != os.getpid():  # a forked child must not speak on its parent's sockets
            self._process, self._idle = os.getpid(), {}
        lines = self._idle.get(base.origin)
        expired: list[L] = []
        while lines:
            try:
                line = lines.pop()
            except IndexError:  # another thread was faster
                break
            if not line.has_expired():
                return line, expired
            expired.append(line)
        return None, expired

    def give_back(self, base: Base, line: L) -> bool:
        """Keep a connection for the next call; False if it is to be closed instead."""
        if self._closed or not line.is_available() or line.holds_more():
            return False
        lines = self._idle.setdefault(base.origin, [])
        if len(lines) >= MAX_IDLE:
            return False
        lines.append(line)
        return True

    def close(self) -> list[L]:
        """Give out nothing more; returns the connections to be closed."""
        self._closed = True
        idle, self._idle = self._idle, {}
        if self._process != os.getpid():
            return []
        return [line for lines in idle.values() for line in lines]


@cache
def _ssl_context() -> ssl.SSLContext:
    """One for the process: it takes 36 ms and 0.7 MB to make. The trust is httpx's."""
    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    if not file and not folder:
        import certifi

        file = certifi.where()
    try:
        return ssl.create_default_context(cafile=file or None, capath=None if file else folder)
    except OSError as error:  # nothing was sent, so this must not look like a broken connection
        reason = error.strerror or type(error).__name__
        raise ATHError(
            "INVALID_ARGUMENT", f"The certificates of SSL_CERT_FILE or SSL_CERT_DIR: {reason}."
        ) from None


def holds_more(connection: Any) -> bool:
    """Whether bytes came in after the end of an answer.

    They would be taken for the answer to the next call, perhaps another user's. httpcore does not
    look, and its public interface does not show them; h11, below it, does.
    """
    while not hasattr(connection, "_h11_state"):
        connection = connection._connection
    return bool(connection._h11_state.trailing_data[0])


def connect(base: Base, direct: Any, through_proxy: Any, backend: Any) -> Any:
    """A new connection to the origin, through the environment's proxy if there is one for it."""
    origin = httpcore.Origin(base.scheme.encode(), base.host.encode(), base.port)
    options = {
        "ssl_context": _ssl_context() if base.scheme == "https" else None,
        "keepalive_expiry": KEPT_IDLE,
        "network_backend": backend,
    }
    proxy = _proxy_of(base)
    if proxy is None:
        return direct(origin, **options)
    try:
        return _through(proxy, through_proxy, options).create_connection(origin)
    except (TypeError, ValueError):
        pass  # raised below: this error may quote the proxy's password
    raise ATHError("INVALID_ARGUMENT", "The environment names a proxy that is not a valid URL.")


def _through(proxy: str, through_proxy: Any, options: dict[str, Any]) -> Any:
    """Httpcore's way through the proxy, whose URL may carry a user and a password."""
    user, _, host = proxy.rpartition("@")
    scheme, _, user = user.rpartition("://")
    if not user:
        return through_proxy(proxy, **options)
    name, _, password = user.partition(":")
    return through_proxy(f"{scheme}://{host}", (unquote(name), unquote(password)), **options)


def _proxy_of(base: Base) -> str | None:
    """The proxy that HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY say."""
    if not any(name.lower().endswith("_proxy") for name in os.environ):
        return None
    from urllib.request import getproxies, proxy_bypass

    proxies = getproxies()
    proxy = proxies.get(base.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(f"{base.host}:{base.port}"):
        return None
    if "://" not in proxy:
        proxy = f"http://{proxy}"
    if not proxy.startswith(("http://", "https://")):
        raise ATHError(
            "INVALID_ARGUMENT",
            "The environment names a proxy that is not HTTP; pass an http_client= that knows it.",
        )
    return proxy
