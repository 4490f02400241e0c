"""From asking the user to holding a token: authorize, exchange_token, and the audience."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from ath_api.models import AuthorizationResponse, TokenResponse

from tests.harness.clients import (
    AGENT_ID,
    AnyClient,
    Kind,
    attestation_claims,
    json_body,
    raises_code,
)
from tests.harness.examples import AUTHORIZATION, TOKEN, refusal, service_document
from tests.harness.server import Server
from tests.harness.worlds import World

Worlds = Callable[..., World]


def test_authorize_returns_where_the_user_has_to_go(world: World) -> None:
    client = world.client()
    world.register(client)
    asked = client.authorize(world.provider, world.scopes, resource="https://api.example/v1")
    assert isinstance(asked, AuthorizationResponse)
    query = parse_qs(urlsplit(asked.authorization_url).query)
    assert query["code_challenge_method"] == ["S256"]
    body = json_body(world.requests[-1])
    assert (body["provider_id"], body["scopes"]) == (world.provider, world.scopes)
    assert body["resource"] == "https://api.example/v1"
    assert body["client_id"] == client.client_id
    assert attestation_claims(world.requests[-1])["aud"] == world.server.url


def test_state_and_challenge_are_long_and_never_the_same(gateway: World) -> None:
    client = gateway.client()
    gateway.register(client)
    for _ in range(3):
        client.authorize("github", ["repo"])
    bodies = [json_body(record) for record in gateway.requests[1:]]
    for name in ("state", "code_challenge"):
        values = {body[name] for body in bodies}
        assert len(values) == 3
        assert {len(value) for value in values} == {43}  # 256 bits as base64url
    assert {body["code_challenge_method"] for body in bodies} == {"S256"}


def test_a_given_state_is_sent_unchanged(gateway: World) -> None:
    client = gateway.client()
    gateway.register(client)
    client.authorize("github", ["repo"], state="my-own-state-of-more-than-128-bits")
    assert json_body(gateway.requests[-1])["state"] == "my-own-state-of-more-than-128-bits"
    with raises_code("STATE_MISMATCH", 400):
        client.authorize("github", ["repo"], state="short")


@pytest.mark.parametrize(
    ("registered", "given", "expected"),
    [
        (None, None, None),
        ([], None, None),
        (["https://a.example/cb"], None, "https://a.example/cb"),
        (["https://a.example/cb", "https://b.example/cb"], None, None),
        (
            ["https://a.example/cb", "https://b.example/cb"],
            "https://b.example/cb",
            "https://b.example/cb",
        ),
    ],
)
def test_the_redirect_uri_defaults_to_the_only_one_registered(
    gateway: World, registered: list[str] | None, given: str | None, expected: str | None
) -> None:
    client = gateway.client()
    gateway.register(client, redirect_uris=registered)
    asked = client.authorize("github", ["repo"], redirect_uri=given)
    assert json_body(gateway.requests[-1]).get("user_redirect_uri") == expected
    ended = gateway.server.approve(asked.authorization_url)
    assert ended.startswith(expected or gateway.server.url)


def test_the_default_redirect_uri_survives_a_restart(gateway: World, tmp_path: Path) -> None:
    first = gateway.client(credentials=tmp_path / "c.json")
    gateway.register(first, redirect_uris=["https://a.example/cb"])
    second = gateway.client(credentials=tmp_path / "c.json")
    second.authorize("github", ["repo"])
    assert json_body(gateway.requests[-1])["user_redirect_uri"] == "https://a.example/cb"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("scopes", {"scopes": "repo"}),
        ("scopes", {"scopes": [7]}),
        ("provider", {"provider": 7}),
        ("state", {"state": 7}),
        ("redirect_uri", {"redirect_uri": 7}),
        ("resource", {"resource": ["x"]}),
    ],
)
def test_an_argument_of_the_wrong_shape_is_named_and_not_sent(
    client: AnyClient, server: Server, name: str, arguments: dict[str, Any]
) -> None:
    with raises_code("INVALID_ARGUMENT") as caught:
        client.authorize(**{"provider": "github", "scopes": ["repo"], **arguments})
    assert name in caught.value.message
    for code, session in ((None, "s"), ("c", None), (7, "s")):
        with raises_code("INVALID_ARGUMENT"):
            client.exchange_token(code, session)
    assert server.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "https://auth.example/go",
        "https://auth.example/go?code_challenge=abc",
        "https://auth.example/go?code_challenge=abc&code_challenge_method=plain",
        "https://auth.example/go?code_challenge=&code_challenge_method=S256",
        "https://auth.example/go#code_challenge=abc&code_challenge_method=S256",
        "https://auth.example/go?code_challenge=a&code_challenge_method=S256"
        "&code_challenge_method=plain",
    ],
)
def test_an_authorization_url_without_s256_is_refused_unless_relaxed(
    kind: Kind, client: AnyClient, server: Server, url: str
) -> None:
    server.answer_next({**AUTHORIZATION, "authorization_url": url})
    with raises_code("PKCE_REQUIRED"):
        client.authorize("github", ["repo"])
    relaxed = kind.client(server.url, require_pkce=False)
    relaxed.set_credentials("ath_client_0", "ath_secret_0")
    server.answer_next({**AUTHORIZATION, "authorization_url": url})
    assert relaxed.authorize("github", ["repo"]).authorization_url == url


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "file:///etc/passwd", "/go", "", "data:text/html,x"]
)
def test_an_authorization_url_that_is_no_web_address_is_refused(
    kind: Kind, server: Server, url: str
) -> None:
    client = kind.client(server.url, require_pkce=False)
    client.set_credentials("ath_client_0", "ath_secret_0")
    server.answer_next({**AUTHORIZATION, "authorization_url": url})
    with raises_code("INVALID_RESPONSE", 200) as caught:
        client.authorize("github", ["repo"])
    assert caught.value.source == "implementor"


def test_a_reply_that_names_another_provider_than_the_session_changes_no_token(
    client: AnyClient, server: Server
) -> None:
    client.set_token("ath_tk_github", "github")
    client.set_token("ath_tk_shop", "shop")
    server.answer_next(AUTHORIZATION)
    server.answer_next({**TOKEN, "provider_id": "shop"})
    asked = client.authorize("github", ["repo"])
    with raises_code("INVALID_RESPONSE", 200) as caught:
        client.exchange_token("exchange", asked.ath_session_id)
    assert "used up" in caught.value.message
    for provider in ("github", "shop"):
        server.answer_next({"ok": True})
        client.proxy(provider, "GET", "/x")
        assert server.requests[-1].headers["authorization"] == f"Bearer ath_tk_{provider}"


def test_a_native_service_may_call_itself_by_another_name(kind: Kind, server: Server) -> None:
    client = kind.client(server.url, "native")
    client.set_credentials("ath_client_0", "ath_secret_0")
    server.answer_next(service_document(server.url))
    app_id = client.discover().app_id
    server.answer_next(AUTHORIZATION)
    server.answer_next({**TOKEN, "provider_id": "shop"})
    asked = client.authorize(app_id, ["repo"])
    assert isinstance(client.exchange_token("exchange", asked.ath_session_id), TokenResponse)
    server.answer_next({"ok": True})
    client.api("GET", "/x")
    assert server.requests[-1].headers["authorization"] == "Bearer ath_tk_1"


def test_the_token_of_a_session_opened_elsewhere_is_kept_for_the_provider_that_the_reply_names(
    kind: Kind, server: Server
) -> None:
    client = kind.client(server.url)
    client.set_credentials("ath_client_0", "ath_secret_0")
    server.answer_next({**TOKEN, "provider_id": "shop"})
    client.exchange_token("exchange", "ath_sess_1")
    with raises_code("NO_TOKEN"):
        client.proxy("github", "GET", "/user")
    server.answer_next({"ok": True})
    assert client.proxy("shop", "GET", "/products") == {"ok": True}


def test_the_latest_token_wins(world: World) -> None:
    client = world.client()
    client.discover()
    world.register(client)
    tokens = [world.token(client).access_token for _ in range(2)]
    assert tokens[0] != tokens[1]
    client.call("GET", "/echo")
    assert world.requests[-1].headers["authorization"] == f"Bearer {tokens[1]}"


def test_tokens_of_several_providers_are_kept_side_by_side(gateway: World) -> None:
    client = gateway.client()
    wanted = [
        {"provider_id": "github", "scopes": ["read:user"]},
        {"provider_id": "shop", "scopes": ["products:read"]},
    ]
    gateway.register(client, providers=wanted)
    for each in wanted:
        asked = client.authorize(each["provider_id"], each["scopes"])
        gateway.server.approve(asked.authorization_url)
        client.exchange_token("exchange", asked.ath_session_id)
    assert client.proxy("github", "GET", "/user")["login"]
    assert client.proxy("shop", "GET", "/products")


def test_the_expiry_is_kept_as_a_point_in_time(
    client: AnyClient, server: Server, tmp_path: Path
) -> None:
    server.answer_next({**TOKEN, "expires_in": 1000})
    before = time.time()
    client.exchange_token("exchange", "ath_sess_1")
    after = time.time()
    client.save_credentials(tmp_path / "c.json")
    (record,) = json.loads((tmp_path / "c.json").read_text())["records"]
    held = {token["provider"]: token for token in record["tokens"]}["github"]
    assert before + 1000 <= held["expires_at"] <= after + 1000
    assert held["scopes"] == ["read:user"]


def test_a_token_known_to_be_expired_is_not_sent(worlds: Worlds, mode: str) -> None:
    world = worlds(mode, token_lifetime=0)
    client = world.ready()
    before = len(world.requests)
    with raises_code("TOKEN_EXPIRED"):
        client.call("GET", "/echo")
    assert len(world.requests) == before


def test_a_token_that_only_the_server_calls_expired_has_its_status(
    world: World,
) -> None:
    client = world.ready()
    world.server.advance(3601)
    with raises_code("TOKEN_EXPIRED", 401):
        client.call("GET", "/echo")


@pytest.mark.parametrize(
    "failing",
    [
        {"body": refusal("USER_DENIED"), "status": 403},
        {"body": "<html>", "status": 500},
        {"lost": True},
        {"body": {**TOKEN, "access_token": ""}},
        {"body": {**TOKEN, "access_token": "bad\ntoken"}},
        {"body": {"provider_id": "github"}},
        {"body": b"{"},
    ],
)
def test_a_failed_exchange_leaves_earlier_tokens_as_they_were(
    client: AnyClient, server: Server, failing: dict[str, Any]
) -> None:
    server.answer_next(**failing)
    with pytest.raises(Exception, match=r"USER_DENIED|HTTP_ERROR|OUTCOME_UNKNOWN|INVALID_RESPONSE"):
        client.exchange_token("exchange", "ath_sess_1")
    assert len(server.requests) == 1
    server.answer_next({"ok": True})
    assert client.proxy("github", "GET", "/user") == {"ok": True}
    assert server.requests[-1].headers["authorization"] == "Bearer ath_tk_0"


@pytest.mark.parametrize(
    "damage",
    [{"effective_scopes": "all"}, {"scope_intersection": None}, {"agent_id": 7}],
)
def test_a_malformed_optional_field_does_not_lose_the_token(
    client: AnyClient, server: Server, damage: dict[str, Any]
) -> None:
    server.answer_next({**TOKEN, **damage})
    with raises_code("INVALID_RESPONSE", 200):
        client.exchange_token("exchange", "ath_sess_1")
    server.answer_next({"ok": True})
    client.proxy("github", "GET", "/user")
    assert server.requests[-1].headers["authorization"] == "Bearer ath_tk_1"


def test_a_token_without_provider_id_is_kept_for_the_requested_provider(
    kind: Kind, server: Server
) -> None:
    client = kind.client(server.url)
    client.set_credentials("ath_client_1", "ath_secret_1")
    server.answer_next(AUTHORIZATION)
    server.answer_next({**TOKEN, "provider_id": None})
    asked = client.authorize("github", ["repo"])
    with raises_code("INVALID_RESPONSE", 200):
        client.exchange_token("exchange", asked.ath_session_id)
    with raises_code("NO_TOKEN"):
        client.proxy("shop", "GET", "/")
    server.answer_next({"ok": True})
    assert client.proxy("github", "GET", "/user") == {"ok": True}


def test_the_exchange_sends_the_code_verifier_of_the_session(world: World) -> None:
    client = world.client()
    world.register(client)
    asked = world.consented(client)
    client.exchange_token("exchange", asked.ath_session_id)
    assert len(json_body(world.requests[-1])["code_verifier"]) == 64


def test_a_session_of_another_client_is_sent_without_a_verifier(world: World) -> None:
    first, second = world.client(), world.client()
    registered = world.register(first)
    second.set_credentials(registered.client_id, registered.client_secret)
    asked = world.consented(first)
    with raises_code("INVALID_GRANT", 400):
        second.exchange_token("exchange", asked.ath_session_id)
    assert "code_verifier" not in json_body(world.requests[-1])
    assert first.exchange_token("exchange", asked.ath_session_id)


def test_the_code_and_the_credentials_are_sent_as_given(world: World) -> None:
    client = world.client()
    registered = world.register(client)
    asked = world.consented(client)
    client.exchange_token("code-of-ours", asked.ath_session_id)
    body = json_body(world.requests[-1])
    assert (body["grant_type"], body["code"]) == ("authorization_code", "code-of-ours")
    assert body["client_secret"] == registered.client_secret
    assert attestation_claims(world.requests[-1])["aud"] == f"{world.server.url}/ath/token"


def test_a_denied_user_gets_no_token(world: World) -> None:
    client = world.client()
    world.register(client)
    asked = client.authorize(world.provider, world.scopes)
    world.server.deny(asked.authorization_url)
    with raises_code("SESSION_NOT_FOUND", 400):
        client.exchange_token("exchange", asked.ath_session_id)


def test_a_session_can_be_exchanged_once(world: World) -> None:
    client = world.client()
    world.register(client)
    asked = world.consented(client)
    client.exchange_token("exchange", asked.ath_session_id)
    with raises_code("SESSION_NOT_FOUND", 400):
        client.exchange_token("exchange", asked.ath_session_id)


def test_a_server_of_one_audience_gets_the_list_once_and_from_then_on(worlds: Worlds) -> None:
    world = worlds("gateway", one_audience=True)
    client = world.client()
    world.register(client)
    world.token(client)
    both = [world.server.url, f"{world.server.url}/ath/token"]
    asked = world.sent_to("/ath/token")
    assert [attestation_claims(record)["aud"] for record in asked] == [both[1], both]
    assert len({attestation_claims(record)["jti"] for record in asked}) == 2
    world.token(client)
    assert [attestation_claims(record)["aud"] for record in world.sent_to("/ath/token")[2:]] == [
        both
    ]
    view = client.for_user("alice")
    world.token(view)
    assert len(world.sent_to("/ath/token")) == 4


def test_the_wider_audience_is_remembered_when_the_session_was_not_ready(worlds: Worlds) -> None:
    world = worlds("gateway", one_audience=True)
    client = world.client()
    world.register(client)
    asked = client.authorize("github", ["repo"])
    for sends in (2, 3):
        with raises_code("SESSION_NOT_FOUND", 400):
            client.exchange_token("exchange", asked.ath_session_id)
        assert len(world.sent_to("/ath/token")) == sends


def test_a_server_that_refuses_both_audiences_is_asked_twice_and_no_more(
    client: AnyClient, server: Server
) -> None:
    for _ in range(4):
        server.answer_next(refusal("INVALID_ATTESTATION"), 401)
    with raises_code("INVALID_ATTESTATION", 401):
        client.exchange_token("exchange", "ath_sess_1")
    assert len(server.requests) == 2
    with raises_code("INVALID_ATTESTATION", 401):  # nothing was learned from it
        client.exchange_token("exchange", "ath_sess_1")
    audiences = [attestation_claims(seen)["aud"] for seen in server.requests]
    assert audiences == 2 * [f"{server.url}/ath/token", [server.url, f"{server.url}/ath/token"]]


def test_an_answer_without_a_protocol_error_does_not_change_the_remembered_audience(
    client: AnyClient, server: Server
) -> None:
    server.answer_next(refusal("INVALID_ATTESTATION"), 401)
    server.answer_next(b"<html>a load balancer</html>", 500)
    with raises_code("HTTP_ERROR", 500):
        client.exchange_token("exchange", "ath_sess_1")
    server.answer_next(refusal("SESSION_NOT_FOUND"), 400)
    with raises_code("SESSION_NOT_FOUND", 400):
        client.exchange_token("exchange", "ath_sess_1")
    assert attestation_claims(server.requests[-1])["aud"] == f"{server.url}/ath/token"


@pytest.mark.parametrize("call", ["register", "authorize"])
def test_only_the_token_endpoint_gets_a_second_audience(
    client: AnyClient, server: Server, call: str
) -> None:
    server.answer_next(refusal("INVALID_ATTESTATION"), 401)
    with raises_code("INVALID_ATTESTATION", 401):
        if call == "register":
            client.register(developer={"name": "A", "id": "a"}, providers=[])
        else:
            client.authorize("github", ["repo"])
    assert len(server.requests) == 1
    assert attestation_claims(server.requests[0])["aud"] == server.url


def test_an_identity_that_the_server_does_not_know_is_refused_by_it(gateway: World) -> None:
    stranger = gateway.client(agent_id="https://stranger.example/agent.json")
    with raises_code("INVALID_ATTESTATION", 401):
        gateway.register(stranger)
    assert attestation_claims(gateway.requests[-1])["sub"] != AGENT_ID
