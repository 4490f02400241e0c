"""The clients' own connections: whom they trust, whom they are for, and what they import."""

from __future__ import annotations

import ssl
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import trustme

from tests.harness.clients import AGENT_ID, PEM, Kind, raises_code
from tests.harness.examples import service_document
from tests.harness.server import Answer, Server

NewServer = Callable[..., Server]


@pytest.fixture(scope="module")
def private_authority() -> trustme.CA:
    """An authority that nobody trusts by default."""
    return trustme.CA()


def server_side(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


def client_side(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def test_a_private_authority_is_trusted_through_ssl_context(
    kind: Kind, mode: str, new_server: NewServer, private_authority: trustme.CA
) -> None:
    server = new_server(tls=server_side(private_authority))
    server.answer_all_with(lambda _: Answer({"a": 1}).to_bytes())
    client = kind.client(server.url, mode, ssl_context=client_side(private_authority))
    client.set_token("ath_tk_1")
    for _ in range(2):
        with raises_code("INVALID_RESPONSE", 200):  # it came, whatever it is
            client.discover()
    assert server.connections == 1
    without = kind.client(server.url, mode)
    with raises_code("NETWORK_ERROR") as caught:
        without.discover()
    assert "certificate" in caught.value.message
    assert not caught.value.retryable


def test_a_client_certificate_is_shown_through_ssl_context(
    kind: Kind, mode: str, new_server: NewServer, private_authority: trustme.CA
) -> None:
    wanting = server_side(private_authority)
    wanting.verify_mode = ssl.CERT_REQUIRED
    private_authority.configure_trust(wanting)
    server = new_server(tls=wanting)
    server.answer_all_with(lambda _: Answer({}).to_bytes())
    showing = client_side(private_authority)
    private_authority.issue_cert("agent@example.org").configure_cert(showing)
    with raises_code("INVALID_RESPONSE", 200):
        kind.client(server.url, mode, ssl_context=showing).discover()
    with raises_code("NETWORK_ERROR"):
        kind.client(server.url, mode, ssl_context=client_side(private_authority)).discover()
    assert len(server.requests) == 1


@pytest.mark.parametrize("wrong", ["ca.pem", True, ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)])
def test_what_is_no_context_for_clients_is_refused(kind: Kind, mode: str, wrong: Any) -> None:
    with raises_code("INVALID_ARGUMENT") as caught:
        kind.client("https://gateway.example", mode, ssl_context=wrong)
    assert "ssl_context" in caught.value.message


def test_a_context_and_an_http_client_exclude_each_other(kind: Kind, mode: str) -> None:
    with raises_code("INVALID_ARGUMENT") as caught:
        kind.client(
            "https://gateway.example",
            mode,
            ssl_context=ssl.create_default_context(),
            http_client=kind.httpx_client(),
        )
    assert "verify=" in caught.value.message


@pytest.mark.parametrize(
    ("api_base", "own"),
    [
        ("https://straße.example/v1", True),
        ("https://xn--strae-oqa.example/v1", True),
        ("https://STRASSE.example/v1", False),
    ],
)
def test_names_are_compared_as_they_are_looked_up(kind: Kind, api_base: str, own: bool) -> None:
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=service_document(api_base=api_base))

    http = kind.httpx_client(transport=httpx.MockTransport(handle))
    client = kind.client(
        "https://straße.example", "native", http_client=http, headers={"X-Mine": "1"}
    )
    client.set_token("ath_tk_1")
    client.discover()
    client.call("GET", "/x")
    assert seen[0].url.raw_host == b"xn--strae-oqa.example"
    assert ("x-mine" in seen[1].headers) is own


@pytest.mark.parametrize(
    ("scheme", "unwanted"),
    [
        ("http", {"httpx", "httpcore", "anyio", "trio", "ssl", "asyncio", "certifi", "idna"}),
        ("https", {"httpx", "httpcore", "anyio", "trio", "asyncio", "idna"}),
    ],
)
def test_a_call_imports_no_more_than_it_needs(
    new_server: NewServer, authority: trustme.CA, scheme: str, unwanted: set[str]
) -> None:
    server = new_server(tls=server_side(authority) if scheme == "https" else None)
    server.answer_all_with(lambda _: Answer({"a": 1}).to_bytes())
    program = f"""
import sys
from ath import ATHGatewayClient
with ATHGatewayClient({server.url!r}, {AGENT_ID!r}, {PEM!r}) as client:
    client.set_token("ath_tk_1")
    assert client.proxy("github", "GET", "/x") == {{"a": 1}}
print(*(sys.modules.keys() & {unwanted!r}))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=False, text=True
    )
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr
