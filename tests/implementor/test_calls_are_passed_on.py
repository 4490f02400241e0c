from __future__ import annotations

import socket
from urllib.parse import urlsplit

import pytest

from .hostile import Agent, refused


@pytest.fixture
def token(agent: Agent) -> str:
    agent.target._server("reach its test routes")
    return agent.token(agent.registered())["access_token"]


def raw(agent: Agent, token: str, path: str, *, prefix: str | None = None) -> tuple[int, bytes]:
    """Send a target that an HTTP client would tidy up first."""
    if prefix is None:
        base = getattr(agent.target, "api_base", None)
        prefix = urlsplit(base).path if base else f"/ath/proxy/{agent.target.provider_id}"
    where = urlsplit(agent.target.url)
    request = (
        f"GET {prefix}{path} HTTP/1.1\r\nHost: {where.netloc}\r\nConnection: close\r\n"
        f"Authorization: Bearer {token}\r\nX-ATH-Agent-ID: {agent.agent_id}\r\n\r\n"
    )
    with socket.create_connection((where.hostname, where.port), timeout=10) as connection:
        connection.sendall(request.encode("latin-1"))
        with connection.makefile("rb") as file:
            answer = file.read()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


@pytest.mark.parametrize(
    "path",
    [
        "/echo/../user",
        "/echo/..",
        "/./echo",
        "/echo/%2e%2e/user",
        "/echo/.%2E/user",
        "/echo/%252e%252e/user",
        "/echo/..%2fuser",
        "/echo\\..\\user",
        "/echo/%5c..%5cuser",
        "/echo/%00",
        "/echo/%0d%0aX-Evil:%201",
    ],
)
def test_a_path_with_dot_segments_is_refused(agent: Agent, token: str, path: str) -> None:
    status, body = raw(agent, token, path)
    assert (status, b"INVALID_PATH" in body) == (400, True), body
    assert not any("/echo" in record.path for record in behind(agent))


def test_a_path_that_is_not_ascii_is_refused(agent: Agent, token: str) -> None:
    assert raw(agent, token, "/echo/\xe4")[0] == 400
    assert not any("/echo" in record.path for record in behind(agent))


def behind(agent: Agent) -> list:
    return agent.target._server("show what came through").provider_requests


def test_a_token_is_refused_for_another_provider(agent: Agent, token: str) -> None:
    if not isinstance(getattr(agent.target, "api_base", None), str):
        for provider in ("shop", "nowhere", "GITHUB", "github%20", ""):
            url = f"{agent.target.url}/ath/proxy/{provider}/echo"
            headers = {"Authorization": f"Bearer {token}", "X-ATH-Agent-ID": agent.agent_id}
            reply = agent.target.http.get(url, headers=headers)
            refused(reply, 403, "PROVIDER_MISMATCH")


def test_path_and_query_arrive_byte_for_byte(agent: Agent, token: str) -> None:
    status, _ = raw(agent, token, "/echo/a%2Fb//c%20d/~?x=1&x=2&y=%E2%82%AC&z=a+b&?#"[:-1])
    assert status == 200
    mount = "github" if agent.target.provider_id == "github" else "shop"
    target = behind(agent)[-1].target
    assert target == f"/{mount}/echo/a%2Fb//c%20d/~?x=1&x=2&y=%E2%82%AC&z=a+b&?".encode()


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b'{"a": [1, null]}', "application/json"),
        (b"plain", "text/plain; charset=utf-8"),
        (bytes(range(256)), "application/octet-stream"),
        (b"", "application/json"),
    ],
)
def test_bodies_and_their_types_arrive(
    agent: Agent, token: str, method: str, content: bytes, kind: str
) -> None:
    headers = {"Content-Type": kind}
    reply = agent.target.call(
        method, "/echo", token, agent.agent_id, content=content, headers=headers
    )
    seen = reply.json()
    assert (seen["method"], bytes.fromhex(seen["body_hex"])) == (method, content)
    assert seen["headers"]["content-type"] == kind


def test_a_chunked_body_arrives(agent: Agent, token: str) -> None:
    chunks = iter([b"one ", b"two"])
    reply = agent.target.call("POST", "/echo", token, agent.agent_id, content=chunks)
    assert reply.json()["body"] == "one two"


def test_ath_and_hop_by_hop_headers_are_not_passed_to_the_provider(
    agent: Agent, token: str
) -> None:
    headers = {
        "X-Mine": "1",
        "X-ATH-User-Token": "secret",
        "X-ATH-Other": "secret",
        "Cookie": "session=secret",
        "Connection": "X-Hop, keep-alive",
        "X-Hop": "1",
        "TE": "trailers",
        "Proxy-Authorization": "Basic secret",
        "Accept-Language": "de",
    }
    reply = agent.target.call("GET", "/echo", token, agent.agent_id, headers=headers)
    seen = reply.json()["headers"]
    assert (seen["x-mine"], seen["accept-language"]) == ("1", "de")
    assert "x-hop" not in seen
    assert "te" not in seen
    assert "secret" not in reply.text
    assert agent.agent_id not in reply.text
    assert token not in reply.text


def test_the_providers_token_is_never_shown(agent: Agent, token: str) -> None:
    reply = agent.target.call("GET", "/echo", token, agent.agent_id)
    [authorization] = {
        record.headers["authorization"] for record in behind(agent) if "/echo" in record.path
    }
    assert authorization.startswith("Bearer ")
    assert token not in authorization
    server = agent.target._server("show its requests")
    provider_token = authorization.removeprefix("Bearer ")
    assert provider_token not in reply.text + repr(dict(reply.headers))
    assert not any(provider_token.encode() in record.body for record in server.requests)


@pytest.mark.parametrize(
    ("path", "kind", "content"),
    [
        ("/text", "text/plain; charset=utf-8", "plain text, ünïcode".encode()),
        ("/bytes", "application/octet-stream", bytes(range(256))),
        ("/empty", None, b""),
    ],
)
def test_replies_come_back_as_they_are(
    agent: Agent, token: str, path: str, kind: str | None, content: bytes
) -> None:
    reply = agent.target.call("GET", path, token, agent.agent_id)
    assert reply.status_code == (200 if content else 204)
    assert (reply.headers.get("content-type"), reply.content) == (kind, content)


@pytest.mark.parametrize("status", [202, 400, 401, 403, 404, 409, 418, 429, 500, 503, 599])
def test_the_providers_own_status_comes_back(agent: Agent, token: str, status: int) -> None:
    reply = agent.target.call("GET", f"/status/{status}", token, agent.agent_id)
    assert reply.status_code == status
    assert reply.json()["message"] == f"you asked for {status}"
    assert "code" not in reply.json()


def test_a_redirect_is_passed_on_not_followed(agent: Agent, token: str) -> None:
    reply = agent.target.call("GET", "/redirect", token, agent.agent_id)
    assert (reply.status_code, reply.headers["location"]) == (302, "/echo")


def test_a_compressed_reply_stays_compressed(agent: Agent, token: str) -> None:
    headers = {"Accept-Encoding": "gzip"}
    reply = agent.target.call("GET", "/gzip", token, agent.agent_id, headers=headers)
    assert reply.headers["content-encoding"] == "gzip"
    assert reply.json() == {"compressed": True}
    headers = {"Accept-Encoding": "identity"}
    reply = agent.target.call("GET", "/gzip", token, agent.agent_id, headers=headers)
    assert "content-encoding" not in reply.headers
    assert reply.json() == {"compressed": False}


def test_head_has_the_length_and_no_body(agent: Agent, token: str) -> None:
    reply = agent.target.call("HEAD", "/text", token, agent.agent_id)
    assert (reply.status_code, reply.content) == (200, b"")
    assert int(reply.headers["content-length"]) == len("plain text, ünïcode".encode())


def test_a_get_returns_what_a_post_created(agent: Agent, token: str) -> None:
    def call(method: str, path: str, **body: str) -> tuple[int, object]:
        reply = agent.target.call(method, path, token, agent.agent_id, json=body or None)
        return reply.status_code, reply.json()

    if agent.target.provider_id == "github":
        status, user = call("GET", "/user")
        assert (status, user["login"], user["name"]) == (200, "ada", "Ada")  # type: ignore[index]
        status, made = call("POST", "/user/repos", name="new-repo")
        assert status == 201
        assert made in call("GET", "/user/repos")[1]  # type: ignore[operator]
        assert call("POST", "/user/repos", name="new-repo")[0] == 422
        assert call("POST", "/user/repos", nome="typo")[0] == 400
        assert agent.target.count("provider_writes") == 1
    else:
        products = call("GET", "/products")[1]
        assert {"id": "tea", "name": "Green tea", "price": 4.5} in products  # type: ignore[operator]
        assert call("POST", "/cart/add", productId="tea")[0] == 200
        assert call("POST", "/cart/add", productId="nothing")[0] == 422
        status, order = call("POST", "/orders", shippingAddress="1 Road")
        assert (status, order["items"]) == (201, [{"productId": "tea"}])  # type: ignore[index]
        assert call("GET", "/orders") == (200, [order])
        assert agent.target.count("provider_writes") == 2


def test_accounts_do_not_see_each_other(agent: Agent) -> None:
    client = agent.registered()
    server = agent.target._server("consent as somebody")
    path = "/user/repos" if agent.target.provider_id == "github" else "/orders"
    held = []
    for account in ("ada", "bob"):
        session = agent.session(client)
        server.approve(session["authorization_url"], account=account)
        token = agent.exchange(client, session).json()["access_token"]
        body = {"name": f"of-{account}", "shippingAddress": f"of-{account}"}
        assert agent.target.call("POST", path, token, agent.agent_id, json=body).status_code == 201
        held.append(agent.target.call("GET", path, token, agent.agent_id).text)
    assert "of-ada" in held[0]
    assert "of-bob" in held[1]
    assert "of-ada" not in held[1]


def test_a_request_that_was_cut_off_does_nothing(agent: Agent, token: str) -> None:
    where = urlsplit(agent.target.url)
    base = getattr(agent.target, "api_base", f"{agent.target.url}/ath/proxy/github")
    request = (
        f"POST {urlsplit(base).path}/note HTTP/1.1\r\nHost: {where.netloc}\r\n"
        f"Authorization: Bearer {token}\r\nX-ATH-Agent-ID: {agent.agent_id}\r\n"
        "Content-Length: 100\r\n\r\nonly this"
    )
    with socket.create_connection((where.hostname, where.port), timeout=10) as connection:
        connection.sendall(request.encode())
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as file:
            assert b" 200 " not in file.readline()
    assert agent.target.count("provider_writes") == 0


def test_unknown_endpoints_and_methods_are_refused(agent: Agent) -> None:
    reply = agent.target.http.get(f"{agent.target.url}/ath/nothing")
    assert reply.status_code == 404
    reply = agent.target.http.get(f"{agent.target.url}/ath/token")
    assert reply.status_code == 405
