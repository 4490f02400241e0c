from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from .hostile import CALLBACK, STATE, Agent, accepted, refused


def test_a_registration_names_credentials_and_what_is_approved(agent: Agent) -> None:
    reply = agent.register()
    assert reply.status_code == 201
    client = reply.json()
    assert client["agent_status"] == "approved"
    [approval] = client["approved_providers"]
    assert approval["provider_id"] == agent.target.provider_id
    assert approval["approved_scopes"] == agent.target.scopes
    assert approval["denied_scopes"] == []
    assert client["client_id"] != client["client_secret"]
    assert client["approval_expires"].endswith("Z")


@pytest.mark.parametrize(
    "changed",
    [
        {"agent_id": None},
        {"agent_id": 5},
        {"developer": None},
        {"developer": {"name": "Mallory"}},
        {"requested_providers": None},
        {"requested_providers": []},
        {"requested_providers": ["github"]},
        {"requested_providers": [{"provider_id": "github", "scopes": "repo"}]},
        {"redirect_uris": "https://agent.example/cb"},
        {"redirect_uris": ["http://agent.example/cb"]},
        {"redirect_uris": ["https://agent.example/cb#part"]},
        {"redirect_uris": ["javascript:alert(1)"]},
    ],
    ids=str,
)
def test_a_malformed_registration_is_refused(agent: Agent, changed: dict[str, Any]) -> None:
    refused(agent.register(**changed), 400, "INVALID_REQUEST")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b"[" * 100_000], ids=len)
@pytest.mark.parametrize("path", ["agents/register", "token", "revoke"])
def test_a_body_that_is_no_json_object_is_refused(agent: Agent, path: str, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    url = f"{agent.target.url}/ath/{path}"
    refused(agent.target.http.post(url, content=body, headers=headers), 400, "INVALID_REQUEST")


def test_unknown_providers_and_scopes_are_denied_not_fatal(agent: Agent) -> None:
    scope = agent.target.scopes[0]
    client = agent.registered(
        requested_providers=[
            {"provider_id": agent.target.provider_id, "scopes": [scope, "no:such"]},
            {"provider_id": "no-such", "scopes": [scope]},
        ]
    )
    known, unknown = client["approved_providers"]
    assert (known["approved_scopes"], known["denied_scopes"]) == ([scope], ["no:such"])
    assert (unknown["approved_scopes"], unknown["denied_scopes"]) == ([], [scope])
    refused(
        agent.authorize(client, provider_id="no-such", scopes=[scope]), 403, "PROVIDER_NOT_APPROVED"
    )


def test_an_unknown_client_is_refused_everywhere(agent: Agent) -> None:
    nobody = {"client_id": "ath_client_nobody", "client_secret": "ath_secret_none"}
    refused(agent.authorize(nobody), 403, "AGENT_NOT_REGISTERED")
    refused(agent.exchange(nobody, "ath_sess_none"), 403, "AGENT_NOT_REGISTERED")
    refused(agent.revoke(nobody, "ath_tk_none"), 403, "AGENT_NOT_REGISTERED")


@pytest.mark.parametrize("decision", ["pending", "denied"])
def test_an_agent_that_is_not_approved_gets_nothing(agent: Agent, decision: str) -> None:
    client = agent.registered()
    waiting = agent.session(client)
    agent.target.consent(waiting["authorization_url"])
    token = agent.token(client)["access_token"]
    agent.target.decide(client["client_id"], decision)
    refused(agent.authorize(client), 403, "AGENT_UNAPPROVED")
    refused(agent.exchange(client, waiting), 403, "AGENT_UNAPPROVED")
    reply = agent.target.call("GET", "/echo", token, agent.agent_id)
    refused(reply, 403, "AGENT_UNAPPROVED")
    agent.target.decide(client["client_id"], "approved")
    assert agent.target.call("GET", "/echo", token, agent.agent_id).status_code == 200


def test_an_approval_runs_out(agent: Agent) -> None:
    client = agent.registered()
    year = 365 * 24 * 3600
    agent.target.advance(year + 1)
    now = int(time.time()) + year + 1
    attestation = agent.attest(iat=now, exp=now + 300)
    refused(agent.authorize(client, agent_attestation=attestation), 403, "AGENT_UNAPPROVED")


def test_scopes_beyond_the_approval_are_refused(agent: Agent) -> None:
    first, second, *_ = agent.target.scopes
    client = agent.registered(
        requested_providers=[{"provider_id": agent.target.provider_id, "scopes": [first]}]
    )
    refused(agent.authorize(client, scopes=[first, second]), 403, "SCOPE_NOT_APPROVED")
    assert agent.session(client, scopes=[first])["ath_session_id"]


def test_a_session_needs_scopes(agent: Agent) -> None:
    refused(agent.authorize(agent.registered(), scopes=[]), 400, "INVALID_REQUEST")


@pytest.mark.parametrize("state", [None, "", "short", 12345678901234567890123], ids=str)
def test_state_must_be_there_and_hold_128_bits(agent: Agent, state: object) -> None:
    refused(agent.authorize(agent.registered(), state=state), 400, "STATE_MISMATCH")


@pytest.mark.parametrize(
    "uri",
    [
        "https://mallory.example/cb",
        f"{CALLBACK}/",
        f"{CALLBACK}?x=1",
        f"{CALLBACK}/../callback",
        CALLBACK.replace("127.0.0.1", "localhost"),
        CALLBACK.upper(),
    ],
)
def test_a_redirect_uri_must_equal_a_registered_one(agent: Agent, uri: str) -> None:
    client = agent.registered()
    refused(agent.authorize(client, user_redirect_uri=uri), 400, "INVALID_REQUEST")
    assert agent.session(client, user_redirect_uri=CALLBACK)["authorization_url"]


@pytest.mark.parametrize("registered", [None, []], ids=["omitted", "empty"])
def test_without_registered_redirect_uris_none_may_be_sent(
    agent: Agent, registered: list[str] | None
) -> None:
    client = agent.registered(redirect_uris=registered)
    for uri in (CALLBACK, f"{agent.target.url}/ath/callback"):
        refused(agent.authorize(client, user_redirect_uri=uri), 400, "INVALID_REQUEST")
    assert agent.session(client)["ath_session_id"]


@pytest.mark.parametrize("resource", ["/relative", "https://api.example/#part"])
def test_a_resource_must_be_an_absolute_uri_without_fragment(agent: Agent, resource: str) -> None:
    refused(agent.authorize(agent.registered(), resource=resource), 400, "INVALID_REQUEST")


def status_of(agent: Agent, client_id: str, auth: tuple[str, str] | None) -> httpx.Response:
    url = f"{agent.target.url}/ath/agents/{client_id}"
    return agent.target.http.get(url, auth=auth, headers=agent.headers)


def test_a_client_reads_its_own_registration_without_the_secret(agent: Agent) -> None:
    client = agent.registered()
    reply = status_of(agent, client["client_id"], (client["client_id"], client["client_secret"]))
    read = accepted(reply)
    assert read["agent_status"] == client["agent_status"]
    assert read["approved_providers"] == client["approved_providers"]
    assert read["agent_id"] == agent.agent_id
    assert client["client_secret"] not in reply.text


def test_a_registration_can_only_be_read_by_its_client(agent: Agent, other: Agent) -> None:
    client, foreign = agent.registered(), other.registered()
    credentials = (foreign["client_id"], foreign["client_secret"])
    refused(status_of(other, client["client_id"], credentials), 403, "FORBIDDEN")
    wrong = (client["client_id"], foreign["client_secret"])
    refused(status_of(agent, client["client_id"], wrong), 401, "AUTH_REQUIRED")
    refused(status_of(agent, client["client_id"], None), 401, "AUTH_REQUIRED")


def test_each_authorization_opens_its_own_session(agent: Agent) -> None:
    client = agent.registered()
    first, second = agent.session(client, state=STATE), agent.session(client, state=STATE)
    assert first["ath_session_id"] != second["ath_session_id"]
