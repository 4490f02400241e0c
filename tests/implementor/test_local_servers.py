"""What tests do with the local gateway and service: start, stop, ask, and look at."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives import serialization

from ath import AgentKey
from ath.testing import (
    AsyncLocalGateway,
    AsyncLocalService,
    ConsentError,
    LocalGateway,
    LocalService,
    Quirks,
)

from .conftest import TLS, new_agent
from .hostile import Agent, IdentityHost, Target, accepted, jwk, new_key, pem, refused

PUBLIC_ID = "https://agent.example.com/.well-known/agent.json"


def connected(url: str) -> bool:
    where = urlsplit(url)
    try:
        socket.create_connection((where.hostname, where.port), timeout=1).close()
    except ConnectionRefusedError:
        return False
    return True


@pytest.mark.parametrize("server", [LocalGateway, LocalService])
def test_stopping_leaves_no_thread_and_no_open_port(
    server: type[LocalGateway | LocalService],
) -> None:
    before = set(threading.enumerate())
    with server() as running, httpx.Client(verify=TLS, trust_env=False) as client:
        assert connected(running.url)
        client.get(running.url)
    assert set(threading.enumerate()) == before
    assert not connected(running.url)
    running.stop()


def test_stopping_does_not_wait_for_a_silent_connection() -> None:
    with LocalGateway() as gateway:
        where = urlsplit(gateway.url)
        silent = socket.create_connection((where.hostname, where.port))
        httpx.get(gateway.url, verify=TLS, trust_env=False)
        began = time.monotonic()
    assert time.monotonic() - began < 2
    silent.close()


def test_several_servers_run_side_by_side_without_shared_state(identities: IdentityHost) -> None:
    with (
        LocalGateway() as one,
        LocalGateway() as two,
        httpx.Client(verify=TLS, trust_env=False) as http,
    ):
        assert one.url != two.url
        agent = new_agent(Target(one.url, http, "github", ["repo"], one), identities)
        client = agent.registered()
        elsewhere = Agent(Target(two.url, http, "github", ["repo"], two), agent.agent_id, agent.key)
        refused(elsewhere.authorize(client), 403, "AGENT_NOT_REGISTERED")


def test_a_connection_is_kept_alive_between_requests() -> None:
    with LocalGateway() as gateway:
        where = urlsplit(gateway.url)
        with socket.create_connection((where.hostname, where.port), timeout=5) as connection:
            for _ in range(3):
                request = f"GET /.well-known/ath.json HTTP/1.1\r\nHost: {where.netloc}\r\n\r\n"
                connection.sendall(request.encode())
                reply = b""
                while b"supported_providers" not in reply or not reply.endswith(b"}"):
                    reply += connection.recv(65536)
                assert reply.startswith(b"HTTP/1.1 200")


def test_using_a_server_before_it_is_started_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="not started"):
        _ = LocalGateway().url


@pytest.mark.parametrize(
    "form", ["JWK", "PEM", "PEM bytes", "private PEM", "public", "private", "agent key"]
)
def test_an_identity_can_be_published_in_any_form(http: httpx.Client, form: str) -> None:
    key = new_key()
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    material = {
        "JWK": jwk(key),
        "PEM": pem(key),
        "PEM bytes": pem(key).encode(),
        "private PEM": private,
        "public": key.public_key(),
        "private": key,
        "agent key": AgentKey(key),
    }[form]
    with LocalGateway() as gateway:
        target = Target(gateway.url, http, "github", ["repo"], gateway)
        agent = Agent(target, PUBLIC_ID, key)
        refused(agent.register(), 401, "INVALID_ATTESTATION")
        gateway.publish_identity(PUBLIC_ID, material)
        agent.registered()


def test_a_published_key_can_be_replaced_at_once(http: httpx.Client) -> None:
    with LocalGateway() as gateway:
        target = Target(gateway.url, http, "github", ["repo"], gateway)
        for _ in range(3):
            agent = Agent(target, PUBLIC_ID, new_key())
            gateway.publish_identity(PUBLIC_ID, agent.key)
            agent.registered()


@pytest.mark.parametrize("key", [b"no key", "", {}, {"kty": "EC"}], ids=str)
def test_publishing_what_is_no_key_fails(key: object) -> None:
    with LocalGateway() as gateway, pytest.raises(ValueError, match="public key"):
        gateway.publish_identity(PUBLIC_ID, key)  # type: ignore[arg-type]


def test_the_requests_are_recorded_as_they_came(agent: Agent) -> None:
    server = agent.target._server("show its requests")
    agent.registered()
    agent.target.http.get(f"{agent.target.url}/no%2Fsuch?q=%C3%A4&&", headers={"X-Mine": "1"})
    register, last = server.requests[-2:]
    assert (register.method, register.path, register.status) == (
        "POST",
        "/ath/agents/register",
        201,
    )
    assert b"agent_attestation" in register.body
    assert (last.target, last.status) == (b"/no%2Fsuch?q=%C3%A4&&", 404)
    assert last.headers["x-mine"] == "1"


def test_what_was_recorded_shows_method_path_and_status(agent: Agent) -> None:
    server = agent.target._server("show its requests")
    agent.target.http.get(f"{agent.target.url}/no%2Fsuch?q=secret")
    assert repr(server.requests[-1]) == "<GET /no%2Fsuch 404>"


def test_side_effects_are_counted(agent: Agent) -> None:
    server = agent.target._server("count side effects")
    client = agent.registered()
    token = agent.token(client)["access_token"]
    agent.target.call("POST", "/note", token, agent.agent_id)
    agent.target.call("GET", "/note", token, agent.agent_id)
    agent.revoke(client, token)
    counted = ("registrations", "sessions", "tokens", "provider_writes", "revocations")
    assert [server.count(name) for name in counted] == [1, 1, 1, 1, 1]
    refused(agent.register(agent_attestation="x"), 401, "INVALID_ATTESTATION")
    assert server.count("registrations") == 1
    with pytest.raises(ValueError, match="none of"):
        server.count("nothing")  # type: ignore[arg-type]


def test_no_secret_is_in_a_repr(agent: Agent) -> None:
    server = agent.target._server("show what it holds")
    client = agent.registered()
    session = agent.session(client)
    agent.target.consent(session["authorization_url"])
    token = accepted(agent.exchange(client, session))["access_token"]
    agent.target.call("GET", f"/echo?secret={token}", token, agent.agent_id)
    shown = repr(server.requests + server.provider_requests + [server._core, server])
    for secret in (client["client_secret"], token, server._core.oauth.client_secret):
        assert secret not in shown


def test_it_can_live_below_a_path_and_behind_another_url(
    http: httpx.Client, identities: IdentityHost
) -> None:
    with LocalGateway(path="/v1/") as gateway:
        assert gateway.url.endswith("/v1")
        target = Target(gateway.url, http, local=gateway)
        target.discover()
        agent = new_agent(target, identities)
        token = agent.token(agent.registered())["access_token"]
        assert target.call("GET", "/user", token, agent.agent_id).json()["login"] == "ada"
        inside = gateway.url
        gateway.url = "http://127.0.0.1:9/front/"
        assert gateway.url == "http://127.0.0.1:9/front"
        refused(agent.register(), 401, "INVALID_ATTESTATION")
        agent.registered(agent_attestation=agent.attest(gateway.url))
        document = http.get(f"{inside}/.well-known/ath.json").json()
        assert document["agent_registration_endpoint"].startswith(gateway.url)


def test_a_services_api_may_be_on_another_origin(
    http: httpx.Client, identities: IdentityHost
) -> None:
    with LocalService(separate_api=True) as service:
        target = Target(service.url, http, local=service)
        target.discover()
        assert target.api_base == service.api_base
        assert urlsplit(service.api_base).netloc != urlsplit(service.url).netloc
        agent = new_agent(target, identities)
        token = agent.token(agent.registered())["access_token"]
        reply = target.call("GET", "/products", token, agent.agent_id)
        assert reply.status_code == 200
        assert http.get(f"{service.url}/api/products").status_code == 404


def test_the_date_header_follows_the_servers_clock(http: httpx.Client) -> None:
    with LocalGateway(clock=lambda: 1_000_000_000.0) as gateway:
        gateway.advance(86_400)
        reply = http.get(gateway.url)
    assert parsedate_to_datetime(reply.headers["date"]).timestamp() == 1_000_086_400


@pytest.mark.parametrize("server", [AsyncLocalGateway, AsyncLocalService])
def test_the_async_servers_behave_like_the_sync_ones(
    server: type[AsyncLocalGateway | AsyncLocalService],
    http: httpx.Client,
    identities: IdentityHost,
) -> None:
    async def run() -> None:
        before = set(threading.enumerate())
        async with server(quirks=Quirks(own_page=True)) as running:
            target = Target(running.url, http)
            target.discover()
            agent = new_agent(target, identities)
            client = agent.registered()
            session = agent.session(client)
            ended = await running.approve(session["authorization_url"], agent.target.scopes[:1])
            assert urlsplit(ended).path == "/ath/callback"
            token = accepted(agent.exchange(client, session))
            assert token["effective_scopes"] == agent.target.scopes[:1]
            denied = agent.session(client)
            await running.deny(denied["authorization_url"])
            with pytest.raises(ConsentError):
                await running.approve(denied["authorization_url"])
            assert running.count("tokens") == 1
        left = set(threading.enumerate()) - before
        assert not [thread for thread in left if not thread.name.startswith("asyncio_")]

    asyncio.run(run())


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("options", [[], ["--native"]], ids=["gateway", "service"])
def test_it_runs_in_the_foreground_until_interrupted(options: list[str]) -> None:
    command = [sys.executable, "-W", "error", "-m", "ath.testing", *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        printed = ""
        while "Ctrl-C" not in printed:
            line = process.stdout.readline()
            assert line, process.stderr.read()
            printed += line
        url = printed.split(" at ", 1)[1].split()[0]
        document = "ath-app.json" if options else "ath.json"
        reply = httpx.get(f"{url}/.well-known/{document}", verify=TLS, trust_env=False)
        assert reply.status_code == 200
        assert PUBLIC_ID in printed
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (0, "")


def test_unusual_requests_get_a_4xx_answer(target: Target) -> None:
    for path in ("//", "/%", "/ath//token", "/ath/proxy", "/ath/proxy/", f"/{uuid.uuid4()}"):
        assert 400 <= target.http.get(f"{target.url}{path}").status_code < 500


@pytest.mark.parametrize("options", [[], ["--native"]], ids=["gateway", "service"])
def test_a_port_that_cannot_be_used_is_one_sentence(options: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        for port, reason in ((taken, "another program uses it"), (99999, "from 0 to 65535")):
            done = subprocess.run(
                [sys.executable, "-m", "ath.testing", *options, "--port", str(port)],
                capture_output=True, encoding="utf-8", check=False, timeout=60,
            )  # fmt: skip
            assert (done.returncode, done.stdout) == (2, "")
            assert done.stderr.startswith(f"Cannot listen at port {port} of 127.0.0.1: ")
            assert reason in done.stderr
            assert done.stderr.count("\n") == 1
