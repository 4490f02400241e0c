"""Clients of both kinds that hold recognisable secrets."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Clients and the raw server are those of the two neighbouring folders.
for neighbour in ("faults", "hostile"):
    sys.path.insert(0, str(Path(__file__).parents[1] / neighbour))

from both_kinds import Kind  # noqa: E402
from raw_server import RawServer  # noqa: E402


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy of the machine that runs the tests."""
    for name in os.environ:
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def server() -> Iterator[RawServer]:
    server = RawServer()
    yield server
    server.stop()


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> Iterator[Kind]:
    kind = Kind(request.param)
    yield kind
    kind.close()
