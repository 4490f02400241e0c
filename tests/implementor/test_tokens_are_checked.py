from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from .hostile import Agent, accepted, refused


def test_a_token_response_names_agent_provider_and_scopes(agent: Agent) -> None:
    token = agent.token(agent.registered())
    assert token["token_type"] == "Bearer"
    assert token["expires_in"] == 3600
    assert token["agent_id"] == agent.agent_id
    assert token["provider_id"] == agent.target.provider_id
    assert token["effective_scopes"] == agent.target.scopes


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"grant_type": "client_credentials"}, "INVALID_REQUEST"),
        ({"grant_type": None}, "INVALID_REQUEST"),
        ({"code": None}, "INVALID_REQUEST"),
        ({"code": ""}, "INVALID_REQUEST"),
        ({"ath_session_id": None}, "INVALID_REQUEST"),
        ({"client_secret": None}, "INVALID_REQUEST"),
        ({"ath_session_id": "ath_sess_never"}, "SESSION_NOT_FOUND"),
    ],
    ids=str,
)
def test_a_malformed_exchange_is_refused(
    agent: Agent, changed: dict[str, object], code: str
) -> None:
    client = agent.registered()
    refused(agent.exchange(client, agent.session(client), **changed), 400, code)


@pytest.mark.parametrize("secret", ["", "wrong", "ünïcode", "x" * 100_000], ids=len)
def test_a_wrong_secret_gets_no_token(agent: Agent, secret: str) -> None:
    client = agent.registered()
    session = agent.session(client)
    agent.target.consent(session["authorization_url"])
    refused(agent.exchange(client, session, client_secret=secret), 403, "AGENT_NOT_REGISTERED")
    assert accepted(agent.exchange(client, session))["access_token"]


def test_a_session_that_waits_for_the_user_gives_no_token(agent: Agent) -> None:
    client = agent.registered()
    refused(agent.exchange(client, agent.session(client)), 400, "SESSION_NOT_FOUND")


def test_a_session_can_only_be_exchanged_by_its_client(agent: Agent, other: Agent) -> None:
    client, foreign = agent.registered(), other.registered()
    session = agent.session(client)
    agent.target.consent(session["authorization_url"])
    refused(other.exchange(foreign, session), 400, "SESSION_NOT_FOUND")
    assert accepted(agent.exchange(client, session))["access_token"]


def test_a_session_can_only_be_exchanged_once(agent: Agent) -> None:
    client = agent.registered()
    session = agent.session(client)
    agent.target.consent(session["authorization_url"])
    accepted(agent.exchange(client, session))
    refused(agent.exchange(client, session), 400, "SESSION_NOT_FOUND")


def test_of_many_exchanges_at_once_one_succeeds(agent: Agent) -> None:
    client = agent.registered()
    session = agent.session(client)
    agent.target.consent(session["authorization_url"])
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: agent.exchange(client, session), range(8)))
    assert sorted(reply.status_code for reply in replies) == [200] + 7 * [400]
    assert agent.target.count("tokens") == 1


def test_a_session_lives_ten_minutes(agent: Agent) -> None:
    client = agent.registered()
    session = agent.session(client)
    agent.target.consent(session["authorization_url"])
    agent.target.advance(600)
    now = int(time.time()) + 600
    attestation = agent.attest(agent.target.token_url, iat=now, exp=now + 300)
    reply = agent.exchange(client, session, agent_attestation=attestation)
    refused(reply, 400, "SESSION_EXPIRED")


def test_the_api_accepts_the_token(agent: Agent) -> None:
    token = agent.token(agent.registered())["access_token"]
    reply = agent.target.call("GET", "/echo", token, agent.agent_id)
    assert (reply.status_code, reply.json()["method"]) == (200, "GET")


@pytest.mark.parametrize("token", [None, "x", "ath_tk_never", "ünïcode", "a b"], ids=repr)
def test_without_a_valid_token_nothing_is_called(agent: Agent, token: str | None) -> None:
    headers = {} if token is None else {"Authorization": f"Bearer {token}".encode()}
    reply = agent.target.call("GET", "/echo", None, agent.agent_id, headers=headers)
    refused(reply, 401, "TOKEN_INVALID")


def test_a_token_is_taken_from_a_bearer_header_only(agent: Agent) -> None:
    token = agent.token(agent.registered())["access_token"]
    basic = {"Authorization": f"Basic {token}"}
    reply = agent.target.call("GET", "/echo", None, agent.agent_id, headers=basic)
    refused(reply, 401, "TOKEN_INVALID")
    reply = agent.target.call("GET", f"/echo?access_token={token}", None, agent.agent_id)
    refused(reply, 401, "TOKEN_INVALID")


def test_a_token_expires(agent: Agent) -> None:
    token = agent.token(agent.registered())["access_token"]
    agent.target.advance(3599)
    assert agent.target.call("GET", "/echo", token, agent.agent_id).status_code == 200
    agent.target.advance(2)
    refused(agent.target.call("GET", "/echo", token, agent.agent_id), 401, "TOKEN_EXPIRED")


def test_a_token_can_only_be_used_by_its_agent(agent: Agent, other: Agent) -> None:
    token = agent.token(agent.registered())["access_token"]
    for agent_id in (other.agent_id, None, "", f"{agent.agent_id}/"):
        reply = agent.target.call("GET", "/echo", token, agent_id)
        refused(reply, 403, "AGENT_IDENTITY_MISMATCH")


def test_a_token_covers_its_scopes_only(agent: Agent) -> None:
    client = agent.registered()
    agent.target._server("know its scope-to-route map")
    read, write = (
        (("GET", "/user", "read:user"), ("POST", "/user/repos", "repo"))
        if agent.target.provider_id == "github"
        else (("GET", "/products", "products:read"), ("POST", "/orders", "orders:write"))
    )
    token = agent.token(client, scopes=[read[2]])["access_token"]
    assert agent.target.call(*read[:2], token, agent.agent_id).status_code == 200
    body = {"name": "new", "shippingAddress": "1 Road"}
    reply = agent.target.call(*write[:2], token, agent.agent_id, json=body)
    refused(reply, 403, "SCOPE_NOT_APPROVED")
    assert agent.target.count("provider_writes") == 0
    token = agent.token(client, scopes=[write[2]])["access_token"]
    assert agent.target.call(*write[:2], token, agent.agent_id, json=body).status_code == 201
    assert agent.target.count("provider_writes") == 1


def test_a_method_that_no_scope_opens_is_refused(agent: Agent) -> None:
    path = "/user" if agent.target.provider_id == "github" else "/products"
    token = agent.token(agent.registered())["access_token"]
    reply = agent.target.call("DELETE", path, token, agent.agent_id)
    refused(reply, 403, "SCOPE_NOT_APPROVED")


@pytest.mark.parametrize("path", ["/admin", "/echoes", "/user/", "/us%2565r", "/", "//user"])
@pytest.mark.parametrize("method", ["GET", "DELETE", "OPTIONS"])
def test_where_the_api_has_nothing_it_answers_404_itself(
    agent: Agent, method: str, path: str
) -> None:
    server = agent.target._server("show what reached the provider")
    token = agent.token(agent.registered())["access_token"]
    server.provider_requests.clear()
    reply = agent.target.call(method, path, token, agent.agent_id)
    assert (reply.status_code, reply.json()) == (404, {"message": "Not Found"})
    assert [record.status for record in server.provider_requests] == [404]


def test_a_revoked_token_is_refused_at_once(agent: Agent) -> None:
    client = agent.registered()
    token, kept = agent.token(client)["access_token"], agent.token(client)["access_token"]
    assert agent.revoke(client, token).status_code == 200
    refused(agent.target.call("GET", "/echo", token, agent.agent_id), 401, "TOKEN_REVOKED")
    assert agent.target.call("GET", "/echo", kept, agent.agent_id).status_code == 200


def test_revoking_again_or_what_never_was_is_no_error(agent: Agent) -> None:
    client = agent.registered()
    token = agent.token(client)["access_token"]
    for text in (token, token, "ath_tk_never"):
        assert agent.revoke(client, text).status_code == 200
    assert agent.target.count("revocations") == 1


def test_only_the_owner_revokes(agent: Agent, other: Agent) -> None:
    client, foreign = agent.registered(), other.registered()
    token = agent.token(client)["access_token"]
    refused(other.revoke(foreign, token), 403, "AGENT_IDENTITY_MISMATCH")
    wrong = agent.revoke(client, token, client_secret=foreign["client_secret"])
    refused(wrong, 403, "AGENT_NOT_REGISTERED")
    for missing in ("client_id", "client_secret"):
        refused(agent.revoke(client, token, **{missing: None}), 401, "AUTH_REQUIRED")
    refused(
        agent.post("/ath/revoke", {"client_id": "a", "client_secret": "b"}), 400, "INVALID_REQUEST"
    )
    assert agent.target.call("GET", "/echo", token, agent.agent_id).status_code == 200
