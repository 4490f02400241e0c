"""Callers of each kind, and servers."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from wire import Caller, Handler, Server, client_context, server_context

KINDS = ["sync", "async"]
if importlib.util.find_spec("uvloop"):
    KINDS.append("uvloop")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy and no certificates of the machine that runs the tests."""
    for name in os.environ:
        if name.lower().endswith("_proxy") or name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
            monkeypatch.delenv(name)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def caller(kind: str, stack: ExitStack) -> Caller:
    """Trusts the tests' authority."""
    caller = Caller(kind, client_context())
    stack.callback(caller.close)
    return caller


@pytest.fixture
def serve(stack: ExitStack) -> Callable[..., Server]:
    """Starts servers: in the clear, or encrypted."""

    def start(handler: Handler, scheme: str = "http", tls: Any = None) -> Server:
        context = tls or (server_context() if scheme == "https" else None)
        return stack.enter_context(Server(handler, context))

    return start
