"""A server that keeps raw bytes, and clients of both kinds."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Both kinds of client are driven as tests/faults/ drives them.
sys.path.insert(0, str(Path(__file__).parents[1] / "faults"))

from both_kinds import Kind
from raw_server import RawServer


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy of the machine that runs the tests."""
    for name in os.environ:
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def shared_server() -> Iterator[RawServer]:
    server = RawServer()
    yield server
    server.stop()


@pytest.fixture
def server(shared_server: RawServer) -> RawServer:
    shared_server.reset()
    return shared_server


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> Iterator[Kind]:
    kind = Kind(request.param)
    yield kind
    kind.close()
