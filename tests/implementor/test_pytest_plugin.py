"""The fixtures for other people's tests, used as they would be: in a run of pytest of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TESTS = """
import asyncio

import pytest

from ath import AsyncATHGatewayClient, ATHGatewayClient, ATHNativeClient
from ath.testing import LocalGateway, LocalService

pytest_plugins = ["ath.testing.pytest_plugin"]
seen = []


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["PATH_INFO"].encode()]


@pytest.fixture
def ath_providers():
    return {"slack": app}


@pytest.mark.parametrize("run", [1, 2])
def test_each_test_has_a_gateway_of_its_own(ath_client, ath_gateway, run):
    assert isinstance(ath_gateway, LocalGateway)
    assert isinstance(ath_client, ATHGatewayClient)
    assert ath_gateway.requests == ath_gateway.provider_requests == []
    ath_client.proxy("github", "POST", "/user/repos", {"name": "new"})
    assert ath_gateway.count("provider_writes") == 1
    assert ath_gateway.count("registrations") == 1
    seen.append(ath_gateway)
    assert len(set(map(id, seen))) == run


def test_consent_is_given_for_every_provider_and_scope(ath_client, ath_gateway):
    found = ath_client.discover().supported_providers
    assert len(found) == 3
    assert ath_gateway.count("tokens") == 3
    for provider in found:
        ath_client.revoke(provider.provider_id)
    assert ath_gateway.count("revocations") == 3


def test_an_own_provider_is_there(ath_client):
    assert ath_client.proxy("slack", "GET", "/x") == "/x"


def test_a_client_of_ones_own_needs_no_handshake(ath_gateway, ath_store, ath_agent_id, ath_key):
    with ATHGatewayClient(ath_gateway.url, ath_agent_id, ath_key, credentials=ath_store) as own:
        assert own.proxy("github", "GET", "/user")["login"] == "ada"


def test_the_async_client_runs_in_the_tests_own_loop(async_ath_client, ath_gateway):
    assert isinstance(async_ath_client, AsyncATHGatewayClient)

    async def main():
        async with async_ath_client as client:
            return [await client.proxy("github", "GET", "/user") for _ in range(2)]

    assert [user["login"] for user in asyncio.run(main())] == ["ada", "ada"]
    assert len(ath_gateway.requests) == 2


def test_the_service_and_its_clients(ath_service, ath_native_client, async_ath_native_client):
    assert isinstance(ath_service, LocalService)
    assert isinstance(ath_native_client, ATHNativeClient)
    products = ath_native_client.api("GET", "/products")

    async def main():
        async with async_ath_native_client as client:
            await client.discover()
            return await client.api("GET", "/products")

    assert asyncio.run(main()) == products
    assert ath_service.count("tokens") == 1
"""


def test_the_fixtures_give_servers_and_clients_with_consent(tmp_path: Path) -> None:
    (tmp_path / "test_agent.py").write_text(TESTS, encoding="utf-8")
    command = [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "--rootdir", str(tmp_path), "test_agent.py"],
        cwd=tmp_path, capture_output=True, encoding="utf-8", check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "7 passed" in done.stdout
