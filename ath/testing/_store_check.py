"""What the promises of stores are checked with: the store opened again and again, processes."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import select
import signal
import threading
import time
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import AbstractContextManager, AsyncExitStack, contextmanager, suppress
from typing import Any, NamedTuple, TypeVar

from ath import CredentialKey

T = TypeVar("T")
PATIENCE = 60.0  # seconds after which a call that should have ended counts as hanging
Open = Callable[[], AbstractContextManager[Any]]


class Promise(NamedTuple):
    """A sentence, and what fails if a store does not keep it."""

    text: str
    check: Callable[[Check], None]
    methods: tuple[str, ...]
    """What the store must have, besides load() and replace()."""
    processes: bool
    forked: bool
    """Whether the child of a fork uses the store that its parent made."""


def promise(
    text: str, *methods: str, processes: bool = False, forked: bool = False
) -> Callable[[Callable[[Check], None]], Promise]:
    """Make a promise of the function that checks it."""
    return lambda check: Promise(text, check, methods, processes or forked, forked)


def promises_of(*modules: object) -> list[Promise]:
    """The promises that these modules hold, in their order."""
    values = (value for module in modules for value in vars(module).values())
    return [value for value in values if isinstance(value, Promise)]


def expect(condition: bool, reason: str) -> None:
    """Assert it; an assert statement would do nothing under ``python -O``."""
    if not condition:
        raise AssertionError(reason)


class Check:
    """What a promise needs: the store, opened as often as it likes, and keys that nobody uses."""

    def __init__(self, open_store: Open, *, is_async: bool) -> None:
        self.open = open_store
        """Opens the same store once more, as another process would."""
        self.is_async = is_async
        self.implementor = f"https://{secrets.token_hex(8)}.example"
        self._used: set[CredentialKey] = set()

    def key(self, user: str | None = "alice", **members: Any) -> CredentialKey:
        """A key at an implementor of this promise's own; the record is removed in the end."""
        agent_id = members.pop("agent_id", "https://agent.example/agent.json")
        key = CredentialKey(self.implementor, agent_id, user)._replace(**members)
        self._used.add(key)
        return key

    def clean(self) -> None:
        """Remove the records of all keys."""
        with self.open() as store, suppress(Exception):
            for key in self._used:
                store.delete(key)


def record(value: object, **members: object) -> str:
    """A record that can be told from others."""
    return json.dumps({"value": value, **members})


def value_in(text: str | None) -> Any:
    """What :func:`record` was given; None if there is no record."""
    return None if text is None else json.loads(text)["value"]


def increase(store: Any, key: CredentialKey, times: int) -> None:
    """Count up in a record, as a client makes its changes: read, change, write, until it holds."""
    for _ in range(times):
        ends = time.monotonic() + PATIENCE
        while True:
            old = store.load(key)
            if store.replace(key, old, record((value_in(old) or 0) + 1)):
                break
            expect(time.monotonic() < ends, "replace() never accepted a change")


def run_in_threads(*works: Callable[[], object]) -> None:
    """Run all at once; raise the first exception that one of them raised."""
    start, errors = threading.Barrier(len(works)), list[BaseException]()

    def run(work: Callable[[], object]) -> None:
        start.wait()
        try:
            work()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(work,), daemon=True) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(2 * PATIENCE)
        expect(not thread.is_alive(), "a call did not return")
    if errors:
        raise errors[0]


class Child:
    """A forked process that does the work and reports what it returned."""

    def __init__(self, work: Callable[[], object], *, lives_on: bool = False) -> None:
        """Start; one that ``lives_on`` stays after its report until it is killed."""
        self._read, write = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # other threads are none of its own
            self.process = os.fork()
        if self.process == 0:
            self._work(work, write, lives_on)
        os.close(write)

    def result(self) -> Any:
        """What the work returned, as JSON knows it.

        Raises:
            AssertionError: with the exception that the work ended with, or if it does not end.
        """
        ready, _, _ = select.select([self._read], [], [], PATIENCE)
        expect(bool(ready), "a process did not end")
        report = b""
        while piece := os.read(self._read, 65536):
            report += piece
            if report.endswith(b"\n"):
                break
        error, result = json.loads(report)
        expect(error is None, f"another process failed with {error}")
        return result

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        """Kill it, as a machine that loses its power would."""
        os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)
        os.close(self._read)

    @staticmethod
    def _work(work: Callable[[], object], write: int, lives_on: bool) -> None:
        try:
            try:
                report = [None, work()]
            except BaseException as error:
                report = [repr(error), None]
            os.write(write, json.dumps(report).encode() + b"\n")
            if lives_on:
                signal.pause()
        finally:
            os._exit(0)  # nothing of the parent's is flushed or closed


@contextmanager
def open_sync(make_store: Callable[[], Any]) -> Generator[Any, None, None]:
    """The store that was made, or that the context manager yields which was made."""
    made = make_store()
    if hasattr(made, "load"):
        yield made
    else:
        with made as store:
            yield store


@contextmanager
def open_async(make_store: Callable[[], Any]) -> Generator[Blocking, None, None]:
    """The same for an async store, which lives in an event loop of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    stack = AsyncExitStack()

    async def make() -> Any:
        made = make_store()
        return made if hasattr(made, "load") else await stack.enter_async_context(made)

    try:
        yield Blocking(loop, run_in_loop(loop, make()))
    finally:
        run_in_loop(loop, stack.aclose())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE)
        loop.close()


def run_in_loop(loop: asyncio.AbstractEventLoop, awaitable: Awaitable[T]) -> T:
    """Wait in this thread for what runs in the loop of another one."""

    async def wait() -> T:
        return await awaitable

    return asyncio.run_coroutine_threadsafe(wait(), loop).result(PATIENCE)


class Blocking:
    """An async store whose methods block; threads that call them are tasks of one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, store: Any) -> None:
        self._loop, self._store = loop, store

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """A method of the store, if it has it."""
        method = getattr(self._store, name)
        if name == "keys":
            return lambda: iter(run_in_loop(self._loop, _collect(method())))
        return lambda *arguments: run_in_loop(self._loop, method(*arguments))


async def _collect(keys: AsyncIterator[CredentialKey]) -> list[CredentialKey]:
    return [key async for key in keys]
