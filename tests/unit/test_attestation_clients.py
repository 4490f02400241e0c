"""``sign_attestation``, of the clients and without one: fresh each time, whoever signs."""

from __future__ import annotations

import asyncio
import gc
import time
import warnings
from dataclasses import dataclass
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

import ath

from .support import error_of

URL, AGENT = "https://gateway.example/base", "https://agent.example/agent.json"
KEY = ec.generate_private_key(ec.SECP256R1())


@dataclass(frozen=True)
class Clients:
    """One of the four, made for a single signature."""

    kind: Any
    asynchronous: bool
    refusal: str = "SIGNING_FAILED"
    """The code of what is said of a signer that is a coroutine."""

    def sign(self, private_key: Any, *audience: Any, **options: Any) -> str:
        if not self.asynchronous:
            with self.kind(URL, AGENT, private_key, **options) as client:
                return client.sign_attestation(*audience)  # type: ignore[no-any-return]

        async def signed() -> str:
            async with self.kind(URL, AGENT, private_key, **options) as client:
                return await client.sign_attestation(*audience)  # type: ignore[no-any-return]

        return asyncio.run(signed())


class WithoutClient(Clients):
    """The function, called as if it were a method of a client."""

    def sign(self, private_key: Any, *audience: Any, **options: Any) -> str:
        (called,) = audience or (options.pop("audience", URL),)
        options.pop("audience", None)
        return ath.sign_attestation(private_key, agent_id=AGENT, audience=called, **options)


SYNC = [
    Clients(ath.ATHGatewayClient, False),
    Clients(ath.ATHNativeClient, False),
    WithoutClient(ath.sign_attestation, False, "INVALID_ARGUMENT"),
]
ASYNC = [Clients(ath.AsyncATHGatewayClient, True), Clients(ath.AsyncATHNativeClient, True)]
every_client = pytest.mark.parametrize("clients", SYNC + ASYNC, ids=lambda c: c.kind.__name__)


class KeyService:
    def __init__(self, answer: Any = None, error: BaseException | None = None) -> None:
        self.answer = answer
        self.error = error

    def sign(self, data: bytes, /) -> bytes:
        if self.error is not None:
            raise self.error
        if self.answer is not None:
            return self.answer  # type: ignore[no-any-return]
        return KEY.sign(data, ec.ECDSA(hashes.SHA256()))


class AwaitedKeyService(KeyService):
    async def sign(self, data: bytes, /) -> bytes:  # type: ignore[override]
        await asyncio.sleep(0)
        return super().sign(data)


def claims_of(token: str, audience: str = URL) -> dict[str, Any]:
    return jwt.decode(  # type: ignore[no-any-return]
        token, KEY.public_key(), algorithms=["ES256"], audience=audience
    )


@every_client
def test_an_attestation_says_who_to_whom_and_when(clients: Clients) -> None:
    before = int(time.time())
    token = clients.sign(KEY, key_id="k-7", capabilities=["pay"])
    after = int(time.time())
    claims = claims_of(token)
    assert before - 30 <= claims["iat"] <= after - 30
    assert claims["exp"] - claims["iat"] == 330
    assert (claims["iss"], claims["sub"], claims["aud"]) == (AGENT, AGENT, URL)
    assert claims["capabilities"] == ["pay"]
    assert jwt.get_unverified_header(token) == {"alg": "ES256", "typ": "JWT", "kid": "k-7"}


@every_client
def test_the_audience_is_the_calls_or_the_clients_own_or_the_url(clients: Clients) -> None:
    own = clients.sign(KEY, audience="https://own.example")
    assert claims_of(own, "https://own.example")
    called = clients.sign(KEY, "https://called.example", audience="https://own.example")
    assert claims_of(called, "https://called.example")
    both = ["https://a.example", URL]
    assert claims_of(clients.sign(KEY, both))["aud"] == both


def test_no_two_attestations_share_their_jti() -> None:
    with ath.ATHGatewayClient(URL, AGENT, KEY) as client:
        nonces = {claims_of(client.sign_attestation())["jti"] for _ in range(200)}
        assert len(nonces) == 200
        assert min(map(len, nonces)) >= 32  # 192 random bits
        view = client.for_user("alice")
        assert claims_of(view.sign_attestation())["jti"] not in nonces
    without = {claims_of(SYNC[-1].sign(KEY))["jti"] for _ in range(20)}
    assert len(without - nonces) == 20
    assert min(map(len, without)) >= 32


@every_client
def test_an_audience_list_may_be_made_on_the_fly(clients: Clients) -> None:
    token = clients.sign(KEY, (audience for audience in ["https://a.example", URL]))
    assert claims_of(token)["aud"] == ["https://a.example", URL]


@every_client
@pytest.mark.parametrize("audience", ["", 7, [], [""], ["a", None], {"a": 1}, "two\nlines", b"a"])
def test_an_audience_that_is_no_text_is_refused(clients: Clients, audience: Any) -> None:
    error = error_of(lambda: clients.sign(KEY, audience))
    assert error.code == "INVALID_ARGUMENT"
    assert "audience" in error.message


@pytest.mark.parametrize("asynchronously", [False, True])
@every_client
def test_a_key_service_signs_where_the_key_is_not(clients: Clients, asynchronously: bool) -> None:
    if asynchronously and not clients.asynchronous:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python's own, of a coroutine that nobody awaits
            error = str(error_of(lambda: clients.sign(AwaitedKeyService())))
            gc.collect()
        assert error.startswith(clients.refusal)
        assert "async client" in error
    else:
        service = AwaitedKeyService() if asynchronously else KeyService()
        assert claims_of(clients.sign(service))["sub"] == AGENT


@pytest.mark.parametrize("answer", [b"short", bytes(63), "text", 7, [b"x"]])
@every_client
def test_what_a_key_service_returns_is_checked(clients: Clients, answer: Any) -> None:
    assert error_of(lambda: clients.sign(KeyService(answer))).code == "SIGNING_FAILED"


@pytest.mark.parametrize(
    ("clients", "service"),
    [(clients, KeyService) for clients in SYNC + ASYNC]
    + [(clients, AwaitedKeyService) for clients in ASYNC],
)
def test_a_failing_key_service_is_named_by_its_exception_and_not_quoted(
    clients: Clients, service: Any
) -> None:
    failing = service(error=RuntimeError("pin=canary-4711"))
    error = error_of(lambda: clients.sign(failing))
    assert error.code == "SIGNING_FAILED"
    assert "RuntimeError" in error.message
    assert "canary" not in f"{error} {error!r} {error.details}"
    assert error.__cause__ is error.__context__ is None  # what it says may be a secret


@every_client
def test_an_interrupt_passes_through_a_key_service(clients: Clients) -> None:
    with pytest.raises(KeyboardInterrupt):
        clients.sign(KeyService(error=KeyboardInterrupt()))
