"""Each behaviour of real implementors that differs from the specification can be switched on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from ath.testing import LocalGateway, Quirks

from .conftest import new_agent
from .hostile import CALLBACK, Agent, IdentityHost, Target, accepted, refused

Make = Callable[..., Agent]


@pytest.fixture
def make(http: httpx.Client, identities: IdentityHost) -> Iterator[Make]:
    """Start a gateway with these quirks (and `knobs`) and return an agent of it."""
    with ExitStack() as running:

        def start(knobs: dict[str, Any] | None = None, **quirks: Any) -> Agent:
            gateway = running.enter_context(LocalGateway(quirks=Quirks(**quirks), **(knobs or {})))
            target = Target(gateway.url, http, local=gateway)
            target.discover()
            return new_agent(target, identities)

        yield start


def opened(agent: Agent) -> tuple[dict[str, Any], str]:
    client = agent.registered()
    return client, agent.token(client)["access_token"]


def test_register_may_answer_200(make: Make) -> None:
    assert make(register_status=200).register().status_code == 200


def test_registering_again_gives_a_second_client_or_a_conflict(make: Make) -> None:
    agent = make()
    assert agent.registered()["client_id"] != agent.registered()["client_id"]
    agent = make(register_conflict=True)
    client = agent.registered()
    reply = agent.register()
    refused(reply, 409, "CONFLICT")
    assert reply.json()["client_id"] == client["client_id"]
    assert client["client_secret"] not in reply.text
    assert agent.target.count("registrations") == 1


def test_without_any_approved_scope_the_status_is_denied_or_approved(make: Make) -> None:
    nothing = {"requested_providers": [{"provider_id": "github", "scopes": ["no:such"]}]}
    assert make().registered(**nothing)["agent_status"] == "denied"
    agent = make(no_scope_status="approved")
    assert agent.registered(**nothing)["agent_status"] == "approved"


def test_omitted_redirect_uris_may_be_the_own_callback(make: Make) -> None:
    agent = make(omitted_redirect_is_callback=True)
    client = agent.registered(redirect_uris=None)
    own = f"{agent.target.url}/ath/callback"
    assert agent.session(client, user_redirect_uri=own)["ath_session_id"]
    refused(agent.authorize(client, user_redirect_uri=CALLBACK), 400, "INVALID_REQUEST")


def test_the_registration_status_may_be_absent_or_want_a_session(make: Make) -> None:
    def read(agent: Agent, **headers: str) -> httpx.Response:
        client = agent.registered()
        basic = (client["client_id"], client["client_secret"])
        url = f"{agent.target.url}/ath/agents/{client['client_id']}"
        return agent.target.http.get(url, auth=None if headers else basic, headers=headers)

    assert read(make(registration_status="absent")).status_code == 404
    agent = make({"user_sessions": {"s1": "ann"}}, registration_status="session")
    agent.headers = {"X-ATH-User-Token": "s1"}
    assert read(agent, **agent.headers).status_code == 200
    refused(read(make(registration_status="session")), 401, "AUTH_REQUIRED")


def test_one_audience_means_the_base_url_at_the_token_endpoint(make: Make) -> None:
    agent = make(one_audience=True)
    client = agent.registered()
    session = agent.session(client)
    agent.target.consent(session["authorization_url"])
    refused(agent.exchange(client, session), 401, "INVALID_ATTESTATION")
    both = agent.attest([agent.target.url, agent.target.token_url])
    assert accepted(agent.exchange(client, session, agent_attestation=both))["access_token"]


@pytest.mark.parametrize("used", [True, False])
def test_a_refused_attestation_counts_as_used_or_not(make: Make, used: bool) -> None:
    agent = make(refused_attestation_is_used=used)
    client = agent.registered()
    attestation = agent.attest()
    refused(
        agent.authorize(client, scopes=["no:such"], agent_attestation=attestation),
        403,
        "SCOPE_NOT_APPROVED",
    )
    reply = agent.authorize(client, agent_attestation=attestation)
    assert reply.status_code == (401 if used else 200)


def test_a_demo_mode_has_no_pkce_in_the_url(make: Make) -> None:
    agent = make(pkce_in_url=False)
    client = agent.registered()
    session = agent.session(client)
    assert "code_challenge" not in session["authorization_url"]
    agent.target.consent(session["authorization_url"])
    assert accepted(agent.exchange(client, session))["access_token"]


def test_the_browser_may_always_end_on_the_gateways_own_page(make: Make) -> None:
    agent = make(own_page=True)
    session = agent.session(agent.registered(), user_redirect_uri=CALLBACK)
    ended = agent.target.consent(session["authorization_url"])
    assert ended.startswith(f"{agent.target.url}/ath/callback?")


@pytest.mark.parametrize("code", ["SESSION_NOT_FOUND", "USER_DENIED", "INTERNAL_ERROR"])
def test_the_code_of_a_denial_may_differ(make: Make, code: str) -> None:
    agent = make(after_denial=code)
    client = agent.registered()
    session = agent.session(client)
    agent.target.deny(session["authorization_url"])
    refused(agent.exchange(client, session), 400, code)


@pytest.mark.parametrize("code", ["SESSION_EXPIRED", "SESSION_NOT_FOUND", "INTERNAL_ERROR"])
def test_the_code_of_an_expired_session_may_differ(make: Make, code: str) -> None:
    agent = make({"session_lifetime": 60}, expired_session_code=code)
    client = agent.registered()
    session = agent.session(client)
    agent.target.advance(61)
    refused(agent.exchange(client, session), 400, code)


def test_the_token_type_may_be_in_lower_case(make: Make) -> None:
    agent = make(token_type="bearer")
    assert agent.token(agent.registered())["token_type"] == "bearer"


def test_revoking_an_unknown_token_may_be_an_error(make: Make) -> None:
    agent = make(revoke_unknown="TOKEN_INVALID")
    client, token = opened(agent)
    refused(agent.revoke(client, "ath_tk_never"), 400, "TOKEN_INVALID")
    assert agent.revoke(client, token).status_code == 200


def test_the_agent_id_header_may_be_optional_but_never_wrong(make: Make) -> None:
    agent = make(agent_id_header_optional=True)
    _, token = opened(agent)
    assert agent.target.call("GET", "/user", token, None).status_code == 200
    reply = agent.target.call("GET", "/user", token, "https://mallory.example/")
    refused(reply, 403, "AGENT_IDENTITY_MISMATCH")


def test_a_proxy_may_drop_query_strings_and_headers(make: Make) -> None:
    agent = make(proxy_drops_query=True, proxy_drops_headers=True)
    _, token = opened(agent)
    reply = agent.target.call(
        "POST", "/echo?x=1", token, agent.agent_id, headers={"X-Mine": "1"}, json={"kept": True}
    )
    seen = reply.json()
    assert (seen["query"], seen["json"]) == ("", {"kept": True})
    assert "x-mine" not in seen["headers"]


def test_a_proxy_may_know_json_only_and_fail_after_the_call_happened(make: Make) -> None:
    agent = make(proxy_json_only=True)
    _, token = opened(agent)
    reply = agent.target.call("POST", "/note", token, agent.agent_id)
    assert (reply.status_code, reply.json()) == (502, {"error": "Proxy failed"})
    assert agent.target.count("provider_writes") == 1
    assert agent.target.call("GET", "/user", token, agent.agent_id).json()["login"] == "ada"


def test_a_proxy_may_turn_no_content_into_an_error(make: Make) -> None:
    agent = make(proxy_empty_is_500=True)
    _, token = opened(agent)
    assert agent.target.call("GET", "/empty", token, agent.agent_id).status_code == 500


def test_a_proxy_may_name_an_encoding_that_it_removed(make: Make) -> None:
    agent = make(proxy_stale_encoding=True)
    _, token = opened(agent)
    with pytest.raises(httpx.DecodingError):
        agent.target.call("GET", "/gzip", token, agent.agent_id)
    headers = {"Accept-Encoding": "identity"}
    reply = agent.target.call("GET", "/gzip", token, agent.agent_id, headers=headers)
    assert reply.json() == {"compressed": False}


@pytest.mark.parametrize(
    ("style", "kind", "part"),
    [
        ("ath", "application/json", '"code": "SESSION_NOT_FOUND"'),
        ("html", "text/html; charset=utf-8", "<h1>"),
        ("text", "text/plain; charset=utf-8", "no such session"),
        ("oauth", "application/json", '"error": "session_not_found", "error_description"'),
        ("proxy", "application/json", '"error": "SESSION_NOT_FOUND", "message"'),
        ("empty", None, ""),
    ],
)
def test_errors_come_in_many_shapes(make: Make, style: str, kind: str | None, part: str) -> None:
    agent = make(error_style=style)
    reply = agent.exchange(agent.registered(), "ath_sess_never")
    assert reply.status_code == 400
    assert part in reply.text
    assert bool(reply.text) == bool(part)
    assert kind is None or reply.headers["content-type"] == kind


def test_statuses_may_differ(make: Make) -> None:
    agent = make(error_status={"SCOPE_NOT_APPROVED": 400})
    refused(agent.authorize(agent.registered(), scopes=["no:such"]), 400, "SCOPE_NOT_APPROVED")


def test_optional_fields_may_be_null(make: Make) -> None:
    client = make(null_side_fields=True).registered()
    assert client["approval_expires"] is None
    assert client["approved_providers"][0]["denial_reason"] is None


def test_answers_may_have_unknown_fields(make: Make) -> None:
    agent = make(extra_fields=True)
    client = agent.registered()
    session = agent.session(client)
    agent.target.consent(session["authorization_url"])
    token = accepted(agent.exchange(client, session))
    error = agent.exchange(client, session).json()
    for body in (client, session, token, error):
        assert body["x_version"] == 7


@pytest.mark.parametrize("decision", ["pending", "denied"])
def test_an_agent_may_have_to_wait_or_be_denied(make: Make, decision: str) -> None:
    agent = make({"approval": decision})
    client = agent.registered()
    assert client["agent_status"] == decision
    assert client["client_secret"]
    assert client["approved_providers"][0]["approved_scopes"] == []
    refused(agent.authorize(client), 403, "AGENT_UNAPPROVED")
    agent.target.decide(client["client_id"], "approved")
    assert agent.session(client)["ath_session_id"]


def test_some_scopes_may_be_denied(make: Make) -> None:
    agent = make({"denied_scopes": ["repo"]})
    [approval] = agent.registered()["approved_providers"]
    assert approval["approved_scopes"] == ["read:user"]
    assert approval["denied_scopes"] == ["repo"]
    assert approval["denial_reason"]


def test_lifetimes_are_settable(make: Make) -> None:
    agent = make({"token_lifetime": 30})
    client, token = opened(agent)
    assert agent.token(client)["expires_in"] == 30
    agent.target.advance(30)
    refused(agent.target.call("GET", "/user", token, agent.agent_id), 401, "TOKEN_EXPIRED")
