"""What keeps a stranger's web page away from a server on this machine."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import Response

from ._attestation import is_loopback

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d*))?")
_PORTS = {"http": 80, "https": 443}


def only_own_hosts(app: WSGIApplication, url: Callable[[], str]) -> WSGIApplication:
    """An application that answers only under a name of this machine or under the URL's own.

    A page on evil.example may have its own name resolve to 127.0.0.1, and its scripts could then
    read every answer (DNS rebinding). They cannot change the Host header, which names it.
    """

    def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if _is_own(environ.get("HTTP_HOST", ""), url()):
            return app(environ, start_response)
        message = "The Host header names neither this machine nor the url of this server."
        body = json.dumps({"code": "FORBIDDEN", "message": message}).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response("403 Forbidden", headers)
        return [body]

    return serve


def _is_own(header: str, url: str) -> bool:
    found = _HOST.fullmatch(header)
    if found is None:
        return False
    host = found[1].strip("[]").lower()
    if is_loopback(host):
        return True
    own = urlsplit(url)
    port = _PORTS.get(own.scheme)
    return (host, int(found[2] or port or 0)) == (own.hostname, own.port or port)


def forbid_frames(response: Response) -> Response:
    """Keep the page out of frames, in which a click may be somebody else's idea."""
    if "Content-Security-Policy" not in response.headers:
        response.headers["Content-Security-Policy"] = "frame-ancestors 'none'"
    response.headers["X-Frame-Options"] = "DENY"
    return response
