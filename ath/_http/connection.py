"""One exchange after another on a connection, without I/O: bytes in, the parts of an answer out.

h11 parses and checks; here is what it leaves to its users: bounds for what precedes and follows
a body, and when a connection may carry another exchange.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import h11

from ..errors import ATHError
from .failures import BrokenExchange
from .limits import Limits, too_large
from .messages import RawHeaders, Request

MAX_FIELDS: Final = 200
"""Header fields of one answer; each interim answer (1xx) counts as one more."""
MAX_HEAD: Final = 65_536
"""Bytes of these fields."""
PIECE: Final = 65_536
"""Bytes that are parsed at a time, since h11 builds all fields that it finds in them."""

_END: Final = h11.EndOfMessage()


class Exchange:
    """A request and its answer; after :meth:`recycle` the next ones."""

    __slots__ = (
        "_bytes",
        "_fields",
        "_h11",
        "_last",
        "_last_headers",
        "_left",
        "_surplus",
        "complete",
        "headers",
        "status",
    )

    def __init__(self) -> None:
        self._h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
        self._last: h11.Request | None = None
        self._last_headers: RawHeaders = []
        self._reset()

    def _reset(self) -> None:
        self._fields = self._bytes = 0
        self._surplus = False
        self.status = 0
        """0 until the head of the final answer has come."""
        self.headers: RawHeaders = []
        self.complete = False
        """Whether the answer has come to its end."""
        self._left: int | None = None
        """Bytes of the request's source that were not written yet, if their number is known."""

    def begin(self, request: Request) -> bytes:
        """The bytes of the request.

        Raises:
            ATHError: INVALID_ARGUMENT if it would not be valid HTTP.
        """
        send = self._h11.send
        try:
            head = send(self._check(request))
            if request.source is not None:
                self._left = request.source.length
                return head  # encode() writes the rest
            body = send(h11.Data(data=request.content)) if request.content else b""
            send(_END)
        except h11.LocalProtocolError:
            pass
        else:
            return head + body
        raise ATHError("INVALID_ARGUMENT", "This request cannot be written as HTTP/1.1.")

    def _check(self, request: Request) -> h11.Request:
        """The request as h11 checked it, which takes time: the same header fields once."""
        last = self._last if request.headers == self._last_headers else None
        self._last = h11.Request(
            method=request.method,
            target=request.target,
            headers=last.headers if last else request.headers,
        )
        self._last_headers = request.headers.copy()
        return self._last

    def encode(self, piece: bytes | None) -> bytes:
        """The bytes of a piece of the request's source; None is its end.

        Raises:
            ATHError: INVALID_ARGUMENT if the source is longer or shorter than was announced.
        """
        send = self._h11.send
        try:
            if piece is None:
                return send(_END) or b""
            data = send(h11.Data(data=piece))
            if self._left is not None:
                self._left -= len(piece)
                if not self._left:  # the server knows the end as well, and may answer at once
                    send(_END)
            return data
        except h11.LocalProtocolError:
            del piece  # an error tracker records the variables of a frame that raises
        raise ATHError("INVALID_ARGUMENT", "The content changed its length while it was sent.")

    @property
    def sent(self) -> bool:
        """Whether the end of the request was written."""
        return self._h11.our_state is not h11.SEND_BODY

    def feed(self, data: bytes) -> list[bytes]:
        """The pieces of the body that these bytes bring; no bytes mean that no more will come.

        Raises:
            BrokenExchange: the connection is of no further use.
        """
        pieces: list[bytes] = []
        try:
            for start in range(0, len(data) or 1, PIECE):
                if self.complete:
                    self._surplus = True
                    break
                self._h11.receive_data(data[start : start + PIECE])
                self._parse(pieces)
        except h11.RemoteProtocolError:
            pass
        else:
            return pieces
        # Its text quotes what the server sent, which may be anything.
        raise BrokenExchange("what came is not HTTP/1.1, or ended too early")

    def _parse(self, pieces: list[bytes]) -> None:
        while not self.complete:
            event = self._h11.next_event()
            if isinstance(event, h11.Data):
                pieces.append(event.data)
            elif isinstance(event, h11.Response):
                self.status, self.headers = event.status_code, event.headers.raw_items()
                self._count(self.headers)
            elif isinstance(event, h11.EndOfMessage):
                self._count(event.headers.raw_items())
                self.complete = True
            elif isinstance(event, h11.InformationalResponse):
                self._fields += 1
                self._count(event.headers.raw_items())
                if event.status_code == 101:
                    raise BrokenExchange("the server switched to another protocol")
            elif event is h11.NEED_DATA:
                return
            else:
                raise BrokenExchange("the server answered what was not asked")

    def _count(self, fields: RawHeaders) -> None:
        self._fields += len(fields)
        self._bytes += sum([len(name) + len(value) for name, value in fields])
        if self._fields > MAX_FIELDS or self._bytes > MAX_HEAD:
            raise BrokenExchange("the answer has too many header fields")

    def recycle(self) -> bool:
        """Get ready for another request; False if the connection is to be closed instead."""
        if not self.complete or self._surplus:
            return False
        if self._h11.our_state is not h11.DONE or self._h11.their_state is not h11.DONE:
            return False
        if self._h11.trailing_data != (b"", False):
            return False
        self._h11.start_next_cycle()
        self._reset()
        return True


def collect(body: bytearray, pieces: Iterable[bytes], limits: Limits) -> None:
    """Add pieces to a body.

    Raises:
        ATHError: RESPONSE_TOO_LARGE as soon as the limit is passed.
    """
    for piece in pieces:
        body += piece
        if len(body) > limits.max_response_bytes:
            raise too_large(limits.max_response_bytes)
