"""Workers: real processes on one store that do what the test tells them, line by line.

Whatever happens, they end with the test: when their standard input closes, and killed if that is
not enough.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60  # seconds that a test waits for an answer before it fails


class Worker:
    """The test's end of one worker."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._answers: dict[int, Future[dict[str, Any]]] = {}
        self._lock = threading.Lock()
        self._next = 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def begin(self, operation: str, user: str | None = None, **more: Any) -> Future[Any]:
        """Ask for something; the future is the answer."""
        future: Future[dict[str, Any]] = Future()
        with self._lock:
            self._next += 1
            self._answers[self._next] = future
            line = json.dumps({"id": self._next, "operation": operation, "user": user, **more})
            assert self.process.stdin is not None
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        return future

    def ask(self, operation: str, user: str | None = None, **more: Any) -> dict[str, Any]:
        """Ask for something and wait for the answer."""
        answer: dict[str, Any] = self.begin(operation, user, **more).result(PATIENCE)
        return answer

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            answer = json.loads(line)
            self._answers.pop(answer.pop("id")).set_result(answer)
        for future in list(self._answers.values()):
            future.set_exception(EOFError("the worker has ended"))


@contextmanager
def start_workers(
    count: int, kind: str, store: str, place: Path | str, url: str, pem: str
) -> Iterator[list[Worker]]:
    """Start that many workers on one store; all are ready when the block begins."""
    options = {"kind": kind, "store": store, "place": str(place), "url": url, "pem": pem}
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    command = [sys.executable, "-W", "error", "-m", "tests.fleet.worker", json.dumps(options)]
    with ExitStack() as stack:
        workers = []
        for _ in range(count):
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            workers.append(Worker(process))
        for worker in workers:
            assert "error" not in worker.ask("start")
        yield workers
        workers = [worker for worker in workers if worker.process.poll() is None]
        for worker in workers:
            assert worker.process.stdin is not None
            worker.process.stdin.close()
        for worker in workers:
            assert worker.process.wait(PATIENCE) == 0
