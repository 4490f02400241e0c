"""A server that does to a connection what a test says, and callers of both kinds."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import queue
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import trustme

from ath._http.aio import AsyncTransport
from ath._http.limits import Limits, parse_timeout
from ath._http.messages import Reply, Request, parse_base
from ath._http.sync import SyncTransport

PATIENCE = 20.0  # seconds after which a test that waits for the other side has failed
LIMITS = parse_timeout(PATIENCE, 64 * 1024 * 1024)
AUTHORITY = trustme.CA()
ASYNC_KINDS = ["async", "uvloop"] if importlib.util.find_spec("uvloop") else ["async"]


def server_context(*names: str, authority: trustme.CA = AUTHORITY) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*(names or ("127.0.0.1", "localhost"))).configure_cert(context)
    return context


def client_context(authority: trustme.CA = AUTHORITY) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    target: str
    head: bytes
    body: bytes


class Peer:
    """The server's end of one connection."""

    def __init__(self, sock: socket.socket, number: int, tls: ssl.SSLContext | None) -> None:
        self.sock, self.number = sock, number
        sock.settimeout(PATIENCE)
        self._buffer = b""
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = None
        if tls is not None:
            self.tls = tls.wrap_bio(self._incoming, self._outgoing, server_side=True)
            self._until_done(self.tls.do_handshake)
            self._flush()

    def _flush(self) -> None:
        if self._outgoing.pending:
            self.sock.sendall(self._outgoing.read())

    def _until_done(self, action: Callable[[], Any]) -> Any:
        while True:
            try:
                return action()
            except ssl.SSLWantReadError:
                self._flush()
                data = self.sock.recv(65_536)
                if not data:
                    raise ConnectionResetError from None
                self._incoming.write(data)

    def receive(self, size: int = 65_536) -> bytes:
        """What comes next; nothing at the end."""
        try:
            tls = self.tls
            if tls is None:
                return self.sock.recv(size)
            data: bytes = self._until_done(lambda: tls.read(size))
            return data
        except (ConnectionError, ssl.SSLError):
            return b""

    def head(self) -> bytes:
        """The next request's head, or nothing if the client has gone."""
        while b"\r\n\r\n" not in self._buffer:
            data = self.receive()
            if not data:
                return b""
            self._buffer += data
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        return head

    def request(self) -> Asked | None:
        """The next request, or None if the client has gone."""
        head = self.head()
        if not head:
            return None
        length = 0
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        while len(self._buffer) < length:
            data = self.receive()
            if not data:
                return None
            self._buffer += data
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        return Asked(head.split(b" ")[1].decode(), head, body)

    def send(self, *records: bytes) -> None:
        """Send all at once; over TLS each part is a record of its own."""
        if self.tls is None:
            self.sock.sendall(b"".join(records))
            return
        for record in records:
            self.tls.write(record)
        self._flush()

    def close(self, *, announced: bool = True) -> None:
        """End it; over TLS with or without saying so there too."""
        if self.tls is not None and announced:
            with contextlib.suppress(ssl.SSLError):
                self.tls.unwrap()
            self._flush()
        self.sock.close()

    def abort(self) -> None:
        """Reset the connection."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def was_left(self) -> bool:
        """Wait until the client has closed its end, whatever it still sends."""
        with contextlib.suppress(OSError):
            while self.receive():
                pass
        return True


Handler = Callable[[Peer], None]


class Server:
    """Runs a handler for every connection, in a thread."""

    def __init__(self, handler: Handler, tls: ssl.SSLContext | None = None) -> None:
        self.handler, self.tls = handler, tls
        self.connections = 0
        self.ended: queue.Queue[int] = queue.Queue()
        """The numbers of connections whose handler is done."""
        self.errors: list[BaseException] = []
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Server:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in list(self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self._thread.join(PATIENCE)
        assert not self.errors, self.errors

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(sock, self.connections))
            thread.daemon = True
            thread.start()

    def _serve(self, sock: socket.socket, number: int) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._open.add(sock)
        try:
            self.handler(Peer(sock, number, self.tls))
        except (OSError, ssl.SSLError):
            pass  # what the client does to its connection is the test's business
        except BaseException as error:
            self.errors.append(error)
        finally:
            self._open.discard(sock)
            sock.close()
            self.ended.put(number)

    def wait_ended(self, *numbers: int) -> None:
        """Wait until these connections have ended."""
        for _ in numbers:
            self.ended.get(timeout=PATIENCE)


def answer(body: bytes, *fields: bytes, status: bytes = b"200 OK") -> bytes:
    lines = [b"HTTP/1.1 " + status, *fields, b"Content-Length: %d" % len(body), b"", body]
    return b"\r\n".join(lines)


def echo(peer: Peer) -> None:
    """Answer every request with its own target."""
    while asked := peer.request():
        peer.send(answer(asked.target.encode()))


def request(url: str, target: str = "/", method: bytes = b"GET", content: bytes = b"") -> Request:
    base = parse_base(url, "url")
    headers = [(b"Host", base.host_header)]
    if content:
        headers.append((b"Content-Length", b"%d" % len(content)))
    return Request(method, base, target.encode(), headers, content)


class Caller:
    """A transport of either kind; the async ones are driven from outside."""

    def __init__(self, kind: str, ssl_context: ssl.SSLContext | None = None) -> None:
        self.kind = kind
        self.runner: asyncio.Runner | None = None
        if kind == "sync":
            self.transport: Any = SyncTransport(ssl_context)
        else:
            factory = None
            if kind == "uvloop":
                import uvloop  # type: ignore[import-not-found, unused-ignore]

                factory = uvloop.new_event_loop
            self.runner = asyncio.Runner(loop_factory=factory)
            self.transport = AsyncTransport(ssl_context)

    def run(self, value: Any) -> Any:
        return value if self.runner is None else self.runner.run(value)

    def send(self, request: Request, limits: Limits = LIMITS) -> Reply:
        reply: Reply = self.run(self.transport.send(request, limits))
        return reply

    def open(self, request: Request, limits: Limits = LIMITS) -> Any:
        """An answer whose body is still to be pulled."""
        return self.run(self.transport.open(request, limits))

    def read(self, opened: Any) -> bytes:
        """The next piece of an answer's body."""
        piece: bytes = self.run(opened.read())
        return piece

    def read_all(self, opened: Any) -> bytes:
        """The rest of an answer's body."""
        return b"".join(iter(lambda: self.read(opened), b""))

    def close_reply(self, opened: Any) -> None:
        """Leave the rest of an answer unread."""
        self.run(opened.close() if self.runner is None else opened.aclose())
        self.settle()

    def settle(self) -> None:
        """Let an event loop do what it has to, such as closing a connection."""
        if self.runner is not None:
            self.runner.run(asyncio.sleep(0))

    def while_waiting(self, wait: Callable[[], Any]) -> Any:
        """Wait for another thread while the event loop, if there is one, runs."""
        return wait() if self.runner is None else self.runner.run(asyncio.to_thread(wait))

    def series(
        self,
        requests: Iterable[Request],
        between: Callable[[], None] = lambda: None,
        *,
        loop_runs: bool = True,
    ) -> list[Reply]:
        """One call after the other, in one go; an event loop may run in the time between."""
        if self.runner is None:
            replies = []
            for one in requests:
                replies.append(self.transport.send(one, LIMITS))
                between()
            return replies

        async def calls() -> list[Reply]:
            replies = []
            for one in requests:
                replies.append(await self.transport.send(one, LIMITS))
                if loop_runs:
                    await asyncio.to_thread(between)
                else:
                    between()
            return replies

        return self.runner.run(calls())

    def together(
        self, requests: Iterable[Request], limits: Limits = LIMITS
    ) -> list[Reply | BaseException]:
        """All at the same time: in threads, or as tasks."""
        if self.runner is not None:

            async def calls() -> list[Reply | BaseException]:
                sending = (self.transport.send(one, limits) for one in requests)
                return list(await asyncio.gather(*sending, return_exceptions=True))

            return self.runner.run(calls())
        listed = list(requests)
        results: list[Any] = [None] * len(listed)

        def call(place: int) -> None:
            try:
                results[place] = self.transport.send(listed[place], limits)
            except BaseException as error:
                results[place] = error

        threads = [threading.Thread(target=call, args=(i,)) for i in range(len(listed))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        return results

    def close(self) -> None:
        if self.runner is None:
            self.transport.close()
        else:
            self.runner.run(self.transport.aclose())
            self.runner.close()


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait for what another thread does, which tells nobody."""
    ends = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < ends, "it did not happen"
        time.sleep(0.001)


async def wait_until(condition: Callable[[], bool]) -> None:
    """The same in an event loop."""
    await asyncio.to_thread(wait_for, condition)
