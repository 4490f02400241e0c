"""A TCP server in front of the local gateway that goes wrong in a chosen way, attempt by attempt.

Every connection is one attempt, unless a fault keeps it open. The plan says what happens to the
next attempts; when it is empty, requests are forwarded and answered as they should be.
"""

from __future__ import annotations

import contextlib
import http.client
import select
import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

GIVE_UP = 20_000  # milliseconds after which a stall ends though the peer never gave up


@dataclass(frozen=True)
class Arrived:
    """One request as it came, and the connection that it came on."""

    connection: int
    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes


class Line:
    """The server's end of one connection."""

    def __init__(self, server: FaultServer, sock: socket.socket, number: int) -> None:
        self.server, self.sock, self.number = server, sock, number
        self.open = True
        self._buffer = b""

    def first_byte(self) -> None:
        """Wait until the client has sent something, and leave it unread."""
        self.sock.recv(1, socket.MSG_PEEK)

    def request(self) -> Arrived | None:
        """Read one whole request; None if the client has gone."""
        while b"\r\n\r\n" not in self._buffer:
            if not self._fill():
                return None
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        start, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = start.split(" ")
        headers = [(name, value.strip()) for name, _, value in (s.partition(":") for s in lines)]
        length = int({n.lower(): v for n, v in headers}.get("content-length", "0"))
        while len(self._buffer) < length:
            if not self._fill():
                return None
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        arrived = Arrived(self.number, method, target, headers, body)
        self.server.arrived.append(arrived)
        return arrived

    def _fill(self) -> bool:
        piece = self.sock.recv(65_536)
        self._buffer += piece
        return bool(piece)

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def abort(self) -> None:
        """Reset the connection instead of closing it in good order."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        self.open = False
        self.sock.close()

    def gave_up(self, milliseconds: int = GIVE_UP) -> bool:
        """Wait for the client to leave, without reading what it sends."""
        poller = select.poll()
        poller.register(self.sock, select.POLLRDHUP)
        return bool(poller.poll(milliseconds))


Fault = Callable[[Line], None]


class FaultServer:
    """Listens on loopback, with a thread for each connection."""

    def __init__(self, upstream: str = "", tls: ssl.SSLContext | None = None) -> None:
        self.upstream = upstream.removeprefix("http://")
        self.tls = tls
        self.plan: deque[Fault] = deque()
        self.arrived: list[Arrived] = []
        self.connections = 0
        self.closed = threading.Semaphore(0)  # released once for each connection that has ended
        self._threads: list[threading.Thread] = []
        self._lines: set[socket.socket] = set()
        self._port = 0
        self._listener: socket.socket | None = None

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Listen, on the same port as before if there was one."""
        listener = socket.create_server(("127.0.0.1", self._port), backlog=64)
        self._port = listener.getsockname()[1]
        self._listener = listener
        thread = threading.Thread(target=self._accept, args=(listener,), daemon=True)
        thread.start()
        self._threads = [thread]

    def stop(self) -> None:
        """Stop listening, so that connections are refused, and end what is open."""
        listener, self._listener = self._listener, None
        if listener is None:
            return
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for sock in list(self._lines):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)

    def __enter__(self) -> FaultServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def wait_closed(self) -> None:
        """Wait until one more connection has ended."""
        assert self.closed.acquire(timeout=10)

    def settle(self) -> None:
        """Wait until every connection has ended, and with it what a fault still had to do."""
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
            thread.start()
            acceptor, *others = self._threads
            self._threads = [acceptor, *(t for t in others if t.is_alive()), thread]

    def _serve(self, sock: socket.socket, number: int) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._lines.add(sock)
        # What the client does to a connection while a fault is going on is the test's business.
        with contextlib.suppress(OSError, http.client.HTTPException):
            if self.tls:
                sock = self.tls.wrap_socket(sock, server_side=True)
            line = Line(self, sock, number)
            while line.open:
                fault = self.plan.popleft() if self.plan else answer
                fault(line)
        sock.close()
        self._lines.discard(sock)
        self.closed.release()

    def forward(self, request: Arrived) -> tuple[bytes, bytes]:
        """Ask the gateway; returns head (without its end) and body of the answer."""
        connection = http.client.HTTPConnection(self.upstream, timeout=10)
        with contextlib.closing(connection):
            connection.putrequest(
                request.method, request.target, skip_host=True, skip_accept_encoding=True
            )
            for name, value in request.headers:
                connection.putheader(name, value)
            connection.endheaders(request.body)
            reply = connection.getresponse()
            body = reply.read()
            lines = [f"HTTP/1.1 {reply.status} {reply.reason}"]
            skipped = ("connection", "content-length", "transfer-encoding", "keep-alive")
            lines += [f"{n}: {v}" for n, v in reply.getheaders() if n.lower() not in skipped]
            lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join(lines).encode("latin-1"), body


# What can happen to an attempt. The name is what the table of counts shows.


def answer(line: Line) -> None:
    """Nothing goes wrong, and the connection ends."""
    for head, body in _forwarded(line):
        line.send(head + b"\r\nConnection: close\r\n\r\n" + body)
    line.close()


def answer_and_keep(line: Line) -> None:
    """Nothing goes wrong, and the connection stays for the next request."""
    for head, body in _forwarded(line):
        line.send(head + b"\r\n\r\n" + body)


def keep_then_close(line: Line) -> None:
    """The answer promises to keep the connection, and then it is closed."""
    answer_and_keep(line)
    line.close()


def reset_before_request(line: Line) -> None:
    # Only once the client has begun to send: before, its connect() itself might see the reset.
    line.first_byte()
    line.abort()


def reset_within_request(line: Line) -> None:
    line.sock.recv(10)
    line.abort()


def reset_after_request(line: Line) -> None:
    line.request()
    line.abort()


def closed_without_answer(line: Line) -> None:
    line.request()
    line.close()


def lost_reply(line: Line) -> None:
    for _ in _forwarded(line):
        line.abort()
    line.close()


def truncated_head(line: Line) -> None:
    for head, _ in _forwarded(line):
        line.send(head[: len(head) // 2])
    line.close()


def truncated_body(line: Line) -> None:
    for head, body in _forwarded(line):
        line.send(head + b"\r\n\r\n" + body[: len(body) // 2])
    line.close()


def garbled_reply(line: Line) -> None:
    line.request()
    line.send(b"\x16\x03\x01\x00\xf0 SSH-2.0-no-http\r\n\r\n\x00\xff")
    line.close()


def garbled_after_success(line: Line) -> None:
    for head, body in _forwarded(line):
        line.send(bytes(byte ^ 0x55 for byte in head + b"\r\n\r\n" + body))
    line.close()


def duplicate_delivery(line: Line) -> None:
    """A box on the way sends the request twice; the client sees the first answer."""
    request = line.request()
    if request is not None:
        head, body = line.server.forward(request)
        line.server.forward(request)
        line.send(head + b"\r\nConnection: close\r\n\r\n" + body)
    line.close()


def stall_after_connect(line: Line) -> None:
    line.gave_up()
    line.close()


def stall_before_headers(line: Line) -> None:
    line.request()
    line.gave_up()
    line.close()


def stall_within_headers(line: Line) -> None:
    for head, _ in _forwarded(line):
        line.send(head[: len(head) // 2])
        line.gave_up()
    line.close()


def stall_within_body(line: Line) -> None:
    for head, body in _forwarded(line):
        line.send(head + b"\r\n\r\n" + body[: len(body) // 2])
        line.gave_up()
    line.close()


def drip_headers(line: Line) -> None:
    for head, _ in _forwarded(line):
        line.send(head + b"\r\nX-Drip: ")
        while not line.gave_up(30):
            line.send(b".")
    line.close()


def drip_body(line: Line) -> None:
    for head, _ in _forwarded(line):
        line.send(head.partition(b"\r\n")[0] + b"\r\nContent-Length: 1000000\r\n\r\n")
        while not line.gave_up(30):
            line.send(b" ")
    line.close()


def endless_headers(line: Line) -> None:
    line.request()
    line.send(b"HTTP/1.1 200 OK\r\n")
    with contextlib.suppress(OSError):
        while True:
            line.send(b"X-More: and more\r\n" * 500)
    line.close()


def status(code: int, *headers: str) -> Fault:
    """An answer by something in front of the gateway, which never sees the request."""

    def refuse(line: Line) -> None:
        line.request()
        lines = [f"HTTP/1.1 {code} No", *headers, "Content-Length: 0", "Connection: close"]
        line.send("\r\n".join([*lines, "", ""]).encode())
        line.close()

    refuse.__name__ = "_".join([f"status_{code}", *(h.partition(":")[0] for h in headers)])
    return refuse


def bad_gateway_after_success(line: Line) -> None:
    for _ in _forwarded(line):
        line.send(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    line.close()


def _forwarded(line: Line) -> Iterator[tuple[bytes, bytes]]:
    """The gateway's answer to the next request, or nothing and a closed line if none comes."""
    request = line.request()
    if request is None:
        line.close()
    else:
        yield line.server.forward(request)
