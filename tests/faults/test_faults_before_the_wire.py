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

from .calls import CASES, Case, FaultyGateway

EVERY_CALL = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
LONG_AGO = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)


@pytest.fixture
def gateway(shared_gateway: FaultyGateway) -> FaultyGateway:
    """Over http: these tests bring TLS servers of their own."""
    shared_gateway.server.clear()
    return shared_gateway


def make_failing_call(client: Any, case: Case, gateway: FaultyGateway) -> ATHError:
    """Make the call, which fails with no effect at the gateway."""
    gateway.prepare(client, case, real=False)
    before = gateway.effects()
    with pytest.raises(ATHError) as caught:
        case.make(client, gateway)
    assert gateway.effects() == before
    return caught.value


@EVERY_CALL
def test_a_refused_connection_is_tried_three_times_by_any_call(
    case: Case, kind: Kind, gateway: FaultyGateway, counted: dict[str, Counter[str]]
) -> None:
    client = kind.client(gateway.server.url)
    gateway.server.stop()
    try:
        error = make_failing_call(client, case, gateway)
    finally:
        gateway.server.start()
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
    case: Case, kind: Kind, gateway: FaultyGateway
) -> None:
    signer = Reopening(gateway.server)
    client = kind.client(gateway.server.url, private_key=signer)
    gateway.prepare(client, case)
    before = gateway.effects()
    gateway.server.stop()
    try:
        case.make(client, gateway)
    finally:
        if signer.signed < 2:
            gateway.server.start()
    assert signer.signed == 2
    assert gateway.effects()[case.effect or ""] == before[case.effect or ""] + 1


@EVERY_CALL
def test_a_name_that_does_not_resolve_is_a_network_error(
    case: Case, kind: Kind, gateway: FaultyGateway, counted: dict[str, Counter[str]]
) -> None:
    error = make_failing_call(kind.client("https://gateway.invalid"), case, gateway)
    assert (error.code, error.retryable) == ("NETWORK_ERROR", True)
    assert "gateway.invalid" in error.message
    counted["no such host"].update(["cases", error.code])


@pytest.fixture(scope="module")
def tls_servers(
    authority: trustme.CA, shared_gateway: FaultyGateway
) -> Iterator[dict[str, Server]]:
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
        servers[name] = Server(shared_gateway.server.upstream, tls=context)
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
def test_an_invalid_certificate_fails_the_call_without_a_retry(
    certificate: str,
    case: Case,
    trusting: Callable[[str], Any],
    tls_servers: dict[str, Server],
    gateway: FaultyGateway,
    counted: dict[str, Counter[str]],
) -> None:
    server = tls_servers[certificate]
    connections = server.connections
    error = make_failing_call(trusting(server.url), case, gateway)
    assert (error.code, error.retryable) == ("NETWORK_ERROR", False)
    assert "certificate" in error.message.lower()
    assert server.connections == connections + 1
    assert not server.requests
    counted[f"TLS: {certificate}"].update(["cases", error.code])


def test_a_valid_certificate_is_accepted(
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
    gateway: FaultyGateway,
    monkeypatch: pytest.MonkeyPatch,
    counted: dict[str, Counter[str]],
) -> None:
    server = Server()
    server.start()
    server.stop()  # so that its port is closed
    monkeypatch.setenv(f"{scheme.upper()}_PROXY", server.url)
    url = gateway.server.url if scheme == "http" else "https://gateway.invalid"
    connections = gateway.server.connections
    error = make_failing_call(kind.client(url), case, gateway)
    assert (error.code, error.retryable) == ("NETWORK_ERROR", True)
    assert gateway.server.connections == connections
    counted["proxy refused"].update(["cases", error.code])


@EVERY_CALL
@pytest.mark.parametrize("status", [407, 502])
def test_a_proxy_that_refuses_a_tunnel_is_a_network_error(
    case: Case,
    status: int,
    kind: Kind,
    gateway: FaultyGateway,
    monkeypatch: pytest.MonkeyPatch,
    counted: dict[str, Counter[str]],
) -> None:
    with Server() as server:
        server.plan += [faults.status(status)] * 3
        monkeypatch.setenv("HTTPS_PROXY", server.url.replace("//", "//someone:hunter2hunter2@"))
        error = make_failing_call(kind.client("https://gateway.invalid"), case, gateway)
        methods = [request.method for request in server.requests]
    assert (error.code, error.retryable) == ("NETWORK_ERROR", True)
    assert methods == ["CONNECT"] * 3
    assert str(status) in error.message
    assert "hunter2" not in str(error)
    counted["proxy: no tunnel"].update(["cases", error.code])


def test_switching_retries_off_makes_one_attempt(kind: Kind, gateway: FaultyGateway) -> None:
    for options in ({"retry": None}, {"retry": RetryPolicy(attempts=1)}):
        client = kind.client(gateway.server.url, **options)
        gateway.server.plan.append(faults.reset_after_request)
        connections = gateway.server.connections
        with pytest.raises(ATHError, match="NETWORK_ERROR"):
            client.discover()
        assert gateway.server.connections == connections + 1
    gateway.server.plan.append(faults.reset_after_request)
    assert client.discover(retry=WITHOUT_PAUSES)
