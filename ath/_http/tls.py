"""TLS: whom to trust, and sockets that encrypt."""

from __future__ import annotations

import os
import socket
import ssl
import time
from functools import cache

from ..errors import ATHError
from .sockets import RECEIVED, PlainSocket

_WOULD_BLOCK = (ssl.SSLWantReadError, ssl.SSLWantWriteError)


@cache
def default_context() -> ssl.SSLContext:
    """One for the process: it takes 36 ms and 0.7 MB to make. The trust is httpx's.

    Raises:
        ATHError: INVALID_ARGUMENT if the environment's certificates cannot be read.
    """
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
    )


def check_context(context: object) -> ssl.SSLContext:
    """The user's own context.

    Raises:
        ATHError: INVALID_ARGUMENT if it is not one for clients.
    """
    if isinstance(context, ssl.SSLContext) and context.protocol is not ssl.PROTOCOL_TLS_SERVER:
        return context
    raise ATHError("INVALID_ARGUMENT", "ssl_context must be an ssl.SSLContext for clients.")


def offer_http_1(context: ssl.SSLContext) -> ssl.SSLContext:
    """Name HTTP/1.1 to servers, each time anew: others may use the context for HTTP/2."""
    context.set_alpn_protocols(["http/1.1"])
    return context


class TLSSocket(PlainSocket):
    """A connected socket that encrypts."""

    __slots__ = ("_tls", "_writes")

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, host: str) -> None:
        # Without suppressing them: an end that the server did not announce may be an attacker's.
        self._tls = offer_http_1(context).wrap_socket(
            sock, server_hostname=host, do_handshake_on_connect=False, suppress_ragged_eofs=False
        )
        self._writes = False
        super().__init__(self._tls)

    def handshake(self, ends: float) -> None:
        """Agree on keys, and check the server's certificate and name.

        Raises:
            OSError: ssl.SSLError; TimeoutError if it is not done until then.
        """
        while True:
            try:
                self._tls.do_handshake()
            except _WOULD_BLOCK as error:
                self._writes = isinstance(error, ssl.SSLWantWriteError)
            else:
                return
            left = ends - time.monotonic()
            if left <= 0 or not self.wait(left):
                raise TimeoutError

    def wait(self, seconds: float, *, write: bool = False) -> bool:
        """As :meth:`PlainSocket.wait`; what was decrypted already can be read at once."""
        return self._tls.pending() > 0 or super().wait(seconds, write=write or self._writes)

    def send(self, data: memoryview) -> int:
        """As :meth:`PlainSocket.send`."""
        try:
            return self._tls.send(data)
        except _WOULD_BLOCK:
            return 0

    def receive(self) -> bytes | None:
        """As :meth:`PlainSocket.receive`; ssl.SSLEOFError if the end was not announced."""
        self._writes = False
        try:
            return self._tls.recv(RECEIVED)
        except _WOULD_BLOCK as error:
            self._writes = isinstance(error, ssl.SSLWantWriteError)  # such as a new key of ours
            return None
