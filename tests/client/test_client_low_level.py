"""The generated endpoint functions, called directly, and results that grow with the spec."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ath_api import Client
from ath_api.errors import ResponseError
from ath_api.models import (
    AgentRegistration,
    AgentRegistrationRequest,
    AgentRegistrationResponse,
    AuthorizationRequest,
    AuthorizationResponse,
    DeveloperInfo,
    DiscoveryDocument,
    ProviderScopeRequest,
    ServiceDiscoveryDocument,
    TokenExchangeRequest,
    TokenResponse,
    TokenRevocationRequest,
)

from tests.harness.clients import AGENT_ID, PEM, raises_code
from tests.harness.examples import TOKEN
from tests.harness.server import Server
from tests.harness.worlds import World

ROOT = Path(__file__).resolve().parents[2]
STATE = "a-state-of-one's-own-with-many-random-bits"


def low_level(kind_name: str, name: str, *arguments: Any, client: Client, **options: Any) -> Any:
    """Call an endpoint function, in its blocking or its coroutine form."""
    endpoint = importlib.import_module(f"ath_api.api.{name}")
    if kind_name == "sync":
        with client as entered:
            return endpoint.sync(*arguments, client=entered, **options)

    async def call() -> Any:
        async with client as entered:
            return await endpoint.asyncio(*arguments, client=entered, **options)

    return asyncio.run(call())


def test_the_whole_handshake_can_be_made_with_the_low_level_calls(world: World) -> None:
    url = world.server.url
    signer = world.client()

    def call(name: str, *arguments: Any, **options: Any) -> Any:
        client = Client(base_url=url, httpx_args={"auth": options.pop("auth", None)})
        return low_level(world.kind.name, name, *arguments, client=client, **options)

    if world.mode == "gateway":
        assert isinstance(call("discovery.discover_gateway"), DiscoveryDocument)
    else:
        assert isinstance(call("discovery.discover_service"), ServiceDiscoveryDocument)
    registered = call(
        "registration.register_agent",
        body=AgentRegistrationRequest(
            agent_id=AGENT_ID,
            agent_attestation=signer.sign_attestation(),
            developer=DeveloperInfo(name="Acme", id="acme"),
            requested_providers=[
                ProviderScopeRequest(provider_id=world.provider, scopes=world.scopes)
            ],
        ),
    )
    assert isinstance(registered, AgentRegistrationResponse)
    status = call(
        "registration.get_registration",
        registered.client_id,
        auth=(registered.client_id, registered.client_secret),
    )
    assert isinstance(status, AgentRegistration)
    assert status.agent_status == "approved"
    asked = call(
        "authorization.authorize",
        body=AuthorizationRequest(
            client_id=registered.client_id,
            agent_attestation=signer.sign_attestation(url),
            provider_id=world.provider,
            scopes=world.scopes,
            state=STATE,
        ),
    )
    assert isinstance(asked, AuthorizationResponse)
    world.server.approve(asked.authorization_url)
    token = call(
        "token.exchange_token",
        body=TokenExchangeRequest(
            grant_type="authorization_code",
            client_id=registered.client_id,
            client_secret=registered.client_secret,
            agent_attestation=signer.sign_attestation(f"{url}/ath/token"),
            code="exchange",
            ath_session_id=asked.ath_session_id,
        ),
    )
    assert isinstance(token, TokenResponse)
    assert token.effective_scopes == world.scopes
    revocation = TokenRevocationRequest(
        token=token.access_token,
        client_id=registered.client_id,
        client_secret=registered.client_secret,
    )
    assert call("token.revoke_token", body=revocation) is None
    assert world.server.count("revocations") == 1
    signer.set_token(token.access_token)
    signer.discover()
    with raises_code("TOKEN_REVOKED", 401):
        signer.call("GET", "/echo")


def test_a_low_level_refusal_is_raised_with_the_typed_error(world: World) -> None:
    with pytest.raises(ResponseError) as caught:
        low_level(
            world.kind.name,
            "registration.get_registration",
            "ath_client_invented",
            client=Client(base_url=world.server.url),
        )
    assert caught.value.status_code in (401, 403)
    assert caught.value.error is not None
    assert caught.value.error.code == "AUTH_REQUIRED"


def test_an_attestation_for_another_audience_is_refused(world: World) -> None:
    body = AgentRegistrationRequest(
        agent_id=AGENT_ID,
        agent_attestation=world.client().sign_attestation("https://elsewhere.example"),
        developer=DeveloperInfo(name="Acme", id="acme"),
        requested_providers=[ProviderScopeRequest(provider_id="github", scopes=["repo"])],
    )
    with pytest.raises(ResponseError) as caught:
        low_level(
            world.kind.name,
            "registration.register_agent",
            client=Client(base_url=world.server.url),
            body=body,
        )
    assert caught.value.status_code == 401
    assert caught.value.error is not None
    assert caught.value.error.code == "INVALID_ATTESTATION"


@pytest.fixture(scope="module")
def regenerated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an `ath_api` made of a copy of the spec in which a token has a new field."""
    yaml = pytest.importorskip("ruamel.yaml")
    pytest.importorskip("openapi_python_client")
    spec = yaml.YAML(typ="safe").load(ROOT / "spec" / "openapi.yaml")
    properties = spec["components"]["schemas"]["TokenResponse"]["properties"]
    properties["refresh_hint"] = {"type": "string", "format": "date-time", "description": "New."}
    folder = tmp_path_factory.mktemp("regenerated")
    (folder / "openapi.yaml").write_text(json.dumps(spec), encoding="utf-8")  # JSON is YAML
    command = [
        *(sys.executable, ROOT / "scripts" / "generate"),
        *("--spec", folder / "openapi.yaml", "--output", folder / "ath_api"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


EXCHANGE: dict[str, str] = {
    "sync": """
with ATHGatewayClient(url, agent_id, pem) as client:
    client.set_credentials("ath_client_1", "ath_secret_1")
    token = client.exchange_token("exchange", "ath_sess_1")
""",
    "async": """
async def main():
    async with AsyncATHGatewayClient(url, agent_id, pem) as client:
        client.set_credentials("ath_client_1", "ath_secret_1")
        return await client.exchange_token("exchange", "ath_sess_1")

token = asyncio.run(main())
""",
}


@pytest.mark.parametrize("name", EXCHANGE)
def test_a_field_added_to_the_spec_comes_out_of_the_clients_own_results(
    regenerated: Path, server: Server, name: str
) -> None:
    server.answer_next({**TOKEN, "refresh_hint": "2099-01-02T03:04:05Z"})
    server.answer_next(TOKEN)
    program = f"""
import asyncio
import ath_api
from ath import ATHGatewayClient, AsyncATHGatewayClient
url, agent_id, pem = {server.url!r}, {AGENT_ID!r}, {PEM!r}
for _ in range(2):
    {EXCHANGE[name].strip().replace(chr(10), chr(10) + "    ")}
    print(ath_api.__file__, type(token.refresh_hint).__name__, token.refresh_hint)
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(regenerated), str(ROOT)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    made = regenerated / "ath_api" / "__init__.py"
    assert done.stdout.splitlines() == [
        f"{made} datetime 2099-01-02 03:04:05+00:00",
        f"{made} NoneType None",
    ]


Worlds = Callable[..., World]


def test_a_field_that_the_spec_does_not_know_is_kept_aside(worlds: Worlds, mode: str) -> None:
    world = worlds(mode, extra_fields=True)
    client = world.client()
    document, registered = client.discover(), world.register(client)
    token = world.token(client)
    for result in (document, registered, token):
        assert result["x_version"] == 7
        assert result.additional_properties["x_unknown"] == {"nested": [1, None, "two"]}
