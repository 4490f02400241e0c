"""The local gateway behind a fault server, and the table of what was counted."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

import pytest

from .calls import FaultyGateway

COUNTED: dict[str, Counter[str]] = defaultdict(Counter)


@pytest.fixture(scope="session")
def shared_gateway() -> Iterator[FaultyGateway]:
    with FaultyGateway() as gateway:
        yield gateway


@pytest.fixture
def gateway(shared_gateway: FaultyGateway) -> FaultyGateway:
    """The gateway behind a server that forwards requests unless a test plans a fault."""
    shared_gateway.server.clear()
    return shared_gateway


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
