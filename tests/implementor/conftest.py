"""The implementor under test: a fresh local one, or the one that --implementor names."""

from __future__ import annotations

import ssl
import uuid
from collections.abc import Iterator

import httpx
import pytest

from ath.testing import LocalGateway, LocalService

from .hostile import Agent, IdentityHost, Target, jwk, new_key

# Made once: reading the certificate authorities takes longer than a test.
TLS = ssl.create_default_context()


@pytest.fixture(scope="session")
def identities() -> Iterator[IdentityHost]:
    with IdentityHost() as host:
        yield host


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=10, trust_env=False, verify=TLS) as client:
        yield client


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "target" in metafunc.fixturenames:
        named = metafunc.config.getoption("implementor")
        modes = ["foreign"] if named else ["gateway", "service"]
        metafunc.parametrize("target", modes, indirect=True)


@pytest.fixture
def target(request: pytest.FixtureRequest, http: httpx.Client) -> Iterator[Target]:
    """An implementor; a local one knows nobody yet."""
    foreign = request.config.getoption("implementor")
    if foreign:
        found = Target(foreign.rstrip("/"), http)
        found.discover()
        yield found
        return
    with LocalGateway() if request.param == "gateway" else LocalService() as server:
        found = Target(server.url, http, local=server)
        found.discover()
        yield found


@pytest.fixture
def agent(target: Target, identities: IdentityHost) -> Agent:
    """An agent whose identity document is really fetched, over HTTP on loopback."""
    return new_agent(target, identities)


@pytest.fixture
def other(target: Target, identities: IdentityHost) -> Agent:
    """A second agent at the same implementor."""
    return new_agent(target, identities)


def new_agent(target: Target, identities: IdentityHost) -> Agent:
    key = new_key()
    return Agent(target, identities.publish(f"/{uuid.uuid4().hex}/agent.json", jwk(key)), key)
