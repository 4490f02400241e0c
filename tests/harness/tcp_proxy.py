"""A TCP proxy between a store and its server, which loses, breaks, stalls and counts."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
from collections.abc import Callable
from typing import Any


class TCPProxy:
    """Forwards connections to one address; a context manager.

    ``sent`` counts the bytes that clients have sent. The faults are met by the next bytes of a
    client that hold the given words, each once.
    """

    def __init__(self, port: int) -> None:
        self._server = "127.0.0.1", port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._faults: list[tuple[bytes, Callable[[_Pair, bytes], bool]]] = []
        self._stalled = threading.Event()
        self._closed = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]
        self.sent = 0
        self.met = 0
        """How many faults were met."""

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    def reset_at(self, words: bytes) -> None:
        """Reset the connection in the place of forwarding these words."""
        self._faults.append((words, _Pair.reset))

    def lose_reply_to(self, words: bytes) -> None:
        """Forward these words, wait for the server's reply, and reset the connection instead."""
        self._faults.append((words, _Pair.lose_reply))

    def swallow_reply_to(self, words: bytes) -> None:
        """The same, but the connection stays open."""
        self._faults.append((words, _Pair.swallow_reply))

    def stall(self) -> None:
        """Forward nothing any more, in either direction; connections are accepted."""
        self._stalled.set()

    def __enter__(self) -> TCPProxy:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(client,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError), socket.create_connection(self._server) as server:
            pair = _Pair(client, server)
            while not self._closed.is_set():
                readable, _, _ = select.select([client, server], [], [], 0.05)
                if self._stalled.is_set():
                    self._closed.wait(0.05)
                    continue
                for end in readable:
                    data = end.recv(65536)
                    if not data or not self._forward(pair, end, data):
                        return

    def _forward(self, pair: _Pair, end: socket.socket, data: bytes) -> bool:
        if end is pair.server:
            pair.client.sendall(data)
            return True
        self.sent += len(data)
        for fault in self._faults:
            if fault[0] in data:
                self._faults.remove(fault)
                self.met += 1
                return fault[1](pair, data)
        pair.server.sendall(data)
        return True


class _Pair:
    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client = client
        self.server = server

    def reset(self, _: Any = None) -> bool:
        # Closing without waiting for what is unsent resets the connection.
        self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False

    def lose_reply(self, data: bytes) -> bool:
        self.swallow_reply(data)
        return self.reset()

    def swallow_reply(self, data: bytes) -> bool:
        self.server.sendall(data)
        self.server.recv(65536)
        return True
