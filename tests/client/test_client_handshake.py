"""The whole handshake at a real implementor: discovery, registration and its status."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from ath_api.models import (
    AgentRegistrationResponse,
    AgentStatus,
    DeveloperInfo,
    DiscoveryDocument,
    ProviderScopeRequest,
    ServiceDiscoveryDocument,
)

from tests.harness.clients import (
    AGENT_ID,
    AnyClient,
    Kind,
    attestation_claims,
    json_body,
    raises_code,
)
from tests.harness.examples import REGISTRATION, refusal, service_document
from tests.harness.server import Server
from tests.harness.worlds import World

Worlds = Callable[..., World]


def test_an_agent_goes_through_the_whole_handshake(world: World) -> None:
    client = world.client()
    client.discover()
    registered = world.register(client, purpose="Code review")
    assert registered.agent_status == "approved"
    assert client.client_id == registered.client_id
    asked = client.authorize(world.provider, world.scopes)
    with raises_code("SESSION_NOT_FOUND", 400):
        client.exchange_token("exchange", asked.ath_session_id)
    world.server.approve(asked.authorization_url, scopes=world.scopes[:1], account="alice")
    token = client.exchange_token("exchange", asked.ath_session_id)
    assert token.provider_id == world.provider
    assert token.effective_scopes == world.scopes[:1]
    assert token.scope_intersection.agent_approved == world.scopes
    read, write = ("/user", "/user/repos") if world.mode == "gateway" else ("/products", "/orders")
    assert client.call("GET", read)
    with raises_code("SCOPE_NOT_APPROVED", 403):
        client.call("POST", write, {"name": "new", "shippingAddress": "Here"})
    client.revoke()
    assert world.server.count("revocations") == 1
    with raises_code("NO_TOKEN"):
        client.call("GET", read)


def test_what_is_posted_changes_what_is_read(world: World) -> None:
    client = world.ready()
    if world.mode == "gateway":
        client.call("POST", "/user/repos", {"name": "new-repo"})
        assert "new-repo" in [repo["name"] for repo in client.call("GET", "/user/repos")]
    else:
        order = client.call("POST", "/orders", {"shippingAddress": "Main Street 1"})
        assert order["shippingAddress"] == "Main Street 1"
    assert world.server.count("provider_writes") == 1


def test_discover_returns_the_typed_document_of_a_gateway(gateway: World) -> None:
    document = gateway.client().discover()
    assert isinstance(document, DiscoveryDocument)
    offered = {p.provider_id: p.available_scopes for p in document.supported_providers}
    assert offered["github"] == ["read:user", "repo"]


def test_discover_returns_the_typed_document_of_a_service(service: World) -> None:
    client = service.client()
    assert client.api_base is None
    document = client.discover()
    assert isinstance(document, ServiceDiscoveryDocument)
    assert document.app_id == service.provider
    assert "products:read" in document.auth.scopes_supported
    assert client.api_base == document.api_base == service.server.api_base


def test_calls_go_below_the_path_of_the_url(worlds: Worlds, mode: str) -> None:
    world = worlds(mode, path="/tenants/7")
    client = world.ready(url=f"{world.server.url}/")
    client.call("GET", "/echo")
    client.registration()
    client.revoke()
    assert {record.path.startswith("/tenants/7/") for record in world.requests} == {True}


def test_endpoints_named_in_the_discovery_document_are_not_followed(
    kind: Kind, server: Server, new_server: Callable[[], Server]
) -> None:
    elsewhere = new_server()
    server.answer_next(
        {
            "ath_version": "0.1",
            "gateway_id": "g",
            "agent_registration_endpoint": f"{elsewhere.url}/register",
            "supported_providers": [],
        }
    )
    server.answer_next(REGISTRATION, 201)
    client = kind.client(server.url)
    client.discover()
    client.register(developer={"name": "A", "id": "a"}, providers=[])
    assert [seen.target for seen in server.requests][1] == "/ath/agents/register"
    assert elsewhere.requests == []


@pytest.mark.parametrize("api_base", ["ftp://api.example", "/api", "https://u:p@api.example", ""])
def test_an_api_base_that_cannot_be_called_is_refused(
    kind: Kind, server: Server, api_base: str
) -> None:
    server.answer_next(service_document(api_base))
    client = kind.client(server.url, "native")
    with raises_code("INVALID_RESPONSE", 200) as caught:
        client.discover()
    assert "api_base" in caught.value.message
    assert caught.value.source == "implementor"
    assert client.api_base is None


def test_models_are_accepted_in_place_of_dicts(gateway: World) -> None:
    client = gateway.client()
    gateway.register(
        client,
        developer=DeveloperInfo(name="Acme", id="acme", contact="dev@acme.example"),
        providers=[ProviderScopeRequest(provider_id="github", scopes=["repo"])],
        purpose="Review",
        redirect_uris=["https://agent.example.com/cb"],
    )
    body = json_body(gateway.requests[-1])
    assert body.pop("agent_attestation")
    assert body == {
        "agent_id": AGENT_ID,
        "developer": {"name": "Acme", "id": "acme", "contact": "dev@acme.example"},
        "requested_providers": [{"provider_id": "github", "scopes": ["repo"]}],
        "purpose": "Review",
        "redirect_uris": ["https://agent.example.com/cb"],
    }


def test_omitted_arguments_are_not_sent(gateway: World) -> None:
    gateway.register(gateway.client())
    assert json_body(gateway.requests[-1]).keys() == {
        "agent_id", "agent_attestation", "developer", "requested_providers",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"developer": {"name": "Acme"}}, "id"),
        ({"developer": {"name": "Acme", "id": 7}}, "id"),
        ({"developer": "Acme"}, "developer"),
        ({"providers": "github"}, "providers"),
        ({"providers": {"provider_id": "github", "scopes": []}}, "providers"),
        ({"providers": [{"provider_id": "github"}]}, "scopes"),
        ({"providers": [{"provider_id": "github", "scopes": "repo"}]}, "scopes"),
        ({"redirect_uris": "https://agent.example.com/cb"}, "redirect_uris"),
        ({"redirect_uris": [7]}, "redirect_uris"),
        ({"purpose": 7}, "purpose"),
    ],
)
def test_an_argument_of_the_wrong_shape_is_named_and_nothing_is_sent(
    gateway: World, given: dict[str, Any], named: str
) -> None:
    with raises_code("INVALID_ARGUMENT") as caught:
        gateway.register(gateway.client(), **given)
    assert named in caught.value.message
    assert gateway.requests == []


def test_register_always_asks_the_server(world: World) -> None:
    client = world.client()
    first = world.register(client)
    second = world.register(client)
    assert world.server.count("registrations") == 2
    assert first.client_id != second.client_id == client.client_id


def test_another_client_id_keeps_tokens_and_ends_open_sessions(world: World) -> None:
    client = world.ready()
    old = world.consented(client)
    world.register(client)
    assert client.call("GET", "/echo")["method"] == "GET"
    with raises_code("SESSION_NOT_FOUND", 400):
        client.exchange_token("exchange", old.ath_session_id)
    assert "code_verifier" not in json_body(world.requests[-1])


def test_the_same_client_id_keeps_tokens_and_open_sessions(
    client: AnyClient, server: Server
) -> None:
    server.answer_next({**REGISTRATION, "client_id": "ath_client_0"})
    server.answer_next({"ok": True})
    client.register(developer={"name": "A", "id": "a"}, providers=[])
    assert client.call("GET", "/user") == {"ok": True}
    assert server.requests[-1].headers["authorization"] == "Bearer ath_tk_0"


@pytest.mark.parametrize("decision", ["pending", "denied"])
def test_pending_and_denied_are_results(worlds: Worlds, mode: str, decision: str) -> None:
    world = worlds(mode, approval=decision)
    client = world.client()
    registered = world.register(client)
    assert isinstance(registered, AgentRegistrationResponse)
    assert registered.agent_status == decision
    with raises_code("AGENT_UNAPPROVED", 403):
        client.authorize(world.provider, world.scopes)
    world.server.decide(registered.client_id, "approved")
    assert client.registration().agent_status is AgentStatus.APPROVED
    assert client.authorize(world.provider, world.scopes).ath_session_id


def test_an_agent_that_is_known_already_gets_conflict_with_its_client_id(worlds: Worlds) -> None:
    world = worlds("gateway", register_conflict=True)
    first = world.register(world.client())
    second = world.client()
    with raises_code("CONFLICT", 409) as caught:
        world.register(second)
    assert caught.value.details["client_id"] == first.client_id
    assert second.client_id is None


@pytest.mark.parametrize(
    "body", [{"client_id": "ath_client_9"}, {"error": "exists", "client_id": "ath_client_9"}]
)
def test_a_409_in_another_form_is_a_conflict_too(
    client: AnyClient, server: Server, body: dict[str, Any]
) -> None:
    server.answer_next(body, 409)
    with raises_code("CONFLICT", 409) as caught:
        client.register(developer={"name": "A", "id": "a"}, providers=[])
    assert caught.value.details["client_id"] == "ath_client_9"


@pytest.mark.parametrize(
    "damage",
    [
        {"approved_providers": "none"},
        {"agent_status": None},
        {"approved_providers": [{"provider_id": 7}]},
    ],
)
def test_a_malformed_optional_field_does_not_lose_the_credentials(
    kind: Kind, server: Server, damage: dict[str, Any]
) -> None:
    server.answer_next({**REGISTRATION, **damage}, 201)
    server.answer_next({})
    client = kind.client(server.url)
    with raises_code("INVALID_RESPONSE", 201) as caught:
        client.register(developer={"name": "A", "id": "a"}, providers=[])
    assert next(iter(damage)) in caught.value.message
    assert client.client_id == "ath_client_1"
    client.set_token("ath_tk_1")
    client.revoke()
    assert json_body(server.requests[-1])["client_secret"] == "ath_secret_1"


@pytest.mark.parametrize("sent", ["soon", 7, None])
def test_an_approval_date_that_cannot_be_read_is_none_and_kept_aside(
    kind: Kind, server: Server, sent: object
) -> None:
    server.answer_next({**REGISTRATION, "approval_expires": sent}, 201)
    result = kind.client(server.url).register(developer={"name": "A", "id": "a"}, providers=[])
    assert result.approval_expires is None
    assert result.additional_properties.get("approval_expires") == sent


@pytest.mark.parametrize("missing", ["client_id", "client_secret"])
def test_a_registration_without_credentials_is_no_registration(
    kind: Kind, server: Server, missing: str
) -> None:
    server.answer_next({**REGISTRATION, missing: None}, 201)
    client = kind.client(server.url)
    with raises_code("INVALID_RESPONSE", 201) as caught:
        client.register(developer={"name": "A", "id": "a"}, providers=[])
    assert missing in caught.value.message
    assert client.client_id is None


def test_registration_reads_ones_own_status_typed(world: World) -> None:
    client = world.client(headers={"X-Session": "mine"})
    registered = world.register(client)
    status = client.registration()
    assert status.client_id == registered.client_id
    assert status.agent_status is AgentStatus.APPROVED
    assert status.approved_providers[0].approved_scopes == world.scopes
    assert isinstance(status.approval_expires, datetime)
    assert status.approval_expires > datetime.now(UTC)
    request = world.requests[-1]
    assert request.path == f"/ath/agents/{registered.client_id}"
    assert request.headers["authorization"].startswith("Basic ")
    assert request.headers["x-session"] == "mine"


def test_a_wrong_client_secret_comes_back_with_the_servers_code(world: World) -> None:
    client = world.client()
    registered = world.register(client)
    client.set_credentials(registered.client_id, "wrong")
    with raises_code("AUTH_REQUIRED", 401):
        client.registration()


def test_arguments_that_only_the_implementor_can_judge_are_sent(world: World) -> None:
    client = world.client()
    world.register(client)
    with raises_code("PROVIDER_NOT_APPROVED", 403):
        client.authorize("elsewhere", ["read"])
    with raises_code("SCOPE_NOT_APPROVED", 403):
        client.authorize(world.provider, ["cart:write", "everything"])
    with raises_code("INVALID_REQUEST", 400):
        client.authorize(world.provider, world.scopes, redirect_uri="https://evil.example/")
    with raises_code("SESSION_NOT_FOUND", 400):
        client.exchange_token("exchange", "ath_sess_invented")
    assert len(world.requests) == 5


def test_an_unknown_client_comes_back_with_the_servers_code(world: World) -> None:
    client = world.client()
    client.set_credentials("ath_client_invented", "ath_secret_invented")
    with raises_code("AGENT_NOT_REGISTERED", 403):
        client.authorize(world.provider, world.scopes)


def test_each_request_of_the_handshake_carries_a_fresh_attestation(world: World) -> None:
    client = world.ready()
    world.token(client)
    signed = [r for r in world.requests if b"agent_attestation" in r.body]
    assert len({attestation_claims(record)["jti"] for record in signed}) == len(signed) == 5


def test_a_409_with_a_code_of_its_own_keeps_that_code(client: AnyClient, server: Server) -> None:
    server.answer_next(refusal("SOMETHING_NEW"), 409)
    with raises_code("SOMETHING_NEW", 409):
        client.register(developer={"name": "A", "id": "a"}, providers=[])
