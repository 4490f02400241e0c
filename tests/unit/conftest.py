"""What the unit tests share; they may not use the network, and so are quick."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def no_sockets(plain_environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test that connects, listens or resolves a name; event loops still work."""

    def refuse(*args: Any, **options: Any) -> Any:
        pytest.fail("A unit test uses the network; its place is another folder of tests/.")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    for name in ("bind", "connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)


@pytest.fixture
def far_from_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose local time is nine hours ahead of UTC."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()
