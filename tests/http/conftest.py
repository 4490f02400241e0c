"""Callers of each kind, and servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from ath._http import tls

from .wire import ASYNC_KINDS, Caller, Handler, Server, client_context, server_context


@pytest.fixture(autouse=True)
def plain_environment(plain_environment: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As for all tests, and no certificates: these tests say whom they trust.

    The process keeps one context, so what is made of this environment must not reach other tests.
    """
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    yield
    tls.default_context.cache_clear()


@pytest.fixture(params=["sync", *ASYNC_KINDS])
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
