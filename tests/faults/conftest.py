"""The local gateway behind a fault server, and the table of what was counted."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator

import pytest
from both_kinds import Kind
from fault_support import World

COUNTED: dict[str, Counter[str]] = defaultdict(Counter)


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy and no certificates of the machine that runs the tests."""
    for name in os.environ:
        if name.lower().endswith("_proxy") or name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def shared_world() -> Iterator[World]:
    with World() as world:
        yield world


@pytest.fixture
def world(shared_world: World) -> World:
    """The gateway behind the fault server, which behaves until it is told otherwise."""
    shared_world.server.plan.clear()
    shared_world.server.arrived.clear()
    return shared_world


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> Iterator[Kind]:
    kind = Kind(request.param)
    yield kind
    kind.close()


@pytest.fixture
def counted() -> dict[str, Counter[str]]:
    """What happened under each fault, for the table at the end."""
    return COUNTED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not COUNTED:
        return
    columns = sorted({name for row in COUNTED.values() for name in row} - {"cases"})
    columns = ["cases", *columns]
    width = max(len(name) for name in COUNTED) + 2
    terminalreporter.section("faults, counted")
    terminalreporter.write_line(" " * width + "  ".join(columns))
    rows = {**COUNTED, "all": sum(COUNTED.values(), Counter())}
    for name, row in rows.items():
        cells = (f"{row[column]:>{len(column)}}" for column in columns)
        terminalreporter.write_line(f"{name:<{width}}" + "  ".join(cells))
