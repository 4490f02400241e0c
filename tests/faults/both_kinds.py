"""One way to use sync and async clients, so that each test is written once."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric import ec

from ath import (
    AsyncATHGatewayClient,
    AsyncATHNativeClient,
    ATHGatewayClient,
    ATHNativeClient,
    RetryPolicy,
)

AGENT_ID = "https://agent.example/agent.json"
KEY = ec.generate_private_key(ec.SECP256R1())
AT_ONCE = RetryPolicy(base=0)
"""The default policy, without pauses."""
CLASSES = {
    ("sync", "gateway"): ATHGatewayClient,
    ("async", "gateway"): AsyncATHGatewayClient,
    ("sync", "native"): ATHNativeClient,
    ("async", "native"): AsyncATHNativeClient,
}


class Kind:
    """Sync or async; the async one brings an event loop that lasts as long as the test."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.runner = asyncio.Runner() if name == "async" else None
        self._closing: list[Callable[[], Any]] = []

    def client(self, url: str, mode: str = "gateway", **options: Any) -> Driven:
        """A client whose coroutines are run where they are called."""
        options = {"private_key": KEY, "retry": AT_ONCE, "timeout": 10, **options}
        client = CLASSES[self.name, mode](url, AGENT_ID, **options)
        driven = Driven(self, client)
        self._closing.append(driven.aclose if self.runner else driven.close)
        return driven

    def httpx_client(self, **options: Any) -> Any:
        """The user's own httpx client."""
        if self.runner is None:
            client: Any = httpx.Client(**options)
            self._closing.append(client.close)
        else:
            client = httpx.AsyncClient(**options)
            self._closing.append(lambda: self.run(client.aclose()))
        return client

    def run(self, value: Any) -> Any:
        """Wait for a coroutine; hand on anything else."""
        if inspect.iscoroutine(value):
            assert self.runner is not None
            return self.runner.run(value)
        return value

    def close(self) -> None:
        for close in reversed(self._closing):
            close()
        if self.runner is not None:
            self.runner.close()


class Driven:
    """A client of either kind, used as if it were sync."""

    def __init__(self, kind: Kind, client: Any) -> None:
        self.kind, self.client = kind, client

    def for_user(self, user: str, **options: Any) -> Driven:
        return Driven(self.kind, self.client.for_user(user, **options))

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.client, name)
        if not callable(value):
            return value
        return lambda *args, **options: self.kind.run(value(*args, **options))
