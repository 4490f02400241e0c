"""The local gateway behind a fault server, and the table of what was counted."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

import pytest
import trustme

from .calls import FaultyGateway

COUNTED: dict[str, Counter[str]] = defaultdict(Counter)


@pytest.fixture(scope="session")
def shared_gateway() -> Iterator[FaultyGateway]:
    with FaultyGateway() as gateway:
        yield gateway


@pytest.fixture(scope="session")
def shared_tls_gateway(authority: trustme.CA) -> Iterator[FaultyGateway]:
    with FaultyGateway(authority) as gateway:
        yield gateway


@pytest.fixture(params=["http", "https"])
def gateway(request: pytest.FixtureRequest) -> FaultyGateway:
    """The gateway behind a server that forwards requests unless a test plans a fault."""
    name = "shared_gateway" if request.param == "http" else "shared_tls_gateway"
    gateway: FaultyGateway = request.getfixturevalue(name)
    gateway.server.clear()
    return gateway


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
