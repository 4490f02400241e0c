"""What a user writes, only type-checked: every line must be accepted. test_typing.py checks it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, assert_type

import httpx
from cryptography.hazmat.primitives.asymmetric import ec

import ath.stores
from ath import (
    ATH_VERSION,
    CODES,
    AgentIdentityDocument,
    AgentKey,
    AgentRegistrationResponse,
    AgentStatus,
    AsyncATHGatewayClient,
    AsyncATHNativeClient,
    AsyncConsent,
    ATHError,
    ATHErrorCode,
    ATHGatewayClient,
    ATHNativeClient,
    AuthorizationResponse,
    Consent,
    Developer,
    DeveloperInfo,
    DiscoveryDocument,
    EncryptedStore,
    ErrorCode,
    FileStore,
    FolderStore,
    Grant,
    IdentityFinding,
    LoopbackReceiver,
    MemoryStore,
    PendingSession,
    ProviderScopeRequest,
    ProviderScopes,
    Response,
    RetryPolicy,
    ServerSentEvent,
    ServiceDiscoveryDocument,
    TokenResponse,
    agent_identity_document,
    check_identity,
)

URL = "https://gateway.example"
AGENT_ID = "https://agent.example/agent.json"


class KMS:
    """A signer for a key that stays elsewhere."""

    def sign(self, data: bytes, /) -> bytes:
        return data


class AsyncKMS:
    """The same for the async clients."""

    async def sign(self, data: bytes, /) -> bytes:
        return data


class Recording(ATHGatewayClient):
    """A subclass with attributes of its own."""

    def __init__(self, name: str) -> None:
        super().__init__(URL, AGENT_ID, Path("key.pem"))
        self.name = name


class Store:
    """A store of one's own."""

    def load(self, key: ath.CredentialKey) -> str | None:
        return None

    def replace(self, key: ath.CredentialKey, old: str | None, new: str) -> bool:
        return True


class AsyncStore:
    """An async store of one's own."""

    async def load(self, key: ath.CredentialKey) -> str | None:
        return None

    async def replace(self, key: ath.CredentialKey, old: str | None, new: str) -> bool:
        return True


def stores(keys: list[str], folder: Path) -> None:
    """Stores around stores, and from one to another."""
    encrypted = EncryptedStore(FolderStore(folder), keys)
    ATHGatewayClient(URL, AGENT_ID, b"", credentials=encrypted)
    AsyncATHNativeClient(URL, AGENT_ID, b"", credentials=EncryptedStore(MemoryStore(), b"k" * 32))
    AsyncATHNativeClient(URL, AGENT_ID, b"", credentials=AsyncStore())
    copied = ath.stores.copy(FileStore("agent.json"), encrypted, overwrite=True)
    shared = ath.RedisStore.from_url("redis://redis.example", prefix="agent:", timeout=2)
    ATHGatewayClient(URL, AGENT_ID, b"", credentials=EncryptedStore(shared, keys))
    ath.stores.copy(encrypted, shared)
    awaited = ath.AsyncRedisStore.from_url("redis://redis.example")
    AsyncATHGatewayClient(URL, AGENT_ID, b"", credentials=ath.AsyncEncryptedStore(awaited, keys))
    assert_type(copied.differs, int)
    assert_type(encrypted.rotate(), int)
    for key in encrypted.keys():  # noqa: SIM118 - a store is no dict
        assert_type(key.user, str | None)


def construct() -> None:
    """Every form of the arguments."""
    ATHGatewayClient(URL, AGENT_ID, "-----BEGIN…", private_key_password=b"secret")
    ATHGatewayClient(URL, AGENT_ID, Path("key.pem"), credentials=Path("agent.json"), timeout=None)
    ATHGatewayClient(URL, AGENT_ID, ec.generate_private_key(ec.SECP256R1()), timeout=5)
    ATHNativeClient(URL, AGENT_ID, KMS(), timeout=httpx.Timeout(5.0), http_client=httpx.Client())
    AsyncATHNativeClient(URL, AGENT_ID, AsyncKMS(), http_client=httpx.AsyncClient())
    ATHGatewayClient(URL, AGENT_ID, b"", credentials=Store(), headers={"Cookie": "a=b"})
    ATHGatewayClient(URL, AGENT_ID, b"", capabilities=["pay"], audience=URL, require_pkce=False)
    ATHGatewayClient(URL, AGENT_ID, b"", retry=None, max_response_bytes=1_000, key_id="k")
    ATHGatewayClient(URL, AGENT_ID, b"", retry=RetryPolicy(attempts=2))


def handshake(client: ATHGatewayClient) -> None:
    """The whole handshake, and what comes of it."""
    assert_type(client.discover(), DiscoveryDocument)
    registration = client.register(
        developer={"name": "Acme", "id": "acme"},
        providers=[{"provider_id": "github", "scopes": ["read:user"]}],
        purpose="Code review",
        redirect_uris=["https://agent.example/back"],
    )
    assert_type(registration, AgentRegistrationResponse)
    approved: bool = registration.agent_status == AgentStatus.APPROVED
    print(approved)
    client.ensure_registered(
        developer={"name": "Acme", "id": "acme", "contact": "security@acme.example"},
        providers=[{"provider_id": "github", "scopes": ["repo"]}],
    )
    session = client.authorize("github", ["read:user"], redirect_uri=None, retry=None)
    assert_type(session, AuthorizationResponse)
    token = client.exchange_token("exchange", session.ath_session_id)
    assert_type(token, TokenResponse)
    assert_type(token.effective_scopes, list[str])
    assert_type(client.sign_attestation(), str)
    client.revoke("github")


def registration_from_variables(client: ATHGatewayClient, config: Any) -> None:
    """Typed variables, models, a mix of both, and data without a type."""
    developer: Developer = {"name": "Acme", "id": "acme"}
    providers: list[ProviderScopes] = [{"provider_id": "github", "scopes": ["repo"]}]
    model = ProviderScopeRequest(provider_id="gitlab", scopes=["read"])
    client.register(developer=developer, providers=providers)
    client.register(developer=DeveloperInfo(name="Acme", id="acme"), providers=[model])
    client.register(developer=developer, providers=[*providers, model])
    client.register(developer=developer, providers=(model,))
    client.register(developer=config["developer"], providers=config["providers"])


def calls(client: ATHGatewayClient, native: ATHNativeClient, params: Mapping[str, Any]) -> None:
    """Calls to providers."""
    user: Any = client.proxy("github", "GET", "/user", params=params, timeout=httpx.Timeout(1.0))
    client.proxy("github", "POST", "/user/repos", {"name": user["login"]}, idempotent=True)
    answer = client.request("github", "PUT", "/x", content=b"bytes", headers={"If-Match": "1"})
    assert_type(answer, Response)
    assert_type(answer.raise_for_status().status_code, int)
    assert_type(answer.headers["etag"], str)
    assert_type(answer.links, dict[str, str])
    assert_type(native.discover(), ServiceDiscoveryDocument)
    assert_type(native.request("GET", "/products"), Response)
    assert_type(native.api_base, str | None)
    native.api("GET", "/products", timeout=2.5)
    assert_type(ath.sign_attestation(KMS(), agent_id=AGENT_ID, audience=[URL], key_id="k"), str)
    ath.sign_attestation(Path("key.pem"), agent_id=AGENT_ID, audience=URL, capabilities=["pay"])
    assert_type(ath.proxy_url(URL, "github", "/user", params), str)


def plain_members(client: ATHGatewayClient, path: os.PathLike[str]) -> None:
    """What needs no call."""
    assert_type(client.url, str)
    assert_type(client.agent_id, str)
    assert_type(client.client_id, str | None)
    assert_type(client.access_token, str | None)
    assert_type(client.tokens, tuple[Grant, ...])
    for grant in client.tokens:
        assert_type(grant.provider, str | None)
        assert_type(grant.scopes, tuple[str, ...])
        assert_type(grant.expires_at, datetime | None)
        assert_type(grant.user, str | None)
    client.set_credentials(client_id="c", client_secret="s")
    client.set_token("ath_tk", "github")
    client.save_credentials(path)
    client.load_credentials("agent.json")


def views_and_blocks(client: Recording) -> None:
    """A view and a block keep the class."""
    assert_type(client.for_user("alice", headers={"X-ATH-User-Token": "t"}), Recording)
    with client.for_user("alice") as view:
        assert_type(view, Recording)
        assert_type(view.name, str)


async def coroutines(client: AsyncATHGatewayClient) -> None:
    """The async clients."""
    async with client as opened:
        assert_type(opened, AsyncATHGatewayClient)
        assert_type(await opened.discover(), DiscoveryDocument)
        await opened.register(
            developer={"name": "Acme", "id": "acme"},
            providers=[{"provider_id": "github", "scopes": ["repo"]}],
        )
        assert_type(await opened.request("github", "GET", "/user"), Response)
        assert_type(opened.for_user("alice"), AsyncATHGatewayClient)
        await asyncio.gather(*(opened.proxy("github", "GET", "/user") for _ in range(2)))
        await opened.load()
        await opened.forget()
    await client.aclose()


def identity(key: AgentKey, public: ec.EllipticCurvePublicKey, developer: DeveloperInfo) -> None:
    """The agent's key and document."""
    for loaded in (AgentKey.load("a.pem", password="p"), AgentKey.from_env("KEY")):
        assert_type(loaded, AgentKey)
    key.save(Path("a.pem"), password=b"p")
    assert_type(key.public_jwk, dict[str, str])
    ATHGatewayClient(URL, AGENT_ID, key)
    AsyncATHNativeClient(URL, AGENT_ID, AgentKey.generate())
    for each in (key, public, key.public_jwk, "PEM", b"PEM"):
        document = agent_identity_document(AGENT_ID, each, name="Agent", developer=developer)
        assert_type(document, AgentIdentityDocument)
        assert_type(check_identity(AGENT_ID, each, timeout=5), list[IdentityFinding])
    acme: Developer = {"name": "Acme", "id": "acme"}
    agent_identity_document(AGENT_ID, key, name="Agent", developer=acme, capabilities=["review"])


def errors(scopes: Sequence[str]) -> None:
    """Errors: any server's code may come, and ours are known by name."""
    known: ErrorCode = "TOKEN_EXPIRED"
    try:
        raise ATHError(known, "…")
    except ATHError as error:
        assert_type(error.code, str)
        assert_type(error.status, int | None)
        assert_type(error.retry_after, float | None)
        assert_type(error.request_id, str | None)
        assert_type(error.response, Response | None)
        if error.code in (known, ATHErrorCode.TOKEN_REVOKED, "A_CODE_OF_SOME_SERVER"):
            print(CODES[known], ATH_VERSION, scopes)


def ask_the_user(client: ATHGatewayClient, native: ATHNativeClient) -> None:
    """Consent, blocking."""
    receiver = LoopbackReceiver("http://127.0.0.1:8765/callback")
    developer: Developer = {"name": "Acme", "id": "acme"}
    assert_type(client.grant("github", ["repo"]), Grant | None)
    assert_type(client.connect("github", ["repo"], developer=developer, show=print), Grant)
    assert_type(native.connect(("read",), receiver=receiver, require_all=True), Grant)
    consent = client.start_connect("github", ["repo"], developer=DeveloperInfo(name="A", id="a"))
    assert_type(consent, Consent)
    assert_type(consent.wait(timeout=5, receiver=receiver), Grant)
    assert_type(consent.expires_at, datetime | None)
    assert_type(client.pending_sessions(), tuple[PendingSession, ...])
    assert_type(client.complete_authorization("?session_id=s"), Grant)
    assert_type(client.wait_for_approval(5).agent_status, AgentStatus | str)


async def ask_the_user_async(client: AsyncATHGatewayClient, native: AsyncATHNativeClient) -> None:
    """Consent, as coroutines."""

    async def show(url: str) -> None:
        await asyncio.sleep(0)

    assert_type(await client.connect("github", ["repo"], show=show), Grant)
    assert_type(await native.grant(), Grant | None)
    consent = await native.start_connect(["read"])
    assert_type(consent, AsyncConsent)
    assert_type(await consent.wait(), Grant)
    assert_type(await client.wait_for_token("s", timeout=1.5), Grant)


def streams(client: ATHGatewayClient, service: ATHNativeClient) -> None:
    """Streams, and clients for other libraries."""
    with client.stream("github", "GET", "/x", timeout=5, total_timeout=60.0) as answer:
        assert_type(answer.status_code, int)
        assert_type(answer.total, int | None)
        for part in answer.iter_bytes():
            assert_type(part, bytes)
        for line in answer.iter_lines():
            assert_type(line, str)
        for event in answer.iter_events():
            assert_type(event, ServerSentEvent)
        assert_type(answer.read(), bytes)
    with Path("x").open("rb") as file, service.stream("PUT", "/x", content=file):
        pass
    client.stream("github", "POST", "/x", content=iter([b"a"]), data=None, files=None)
    client.request("github", "POST", "/x", data={"a": "1"}, files={"f": b"x"})
    assert_type(client.http("github"), httpx.Client)
    assert_type(service.http_transport(), httpx.BaseTransport)


async def async_streams(client: AsyncATHGatewayClient, service: AsyncATHNativeClient) -> None:
    """The same for async clients."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b"a"

    async with client.stream("github", "POST", "/x", content=pieces()) as answer:
        async for part in answer.aiter_bytes():
            assert_type(part, bytes)
        async for line in answer.aiter_lines():
            assert_type(line, str)
        async for event in answer.aiter_events():
            assert_type(event.data, str)
        assert_type(await answer.read(), bytes)
    assert_type(service.http(), httpx.AsyncClient)
    assert_type(client.http_transport("github"), httpx.AsyncBaseTransport)
