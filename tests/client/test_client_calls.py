"""Calls to providers: what goes out, what comes back, and what ends a token."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.harness.clients import AGENT_ID, AnyClient, Kind, json_body, raises_code
from tests.harness.examples import refusal
from tests.harness.server import Server
from tests.harness.worlds import World

Worlds = Callable[..., World]


@pytest.fixture
def echoing(world: World) -> AnyClient:
    return world.ready()


def test_every_call_carries_the_token_and_the_agent(world: World, echoing: AnyClient) -> None:
    for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"):
        echoing.call(method, "/echo")
        record = world.requests[-1]
        assert record.method == method
        assert record.headers["authorization"].startswith("Bearer ath_tk_")
        assert record.headers["x-ath-agent-id"] == AGENT_ID
        assert record.headers["accept-encoding"] == "identity"


def test_query_strings_in_the_path_and_params_both_arrive(echoing: AnyClient) -> None:
    echoed = echoing.call(
        "GET",
        "/echo?a=1&b=x%20y",
        params={"c": [1, 2], "d": "ü&=", "e": True, "f": None, "g": 0.5},
    )
    assert echoed["query"] == "a=1&b=x%20y&c=1&c=2&d=%C3%BC%26%3D&e=true&f=&g=0.5"
    assert echoing.call("GET", "/echo", params={"q": "x"})["query"] == "q=x"
    assert echoing.call("GET", "/echo?q", params={})["query"] == "q"


def test_a_body_is_sent_as_json(echoing: AnyClient) -> None:
    echoed = echoing.call("POST", "/echo", {"name": "ünïcode", "list": [1, None, True]})
    assert echoed["json"] == {"name": "ünïcode", "list": [1, None, True]}
    assert echoed["headers"]["content-type"] == "application/json"
    for falsy in ({}, [], 0, False, ""):
        assert json.loads(echoing.call("POST", "/echo", falsy)["body"]) == falsy


def test_no_body_means_no_body(echoing: AnyClient) -> None:
    echoed = echoing.call("POST", "/echo")
    assert echoed["body"] == ""
    assert echoed["headers"]["content-length"] == "0"
    assert "content-type" not in echoed["headers"]


def test_content_is_sent_as_it_is(echoing: AnyClient) -> None:
    echoed = echoing.call("PUT", "/echo", content=b"\x00\xff raw")
    assert bytes.fromhex(echoed["body_hex"]) == b"\x00\xff raw"
    assert echoed["headers"]["content-type"] == "application/octet-stream"
    echoed = echoing.call("PUT", "/echo", content="<ü/>", headers={"Content-Type": "text/xml"})
    assert (echoed["body"], echoed["headers"]["content-type"]) == ("<ü/>", "text/xml")


def test_headers_of_one_call_reach_the_provider(echoing: AnyClient) -> None:
    echoed = echoing.call("GET", "/echo", headers={"X-Trace": "7", "Accept": "text/csv"})
    assert (echoed["headers"]["x-trace"], echoed["headers"]["accept"]) == ("7", "text/csv")
    assert "x-trace" not in echoing.call("GET", "/echo")["headers"]


def test_a_missing_leading_slash_is_added(echoing: AnyClient) -> None:
    assert echoing.call("GET", "echo")["path"].endswith("/echo")
    assert echoing.call("GET", "echo/a/b?x=1")["path"].endswith("/echo/a/b")


def test_a_method_in_small_letters_is_the_same_method(echoing: AnyClient) -> None:
    assert echoing.call("post", "/echo")["method"] == "POST"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"path": "/../admin"}, "INVALID_PATH"),
        ({"path": "/%2e%2e/admin"}, "INVALID_PATH"),
        ({"path": "https://evil.example/"}, "INVALID_PATH"),
        ({"path": "//evil.example/"}, "INVALID_PATH"),
        ({"path": "/a\nb"}, "INVALID_PATH"),
        ({"path": None}, "INVALID_PATH"),
        ({"method": "GET /x HTTP/1.1\r\n"}, "INVALID_ARGUMENT"),
        ({"method": "CONNECT"}, "INVALID_ARGUMENT"),
        ({"method": "GET", "body": {"a": 1}}, "INVALID_ARGUMENT"),
        ({"method": "POST", "body": {1, 2}}, "INVALID_ARGUMENT"),
        ({"method": "POST", "body": float("nan")}, "INVALID_ARGUMENT"),
        ({"method": "POST", "body": {}, "content": b""}, "INVALID_ARGUMENT"),
        ({"method": "POST", "content": 7}, "INVALID_ARGUMENT"),
        ({"headers": {"X-A": "1\r\nX-B: 2"}}, "INVALID_ARGUMENT"),
        ({"headers": {"Authorization": "Basic x"}}, "INVALID_ARGUMENT"),
        ({"headers": {"X-ATH-User-Token": "x"}}, "INVALID_ARGUMENT"),
        ({"params": "a=1"}, "INVALID_ARGUMENT"),
        ({"params": {"a": object()}}, "INVALID_ARGUMENT"),
        ({"timeout": -1}, "INVALID_ARGUMENT"),
    ],
)
def test_what_cannot_be_sent_safely_is_refused_before_a_byte_is_sent(
    client: AnyClient, server: Server, arguments: dict[str, Any], code: str
) -> None:
    with raises_code(code):
        client.call(**{"method": "GET", "path": "/user", **arguments})
    assert server.requests == []


@pytest.mark.parametrize("provider", ["", "a/b", "..", "a?b", "a#b", "a b", "a\\b", "%2e", None, 7])
def test_a_provider_is_one_path_segment(client: AnyClient, server: Server, provider: Any) -> None:
    with raises_code("INVALID_ARGUMENT"):
        client.proxy(provider, "GET", "/user")
    assert server.requests == []


def test_a_reply_is_returned_according_to_its_content_type(echoing: AnyClient) -> None:
    assert echoing.call("GET", "/text") == "plain text, ünïcode"
    assert echoing.call("GET", "/bytes") == bytes(range(256))
    assert echoing.call("GET", "/empty") is None
    assert echoing.call("HEAD", "/echo") is None


@pytest.mark.parametrize(
    ("kind_of_body", "body", "expected"),
    [
        ("application/json", b"[1]", [1]),
        ("application/json; charset=utf-8", '"ü"'.encode(), "ü"),
        ("Application/Problem+JSON", b"{}", {}),
        ("application/vnd.github.v3+json", b"null", None),
        ("text/html", b"<p>", "<p>"),
        ("text/plain; charset=latin-1", "ü".encode("latin-1"), "ü"),
        ('text/plain; charset="utf-8"', "ü".encode(), "ü"),
        ("application/pdf", b"%PDF", b"%PDF"),
        ("application/jsonlines", b"{}\n{}", b"{}\n{}"),
        ("", b"bare", b"bare"),
        ("application/json", b"", None),
        ("text/plain", b"", None),
    ],
)
def test_the_content_type_decides_what_a_body_becomes(
    client: AnyClient, server: Server, kind_of_body: str, body: bytes, expected: Any
) -> None:
    server.answer_next(body, Content_Type=kind_of_body) if kind_of_body else server.answer_next(
        body
    )
    assert client.call("GET", "/x") == expected


@pytest.mark.parametrize(
    ("kind_of_body", "body"),
    [
        ("application/json", b"<html>"),
        ("application/json", b"\xff\xfe"),
        ("application/json", b"[" * 100_000),
    ],
)
def test_a_body_that_does_not_match_its_content_type_is_an_invalid_response(
    client: AnyClient, server: Server, kind_of_body: str, body: bytes
) -> None:
    server.answer_next(body, Content_Type=kind_of_body)
    with raises_code("INVALID_RESPONSE", 200):
        client.call("GET", "/x")


def test_a_server_that_compresses_all_the_same_is_understood(
    client: AnyClient, server: Server
) -> None:
    server.answer_next(
        gzip.compress(b'{"a": 1}'), Content_Type="application/json", Content_Encoding="gzip"
    )
    assert client.call("GET", "/x") == {"a": 1}
    server.answer_next(b'{"a": 1}', Content_Type="application/json", Content_Encoding="gzip")
    assert client.call("GET", "/x") == {"a": 1}


def test_a_body_beyond_the_limit_is_refused(kind: Kind, server: Server) -> None:
    client = kind.client(server.url, max_response_bytes=1000)
    client.set_token("ath_tk_0")
    server.answer_next("x" * 1000)
    assert client.call("GET", "/x") == "x" * 1000
    server.answer_next("x" * 1001)
    with raises_code("RESPONSE_TOO_LARGE"):
        client.call("GET", "/x")
    server.answer_next(
        gzip.compress(b"x" * 100_000), Content_Type="text/plain", Content_Encoding="gzip"
    )
    with raises_code("RESPONSE_TOO_LARGE"):
        client.call("GET", "/x")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed_with_credentials(
    client: AnyClient, server: Server, new_server: Callable[[], Server], status: int
) -> None:
    elsewhere = new_server()
    server.answer_next(b"", status, Location=f"{elsewhere.url}/steal?token=x")
    with raises_code("PROVIDER_ERROR", status) as caught:
        client.call("GET", "/x")
    assert elsewhere.url in caught.value.message
    assert caught.value.details["location"] == f"{elsewhere.url}/steal"
    server.answer_next(b"", status, Location=f"{elsewhere.url}/steal")
    with raises_code("HTTP_ERROR", status):
        client.discover()
    assert elsewhere.requests == []


@pytest.mark.parametrize(
    ("location", "place"),
    [
        ("/login?next=secret", "/login"),
        ("https://user:password@other.example:8443/x", "https://other.example:8443/x"),
        ("http://[", "what is not a URL"),
        (None, ""),
    ],
)
def test_a_redirect_error_names_the_place_and_nothing_secret(
    client: AnyClient, server: Server, location: str | None, place: str
) -> None:
    server.answer_next(b"", 302, **({} if location is None else {"Location": location}))
    with raises_code("PROVIDER_ERROR", 302) as caught:
        client.call("GET", "/x")
    assert caught.value.details["location"] == place


def test_a_provider_redirect_names_where_it_pointed(echoing: AnyClient) -> None:
    with raises_code("PROVIDER_ERROR", 302) as caught:
        echoing.call("GET", "/redirect")
    assert caught.value.details["location"] == "/echo"


def test_set_token_serves_any_provider(world: World) -> None:
    owner = world.client()
    world.register(owner)
    token = world.token(owner).access_token
    other = world.client()
    other.discover()
    other.set_token(token)
    assert other.call("GET", "/echo")["method"] == "GET"
    assert other.client_id is None


def test_set_token_without_a_provider_replaces_every_token(
    client: AnyClient, server: Server
) -> None:
    client.set_token("ath_tk_github", "github")
    client.set_token("ath_tk_shop", provider="shop")
    for provider in ("github", "shop", "other"):
        server.answer_next()
        client.proxy(provider, "GET", "/x")
    client.set_token("ath_tk_any")
    for provider in ("github", "shop"):
        server.answer_next()
        client.proxy(provider, "GET", "/x")
    used = [
        seen.headers["authorization"].removeprefix("Bearer ath_tk_") for seen in server.requests
    ]
    assert used == ["github", "shop", "0", "any", "any"]


@pytest.mark.parametrize("token", ["", None, 7, "a\nb", "tökn"])
def test_a_token_that_cannot_be_sent_is_refused(client: AnyClient, token: Any) -> None:
    with raises_code("INVALID_ARGUMENT") as caught:
        client.set_token(token)
    assert "token" in caught.value.message


def test_revoke_ends_a_token_at_once(world: World) -> None:
    client = world.ready()
    held = world.requests[-1] and client.call("GET", "/echo") and world.requests[-1]
    token = held.headers["authorization"].removeprefix("Bearer ")
    client.revoke(world.provider)
    body = json_body(world.requests[-1])
    assert body.keys() == {"client_id", "client_secret", "token"}
    with raises_code("NO_TOKEN"):
        client.call("GET", "/echo")
    client.set_token(token)
    with raises_code("TOKEN_REVOKED", 401):
        client.call("GET", "/echo")


def test_revoke_of_one_provider_leaves_the_others(client: AnyClient, server: Server) -> None:
    client.set_token("ath_tk_a", "a")
    client.set_token("ath_tk_b", "b")
    server.answer_next({})
    client.revoke("a")
    assert [json_body(seen)["token"] for seen in server.requests] == ["ath_tk_a"]
    server.answer_next({})
    client.proxy("b", "GET", "/x")
    assert server.requests[-1].headers["authorization"] == "Bearer ath_tk_b"


def test_revoke_without_tokens_asks_nobody(client: AnyClient, server: Server) -> None:
    server.answer_next({})
    client.revoke()
    client.revoke()
    client.revoke("github")
    assert len(server.requests) == 1


@pytest.mark.parametrize("code", ["TOKEN_INVALID", "TOKEN_REVOKED", "TOKEN_EXPIRED"])
def test_a_token_that_the_server_does_not_know_counts_as_revoked(
    client: AnyClient, server: Server, code: str
) -> None:
    server.answer_next(refusal(code), 400)
    client.revoke()
    with raises_code("NO_TOKEN"):
        client.call("GET", "/x")


def test_revoke_tries_every_token_and_raises_the_first_error_at_the_end(
    client: AnyClient, server: Server
) -> None:
    for name in "abcd":
        client.set_token(f"ath_tk_{name}", name)
    server.answer_next({})  # the fixture's own token, which serves any provider
    server.answer_next(refusal("AGENT_UNAPPROVED", "first"), 403)
    server.answer_next({})
    server.answer_next(refusal("AUTH_REQUIRED", "second"), 401)
    server.answer_next({})
    with raises_code("AGENT_UNAPPROVED", 403):
        client.revoke()
    assert [json_body(seen)["token"][-1] for seen in server.requests] == list("0abcd")
    for dropped in "bd":
        with raises_code("NO_TOKEN"):
            client.proxy(dropped, "GET", "/x")
    server.answer_next({})
    server.answer_next({})
    client.revoke()
    assert [json_body(seen)["token"][-1] for seen in server.requests[-2:]] == list("ac")
