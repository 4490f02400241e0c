"""Sync and async clients behind one interface, so that each test is written once."""

from __future__ import annotations

import asyncio
import inspect
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

import ath
from ath import ATHError, RetryPolicy

AGENT_ID = "https://agent.example/agent.json"
DEVELOPER = {"name": "Acme", "id": "acme"}
KEY = ec.generate_private_key(ec.SECP256R1())
PEM = KEY.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.NoEncryption(),
).decode()
WITHOUT_PAUSES = RetryPolicy(base=0)
"""The default policy, except that it does not wait between attempts."""

CLASSES: dict[tuple[str, str], Any] = {
    ("sync", "gateway"): ath.ATHGatewayClient,
    ("async", "gateway"): ath.AsyncATHGatewayClient,
    ("sync", "native"): ath.ATHNativeClient,
    ("async", "native"): ath.AsyncATHNativeClient,
}


class Kind:
    """Sync or async: makes clients of that kind, runs what they return, and closes them."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.runner = asyncio.Runner()
        self._closing: list[Callable[[], Any]] = []

    def client(
        self, url: str, mode: str = "gateway", provider: str = "github", **options: Any
    ) -> AnyClient:
        """Make a client; it retries without pauses unless ``retry`` says otherwise."""
        options = {"agent_id": AGENT_ID, "private_key": KEY, "retry": WITHOUT_PAUSES, **options}
        client = AnyClient(self, CLASSES[self.name, mode](url, **options), mode, provider)
        self._closing.append(client.close)
        return client

    def httpx_client(self, **options: Any) -> Any:
        """Make the httpx client that a user hands to a client."""
        client: Any = (httpx.Client if self.name == "sync" else httpx.AsyncClient)(**options)
        self._closing.append(lambda: self.close_httpx(client))
        return client

    def close_httpx(self, client: Any) -> None:
        """Close an httpx client of this kind."""
        self.run(client.close() if self.name == "sync" else client.aclose())

    def run(self, result: Any) -> Any:
        """Wait for a coroutine; return anything else as it is."""
        return self.runner.run(result) if inspect.iscoroutine(result) else result

    def close(self) -> None:
        for close in reversed(self._closing):
            close()
        self.runner.close()


class AnyClient:
    """A client of either kind, used as if it were sync; ``raw`` is the client itself."""

    def __init__(self, kind: Kind, raw: Any, mode: str, provider: str) -> None:
        self.kind = kind
        self.raw = raw
        self.mode = mode
        self.provider = provider

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.raw, name)
        if not callable(value):
            return value
        return lambda *args, **options: self.kind.run(value(*args, **options))

    def for_user(self, user: str, **options: Any) -> AnyClient:
        return AnyClient(self.kind, self.raw.for_user(user, **options), self.mode, self.provider)

    def close(self) -> None:
        self.kind.run(self.raw.close() if self.kind.name == "sync" else self.raw.aclose())

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """Call the provider: ``proxy`` at a gateway, ``api`` at a native service."""
        if self.mode == "gateway":
            return self.proxy(self.provider, method, path, body, **options)
        return self.api(method, path, body, **options)

    def start_connect(self, scopes: list[str], **options: Any) -> Any:
        """Ask for a grant at the provider, in either mode."""
        return self.kind.run(self.raw.start_connect(*self._asked(scopes), **options))

    def connect(self, scopes: list[str], **options: Any) -> Any:
        """Get a grant at the provider, in either mode."""
        return self.kind.run(self.raw.connect(*self._asked(scopes), **options))

    def grant(self, scopes: list[str] | None = None) -> Any:
        """What is granted at the provider, in either mode."""
        return self.kind.run(self.raw.grant(*self._asked(scopes or [])))

    def _asked(self, scopes: list[str]) -> tuple[Any, ...]:
        return (scopes,) if self.mode == "native" else (self.provider, scopes)

    def together(self, *calls: Callable[[Any], Any]) -> list[Any]:
        """Make the calls at the same time; return their results, or the errors they raised."""
        if self.kind.name == "async":

            async def gather() -> list[Any]:
                return await asyncio.gather(
                    *(call(self.raw) for call in calls), return_exceptions=True
                )

            return self.kind.runner.run(gather())
        results: list[Any] = [None] * len(calls)
        barrier = threading.Barrier(len(calls))

        def make(index: int) -> None:
            barrier.wait()
            try:
                results[index] = calls[index](self.raw)
            except Exception as error:
                results[index] = error

        threads = [threading.Thread(target=make, args=(i,)) for i in range(len(calls))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results


def json_body(request: Any) -> dict[str, Any]:
    """The JSON object that a request carried."""
    document = json.loads(request.body)
    assert isinstance(document, dict)
    return document


def claims(attestation: str) -> dict[str, Any]:
    """The claims of an attestation; its signature is the server's to check."""
    return jwt.decode(attestation, options={"verify_signature": False})


def attestation_claims(request: Any) -> dict[str, Any]:
    """The claims of the attestation in a request."""
    return claims(json_body(request)["agent_attestation"])


@contextmanager
def raises_code(code: str, status: int | None = None) -> Iterator[pytest.ExceptionInfo[ATHError]]:
    """Expect an ATHError of that code and status; status None is for errors of the client."""
    with pytest.raises(ATHError) as caught:
        yield caught
    assert (caught.value.code, caught.value.status) == (code, status)


def code_when_lost(call: str, code: str = "NETWORK_ERROR") -> str:
    """The code that a call ends with if no answer came: the effect of some calls is then unknown.

    ``call`` is the name of the method; ``code`` says what the client saw.
    """
    return "OUTCOME_UNKNOWN" if call in ("register", "exchange_token") else code


def code_when_unexplained(call: str) -> str:
    """The code of a failure that came without an error of the protocol in its body."""
    return "PROVIDER_ERROR" if call in ("proxy", "api") else "HTTP_ERROR"
