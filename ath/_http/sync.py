"""Sending one request over a connection of our own, and what failures mean.

Connections are httpcore's, the engine of httpx, used without httpx's client on top: that costs
half as much per call, and lets a deadline bound a whole attempt. Each connection carries one call
at a time and is kept in a free list; a user's own httpx client takes another way (_httpx.py).
Redirects are never followed and cookies never kept: the requests carry credentials.
"""

from __future__ import annotations

import math
import ssl
import time
from collections.abc import Iterable
from functools import partial

import httpcore

from ..errors import ATHError, Delivery
from .connections import FreeList, connect, holds_more
from .deadline import Deadline, TimedBackend
from .messages import Base, Limits, Reply, Request, too_large

FAILURES = (
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
    OSError,
)
"""What sending raises when it fails."""

# httpx gives its exceptions the names that httpcore's have; one table serves both.
_UNSENT = ("ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol")


def failure(error: Exception, request: Request) -> ATHError:
    """The ATHError for an exception of httpcore or httpx.

    To be raised outside the except block, so that nothing leads back to an exception that holds
    the request and its secrets.
    """
    name, place = type(error).__name__, request.origin_label
    if "Timeout" in name:
        done = " before anything was sent" if name in _UNSENT else ""
        failed = ATHError("TIMEOUT", f"{place} was not answered in time{done}.")
        failed._delivery = Delivery.UNSENT if name in _UNSENT else Delivery.TIMED_OUT
        return failed
    if name in _UNSENT:
        failed = ATHError("NETWORK_ERROR", f"{place}: no connection ({error}).")
        failed._delivery = Delivery.LOCAL if _distrusted(error) else Delivery.UNSENT
        return failed
    failed = ATHError("NETWORK_ERROR", f"{place}: the connection broke ({name}).")
    failed._delivery = Delivery.LOST
    return failed


def _distrusted(error: BaseException | None) -> bool:
    """Whether the server's certificate is to blame, which another attempt would not change."""
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__  # httpx's exception is about httpcore's
    return error is not None


def httpcore_request(request: Request, phases: dict[str, float | None]) -> httpcore.Request:
    base = request.base
    url = httpcore.URL(
        scheme=base.scheme.encode(), host=base.host.encode(), port=base.port, target=request.target
    )
    return httpcore.Request(
        request.method,
        url,
        headers=request.headers,
        content=request.content,
        extensions={"timeout": phases},
    )


class SyncLine:
    """A connection and the deadline of the call on it."""

    def __init__(self, base: Base) -> None:
        self.deadline = Deadline()
        self.connection = connect(
            base, httpcore.HTTPConnection, httpcore.HTTPProxy, TimedBackend(self.deadline)
        )
        self.is_available = self.connection.is_available
        self.has_expired = self.connection.has_expired
        self.holds_more = partial(holds_more, self.connection)

    def send(self, request: Request, limits: Limits) -> Reply:
        """Send once; a connection that was left in the middle of something is closed."""
        if limits.total is not None:
            self.deadline.at = time.monotonic() + limits.total
        try:
            response = self.connection.handle_request(httpcore_request(request, limits.phases()))
            body = read_body(response.stream, limits)
            response.close()
        except BaseException:
            self.connection.close()
            raise
        self.deadline.at = math.inf
        return Reply(response.status, response.headers, body, time.time())


def read_body(chunks: Iterable[bytes], limits: Limits) -> bytes:
    """Collect a body.

    Raises:
        ATHError: RESPONSE_TOO_LARGE as soon as the limit is passed.
    """
    body = bytearray()
    for chunk in chunks:
        grow(body, chunk, limits)
    return bytes(body)


def grow(body: bytearray, chunk: bytes, limits: Limits) -> None:
    """Add a piece to a body; raises as :func:`read_body`."""
    body += chunk
    if len(body) > limits.max_response_bytes:
        raise too_large(limits.max_response_bytes)


class SyncTransport:
    """Sends for the sync clients; threads may share it."""

    def __init__(self) -> None:
        self._lines: FreeList[SyncLine] = FreeList()

    def send(self, request: Request, limits: Limits) -> Reply:
        """Send once.

        Raises:
            ATHError: NETWORK_ERROR, TIMEOUT, or RESPONSE_TOO_LARGE.
        """
        line, expired = self._lines.take(request.base)
        for old in expired:
            old.connection.close()
        try:
            line = line or SyncLine(request.base)
            reply = line.send(request, limits)
        except FAILURES as error:
            failed = failure(error, request)
        else:
            if not self._lines.give_back(request.base, line):
                line.connection.close()
            return reply
        raise failed

    def close(self) -> None:
        """Free the connections."""
        for line in self._lines.close():
            line.connection.close()
