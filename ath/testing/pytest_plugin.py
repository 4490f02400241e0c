"""Fixtures for the tests of agents: `pytest_plugins = ["ath.testing.pytest_plugin"]`.

Each test has a gateway of its own, in which the user has consented to every scope of every
provider. `ath_providers` and `ath_agent_id` are there to be overridden.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import pytest

from ath import (
    AgentKey,
    AsyncATHGatewayClient,
    AsyncATHNativeClient,
    ATHGatewayClient,
    ATHNativeClient,
    MemoryStore,
)

from ._local import LocalGateway, LocalService

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

    from ._wsgi import Provider


@pytest.fixture
def ath_agent_id() -> str:
    """The `agent_id` of the clients; nothing is fetched from it."""
    return "https://agent.example.com/.well-known/agent.json"


@pytest.fixture(scope="session")
def ath_key() -> AgentKey:
    """The agent's private key."""
    return AgentKey.generate()


@pytest.fixture
def ath_providers() -> Mapping[str, Provider | WSGIApplication]:
    """Applications of your own behind `ath_gateway`: none, unless you override this fixture."""
    return {}


@pytest.fixture
def ath_gateway(
    ath_providers: Mapping[str, Provider | WSGIApplication], ath_agent_id: str, ath_key: AgentKey
) -> Iterator[LocalGateway]:
    """A running `LocalGateway` that knows the agent's key."""
    with LocalGateway(providers=ath_providers) as gateway:
        gateway.publish_identity(ath_agent_id, ath_key)
        yield gateway


@pytest.fixture
def ath_service(ath_agent_id: str, ath_key: AgentKey) -> Iterator[LocalService]:
    """A running `LocalService` that knows the agent's key."""
    with LocalService() as service:
        service.publish_identity(ath_agent_id, ath_key)
        yield service


@pytest.fixture
def ath_store(ath_gateway: LocalGateway, ath_agent_id: str, ath_key: AgentKey) -> MemoryStore:
    """A store with the agent's registration at `ath_gateway`, and a token for each provider.

    A client that your code makes with `credentials=ath_store` needs no handshake.
    """
    store = MemoryStore()
    with ATHGatewayClient(ath_gateway.url, ath_agent_id, ath_key, credentials=store) as client:
        found = client.discover().supported_providers
        _connect(client, ath_gateway, {each.provider_id: each.available_scopes for each in found})
    return store


@pytest.fixture
def ath_service_store(
    ath_service: LocalService, ath_agent_id: str, ath_key: AgentKey
) -> MemoryStore:
    """A store with the agent's registration at `ath_service`, and a token."""
    store = MemoryStore()
    with ATHNativeClient(ath_service.url, ath_agent_id, ath_key, credentials=store) as client:
        found = client.discover()
        _connect(client, ath_service, {found.app_id: found.auth.scopes_supported})
    return store


@pytest.fixture
def ath_client(
    ath_gateway: LocalGateway, ath_store: MemoryStore, ath_agent_id: str, ath_key: AgentKey
) -> Iterator[ATHGatewayClient]:
    """A client at `ath_gateway`, registered, and with the user's consent."""
    url = ath_gateway.url
    with ATHGatewayClient(url, ath_agent_id, ath_key, credentials=ath_store) as client:
        yield client


@pytest.fixture
def ath_native_client(
    ath_service: LocalService, ath_service_store: MemoryStore, ath_agent_id: str, ath_key: AgentKey
) -> Iterator[ATHNativeClient]:
    """A client at `ath_service`, registered, and with the user's consent."""
    url = ath_service.url
    with ATHNativeClient(url, ath_agent_id, ath_key, credentials=ath_service_store) as client:
        client.discover()
        yield client


@pytest.fixture
def async_ath_client(
    ath_gateway: LocalGateway, ath_store: MemoryStore, ath_agent_id: str, ath_key: AgentKey
) -> AsyncATHGatewayClient:
    """`ath_client` for coroutines, whatever runs them; the test may close it with `async with`."""
    return AsyncATHGatewayClient(ath_gateway.url, ath_agent_id, ath_key, credentials=ath_store)


@pytest.fixture
def async_ath_native_client(
    ath_service: LocalService, ath_service_store: MemoryStore, ath_agent_id: str, ath_key: AgentKey
) -> AsyncATHNativeClient:
    """`ath_native_client` for coroutines; call its `discover()` first."""
    url = ath_service.url
    return AsyncATHNativeClient(url, ath_agent_id, ath_key, credentials=ath_service_store)


def _connect(
    client: ATHGatewayClient | ATHNativeClient,
    server: LocalGateway | LocalService,
    scopes: Mapping[str, Sequence[str]],
) -> None:
    """Register, and consent to everything; what the server recorded of it is forgotten."""
    client.register(
        developer={"name": "Tests", "id": "tests"},
        providers=[{"provider_id": name, "scopes": list(named)} for name, named in scopes.items()],
    )
    for name, named in scopes.items():
        session = client.authorize(name, list(named))
        server.approve(session.authorization_url)
        client.exchange_token("exchange", session.ath_session_id)
    server.requests.clear()
    server.provider_requests.clear()
