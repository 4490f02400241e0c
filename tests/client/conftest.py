"""Implementors of both modes, and a client at a server that does what the test says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from ath._protocol import waiting
from ath.testing import LocalGateway, LocalService, Quirks
from tests.harness.clients import AnyClient, Kind
from tests.harness.server import Server
from tests.harness.worlds import World


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
def client(kind: Kind, server: Server) -> AnyClient:
    """A gateway client with a registration and a token at ``server``."""
    client = kind.client(server.url)
    client.set_credentials("ath_client_0", "ath_secret_0")
    client.set_token("ath_tk_0")
    return client


@pytest.fixture
def elsewhere() -> Iterator[Kind]:
    """Sync clients, which act while a client under test waits for its server or store."""
    kind = Kind("sync")
    yield kind
    kind.close()


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits for consent and approval try again after milliseconds, and for no late browser."""
    for name in ("FIRST_PAUSE", "LONGEST_PAUSE", "LATE_BROWSER"):
        monkeypatch.setattr(waiting, name, 0.005)
