"""Whose headers go where, and users' own httpx clients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.harness.clients import AGENT_ID, DEVELOPER, Kind, raises_code
from tests.harness.examples import REGISTRATION, service_document
from tests.harness.server import Server
from tests.harness.worlds import World

Worlds = Callable[..., World]
HEADERS = {"X-ATH-User-Token": "the-users-session", "X-Trace": "7", "Cookie": "s=1"}


def test_headers_reach_the_own_origin_on_every_call(world: World) -> None:
    client = world.ready(headers=HEADERS)
    client.registration()
    client.call("GET", "/echo")
    client.call("POST", "/echo", {"a": 1}, headers={"X-More": "8"})
    client.revoke()
    asked = [r for r in world.requests if "/consent" not in r.path and "/callback" not in r.path]
    assert len(asked) == 8
    for record in asked:
        assert {name: record.headers.get(name.lower()) for name in HEADERS} == HEADERS


def test_a_header_of_one_call_replaces_the_clients_where_it_says_what_is_understood(
    world: World,
) -> None:
    client = world.ready(headers={**HEADERS, "Accept-Language": "de"})
    client.call("GET", "/echo", headers={"accept-language": "fr"})
    assert world.requests[-1].headers["accept-language"] == "fr"
    client.call("GET", "/echo")
    assert world.requests[-1].headers["accept-language"] == "de"


def test_a_foreign_api_base_gets_bearer_and_agent_id_only(worlds: Worlds) -> None:
    world = worlds("native", separate_api=True)
    client = world.ready(headers=HEADERS)
    assert client.api_base == world.server.api_base
    assert not client.api_base.startswith(world.server.url)
    client.call("GET", "/echo", headers={"X-More": "8"})
    view = client.for_user("alice", headers={"X-Alice": "9"})
    world.register(view)
    world.token(view)
    view.call("POST", "/echo", {"a": 1})
    calls = [record for record in world.requests if record.path == "/api/echo"]
    assert len(calls) == 2
    for record in calls:
        sent = record.headers
        assert sent.keys() & {"x-ath-user-token", "x-trace", "cookie", "x-alice"} == set()
        assert sent["authorization"].startswith("Bearer ")
        assert sent["x-ath-agent-id"] == AGENT_ID
        assert sent["host"] in world.server.api_base
    assert calls[0].headers["x-more"] == "8"
    assert all("x-trace" in record.headers for record in world.sent_to("/ath/token"))


@pytest.fixture
def mocked(kind: Kind) -> Callable[..., Any]:
    """Makes httpx clients of the right kind over a function that answers."""
    return lambda handler, **options: kind.httpx_client(
        transport=httpx.MockTransport(handler), **options
    )


def service_at(url: str, api_base: str, kind: Kind, mocked: Any) -> Any:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if request.url.path.endswith("ath-app.json"):
            return httpx.Response(200, json=service_document(api_base))
        return httpx.Response(200, json={"at": str(request.url)})

    client = kind.client(url, "native", http_client=mocked(answer), headers=HEADERS)
    client.set_token("ath_tk_1")
    return client, seen


@pytest.mark.parametrize(
    "api_base", ["http://api.example", "http://127.0.0.1/api", "http://gateway.example/api"]
)
def test_an_api_base_never_leads_from_https_down_to_http(
    kind: Kind, mocked: Any, api_base: str
) -> None:
    client, seen = service_at("https://gateway.example", api_base, kind, mocked)
    with raises_code("INVALID_RESPONSE", 200) as caught:
        client.discover()
    assert "http" in caught.value.message
    with raises_code("NOT_DISCOVERED"):
        client.call("GET", "/x")
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("api_base", "own"),
    [
        ("https://service.example/v1", True),
        ("https://service.example:443/v1/", True),
        ("https://SERVICE.example/v1", True),
        ("https://service.example:8443/v1", False),
        ("https://api.service.example/v1", False),
    ],
)
def test_the_users_headers_are_sent_to_the_same_origin_only(
    kind: Kind, mocked: Any, api_base: str, own: bool
) -> None:
    client, seen = service_at("https://service.example", api_base, kind, mocked)
    client.discover()
    client.call("GET", "/x")
    assert seen[-1].url.path == "/v1/x"
    assert ("x-trace" in seen[-1].headers) is own
    assert seen[-1].headers["authorization"] == "Bearer ath_tk_1"


def test_a_call_goes_through_the_users_own_httpx_client(world: World) -> None:
    http = world.kind.httpx_client(headers={"X-Mine": "1"})
    client = world.ready(http_client=http)
    assert client.call("GET", "/echo?a=%2F", params={"b": "ü"})["query"] == "a=%2F&b=%C3%BC"
    assert client.call("POST", "/echo", content=b"\x00")["body_hex"] == "00"
    record = world.requests[-1]
    assert record.headers["x-mine"] == "1"
    assert record.headers["accept-encoding"] == "identity"
    assert record.headers["x-ath-agent-id"] == AGENT_ID
    client.close()
    assert not http.is_closed
    with raises_code("CLIENT_CLOSED"):
        client.discover()


def test_a_closed_http_client_is_named(kind: Kind, mocked: Any) -> None:
    http = mocked(lambda request: httpx.Response(200, json={}))
    client = kind.client("https://gateway.example", http_client=http)
    kind.close_httpx(http)
    with raises_code("CLIENT_CLOSED") as caught:
        client.discover()
    assert "http_client" in caught.value.message


def test_the_httpx_clients_own_auth_and_redirects_do_not_interfere(kind: Kind, mocked: Any) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(302, headers={"Location": "https://evil.example/"})

    http = mocked(answer, auth=("user", "password"), follow_redirects=True)
    client = kind.client("https://gateway.example", http_client=http)
    client.set_token("ath_tk_1")
    with raises_code("PROVIDER_ERROR", 302):
        client.call("GET", "/x")
    with raises_code("HTTP_ERROR", 302):
        client.register(developer=DEVELOPER, providers=[])
    assert [request.url.host for request in seen] == ["gateway.example"] * 2
    assert seen[0].headers["authorization"] == "Bearer ath_tk_1"
    assert "authorization" not in seen[1].headers


def test_a_mock_transport_is_enough_to_test_an_agent(kind: Kind, mocked: Any) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/ath/agents/register":
            return httpx.Response(201, json=REGISTRATION)
        return httpx.Response(200, text="hello")

    client = kind.client("https://gateway.example", http_client=mocked(answer))
    assert client.register(developer=DEVELOPER, providers=[]).client_id == "ath_client_1"
    client.set_token("ath_tk_1")
    assert client.call("GET", "/x") == "hello"


def test_a_hook_that_reads_the_response_does_not_lose_the_body(kind: Kind, server: Server) -> None:
    read: list[bytes] = []

    def hook(response: httpx.Response) -> None:
        read.append(response.read())

    async def ahook(response: httpx.Response) -> None:
        read.append(await response.aread())

    http = kind.httpx_client(event_hooks={"response": [hook if kind.name == "sync" else ahook]})
    client = kind.client(server.url, http_client=http)
    client.set_token("ath_tk_1")
    server.answer_next({"a": 1})
    assert client.call("GET", "/x") == {"a": 1}
    assert read == [b'{"a": 1}']


def test_a_body_beyond_the_limit_is_refused_over_httpx_too(kind: Kind, mocked: Any) -> None:
    http = mocked(lambda request: httpx.Response(200, text="x" * 1001))
    client = kind.client("https://gateway.example", http_client=http, max_response_bytes=1000)
    client.set_token("ath_tk_1")
    with raises_code("RESPONSE_TOO_LARGE"):
        client.call("GET", "/x")


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (httpx.ConnectError("no"), "NETWORK_ERROR"),
        (httpx.ReadError("no"), "NETWORK_ERROR"),
        (httpx.RemoteProtocolError("no"), "NETWORK_ERROR"),
        (httpx.ProxyError("no"), "NETWORK_ERROR"),
        (httpx.ConnectTimeout("no"), "TIMEOUT"),
        (httpx.ReadTimeout("no"), "TIMEOUT"),
        (httpx.PoolTimeout("no"), "TIMEOUT"),
        (OSError("no"), "NETWORK_ERROR"),
    ],
)
def test_failures_of_the_httpx_client_are_ath_errors(
    kind: Kind, mocked: Any, raised: Exception, code: str
) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise raised

    client = kind.client("https://gateway.example", http_client=mocked(fail), retry=None)
    with raises_code(code):
        client.discover()


def test_the_params_of_the_users_httpx_client_are_not_sent(kind: Kind, mocked: Any) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200)

    http = mocked(answer, params={"injected": "1"})
    client = kind.client("https://gateway.example", http_client=http)
    client.set_token("ath_tk_1")
    client.call("GET", "/x?a=1")
    assert [str(request.url) for request in seen] == [
        "https://gateway.example/ath/proxy/github/x?a=1"
    ]


def test_the_cookies_that_one_user_was_given_are_not_sent_for_another(
    kind: Kind, mocked: Any
) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, headers={"Set-Cookie": "session=of-alice; Path=/"})

    client = kind.client("https://gateway.example", http_client=mocked(answer))
    client.set_token("ath_tk_1")
    bob = client.for_user("bob", headers={"Cookie": "session=of-bob"})
    bob.set_token("ath_tk_2")
    for one in (client, client, bob):
        one.call("GET", "/x")
    assert [request.headers.get("cookie") for request in seen] == [None, None, "session=of-bob"]
