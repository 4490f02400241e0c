"""A multi-user gateway: registrations, sessions and tokens belong to a logged-in user."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from ath.testing import LocalGateway, Quirks

from .conftest import new_agent
from .hostile import Agent, IdentityHost, Target, accepted, refused

HEADER = "X-ATH-User-Token"


@pytest.fixture
def ann(http: httpx.Client, identities: IdentityHost) -> Iterator[Agent]:
    with LocalGateway(
        user_sessions={"session-a": "ann", "session-b": "bob"},
        quirks=Quirks(register_conflict=True),
    ) as gateway:
        target = Target(gateway.url, http, local=gateway)
        target.discover()
        agent = new_agent(target, identities)
        agent.headers = {HEADER: "session-a"}
        yield agent


@pytest.fixture
def bob(ann: Agent) -> Agent:
    """The same agent in another user's session."""
    return replace(ann, headers={HEADER: "session-b"})


@pytest.mark.parametrize("headers", [{}, {HEADER: ""}, {HEADER: "session-c"}], ids=str)
def test_every_call_needs_a_users_session(ann: Agent, headers: dict[str, str]) -> None:
    client = ann.registered()
    token = ann.token(client)["access_token"]
    nobody = replace(ann, headers=headers)
    refused(nobody.register(), 401, "AUTH_REQUIRED")
    refused(nobody.authorize(client), 401, "AUTH_REQUIRED")
    refused(nobody.exchange(client, "any"), 401, "AUTH_REQUIRED")
    refused(nobody.revoke(client, token), 401, "AUTH_REQUIRED")
    reply = ann.target.call("GET", "/user", token, ann.agent_id, headers=headers)
    refused(reply, 401, "AUTH_REQUIRED")


def test_the_same_agent_registers_once_per_user(ann: Agent, bob: Agent) -> None:
    mine = ann.registered()
    theirs = bob.registered()
    assert mine["client_id"] != theirs["client_id"]
    refused(ann.register(), 409, "CONFLICT")


def test_a_client_cannot_be_used_in_another_users_session(ann: Agent, bob: Agent) -> None:
    client = ann.registered()
    session = ann.session(client)
    ann.target.consent(session["authorization_url"])
    refused(bob.authorize(client), 403, "AGENT_NOT_REGISTERED")
    refused(bob.exchange(client, session), 403, "AGENT_NOT_REGISTERED")
    token = accepted(ann.exchange(client, session))["access_token"]
    refused(bob.revoke(client, token), 403, "AGENT_NOT_REGISTERED")
    url = f"{ann.target.url}/ath/agents/{client['client_id']}"
    basic = (client["client_id"], client["client_secret"])
    reply = ann.target.http.get(url, auth=basic, headers=bob.headers)
    refused(reply, 403, "AGENT_NOT_REGISTERED")
    assert ann.target.http.get(url, auth=basic, headers=ann.headers).status_code == 200


def test_a_token_cannot_be_used_in_another_users_session(ann: Agent, bob: Agent) -> None:
    token = ann.token(ann.registered())["access_token"]
    reply = ann.target.call("GET", "/user", token, ann.agent_id, headers=bob.headers)
    refused(reply, 401, "TOKEN_INVALID")
    reply = ann.target.call("GET", "/user", token, ann.agent_id, headers=ann.headers)
    assert reply.json()["login"] == "ann"
