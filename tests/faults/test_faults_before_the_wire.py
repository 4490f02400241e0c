"""Faults that keep a call from ever reaching the gateway: nothing was sent, so any call may be
tried again; what can never succeed, such as a wrong certificate, is not."""

from __future__ import annotations

import datetime
import ssl
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA

from ath import ATHError, RetryPolicy
from tests.harness import faults
from tests.harness.clients import KEY, WITHOUT_PAUSES, Kind
from tests.harness.server import Server

from .calls import CASES, Case, World

EVERY_CALL = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
LONG_AGO = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)


def failure(client: Any, case: Case, world: World) -> ATHError:
    """Make the call, which fails with no effect at the gateway."""
    world.prepare(client, case, real=False)
    before = world.effects()
    with pytest.raises(ATHError) as caught:
        case.make(client, world)
    assert world.effects() == before
    return caught.value


@EVERY_CALL
def test_a_refused_connection_is_tried_three_times_by_any_call(
    case: Case, kind: Kind, world: World, counted: dict[str, Counter[str]]
) -> None:
    client = kind.client(world.server.url)
    world.server.stop()
    try:
        error = failure(client, case, world)
    finally:
        world.server.start()
    assert (error.code, error.retryable) == ("NETWORK_ERROR", True)
    assert error.__notes__ == [f"3 attempts: {', '.join(['NETWORK_ERROR'] * 3)}."]
    client.discover()
    counted["refused"].update(["cases", error.code])


class Reopening:
    """A signer that brings the server back before the second attempt."""

    def __init__(self, server: Server) -> None:
        self.server, self.signed = server, 0

    def sign(self, data: bytes, /) -> bytes:
        self.signed += 1
        if self.signed == 2:
            self.server.start()
        return KEY.sign(data, ECDSA(hashes.SHA256()))


@pytest.mark.parametrize("case", [CASES[1], CASES[3]], ids=lambda case: case.name)
def test_a_call_that_was_refused_succeeds_once_the_server_is_back(
    case: Case, kind: Kind, world: World
) -> None:
    signer = Reopening(world.server)
    client = kind.client(world.server.url, private_key=signer)
    world.prepare(client, case)
    before = world.effects()
    world.server.stop()
    try:
        case.make(client, world)
    finally:
        if signer.signed < 2:
            world.server.start()
    assert signer.signed == 2
    assert world.effects()[case.effect or ""] == before[case.effect or ""] + 1


@EVERY_CALL
def test_a_name_that_does_not_resolve_is_a_network_error(
    case: Case, kind: Kind, world: World, counted: dict[str, Counter[str]]
) -> None:
    error = failure(kind.client("https://gateway.invalid"), case, world)
    assert (error.code, error.retryable) == ("NETWORK_ERROR", True)
    assert "gateway.invalid" in error.message
    counted["no such host"].update(["cases", error.code])


@pytest.fixture(scope="module")
def tls_servers(authority: trustme.CA, shared_world: World) -> Iterator[dict[str, Server]]:
    certificates = {
        "right": authority.issue_cert("127.0.0.1"),
        "expired": authority.issue_cert("127.0.0.1", not_before=LONG_AGO, not_after=LONG_AGO),
        "wrong host": authority.issue_cert("elsewhere.example"),
        "unknown CA": trustme.CA().issue_cert("127.0.0.1"),
    }
    servers = {}
    for name, certificate in certificates.items():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        servers[name] = Server(shared_world.server.upstream, tls=context)
        servers[name].start()
    yield servers
    for server in servers.values():
        server.stop()


@pytest.fixture(params=["our own connections", "http_client"])
def trusting(
    request: pytest.FixtureRequest, kind: Kind, authority_file: Path
) -> Callable[[str], Any]:
    """Makes clients that trust the authority, by SSL_CERT_FILE or by their own httpx client."""
    options = {}
    if request.param == "http_client":
        context = ssl.create_default_context(cafile=authority_file)
        options["http_client"] = kind.httpx_client(verify=context)
    return lambda url: kind.client(url, **options)


@EVERY_CALL
@pytest.mark.parametrize("certificate", ["expired", "wrong host", "unknown CA"])
def test_a_certificate_that_does_not_hold_ends_the_call_at_once(
    certificate: str,
    case: Case,
    trusting: Callable[[str], Any],
    tls_servers: dict[str, Server],
    world: World,
    counted: dict[str, Counter[str]],
) -> None:
    server = tls_servers[certificate]
    connections = server.connections
    error = failure(trusting(server.url), case, world)
    assert (error.code, error.retryable) == ("NETWORK_ERROR", False)
    assert "certificate" in error.message.lower()
    assert server.connections == connections + 1
    assert not server.requests
    counted[f"TLS: {certificate}"].update(["cases", error.code])


def test_a_certificate_that_holds_is_accepted(
    trusting: Callable[[str], Any], tls_servers: dict[str, Server]
) -> None:
    client = trusting(tls_servers["right"].url)
    assert client.discover().supported_providers


@EVERY_CALL
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_not_there_is_a_network_error(
    case: Case,
    scheme: str,
    kind: Kind,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    counted: dict[str, Counter[str]],
) -> None:
    server = Server()
    server.start()
    server.stop()  # so that its port is closed
    monkeypatch.setenv(f"{scheme.upper()}_PROXY", server.url)
    url = world.server.url if scheme == "http" else "https://gateway.invalid"
    connections = world.server.connections
    error = failure(kind.client(url), case, world)
    assert (error.code, error.retryable) == ("NETWORK_ERROR", True)
    assert world.server.connections == connections
    counted["proxy refused"].update(["cases", error.code])


@EVERY_CALL
@pytest.mark.parametrize("status", [407, 502])
def test_a_proxy_that_opens_no_tunnel_is_a_network_error(
    case: Case,
    status: int,
    kind: Kind,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    counted: dict[str, Counter[str]],
) -> None:
    with Server() as server:
        server.plan += [faults.status(status)] * 3
        monkeypatch.setenv("HTTPS_PROXY", server.url.replace("//", "//someone:hunter2hunter2@"))
        error = failure(kind.client("https://gateway.invalid"), case, world)
        methods = [request.method for request in server.requests]
    assert (error.code, error.retryable) == ("NETWORK_ERROR", True)
    assert methods == ["CONNECT"] * 3
    assert str(status) in error.message
    assert "hunter2" not in str(error)
    counted["proxy: no tunnel"].update(["cases", error.code])


def test_switching_retries_off_makes_one_attempt(kind: Kind, world: World) -> None:
    for options in ({"retry": None}, {"retry": RetryPolicy(attempts=1)}):
        client = kind.client(world.server.url, **options)
        world.server.plan.append(faults.reset_after_request)
        connections = world.server.connections
        with pytest.raises(ATHError, match="NETWORK_ERROR"):
            client.discover()
        assert world.server.connections == connections + 1
    world.server.plan.append(faults.reset_after_request)
    assert client.discover(retry=WITHOUT_PAUSES)
