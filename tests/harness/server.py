"""A loopback server that reads requests and does with each what the test says.

A behaviour is a function of one :class:`Connection`: it reads a request, or not, and answers, or
not. ``plan`` holds the behaviours of the next requests; when it is empty, ``default`` acts. The
next behaviour is chosen when the first byte of a request arrives.
"""

from __future__ import annotations

import contextlib
import json
import re
import select
import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.utils import formatdate
from http.client import HTTPConnection, HTTPException, responses
from typing import Any

PATIENCE = 20_000  # milliseconds after which a stall ends though the client never left
CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)

CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked\r\n", re.IGNORECASE)


@dataclass(frozen=True)
class Request:
    """One request as it arrived."""

    raw: bytes
    connection: int
    """The number of the connection that it came on, from 1."""

    @property
    def method(self) -> str:
        return self._start_line[0]

    @property
    def target(self) -> str:
        return self._start_line[1]

    @property
    def headers(self) -> dict[str, str]:
        """The headers, their names in lower case."""
        return {name.lower(): value for name, value in self.header_list}

    @property
    def header_list(self) -> list[tuple[str, str]]:
        """The headers as they were written."""
        lines = [line.partition(":") for line in self._head[1:]]
        return [(name, value.strip()) for name, _, value in lines]

    @property
    def body(self) -> bytes:
        return self.raw.partition(b"\r\n\r\n")[2]

    @property
    def _head(self) -> list[str]:
        return self.raw.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")

    @property
    def _start_line(self) -> list[str]:
        return self._head[0].split(" ")


@dataclass
class Answer:
    """A well-formed answer; a dict or list as the body is sent as JSON."""

    body: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        headers = {"Date": formatdate(usegmt=True)}
        match self.body:
            case dict() | list():
                body, headers["Content-Type"] = json.dumps(self.body).encode(), "application/json"
            case str():
                body, headers["Content-Type"] = self.body.encode(), "text/plain"
            case _:
                body = self.body
        headers |= self.headers
        if self.status not in (204, 304):
            headers["Content-Length"] = str(len(body))
        lines = [f"HTTP/1.1 {self.status} {responses.get(self.status, '')}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def raw_answer(
    body: bytes, *headers: str, status: int = 200, media_type: str = "application/json"
) -> bytes:
    """The bytes of an answer with that body; each of ``headers`` is a line, and none is added."""
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Type: {media_type}", *headers]
    lines += [f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


class Connection:
    """The server's end of one connection."""

    def __init__(self, server: Server, sock: socket.socket, number: int) -> None:
        self.server, self.sock, self.number = server, sock, number
        self.open = True
        self._buffer = b""

    def wait_for_request(self) -> bool:
        """Wait for the first byte of a request and leave it unread; False if the client left."""
        if self._buffer:
            return True
        if isinstance(self.sock, ssl.SSLSocket):  # which cannot be looked at without reading
            return self._receive()
        return bool(self.sock.recv(1, socket.MSG_PEEK))

    def read_some(self) -> None:
        """Read a few bytes; over TLS more than that was read already."""
        if not self._buffer:
            self.sock.recv(10)

    def read_request(self) -> Request | None:
        """Read one whole request; None if the client left before its end."""
        while (length := _request_length(self._buffer)) is None or len(self._buffer) < length:
            if not self._receive():
                return None
        request = Request(self._buffer[:length], self.number)
        if len(self._buffer) > length:
            self.server.surplus.append(self._buffer[length:])
        self._buffer = b""
        self.server.requests.append(request)
        return request

    def _receive(self) -> bool:
        piece = self.sock.recv(1 << 20)
        self._buffer += piece
        return bool(piece)

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def reset(self) -> None:
        """Reset the connection instead of closing it in good order."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        self.open = False
        self.sock.close()

    def wait_until_client_leaves(self, milliseconds: int = PATIENCE) -> bool:
        """Wait without reading what the client sends; False if it is still there."""
        poller = select.poll()
        poller.register(self.sock, select.POLLRDHUP)
        return bool(poller.poll(milliseconds))


Behaviour = Callable[[Connection], None]


class Server:
    """Listens on loopback, with a thread for each connection."""

    def __init__(self, upstream: str = "", tls: ssl.SSLContext | None = None) -> None:
        self.upstream = upstream.removeprefix("http://")
        """Host and port of the server to which :meth:`forward` passes requests."""
        self.tls = tls
        self.plan: deque[Behaviour] = deque()
        self.default: Behaviour = forward if upstream else answer_unexpected
        self.requests: list[Request] = []
        self.surplus: list[bytes] = []
        """What clients sent after a request's end without waiting for the answer."""
        self.connections = 0
        self._threads: list[threading.Thread] = []
        self._sockets: set[socket.socket] = set()
        self._port = 0
        self._listener: socket.socket | None = None

    @property
    def origin(self) -> str:
        return f"127.0.0.1:{self._port}"

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.origin}"

    def answer_next(
        self, body: Any = b"", status: int = 200, *, lost: bool = False, **headers: str
    ) -> None:
        """Plan an answer to one request; ``retry_after="0"`` is the header Retry-After.

        If it is ``lost``, the connection ends without it.
        """
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answer_next_with(lambda _: None if lost else Answer(body, status, named))

    def answer_next_with(self, function: Callable[[Request], Answer | None]) -> None:
        """Plan that one request is answered with what the function returns for it.

        None ends the connection without an answer.
        """

        def to_bytes(request: Request) -> bytes:
            answer = function(request)
            return b"" if answer is None else answer.to_bytes()

        self.plan.append(answer(to_bytes))

    def answer_all(self, data: bytes, endless: bytes = b"") -> None:
        """Answer every request that has no plan with these bytes.

        ``endless`` is sent after them, again and again, until the client leaves.
        """
        self.default = answer(lambda _: data, endless)

    def answer_all_with(self, function: Callable[[Request], bytes]) -> None:
        """Answer every request that has no plan with the bytes that the function returns."""
        self.default = answer(function)

    def clear(self) -> None:
        """Forget the plan and what arrived."""
        self.plan.clear()
        self.requests.clear()
        self.surplus.clear()

    def start(self) -> None:
        """Listen, on the same port as before if there was one."""
        listener = socket.create_server(("127.0.0.1", self._port), backlog=64)
        self._port = listener.getsockname()[1]
        self._listener = listener
        thread = threading.Thread(target=self._accept, args=(listener,), daemon=True)
        self._threads = [thread]
        thread.start()

    def stop(self) -> None:
        """Stop listening, so that connections are refused, and end the open ones."""
        listener, self._listener = self._listener, None
        if listener is None:
            return
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for sock in list(self._sockets):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def wait_all_ended(self) -> None:
        """Wait until every connection has ended, and with it what a behaviour still had to do."""
        for thread in self._threads[1:]:
            thread.join(10)
            assert not thread.is_alive(), "a connection is still open"

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(
                target=self._serve, args=(sock, self.connections), daemon=True
            )
            acceptor, *others = self._threads
            self._threads = [acceptor, *(t for t in others if t.is_alive()), thread]
            thread.start()

    def _serve(self, sock: socket.socket, number: int) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sockets.add(sock)
        # What the client does to a connection under a fault is for the test to judge.
        with contextlib.suppress(OSError, HTTPException):
            if self.tls:
                self._sockets.discard(sock)  # which wrapping empties
                sock = self.tls.wrap_socket(sock, server_side=True)
                self._sockets.add(sock)
            connection = Connection(self, sock, number)
            while connection.open and connection.wait_for_request():
                self._next_behaviour()(connection)
        sock.close()
        self._sockets.discard(sock)

    def _next_behaviour(self) -> Behaviour:
        try:
            return self.plan.popleft()
        except IndexError:
            return self.default

    def forward(self, request: Request) -> tuple[bytes, bytes]:
        """Ask the upstream server; return head (without its end) and body of its answer."""
        connection = HTTPConnection(self.upstream, timeout=10)
        with contextlib.closing(connection):
            connection.putrequest(
                request.method, request.target, skip_host=True, skip_accept_encoding=True
            )
            for name, value in request.header_list:
                connection.putheader(name, value)
            connection.endheaders(request.body)
            reply = connection.getresponse()
            body = reply.read()
            lines = [f"HTTP/1.1 {reply.status} {reply.reason}"]
            skipped = ("connection", "content-length", "transfer-encoding", "keep-alive")
            lines += [f"{n}: {v}" for n, v in reply.getheaders() if n.lower() not in skipped]
            lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join(lines).encode("latin-1"), body


def answer(function: Callable[[Request], bytes], endless: bytes = b"") -> Behaviour:
    """Answer one request with what the function returns for it.

    The connection stays open if the answer says how long it is. To HEAD, no body is sent.
    """

    def behave(connection: Connection) -> None:
        request = connection.read_request()
        if request is None:
            connection.close()
            return
        data = function(request)
        head, end, body = data.partition(b"\r\n\r\n")
        connection.send(head + end + (b"" if request.raw.startswith(b"HEAD ") else body))
        while endless:
            connection.send(endless)
        if not (CONTENT_LENGTH.search(head + b"\r\n") or b" 204 " in head or b" 304 " in head):
            connection.close()

    return behave


def answer_unexpected(connection: Connection) -> None:
    """What happens to a request for which nothing is planned."""
    body = {"code": "UNEXPECTED", "message": "The test planned no answer to this request."}
    answer(lambda _: Answer(body, 500).to_bytes())(connection)


def forwarded(connection: Connection) -> Iterator[tuple[bytes, bytes]]:
    """The upstream server's answer to the next request; nothing if the client left before."""
    request = connection.read_request()
    if request is None:
        connection.close()
    else:
        yield connection.server.forward(request)


def forward(connection: Connection) -> None:
    """Pass the request on, send the answer back, and end the connection: nothing goes wrong."""
    for head, body in forwarded(connection):
        connection.send(head + b"\r\nConnection: close\r\n\r\n" + body)
    connection.close()


def _request_length(buffer: bytes) -> int | None:
    head, end, _ = buffer.partition(b"\r\n\r\n")
    if not end:
        return None
    if CHUNKED.search(head + b"\r\n"):
        last = buffer.find(b"\r\n0\r\n\r\n", len(head) + 2)
        return None if last < 0 else last + 7
    found = CONTENT_LENGTH.search(head + b"\r\n")
    return len(head) + 4 + (int(found[1]) if found else 0)
