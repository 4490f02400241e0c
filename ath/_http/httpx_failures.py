"""What httpx's exceptions mean, as ATHErrors."""

from __future__ import annotations

import h11
import httpx

from ..errors import ATHError
from .failures import broken, is_distrusted, not_connected, timed_out
from .messages import Request

_UNSENDABLE = (httpx.LocalProtocolError, h11.LocalProtocolError)
FAILURES = (httpx.HTTPError, httpx.StreamError, OSError, h11.LocalProtocolError)
"""Of a call over an httpx client. httpcore lets h11's pass where a content is too short."""
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError,
           httpx.UnsupportedProtocol)  # fmt: skip


def failure_of_httpx(error: Exception, request: Request) -> ATHError:
    """What one of FAILURES means."""
    sent = not isinstance(error, _UNSENT)
    if isinstance(error, _UNSENDABLE):  # its text may quote the request
        message = "This request cannot be written as HTTP/1.1, or its content changed its length."
        return ATHError("INVALID_ARGUMENT", message)
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return timed_out(request, sent=sent)
    if sent:
        return broken(request, type(error).__name__)
    return not_connected(request, str(error), final=is_distrusted(error))
