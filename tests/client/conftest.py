"""Implementors and clients for the tests: real servers on loopback, sync and async clients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from client_support import Driven, Kind, World
from scripted import Scripted

from ath.testing import LocalGateway, LocalService, Quirks


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy and no certificates of the machine that runs the tests."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> Iterator[Kind]:
    kind = Kind(request.param)
    yield kind
    kind.close()


@pytest.fixture(params=["gateway", "native"])
def mode(request: pytest.FixtureRequest) -> str:
    mode: str = request.param
    return mode


@pytest.fixture
def worlds(kind: Kind) -> Iterator[Callable[..., World]]:
    """Makes implementors of either mode with the options of LocalGateway, quirks among them."""
    with ExitStack() as stack:

        def make(mode: str, **options: Any) -> World:
            names = set(Quirks.__dataclass_fields__) & options.keys()
            if names:
                options["quirks"] = Quirks(**{name: options.pop(name) for name in names})
            make_server = LocalGateway if mode == "gateway" else LocalService
            return World(kind, stack.enter_context(make_server(**options)))

        yield make


@pytest.fixture
def world(worlds: Callable[..., World], mode: str) -> World:
    """An implementor of each mode, as the specification wants it."""
    return worlds(mode)


@pytest.fixture
def gateway(worlds: Callable[..., World]) -> World:
    """A gateway as the specification wants it."""
    return worlds("gateway")


@pytest.fixture
def service(worlds: Callable[..., World]) -> World:
    """A native service as the specification wants it."""
    return worlds("native")


@pytest.fixture
def scripts() -> Iterator[Callable[[], Scripted]]:
    """Makes servers that answer what the test tells them to."""
    with ExitStack() as stack:

        def make() -> Scripted:
            server = Scripted()
            stack.callback(server.stop)
            return server

        yield make


@pytest.fixture
def script(scripts: Callable[[], Scripted]) -> Scripted:
    """A server that answers what the test tells it to."""
    return scripts()


@pytest.fixture
def scripted(kind: Kind, script: Scripted) -> Driven:
    """A gateway client with a registration and a token at the scripted server."""
    client = kind.client("gateway", script.url)
    client.set_credentials("ath_client_0", "ath_secret_0")
    client.set_token("ath_tk_0")
    return client
