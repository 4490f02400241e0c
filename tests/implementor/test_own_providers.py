"""Applications of one's own behind the local gateway, as its providers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import Any

import flask
import pytest

from ath import AgentKey, ATHGatewayClient
from ath.testing import AsyncLocalGateway, LocalGateway, LocalService, Provider
from tests.harness.clients import raises_code

AGENT_ID = "https://agent.example/agent.json"
KEY = AgentKey.generate()

Connect = Callable[..., tuple[LocalGateway, ATHGatewayClient]]


def echo(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """A WSGI application that repeats what it was asked."""
    names = ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "REQUEST_URI", "REMOTE_USER",
             "SCRIPT_NAME", "CONTENT_TYPE", "HTTP_X_ATH_AGENT_ID", "HTTP_X_MINE")  # fmt: skip
    seen = {name: environ.get(name, "") for name in names}
    seen["body"] = environ["wsgi.input"].read().decode()
    start_response("200 OK", [("Content-Type", "application/json"), ("X-App", "echo")])
    return [json.dumps(seen).encode()]


def consent(gateway: LocalGateway, client: ATHGatewayClient, scopes: list[str]) -> None:
    session = client.authorize("slack", scopes)
    gateway.approve(session.authorization_url)
    client.exchange_token("exchange", session.ath_session_id)


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Starts a gateway before ``slack``, and consents to these scopes of it."""
    with ExitStack() as stack:

        def connect(app: Any, *scopes: str) -> tuple[LocalGateway, ATHGatewayClient]:
            gateway = stack.enter_context(LocalGateway(providers={"slack": app}))
            gateway.publish_identity(AGENT_ID, KEY.public_jwk)
            client = ATHGatewayClient(gateway.url, AGENT_ID, KEY, retry=None)
            stack.enter_context(client)
            found = {p.provider_id: p for p in client.discover().supported_providers}
            client.register(
                developer={"name": "Acme", "id": "acme"},
                providers=[
                    {"provider_id": "slack", "scopes": list(found["slack"].available_scopes)}
                ],
            )
            consent(gateway, client, list(scopes or found["slack"].available_scopes))
            return gateway, client

        yield connect


def test_an_application_is_called_as_if_it_were_alone_on_its_origin(connect: Connect) -> None:
    _, client = connect(echo)
    answer = client.request(
        "slack",
        "POST",
        "/users/a%2Fb",
        {"name": "é"},
        params={"q": "1 2"},
        headers={"X-Mine": "yes"},
    )
    assert answer.headers["x-app"] == "echo"
    seen = answer.json()
    assert json.loads(seen.pop("body")) == {"name": "é"}
    assert seen == {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/users/a%2Fb",  # the server decodes everything but slashes
        "QUERY_STRING": "q=1%202",
        "REQUEST_URI": "/users/a%2Fb?q=1%202",
        "SCRIPT_NAME": "",
        "REMOTE_USER": "ada",
        "CONTENT_TYPE": "application/json",
        "HTTP_X_ATH_AGENT_ID": "",
        "HTTP_X_MINE": "yes",
    }


def test_by_default_one_scope_opens_everything(connect: Connect) -> None:
    _, client = connect(echo)
    [slack] = [p for p in client.discover().supported_providers if p.provider_id == "slack"]
    assert slack.available_scopes == ["access"]
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        assert client.proxy("slack", method, "/any/path")["REQUEST_METHOD"] == method
    assert client.proxy("slack", "GET", "/")["PATH_INFO"] == "/"
    assert client.request("slack", "HEAD", "/any").status_code == 200


def test_the_default_providers_are_still_there(connect: Connect) -> None:
    _, client = connect(echo)
    ids = {provider.provider_id for provider in client.discover().supported_providers}
    assert ids == {"github", "shop", "slack"}


def test_an_application_can_take_the_place_of_a_default_provider() -> None:
    with LocalGateway(providers={"github": Provider(echo, scopes=["all"], name="Mine")}) as gateway:
        client = ATHGatewayClient(gateway.url, AGENT_ID, KEY)
        [github, _] = client.discover().supported_providers
        client.close()
    assert (github.display_name, github.available_scopes) == ("Mine", ["all"])


ROUTES = {
    "users:read": ["GET /users/*", "GET,POST /search"],
    "chat:write": ["POST /chat.postMessage", "* /files*"],
    "admin": ["* /admin/*", "GET /users/*"],
}


@pytest.mark.parametrize(
    ("method", "path", "scopes"),
    [
        ("GET", "/users/1", {"users:read", "admin"}),
        ("GET", "/users/1/posts", {"users:read", "admin"}),
        ("POST", "/search", {"users:read"}),
        ("POST", "/chat.postMessage", {"chat:write"}),
        ("POST", "/chat%2EpostMessage", {"chat:write"}),
        ("DELETE", "/files", {"chat:write"}),
        ("PUT", "/files/a:b", {"chat:write"}),
        ("PATCH", "/admin/x", {"admin"}),
    ],
)
def test_a_scope_opens_its_routes_only(
    connect: Connect, method: str, path: str, scopes: set[str]
) -> None:
    gateway, client = connect(Provider(echo, routes=ROUTES), "users:read")
    for scope in ROUTES:
        consent(gateway, client, [scope])
        before = len(gateway.provider_requests)
        if scope in scopes:
            assert client.proxy("slack", method, path)["REQUEST_METHOD"] == method
        else:
            with raises_code("SCOPE_NOT_APPROVED", 403):
                client.proxy("slack", method, path)
            assert len(gateway.provider_requests) == before


def test_a_scope_that_reads_may_ask_for_the_head_too(connect: Connect) -> None:
    _, client = connect(Provider(echo, routes=ROUTES), "users:read")
    assert client.request("slack", "HEAD", "/users/1").status_code == 200


@pytest.mark.parametrize("path", ["/nothing", "/user", "/users", "/admin%2Fx", "/chatXpostMessage"])
def test_a_path_of_no_route_is_the_providers_404(connect: Connect, path: str) -> None:
    called: list[str] = []

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        called.append(environ["PATH_INFO"])
        return echo(environ, start_response)

    gateway, client = connect(Provider(app, routes=ROUTES))
    with raises_code("PROVIDER_ERROR", 404) as caught:
        client.proxy("slack", "GET", path)
    assert caught.value.details == {"status": 404, "body": {"message": "Not Found"}}
    assert called == []
    assert gateway.provider_requests[-1].status == 404


def test_without_routes_an_unknown_path_is_the_applications_own_404(connect: Connect) -> None:
    app = flask.Flask("slack")

    @app.get("/known/<name>")
    def known(name: str) -> dict[str, str]:
        return {"name": name, "by": flask.request.remote_user or ""}

    @app.errorhandler(404)
    def missing(_: Exception) -> tuple[dict[str, bool], int]:
        return {"ok": False}, 404

    _, client = connect(app)
    assert client.proxy("slack", "GET", "/known/x") == {"name": "x", "by": "ada"}
    with raises_code("PROVIDER_ERROR", 404) as caught:
        client.proxy("slack", "GET", "/unknown")
    assert caught.value.details["body"] == {"ok": False}


@pytest.mark.parametrize("begun", [False, True])
def test_an_application_that_fails_is_a_500_and_its_traceback_is_printed(
    connect: Connect, begun: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    def app(_: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        if begun:
            start_response("200 OK", [("Content-Type", "text/plain")])
        raise LookupError("my own mistake")
        yield b""

    gateway, client = connect(app)
    gateway.provider_requests.clear()
    with raises_code("PROVIDER_ERROR", 500):
        client.proxy("slack", "GET", "/")
    assert "my own mistake" in capfd.readouterr().err
    assert [record.status for record in gateway.provider_requests] == [500]


def test_an_application_that_fails_in_mid_answer_is_no_answer(
    connect: Connect, capfd: pytest.CaptureFixture[str]
) -> None:
    def app(_: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "10")])
        yield b"half"
        raise LookupError("my own mistake")

    _, client = connect(app)
    with raises_code("UPSTREAM_ERROR", 502):
        client.proxy("slack", "GET", "/")
    assert "my own mistake" in capfd.readouterr().err


def test_what_an_application_returned_is_closed(connect: Connect) -> None:
    class Body:
        closed = 0

        def __iter__(self) -> Iterator[bytes]:
            return iter([b"one", b"two"])

        def close(self) -> None:
            Body.closed += 1

    def app(_: dict[str, Any], start_response: Any) -> Body:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return Body()

    _, client = connect(app)
    assert client.proxy("slack", "GET", "/") == "onetwo"
    assert Body.closed == 1


def test_the_application_never_sees_the_token_of_ath(connect: Connect) -> None:
    seen: list[str] = []

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        seen.append(environ["HTTP_AUTHORIZATION"])
        return echo(environ, start_response)

    gateway, client = connect(app)
    client.proxy("slack", "GET", "/")
    sent = gateway.requests[-1].headers["authorization"]
    assert seen[0].startswith("Bearer ")
    assert seen[0] != sent


def test_nobody_reaches_the_application_past_the_gateway(connect: Connect) -> None:
    import httpx

    gateway, _ = connect(echo)
    upstream = gateway._upstream.url
    for headers in ({}, {"Authorization": "Bearer x"}):
        reply = httpx.get(f"{upstream}/slack/", headers=headers, trust_env=False)
        assert reply.status_code == 401


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"scopes": ["two words"]}, ValueError),
        ({"scopes": "read"}, TypeError),
        ({"scopes": ["read"], "routes": {"write": ["GET /"]}}, ValueError),
        ({"routes": {"read": ["/users"]}}, ValueError),
        ({"routes": {"read": ["get /users"]}}, ValueError),
        ({"routes": {"read": ["GET users"]}}, ValueError),
        ({"routes": {"read": "GET /users"}}, ValueError),
    ],
)
def test_a_malformed_provider_is_refused(options: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        Provider(echo, **options)


def test_what_is_no_wsgi_application_is_refused() -> None:
    class ASGI:
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...

    async def asgi(scope: Any, receive: Any, send: Any) -> None: ...

    for app in (ASGI(), asgi, None, "app"):
        with pytest.raises(TypeError, match="not a WSGI application"):
            Provider(app)  # type: ignore[arg-type]


@pytest.mark.parametrize("provider_id", ["", "a/b", "a b", "..", "oauth", "ä", "a?b"])
def test_an_id_that_cannot_stand_in_a_path_is_refused(provider_id: str) -> None:
    with pytest.raises(ValueError, match="id of a provider"):
        LocalGateway(providers={provider_id: echo})


def test_a_native_service_has_no_providers() -> None:
    with pytest.raises(TypeError, match="providers"):
        LocalService(providers={"slack": echo})  # type: ignore[call-arg]


def test_the_async_gateway_takes_providers_too() -> None:
    async def discover() -> list[str]:
        async with AsyncLocalGateway(providers={"slack": echo}) as gateway:
            with ATHGatewayClient(gateway.url, AGENT_ID, KEY) as client:
                found = await asyncio.to_thread(client.discover)
        return [provider.provider_id for provider in found.supported_providers]

    assert "slack" in asyncio.run(discover())
