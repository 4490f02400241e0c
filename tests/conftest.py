"""Fixtures of all tests: a plain environment, both kinds of client, servers on loopback."""

from __future__ import annotations

import os
import random
import secrets
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.harness import search
from tests.harness.clients import Kind
from tests.harness.engines import PostgresServer, RedisServer, Stores
from tests.harness.server import Server

GETADDRINFO = socket.getaddrinfo


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--implementor",
        metavar="URL",
        default=os.environ.get("ATH_IMPLEMENTOR"),
        help="check this ATH server, not a local one (ATH_IMPLEMENTOR does the same)",
    )


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """The one certificate authority that the tests trust."""
    return trustme.CA()


@pytest.fixture(scope="session")
def authority_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("authority") / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    return file


@pytest.fixture(autouse=True)
def plain_environment(
    monkeypatch: pytest.MonkeyPatch, authority_file: Path, pytestconfig: pytest.Config
) -> None:
    """No proxy, no certificates and no name service of the machine that runs the tests.

    All tests see the same certificates, because a process may read them only once.
    """
    for name in os.environ:
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority_file))
    if not pytestconfig.getoption("implementor"):
        monkeypatch.setattr(socket, "getaddrinfo", resolve_loopback)


def resolve_loopback(host: Any, *args: Any, **options: Any) -> Any:
    """Resolve the names of this machine; others fail at once, as if there were no such host."""
    if host in (None, "localhost", "127.0.0.1", "::1", b"localhost", b"127.0.0.1", b"::1"):
        return GETADDRINFO(host, *args, **options)
    raise socket.gaierror(socket.EAI_NONAME, f"The tests resolve no names, such as {host!r}")


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> Iterator[Kind]:
    """Each kind of client."""
    kind = Kind(request.param)
    yield kind
    kind.close()


@pytest.fixture
def new_server() -> Iterator[Callable[..., Server]]:
    """Starts servers that do what the test says, and stops them at its end."""
    with ExitStack() as stack:
        yield lambda *args, **options: stack.enter_context(Server(*args, **options))


@pytest.fixture
def server(new_server: Callable[..., Server]) -> Server:
    """A server that does what the test says."""
    return new_server()


@pytest.fixture
def interruptible() -> Iterator[None]:
    """SIGINT raises KeyboardInterrupt, here and in new processes.

    A shell starts background jobs with SIGINT ignored, and Python then leaves it ignored.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def chance() -> random.Random:
    """Random numbers; a test that fails prints how to get the same ones again."""
    return search.make_chance()


@pytest.fixture(scope="session")
def full() -> bool:
    """Whether `scripts/test --full` asked for the long runs."""
    return os.environ.get("ATH_TEST_FULL") == "1"


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A Redis for all tests that leave it as it is, and do not ask how durable it is."""
    with RedisServer("--appendonly", "no") as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL for all tests that leave it as it is, and do not ask how durable it is."""
    with PostgresServer("-c", "fsync=off") as server:
        yield server


@pytest.fixture
def stores() -> Iterator[Stores]:
    """Opens stores on servers, in a place of this test's own."""
    stores = Stores(f"ath_{secrets.token_hex(6)}")
    yield stores
    stores.close()
