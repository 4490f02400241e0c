"""Workers: real processes on one store that do what the test tells them, line by line.

A worker holds one client, sync or async, and serves requests at the same time, each with a new
view of its user. Whatever happens, it ends with the test: when its standard input closes, and
killed if that is not enough.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import ath
from ath import ATHError, FileStore, FolderStore
from tests.harness.clients import AGENT_ID, CLASSES, DEVELOPER

ROOT = Path(__file__).resolve().parents[2]
WANTED: dict[str, Any] = {
    "developer": DEVELOPER,
    "providers": [{"provider_id": "github", "scopes": ["read:user", "repo"]}],
}
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
    count: int, kind: str, store: str, place: Path, url: str, pem: str
) -> Iterator[list[Worker]]:
    """Start that many workers on one store; all are ready when the block begins."""
    options = {"kind": kind, "store": store, "place": str(place), "url": url, "pem": pem}
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    command = [sys.executable, "-W", "error", "-m", "tests.fleet.workers", json.dumps(options)]
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
        for worker in workers:
            assert worker.process.stdin is not None
            worker.process.stdin.close()
        for worker in workers:
            assert worker.process.wait(PATIENCE) == 0


# --- The other end: what runs in the worker's process.


class Counting:
    """A store that counts how often each record was read."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.reads: dict[str | None, int] = {}

    def load(self, key: ath.CredentialKey) -> str | None:
        self.reads[key.user] = self.reads.get(key.user, 0) + 1
        text: str | None = self._store.load(key)
        return text

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def make_calls(client: Any, store: Counting) -> dict[str, Callable[..., Any]]:
    """What a worker can do: each is a call, or a coroutine function."""

    def view(user: str | None) -> Any:
        return client if user is None else client.for_user(user)

    return {
        "start": lambda user: {},
        "client_id": lambda user: {"client_id": view(user).client_id},
        "ensure_registered": lambda user: view(user).ensure_registered(**WANTED),
        "register": lambda user: view(user).register(**WANTED),
        "authorize": lambda user: view(user).authorize("github", ["read:user"]),
        "exchange": lambda user, session: view(user).exchange_token("exchange", session),
        "call": lambda user: view(user).proxy("github", "GET", "/user"),
        "write": lambda user: view(user).proxy("github", "POST", "/note", {"n": 1}),
        "revoke": lambda user: view(user).revoke(),
        "registration": lambda user: view(user).registration(),
        "load": lambda user: view(user).load(),
    }


def to_answer(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    return dict(value.to_dict()) if hasattr(value, "to_dict") else {}


def say(number: int, answer: dict[str, Any]) -> None:
    os.write(1, (json.dumps({"id": number, **answer}) + "\n").encode())


def serve(options: dict[str, str]) -> None:
    """Answer each line in a thread or task of its own, until there are no more."""
    stores: dict[str, Callable[[str], Any]] = {"file": FileStore, "folder": FolderStore}
    store = Counting(stores[options["store"]](options["place"]))
    client = CLASSES[options["kind"], "gateway"](
        options["url"], AGENT_ID, options["pem"], credentials=store
    )
    calls = make_calls(client, store)
    loop = asyncio.new_event_loop()

    def answer(request: dict[str, Any]) -> None:
        number, operation = request.pop("id"), request.pop("operation")
        try:
            value = calls[operation](**request)
            if inspect.iscoroutine(value):
                value = asyncio.run_coroutine_threadsafe(value, loop).result()
            reads = store.reads.get(request["user"], 0)
            say(number, {**to_answer(value), "reads": reads})
        except ATHError as error:
            say(number, {"error": error.code, "status": error.status, "text": str(error)})
        except BaseException as error:
            say(number, {"error": repr(error)})

    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    with ThreadPoolExecutor(16) as pool:
        for line in sys.stdin:
            pool.submit(answer, json.loads(line))
    if options["kind"] == "async":
        asyncio.run_coroutine_threadsafe(client.aclose(), loop).result()
        asyncio.run_coroutine_threadsafe(loop.shutdown_default_executor(), loop).result()
    else:
        client.close()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


if __name__ == "__main__":
    serve(json.loads(sys.argv[1]))
