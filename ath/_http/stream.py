"""Answers that are handed out once their head has come; their bodies are pulled piece by piece.

A connection goes back to the idle ones after the body's end, and is closed if the answer is closed
before that. Either way the call's place among those in flight is free again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from math import inf
from queue import SimpleQueue

from .connection import PIECE
from .failures import BrokenExchange, failure
from .idle import IdleList
from .limits import Limits
from .messages import Request
from .opened import SyncOpenReply
from .sync import Connection, SyncTransport


class SyncStream(SyncOpenReply):
    """An answer on a connection of our own."""

    def __init__(
        self,
        connection: Connection,
        request: Request,
        limits: Limits,
        body: bytes,
        sent: bool,
        idle: IdleList[Connection],
        places: SimpleQueue[None],
    ) -> None:
        exchange = connection._exchange
        super().__init__(request, limits, exchange.status, exchange.headers)
        self._connection = connection
        self._idle, self._places = idle, places
        self._open = True
        self._sent = sent
        self._body = body
        self._end_if_complete()

    def read(self) -> bytes:
        """The next piece of the body."""
        if not self._open:
            data, self._body = self._body, b""
            return data
        try:
            data = self._pull()
        except (OSError, BrokenExchange) as error:
            failed = failure(error, self.request, sent=True)
        else:
            self._end_if_complete()
            return data
        finally:
            self._body = b""
        self.close()
        raise failed

    def _pull(self) -> bytes:
        connection, data = self._connection, self._body
        if time.monotonic() >= self.ends:  # whatever has come
            raise TimeoutError
        while not data and not connection._exchange.complete:
            connection._wait(self.wait, self.ends)
            data = b"".join(connection._receive())
        return data

    def _end_if_complete(self) -> None:
        if self._connection._exchange.complete:
            self._connection.reusable = self._sent and self._connection._exchange.recycle()
            self.close()

    def close(self) -> None:
        """End it."""
        if self._open:
            self._open = False
            self._idle.give_back(self._connection)
            self._places.put(None)

    def __del__(self) -> None:
        """Free the place of an answer that was abandoned; takes no lock, which may be held now."""
        if getattr(self, "_open", False):
            self._connection.close()
            self._places.put(None)


def open_reply(transport: SyncTransport, request: Request, limits: Limits) -> SyncStream:
    """Send a request, and wait for the head of its answer; raises as the transport's ``open``."""
    ends = inf if limits.total is None else time.monotonic() + limits.total
    pieces = iter(()) if request.source is None else request.source.pieces()
    idle, places = transport._take_place(request, limits)
    connection = opened = None
    try:
        connection = transport._find(idle, request.base, limits, ends)
        connection.reusable = False
        sent, body = _exchange_heads(connection, request, pieces, limits, ends)
        opened = SyncStream(connection, request, limits, body, sent, idle, places)
        return opened
    except (OSError, BrokenExchange) as error:
        failed = failure(error, request, sent=connection is not None)
    finally:
        if opened is None:
            if connection is not None:
                idle.give_back(connection)
            places.put(None)
    raise failed


def _exchange_heads(
    connection: Connection,
    request: Request,
    pieces: Iterator[bytes],
    limits: Limits,
    ends: float,
) -> tuple[bool, bytes]:
    """Send, and read until the answer's head is there.

    Returns whether all was sent, and what has come of the answer's body.
    """
    exchange, body = connection._exchange, b""
    unsent = memoryview(exchange.begin(request))
    # As in Connection.call: a server may answer early, and read no more.
    while not exchange.status and (unsent or not exchange.sent):
        if not unsent:
            unsent = memoryview(exchange.encode(next(pieces, None)))
        try:
            unsent = unsent[connection._socket.send(unsent[:PIECE]) :] if unsent else unsent
        except connection._would_block:
            connection._wait(limits.write, ends, write=True)
        except OSError:
            break
        if connection._watch.wait(0):
            body += b"".join(connection._receive())
        if time.monotonic() > ends:
            raise TimeoutError
    sent = exchange.sent and not unsent
    while not exchange.status:
        connection._wait(limits.read, ends)
        body += b"".join(connection._receive())
    return sent, body
