"""One gateway for the workers of a test, and what starts them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ath.testing import LocalGateway
from tests.harness.clients import AGENT_ID, KEY, PEM

from .workers import Worker, start_workers


@pytest.fixture
def gateway() -> Iterator[LocalGateway]:
    with LocalGateway() as gateway:
        gateway.publish_identity(AGENT_ID, KEY)
        yield gateway


@pytest.fixture(params=["sync", "async"])
def kind_name(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def start(kind_name: str, tmp_path: Path) -> Iterator[Callable[[int, str, str], list[Worker]]]:
    """Starts workers of one kind: how many, on which class of store, at which URL."""
    with ExitStack() as stack:
        yield lambda count, store, url: stack.enter_context(
            start_workers(count, kind_name, store, tmp_path / "store", url, PEM)
        )
