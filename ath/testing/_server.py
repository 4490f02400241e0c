"""One origin: a WSGI application behind a real HTTP/1.1 server on loopback."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING

from cheroot import wsgi
from cheroot.workers.threadpool import ThreadPool, WorkerThread

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

WORKERS = 16


class _PromptPool(ThreadPool):
    """Worker threads that are waited for in steps of a millisecond, not of a hundred."""

    def _spawn_worker(self) -> WorkerThread:
        worker = WorkerThread(self.server)  # type: ignore[no-untyped-call]  # its stubs name no types
        # A server that nobody stopped must not keep the process from ending.
        worker.daemon = True
        worker.start()
        while not worker.ready and worker.is_alive():
            time.sleep(0.001)
        return worker


class _Server(wsgi.Server):
    """The server, quiet and with keep-alive for as many connections as come."""

    def __init__(self, app: WSGIApplication, port: int) -> None:
        # An accepted connection holds a worker until its first byte comes, so a stopping server
        # may meet a silent one: shutdown_timeout is how long that may delay it.
        super().__init__(
            ("127.0.0.1", port), app, server_name="127.0.0.1", request_queue_size=128, timeout=30
        )
        self.shutdown_timeout = 0.2
        self.keep_alive_conn_limit = 10_000
        self.requests = _PromptPool(self, min=WORKERS)
        self.helper: threading.Thread | None = None

    def error_log(self, msg: str = "", level: int = 20, traceback: bool = False) -> None:
        """Say nothing: what is logged here may hold a request line with its secrets."""

    def _serve_unservicable(self) -> None:
        # Kept so that stop() can join it: the base class starts it and forgets it.
        self.helper = threading.current_thread()
        super()._serve_unservicable()  # type: ignore[misc]  # absent from the stubs


class Origin:
    """A WSGI application served at `http://127.0.0.1:<port>` by threads of this process."""

    def __init__(self, app: WSGIApplication, port: int = 0) -> None:
        self._app = app
        self._port = port
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Scheme, host and port, without a trailing slash."""
        if self._server is None:
            raise RuntimeError("not started: use it as a context manager, or call start()")
        return f"http://127.0.0.1:{self._server.bind_addr[1]}"

    def start(self) -> None:
        """Bind, listen and begin to answer."""
        server = _Server(self._app, self._port)
        server.prepare()
        self._server = server
        self._thread = threading.Thread(
            target=server.serve, name=f"ath.testing {self.url}", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Close every connection and end every thread; a second call does nothing."""
        server, thread = self._server, self._thread
        if server is None or thread is None or self._thread is None:
            return
        address = server.bind_addr[:2]
        stopper = threading.Thread(target=server.stop, name="ath.testing stop")
        stopper.start()
        # The server looks for its end only when something happens or half a second has passed.
        # A connection is something.
        while stopper.is_alive() and thread.is_alive():
            try:
                socket.create_connection(address, timeout=0.5).close()
            except OSError:
                break
            stopper.join(0.005)
        stopper.join()
        thread.join()
        if server.helper is not None:
            server.helper.join()
        self._thread = None
