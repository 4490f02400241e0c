"""What the tests of the clients share: one test body drives sync and async clients alike."""

from __future__ import annotations

import asyncio
import inspect
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

import ath
from ath import ATHError
from ath.testing import LocalGateway, LocalService, Record

AGENT_ID = "https://agent.example.com/.well-known/agent.json"
DEVELOPER = {"name": "Acme", "id": "acme"}
KEY = ec.generate_private_key(ec.SECP256R1())
PEM = KEY.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.NoEncryption(),
).decode()

CLASSES: dict[tuple[str, str], Any] = {
    ("sync", "gateway"): ath.ATHGatewayClient,
    ("async", "gateway"): ath.AsyncATHGatewayClient,
    ("sync", "native"): ath.ATHNativeClient,
    ("async", "native"): ath.AsyncATHNativeClient,
}


class Kind:
    """Sync or async: makes clients of that kind, settles what they return, and closes them."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.runner = asyncio.Runner()
        self._made: list[Driven] = []

    def client(self, mode: str, url: str, provider: str = "github", **options: Any) -> Driven:
        options = {"agent_id": AGENT_ID, "private_key": KEY, **options}
        driven = Driven(self, CLASSES[self.name, mode](url, **options), mode, provider)
        self._made.append(driven)
        return driven

    def settle(self, result: Any) -> Any:
        return self.runner.run(result) if inspect.iscoroutine(result) else result

    def close(self) -> None:
        for driven in self._made:
            driven.close()
        self.runner.close()


class Driven:
    """A client whose coroutines are awaited at once, on the one loop of its kind."""

    def __init__(self, kind: Kind, client: Any, mode: str, provider: str) -> None:
        self.kind = kind
        self.raw = client
        self.mode = mode
        self.provider = provider

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.raw, name)
        if not callable(value):
            return value
        return lambda *args, **options: self.kind.settle(value(*args, **options))

    def for_user(self, user: str, **options: Any) -> Driven:
        return Driven(self.kind, self.raw.for_user(user, **options), self.mode, self.provider)

    def close(self) -> None:
        self.kind.settle(self.raw.close() if self.kind.name == "sync" else self.raw.aclose())

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """A call to the provider, in the words of the mode."""
        if self.mode == "gateway":
            return self.proxy(self.provider, method, path, body, **options)
        return self.api(method, path, body, **options)

    def together(self, *calls: Callable[[Any], Any]) -> list[Any]:
        """Make the calls at the same time: results, or the errors that were raised."""
        if self.kind.name == "async":

            async def gathered() -> list[Any]:
                return await asyncio.gather(
                    *(call(self.raw) for call in calls), return_exceptions=True
                )

            return self.kind.runner.run(gathered())
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


class World:
    """A local implementor and clients of one kind at it."""

    def __init__(self, kind: Kind, server: LocalGateway | LocalService) -> None:
        self.kind = kind
        self.server = server
        if isinstance(server, LocalService):
            self.mode, self.provider = "native", server.app_id
            self.scopes = ["products:read", "orders:write"]
        else:
            self.mode, self.provider, self.scopes = "gateway", "github", ["read:user", "repo"]
        server.publish_identity(AGENT_ID, KEY)

    @property
    def requests(self) -> list[Record]:
        return self.server.requests

    def client(self, **options: Any) -> Driven:
        url = options.pop("url", self.server.url)
        return self.kind.client(self.mode, url, self.provider, **options)

    def register(self, client: Driven, **options: Any) -> Any:
        wanted = [{"provider_id": self.provider, "scopes": self.scopes}]
        return client.register(**{"developer": DEVELOPER, "providers": wanted, **options})

    def consented(self, client: Driven, scopes: list[str] | None = None, **options: Any) -> Any:
        """Open a session and consent to it."""
        asked = client.authorize(self.provider, scopes or self.scopes)
        self.server.approve(asked.authorization_url, **options)
        return asked

    def token(self, client: Driven, **options: Any) -> Any:
        """Ask, consent and exchange."""
        asked = self.consented(client, **options)
        return client.exchange_token("exchange", asked.ath_session_id)

    def ready(self, **options: Any) -> Driven:
        """A client that has been through the whole handshake."""
        client = self.client(**options)
        client.discover()
        self.register(client)
        self.token(client)
        return client

    def sent_to(self, path: str) -> list[Record]:
        return [record for record in self.requests if record.path == path]


def sent(record: Any) -> dict[str, Any]:
    """The JSON object that a request carried."""
    document = json.loads(record.body)
    assert isinstance(document, dict)
    return document


def claims(attestation: str) -> dict[str, Any]:
    """What an attestation says; the signature is the server's to check."""
    return jwt.decode(attestation, options={"verify_signature": False})


def attested(record: Any) -> dict[str, Any]:
    """What the attestation in a request says."""
    return claims(sent(record)["agent_attestation"])


@contextmanager
def refused(code: str, status: int | None = None) -> Iterator[pytest.ExceptionInfo[ATHError]]:
    """Expect an ATHError of that code and status; None stands for one raised by the client."""
    with pytest.raises(ATHError) as caught:
        yield caught
    assert (caught.value.code, caught.value.status) == (code, status)
