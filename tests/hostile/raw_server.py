"""A server that keeps the very bytes it receives and answers the very bytes it is told to."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Callable

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


def reply(body: bytes, *headers: str, status: int = 200, kind: str = "application/json") -> bytes:
    """A well-formed answer with that body."""
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Type: {kind}", *headers]
    lines += [f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


class RawServer:
    """On loopback; a thread for each connection."""

    def __init__(self) -> None:
        self.answer = OK
        self.answer_with: Callable[[bytes], bytes] | None = None  # instead, from the request
        self.endless = b""  # sent again and again after the answer, until the client goes
        self.received: list[bytes] = []
        self.stray: list[bytes] = []  # what came after a request's end without being waited for
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._open: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def origin(self) -> str:
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def url(self) -> str:
        return f"http://{self.origin}"

    def reset(self) -> None:
        self.answer, self.answer_with, self.endless = OK, None, b""
        self.received.clear()
        self.stray.clear()

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for sock in list(self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
            self._threads = [t for t in self._threads if t.is_alive()] + [thread]
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        self._open.add(sock)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        buffer = b""
        with contextlib.suppress(OSError), sock:
            while True:
                while (length := _request_length(buffer)) is None or len(buffer) < length:
                    piece = sock.recv(1 << 20)
                    if not piece:
                        return
                    buffer += piece
                self.received.append(buffer[:length])
                if len(buffer) > length:
                    self.stray.append(buffer[length:])
                buffer = b""
                request = self.received[-1]
                whole = self.answer_with(request) if self.answer_with else self.answer
                head, end, body = whole.partition(b"\r\n\r\n")
                without_body = request.startswith(b"HEAD ")
                sock.sendall(head + end + (b"" if without_body else body))
                while self.endless:
                    sock.sendall(self.endless)
                if not LENGTH.search(whole):
                    return
        self._open.discard(sock)


def _request_length(buffer: bytes) -> int | None:
    head, end, _ = buffer.partition(b"\r\n\r\n")
    if not end:
        return None
    found = LENGTH.search(head + b"\r\n")
    return len(head) + 4 + (int(found[1]) if found else 0)
