"""A web server of one page, which waits for the user's browser at a redirect URI on loopback."""

from __future__ import annotations

import errno
import os
import selectors
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from html import escape
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from .errors import ATHError

__all__ = ["LoopbackReceiver"]

Page = Literal["granted", "denied", "failed"]

_HOSTS = {"127.0.0.1": socket.AF_INET, "localhost": socket.AF_INET, "::1": socket.AF_INET6}
_ANSWER_SECONDS = 60.0  # how long a browser waits for its page
_REQUEST_SECONDS = 10.0  # how long a browser may take to send its request
_CLOSE_SECONDS = 1.0  # how long closing waits for the page to be sent
_TEXTS: dict[Page, tuple[int, str, str]] = {
    "granted": (200, "Access granted", "The agent may go on. You can close this window."),
    "denied": (200, "Access denied", "The agent was told so. You can close this window."),
    "failed": (
        400,
        "This did not work",
        "The agent was not given access. Go back to it, and try again from there.",
    ),
}
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
  body {{ font: 1.1rem/1.5 system-ui, sans-serif; background: #f2f4f7; color: #1b2430;
         margin: 1rem }}
  main {{ max-width: 28rem; margin: 3rem auto; padding: 2rem; background: #fff;
         border-radius: 12px; box-shadow: 0 2px 16px #0002 }}
  h1 {{ font-size: 1.3rem; margin-top: 0 }}
  p {{ margin-bottom: 0 }}
</style>
<main>
<h1>{title}</h1>
<p>{text}</p>
</main>
"""
_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
    ),
    "Connection": "close",
}


class LoopbackReceiver:
    """Waits for the user's browser at a redirect URI of this machine, for ``connect(receiver=)``.

        receiver = LoopbackReceiver("http://127.0.0.1:8765/callback")
        client.connect("github", ["read:user"], developer=developer, receiver=receiver)

    It listens only while connect() or wait() runs, one at a time, or from the beginning of a
    ``with`` block until then, and passes one browser on: the one that comes back for this session.
    Others, icons, and requests for another host or path are turned away. The wait goes on by itself
    if no browser ever comes.
    """

    def __init__(self, redirect_uri: str) -> None:
        """Nothing is opened yet.

        Args:
            redirect_uri: As it is registered: http, with 127.0.0.1, [::1] or localhost, a port and
                a path.

        Raises:
            ATHError: INVALID_ARGUMENT for any other URI.
        """
        host, port = _parse(redirect_uri)
        self._redirect_uri = redirect_uri
        self._address = ("127.0.0.1" if host == "localhost" else host, port)
        self._family = _HOSTS[host]
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._stop: Callable[[], None] | None = None
        self._visitors: list[threading.Thread] = []
        self._callback = _new_future()
        self._shown: Future[Page] = Future()
        self._final: Page | None = None

    @property
    def redirect_uri(self) -> str:
        """The URI that it listens at."""
        return self._redirect_uri

    @property
    def callback(self) -> Future[str]:
        """Gets the URL that the next browser comes with."""
        return self._callback

    def open(self) -> None:
        """Begin to listen; does nothing if it listens already.

        Raises:
            ATHError: RECEIVER_UNAVAILABLE if the port is taken or may not be used.
        """
        if self._stop is not None:
            return
        self._visitors = []
        self._callback, self._shown, self._final = _new_future(), Future(), None
        try:
            self._stop = _serve(self, self._family, self._address)
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            reason = "another program uses it" if taken else os.strerror(error.errno or 0)
            raise ATHError(
                "RECEIVER_UNAVAILABLE",
                f"Cannot listen at port {self._address[1]} of {self._address[0]}: {reason}.",
            ) from None

    def answer(self, page: Page) -> None:
        """Show the page to the browser that came, or that comes until close().

        After ``failed`` another browser may come.
        """
        with self._lock:
            shown, nobody = self._shown, not self._callback.done()
            if page != "failed":
                self._final = page
            elif nobody:
                return
            else:
                self._callback, self._shown = _new_future(), Future()
        if not shown.done():
            shown.set_result(page)

    def close(self) -> None:
        """Stop listening, and free the port; a second call does nothing.

        A browser that still waits is told that it failed.
        """
        stop, self._stop = self._stop, None
        if stop is None:
            return
        stop()
        with self._lock:
            self._final = self._final or "failed"
            shown, visitors = self._shown, list(self._visitors)
        if not shown.done():
            shown.set_result(self._final)
        for visitor in visitors:
            visitor.join(_CLOSE_SECONDS)

    def __enter__(self) -> Self:
        """Begin to listen."""
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    def __repr__(self) -> str:
        """Where it listens; nothing of what came."""
        return f"<LoopbackReceiver {self._redirect_uri}>"

    def _is_meant(self, host: str, target: str) -> bool:
        """Whether a request is for the redirect URI."""
        expected = urlsplit(self._redirect_uri)
        named = {expected.netloc.lower()}
        if expected.port == 80:
            named.add(expected.netloc.lower().removesuffix(":80"))
        return host.lower() in named and target.partition("?")[0] == expected.path

    def _visit(self, target: str) -> Page:
        """Pass a browser on, one at a time; returns what it is to be shown."""
        visitor = threading.current_thread()
        with self._lock:
            self._visitors.append(visitor)
        with self._turn:
            with self._lock:
                if self._final is not None:
                    return self._final
                shown = self._shown
                if not self._callback.done():
                    self._callback.set_result(target)
            try:
                return shown.result(_ANSWER_SECONDS)
            except TimeoutError:
                return "failed"


def _parse(redirect_uri: object) -> tuple[str, int]:
    reason = "redirect_uri must be like http://127.0.0.1:8765/callback: http on loopback, a port."
    if not isinstance(redirect_uri, str):
        raise ATHError("INVALID_ARGUMENT", reason)
    with suppress(ValueError):  # no address, or no port
        parts = urlsplit(redirect_uri)
        host, port = parts.hostname or "", 80 if parts.port is None else parts.port
        plain = parts.scheme == "http" and "@" not in parts.netloc
        if plain and host in _HOSTS and port and not parts.query and not parts.fragment:
            return host, port
    raise ATHError("INVALID_ARGUMENT", reason)


def _new_future() -> Future[str]:
    future: Future[str] = Future()
    future.set_running_or_notify_cancel()  # one who stops waiting does not cancel it
    return future


def _serve(
    receiver: LoopbackReceiver, family: socket.AddressFamily, address: tuple[str, int]
) -> Callable[[], None]:
    """Answer in a thread; returns what ends it."""
    # Imported here, since it brings in ssl, which is slow to load.
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    class Handler(BaseHTTPRequestHandler):
        timeout = _REQUEST_SECONDS
        server_version = "ath"
        sys_version = ""

        def do_GET(self) -> None:
            if not receiver._is_meant(self.headers.get("Host", ""), self.path):
                self._send(404, "Nothing is here", "This address is for one page only.")
                return
            self._send(*_TEXTS[receiver._visit(self.path)])

        def _send(self, status: int, title: str, text: str) -> None:
            page = _PAGE.format(title=escape(title), text=escape(text)).encode()
            self.send_response(status)
            for name, value in {**_HEADERS, "Content-Length": str(len(page))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
            """Say nothing: request lines hold codes."""

    class Server(ThreadingHTTPServer):
        address_family = family
        daemon_threads = True
        block_on_close = False
        allow_reuse_address = os.name == "posix"  # elsewhere it would share a taken port
        allow_reuse_port = False

        timeout = 0  # it is only asked when a browser is there

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Say nothing: browsers may leave at any time."""

    server = Server(address, Handler)
    server.socket.setblocking(False)
    ends, ended = socket.socketpair()

    def serve() -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(server, selectors.EVENT_READ)
            selector.register(ended, selectors.EVENT_READ)
            while ended not in [key.fileobj for key, _ in selector.select()]:
                server.handle_request()

    def stop() -> None:
        ends.close()
        thread.join()
        ended.close()
        server.server_close()

    thread = threading.Thread(target=serve, name="ath loopback", daemon=True)
    thread.start()
    return stop
