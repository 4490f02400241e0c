"""What real implementors do differently: the client lives with both behaviours of each."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ath_api.models import AgentStatus

from ath import RetryPolicy
from tests.harness.clients import AGENT_ID, AnyClient, attestation_claims, json_body, raises_code
from tests.harness.examples import refusal
from tests.harness.server import Server
from tests.harness.worlds import World

Worlds = Callable[..., World]


@pytest.mark.parametrize("status", [200, 201])
def test_a_registration_may_be_answered_with_either_status(worlds: Worlds, status: int) -> None:
    world = worlds("gateway", register_status=status)
    client = world.client()
    assert world.register(client).client_id == client.client_id
    assert world.requests[-1].status == status


@pytest.mark.parametrize("conflict", [False, True])
def test_a_second_registration_makes_a_new_client_or_a_conflict(
    worlds: Worlds, mode: str, conflict: bool
) -> None:
    world = worlds(mode, register_conflict=conflict)
    client = world.client()
    client.discover()
    first = world.register(client)
    world.token(client)
    if conflict:
        with raises_code("CONFLICT", 409) as caught:
            world.register(client)
        assert caught.value.details == {"client_id": first.client_id}
        assert client.client_id == first.client_id
        assert client.call("GET", "/echo")  # what was held is still good
    else:
        assert world.register(client).client_id == client.client_id != first.client_id


@pytest.mark.parametrize("status", ["denied", "approved"])
def test_an_agent_without_any_approved_scope_is_denied_or_approved(
    worlds: Worlds, status: str
) -> None:
    world = worlds("gateway", no_scope_status=status, denied_scopes=["read:user", "repo"])
    client = world.client()
    registered = world.register(client)
    assert registered.agent_status is AgentStatus(status)
    assert registered.approved_providers[0].approved_scopes == []
    assert registered.approved_providers[0].denied_scopes == ["read:user", "repo"]
    code = "AGENT_UNAPPROVED" if status == "denied" else "PROVIDER_NOT_APPROVED"
    with raises_code(code, 403):
        client.authorize("github", ["repo"])


@pytest.mark.parametrize("callback", [False, True])
def test_omitted_redirect_uris_are_none_or_the_servers_own(
    worlds: Worlds, mode: str, callback: bool
) -> None:
    world = worlds(mode, omitted_redirect_is_callback=callback)
    client = world.ready()
    assert "redirect_uris" not in json_body(world.sent_to("/ath/agents/register")[0])
    assert "user_redirect_uri" not in json_body(world.sent_to("/ath/authorize")[0])
    assert client.call("GET", "/echo")


@pytest.mark.parametrize("means", ["basic", "session"])
def test_a_registration_may_want_client_or_session_authentication(
    worlds: Worlds, mode: str, means: str
) -> None:
    world = worlds(mode, registration_status=means, user_sessions={"session": "alice"})
    client = world.client(headers={"X-ATH-User-Token": "session"})
    registered = world.register(client)
    assert client.registration().client_id == registered.client_id
    headers = world.requests[-1].headers
    assert headers["authorization"].startswith("Basic ")
    assert headers["x-ath-user-token"] == "session"


def test_a_server_without_a_registration_endpoint_says_not_found(worlds: Worlds) -> None:
    world = worlds("gateway", registration_status="absent")
    client = world.client()
    world.register(client)
    with raises_code("NOT_FOUND", 404):
        client.registration()


@pytest.mark.parametrize("one", [False, True])
@pytest.mark.parametrize("used", [False, True])
def test_a_token_is_obtained_under_every_audience_and_replay_rule(
    worlds: Worlds, mode: str, one: bool, used: bool
) -> None:
    world = worlds(mode, one_audience=one, refused_attestation_is_used=used)
    client = world.ready()
    assert client.call("GET", "/echo")
    tokens = world.sent_to("/ath/token")
    assert len(tokens) == (2 if one else 1)
    assert isinstance(attestation_claims(tokens[-1])["aud"], list) is one
    assert len({attestation_claims(record)["jti"] for record in tokens}) == len(tokens)


@pytest.mark.parametrize("used", [False, True])
def test_polling_for_consent_never_repeats_an_attestation(worlds: Worlds, used: bool) -> None:
    world = worlds("gateway", refused_attestation_is_used=used)
    client = world.client()
    world.register(client)
    asked = client.authorize("github", ["repo"])
    for _ in range(3):
        with raises_code("SESSION_NOT_FOUND", 400):
            client.exchange_token("exchange", asked.ath_session_id)
    world.server.approve(asked.authorization_url)
    assert client.exchange_token("exchange", asked.ath_session_id)


def test_a_gateway_in_demo_mode_gives_urls_without_pkce(worlds: Worlds, mode: str) -> None:
    world = worlds(mode, pkce_in_url=False)
    strict, relaxed = world.client(), world.client(require_pkce=False)
    for client in (strict, relaxed):
        world.register(client)
    with raises_code("PKCE_REQUIRED"):
        strict.authorize(world.provider, world.scopes)
    relaxed.discover()
    world.token(relaxed)
    assert relaxed.call("GET", "/echo")


@pytest.mark.parametrize("own_page", [False, True])
def test_the_browser_may_end_on_the_servers_own_page(
    worlds: Worlds, mode: str, own_page: bool
) -> None:
    world = worlds(mode, own_page=own_page)
    client = world.client()
    world.register(client, redirect_uris=["https://agent.example.com/cb"])
    asked = client.authorize(world.provider, world.scopes)
    ended = world.server.approve(asked.authorization_url)
    assert ended.startswith("https://agent.example.com/cb?session_id=") is not own_page
    assert client.exchange_token("exchange", asked.ath_session_id)


@pytest.mark.parametrize("code", ["SESSION_NOT_FOUND", "USER_DENIED", "INTERNAL_ERROR"])
def test_a_denial_comes_back_as_the_server_words_it(worlds: Worlds, mode: str, code: str) -> None:
    world = worlds(mode, after_denial=code)
    client = world.client()
    world.register(client)
    asked = client.authorize(world.provider, world.scopes)
    world.server.deny(asked.authorization_url)
    with raises_code(code, 400):
        client.exchange_token("exchange", asked.ath_session_id)
    assert len(world.sent_to("/ath/token")) == 1


@pytest.mark.parametrize("code", ["SESSION_EXPIRED", "SESSION_NOT_FOUND", "INTERNAL_ERROR"])
def test_an_expired_session_comes_back_as_the_server_words_it(worlds: Worlds, code: str) -> None:
    world = worlds("gateway", expired_session_code=code, session_lifetime=0)
    client = world.client()
    world.register(client)
    asked = client.authorize(world.provider, world.scopes)
    with raises_code(code, 400):
        client.exchange_token("exchange", asked.ath_session_id)


@pytest.mark.parametrize("token_type", ["Bearer", "bearer", "ATH"])
def test_the_name_of_the_token_type_changes_nothing(worlds: Worlds, token_type: str) -> None:
    world = worlds("gateway", token_type=token_type)
    client = world.client()
    client.discover()
    world.register(client)
    assert world.token(client).token_type == token_type
    client.call("GET", "/echo")
    assert world.requests[-1].headers["authorization"].startswith("Bearer ath_tk_")


@pytest.mark.parametrize("answer", ["ok", "TOKEN_INVALID"])
def test_an_unknown_token_counts_as_revoked(worlds: Worlds, mode: str, answer: str) -> None:
    world = worlds(mode, revoke_unknown=answer)
    client = world.client()
    client.discover()
    world.register(client)
    client.set_token("ath_tk_that_never_existed", world.provider)
    client.revoke()
    assert world.requests[-1].status == (200 if answer == "ok" else 400)
    with raises_code("NO_TOKEN"):
        client.call("GET", "/echo")


@pytest.mark.parametrize("optional", [False, True])
def test_the_agent_id_is_sent_whether_the_server_insists_or_not(
    worlds: Worlds, mode: str, optional: bool
) -> None:
    world = worlds(mode, agent_id_header_optional=optional)
    client = world.ready()
    client.call("GET", "/echo")
    record = world.requests[-1]
    assert record.headers["x-ath-agent-id"] == AGENT_ID
    other = world.client(agent_id="https://other.example/agent.json")
    other.discover()
    other.set_token(record.headers["authorization"].removeprefix("Bearer "))
    with raises_code("AGENT_IDENTITY_MISMATCH", 403):
        other.call("GET", "/echo")


@pytest.mark.parametrize("drops", [False, True])
def test_a_proxy_may_drop_query_and_headers(worlds: Worlds, drops: bool) -> None:
    world = worlds("gateway", proxy_drops_query=drops, proxy_drops_headers=drops)
    client = world.ready()
    echoed = client.call("POST", "/echo?a=1", {"b": 2}, headers={"X-More": "3"})
    assert echoed["json"] == {"b": 2}
    assert echoed["query"] == ("" if drops else "a=1")
    assert ("x-more" in echoed["headers"]) is not drops
    assert world.requests[-1].target.endswith(b"/echo?a=1")


@pytest.mark.parametrize("json_only", [False, True])
def test_a_reply_that_is_not_json_may_become_a_502_after_the_call(
    worlds: Worlds, json_only: bool
) -> None:
    world = worlds("gateway", proxy_json_only=json_only)
    client = world.ready(retry=RetryPolicy(base=0))
    assert client.call("GET", "/user")["login"]
    if json_only:
        with raises_code("PROVIDER_ERROR", 502) as caught:
            client.call("POST", "/note")
        assert caught.value.details["body"] == {"error": "Proxy failed"}
        assert "Proxy failed" in caught.value.message
    else:
        assert client.call("POST", "/note") == "1 noted"
    assert world.server.count("provider_writes") == 1


@pytest.mark.parametrize("as_500", [False, True])
def test_an_empty_reply_may_become_a_500(worlds: Worlds, as_500: bool) -> None:
    world = worlds("gateway", proxy_empty_is_500=as_500)
    client = world.ready()
    if as_500:
        with raises_code("INTERNAL_ERROR", 500):
            client.call("GET", "/empty")
    else:
        assert client.call("GET", "/empty") is None


@pytest.mark.parametrize("stale", [False, True])
def test_clients_ask_for_uncompressed_replies(worlds: Worlds, stale: bool) -> None:
    world = worlds("gateway", proxy_stale_encoding=stale)
    assert world.ready().call("GET", "/gzip") == {"compressed": False}
    assert world.server.provider_requests[-1].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "deflate", "br", "identity"])
def test_a_body_that_a_proxy_already_decoded_is_read(
    client: AnyClient, server: Server, encoding: str
) -> None:
    server.answer_next(b'{"a": 1}', Content_Type="application/json", Content_Encoding=encoding)
    assert client.call("GET", "/x") == {"a": 1}


STYLES: dict[str, tuple[str, str]] = {
    "ath": ("AGENT_NOT_REGISTERED", "no such client"),
    "html": ("HTTP_ERROR", "HTTP status 403"),
    "text": ("HTTP_ERROR", "HTTP status 403"),
    "empty": ("HTTP_ERROR", "HTTP status 403"),
    "oauth": ("HTTP_ERROR", "agent_not_registered: no such client"),
    "proxy": ("HTTP_ERROR", "AGENT_NOT_REGISTERED: no such client"),
}


@pytest.mark.parametrize("style", STYLES)
def test_errors_come_in_every_style(worlds: Worlds, style: str) -> None:
    world = worlds("gateway", error_style=style)
    client = world.client()
    client.set_credentials("ath_client_invented", "ath_secret_invented")
    code, said = STYLES[style]
    with raises_code(code, 403) as caught:
        client.authorize(world.provider, world.scopes)
    assert said in caught.value.message


@pytest.mark.parametrize("style", ["ath", "oauth", "proxy"])
def test_a_conflict_is_known_by_its_status_too(worlds: Worlds, style: str) -> None:
    world = worlds("gateway", register_conflict=True, error_style=style)
    world.register(world.client())
    with raises_code("CONFLICT", 409):
        world.register(world.client())


@pytest.mark.parametrize(("code", "status"), [("AGENT_UNAPPROVED", 400), ("AGENT_UNAPPROVED", 401)])
def test_an_error_code_is_reported_whatever_the_status(
    worlds: Worlds, mode: str, code: str, status: int
) -> None:
    world = worlds(mode, approval="pending", error_status={code: status})
    client = world.client()
    world.register(client)
    with raises_code(code, status):
        client.authorize(world.provider, world.scopes)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("INVALID_PATH", 400), ("UPSTREAM_ERROR", 502), ("FORBIDDEN", 403), ("AUTH_REQUIRED", 401),
        ("PROVIDER_NOT_CONFIGURED", 400), ("PROVIDER_TOKEN_MISSING", 401),
    ],
)  # fmt: skip
def test_error_codes_of_known_servers_are_passed_on(
    client: AnyClient, server: Server, code: str, status: int
) -> None:
    server.answer_next(refusal(code, "Said there."), status)
    with raises_code(code, status) as caught:
        client.call("POST", "/x")
    assert caught.value.message == "Said there."
    server.answer_next(refusal(code), 400)
    with raises_code(code, 400):
        client.authorize("github", ["repo"])


@pytest.mark.parametrize("nulls", [False, True])
def test_optional_fields_may_be_null(worlds: Worlds, nulls: bool) -> None:
    world = worlds("gateway", null_side_fields=nulls)
    client = world.ready()
    assert (client.registration().approval_expires is None) is nulls
    assert client.call("GET", "/echo")
