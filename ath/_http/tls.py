"""TLS: whom to trust."""

from __future__ import annotations

import os
import socket
import ssl
import time
from functools import cache
from math import inf

from ..errors import ATHError

WOULD_BLOCK = (ssl.SSLWantReadError, ssl.SSLWantWriteError)


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


def context_for(own: ssl.SSLContext | None) -> ssl.SSLContext:
    """The user's context or the default one; HTTP/1.1 is what it offers to servers."""
    context = own or default_context()
    context.set_alpn_protocols(["http/1.1"])  # each time: others may use it for HTTP/2
    return context


def encrypt(sock: socket.socket, context: ssl.SSLContext, host: str, ends: float) -> ssl.SSLSocket:
    """Agree on keys, and check the server's certificate and name; takes the socket over.

    Raises:
        OSError: ssl.SSLError; TimeoutError if it is not done until then.
    """
    left = ends - time.monotonic()
    if left <= 0:
        sock.close()
        raise TimeoutError
    sock.settimeout(None if left == inf else left)  # of the whole handshake
    # Ragged ends are not suppressed: what the server did not announce, an attacker may have done.
    tls = context.wrap_socket(sock, server_hostname=host, suppress_ragged_eofs=False)
    tls.setblocking(False)
    return tls
