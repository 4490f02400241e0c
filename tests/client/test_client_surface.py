"""The shape of the four clients: the same for sync and async, and how they open and close."""

from __future__ import annotations

import asyncio
import copy
import inspect
import pickle
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest

import ath
from ath import ATHError
from tests.harness.clients import (
    AGENT_ID,
    CLASSES,
    DEVELOPER,
    KEY,
    PEM,
    AnyClient,
    Kind,
    attestation_claims,
    claims,
    raises_code,
)
from tests.harness.examples import REGISTRATION
from tests.harness.server import Answer, Request, Server
from tests.harness.worlds import World

COROUTINES = {
    "discover", "register", "ensure_registered", "registration", "authorize", "exchange_token",
    "revoke", "sign_attestation", "load", "forget", "request", "grant", "start_connect", "connect",
    "wait_for_token", "complete_authorization", "wait_for_approval", "pending_sessions",
}  # fmt: skip
PLAIN = {
    "set_credentials", "set_token", "save_credentials", "load_credentials", "for_user", "stream",
    "http", "http_transport",
}  # fmt: skip


def public(kind: type) -> dict[str, Any]:
    names = [name for name in dir(kind) if not name.startswith("_")]
    return {name: inspect.getattr_static(kind, name) for name in names}


def signature_of(member: Any) -> str:
    """The signature of a member, the same for both kinds but for what is of their own kind."""
    return str(inspect.signature(member)).replace("Async", "")


@pytest.mark.parametrize("mode", ["gateway", "native"])
def test_sync_and_async_clients_have_the_same_signatures(mode: str) -> None:
    blocking, coroutines = public(CLASSES["sync", mode]), public(CLASSES["async", mode])
    twins = {"close": "aclose"}
    assert {twins.get(name, name) for name in blocking} == coroutines.keys()
    for name, member in blocking.items():
        twin = coroutines[twins.get(name, name)]
        assert isinstance(member, property) == isinstance(twin, property), name
        if isinstance(member, property):
            assert member.fset is twin.fset is None
            member, twin = member.fget, twin.fget
        assert signature_of(member) == signature_of(twin), name
    constructors = [inspect.signature(CLASSES[name, mode].__init__) for name in ("sync", "async")]
    assert constructors[0] == constructors[1]


@pytest.mark.parametrize("mode", ["gateway", "native"])
def test_only_methods_that_may_wait_are_coroutines(mode: str) -> None:
    call = "proxy" if mode == "gateway" else "api"
    members = public(CLASSES["async", mode])
    waiting = {name for name, member in members.items() if inspect.iscoroutinefunction(member)}
    assert waiting == {*COROUTINES, call, "request", "aclose"}
    plain = {name for name, member in members.items() if inspect.isfunction(member)} - waiting
    assert plain == PLAIN
    properties = {name for name, member in members.items() if isinstance(member, property)}
    own = set() if mode == "gateway" else {"api_base"}
    assert properties == {"access_token", "agent_id", "client_id", "tokens", "url"} | own
    blocking = public(CLASSES["sync", mode])
    assert not any(inspect.iscoroutinefunction(member) for member in blocking.values())


@pytest.mark.parametrize("mode", ["gateway", "native"])
def test_the_constructor_takes_what_is_documented(mode: str) -> None:
    parameters = inspect.signature(CLASSES["sync", mode]).parameters
    positional = [n for n, p in parameters.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert positional == ["url", "agent_id", "private_key"]
    keywords = {n: p.default for n, p in parameters.items() if p.kind is p.KEYWORD_ONLY}
    documented = {
        "key_id": "default", "timeout": 60.0, "headers": None, "http_client": None,
        "capabilities": (), "audience": None, "require_pkce": True, "credentials": None,
    }  # fmt: skip
    assert {name: keywords.get(name, "absent") for name in documented} == documented


def test_every_public_name_is_there_and_listed() -> None:
    for name in ath.__all__:
        assert getattr(ath, name) is not None
        assert name in dir(ath)
    with pytest.raises(AttributeError):
        ath.NoSuchName  # noqa: B018


def test_a_client_closes_at_the_end_of_its_block(gateway: World, kind: Kind) -> None:
    if kind.name == "sync":
        with gateway.client().raw as client:
            client.discover()
        with raises_code("CLIENT_CLOSED"):
            client.discover()
    else:

        async def use() -> Any:
            async with gateway.client().raw as client:
                await client.discover()
            return client

        client = kind.runner.run(use())
        with raises_code("CLIENT_CLOSED"):
            kind.runner.run(client.discover())


def test_an_exception_in_the_block_is_raised_and_the_client_closed(
    gateway: World, kind: Kind
) -> None:
    client = gateway.client()

    def fail_blocking() -> None:
        with client.raw:
            raise KeyError

    async def fail() -> None:
        async with client.raw:
            raise KeyError

    with pytest.raises(KeyError):
        fail_blocking() if kind.name == "sync" else kind.runner.run(fail())
    with raises_code("CLIENT_CLOSED"):
        client.discover()


def test_closing_twice_or_before_the_first_call_is_fine(world: World) -> None:
    client = world.client()
    client.close()
    client.close()
    with raises_code("CLIENT_CLOSED"):
        client.discover()
    used = world.client()
    used.discover()
    used.close()
    used.close()
    with raises_code("CLIENT_CLOSED"):
        used.register(developer=DEVELOPER, providers=[])


def test_a_closed_client_still_returns_its_client_id(world: World) -> None:
    client = world.client()
    registered = world.register(client)
    client.set_token("ath_tk_x")
    client.close()
    assert client.client_id == registered.client_id
    for call in (client.revoke, client.registration):
        with raises_code("CLIENT_CLOSED"):
            call()


def test_a_closed_client_sends_nothing(client: AnyClient, server: Server) -> None:
    server.answer_next({"n": 1})
    client.call("GET", "/x")
    client.close()
    with raises_code("CLIENT_CLOSED"):
        client.call("GET", "/x")
    assert len(server.requests) == 1


def test_an_async_client_may_be_built_outside_a_loop(gateway: World, kind: Kind) -> None:
    client = gateway.client()  # no loop runs here
    assert client.discover()


def test_a_second_event_loop_gets_a_clear_error(mode: str) -> None:
    server = ath.testing.LocalGateway if mode == "gateway" else ath.testing.LocalService
    with server() as local:
        client = CLASSES["async", mode](local.url, AGENT_ID, KEY)

        async def discover_and_close_idle() -> None:
            await client.discover()

        with asyncio.Runner() as first, asyncio.Runner() as second:
            first.run(discover_and_close_idle())
            client.set_credentials("ath_client", "ath_secret")
            for call in (client.discover, client.registration):
                with raises_code("WRONG_EVENT_LOOP") as caught:
                    second.run(call())
                assert "event loop" in caught.value.message
            assert first.run(client.discover())
            first.run(client.aclose())


def test_an_async_client_serves_one_event_loop_after_the_other(mode: str) -> None:
    server = ath.testing.LocalGateway if mode == "gateway" else ath.testing.LocalService
    with server() as local:
        client = CLASSES["async", mode](local.url, AGENT_ID, KEY)

        async def discover_at_once() -> None:
            found = await asyncio.gather(*(client.discover() for _ in range(3)))
            assert all(found)

        for _ in range(3):
            asyncio.run(discover_at_once())


def test_a_sync_client_may_be_shared_by_threads(world: World) -> None:
    client = world.ready()
    if world.kind.name == "async":
        results = client.together(*[lambda c, n=n: call_of(world, c, n) for n in range(24)])
    else:
        with ThreadPoolExecutor(8) as pool:
            results = list(pool.map(lambda n: call_of(world, client.raw, n), range(24)))
    assert [answer["query"] for answer in results] == [f"n={n}" for n in range(24)]


def call_of(world: World, client: Any, n: int) -> Any:
    if world.mode == "gateway":
        return client.proxy("github", "GET", "/echo", params={"n": n})
    return client.api("GET", "/echo", params={"n": n})


def test_registrations_at_the_same_time_are_one(kind: Kind, server: Server) -> None:
    client = kind.client(server.url)
    everybody_waits = threading.Event()
    threads: set[int] = set()

    def answer(seen: Request) -> Answer:
        everybody_waits.wait(10)
        return Answer(REGISTRATION, 201)

    for _ in range(4):
        server.answer_next_with(answer)

    def register(c: Any) -> Any:
        threads.add(threading.get_ident())
        return c.register(developer=DEVELOPER, providers=[])

    watcher = threading.Thread(target=watch, args=(kind, server, threads, everybody_waits))
    watcher.start()
    results = client.together(*[register] * 4)
    watcher.join()
    assert len(server.requests) == 1
    assert [result.client_id for result in results] == ["ath_client_1"] * 4


def watch(kind: Kind, server: Server, threads: set[int], done: threading.Event) -> None:
    """Let the server answer once all but one caller wait for the first, or a second one sent."""
    while not server.requests or (kind.name == "sync" and len(threads) < 4):
        done.wait(0.001)
    while kind.name == "sync" and len(server.requests) < 2:
        frames = [sys._current_frames().get(ident) for ident in threads]
        waiting = [
            f for f in frames if f is not None and f.f_code.co_filename.endswith("threading.py")
        ]
        if len(waiting) >= 3:
            break
        done.wait(0.001)
    done.set()


def test_of_different_registrations_at_the_same_time_the_first_to_be_stored_stays(
    kind: Kind, server: Server
) -> None:
    client = kind.client(server.url)
    both_sent = threading.Barrier(2)

    def answer(client_id: str) -> Callable[[Request], Answer]:
        def wait_for_the_other(_: Request) -> Answer:
            both_sent.wait(10)
            return Answer({**REGISTRATION, "client_id": client_id}, 201)

        return wait_for_the_other

    def register(scope: str) -> Callable[[Any], Any]:
        wanted = [{"provider_id": "github", "scopes": [scope]}]
        return lambda c: c.register(developer=DEVELOPER, providers=wanted)

    for client_id in ("ath_client_1", "ath_client_2"):
        server.answer_next_with(answer(client_id))
    results = client.together(register("repo"), register("read:user"))
    (lost,) = [result for result in results if isinstance(result, ATHError)]
    (kept,) = [result for result in results if result is not lost]
    assert (lost.code, lost.status, lost.source) == ("REGISTRATION_REPLACED", None, "client")
    assert {kept.client_id, lost.details["client_id"]} == {"ath_client_1", "ath_client_2"}
    assert client.client_id == kept.client_id


def test_a_failed_registration_fails_for_all_who_waited_and_can_be_repeated(
    kind: Kind, server: Server
) -> None:
    client = kind.client(server.url)
    for _ in range(2):
        server.answer_next({"code": "AGENT_UNAPPROVED", "message": "No."}, 403)
    results = client.together(*[lambda c: c.register(developer=DEVELOPER, providers=[])] * 2)
    assert [(type(r), r.code) for r in results] == [(ATHError, "AGENT_UNAPPROVED")] * 2
    server.plan.clear()
    server.answer_next(REGISTRATION, 201)
    assert client.register(developer=DEVELOPER, providers=[]).client_id == "ath_client_1"


def test_a_client_refuses_to_be_pickled_or_copied(mode: str, kind: Kind) -> None:
    client = kind.client("http://127.0.0.1:9", mode).raw
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with raises_code("NOT_PICKLABLE"):
            attempt(client)


def test_the_repr_of_a_client_contains_no_secret(world: World) -> None:
    client = world.client(private_key=PEM, headers={"X-ATH-User-Token": "user-session"})
    world.register(client)
    client.set_token("ath_tk_shown_nowhere")
    shown = repr(client.raw) + repr(client.raw.for_user("alice"))
    for told in (world.server.url, AGENT_ID, "alice"):
        assert told in shown
    for secret in ("ath_tk", "ath_secret", "user-session", PEM.split("\n")[1]):
        assert secret not in shown


def test_attestations_name_key_capabilities_and_audience(worlds: Any, mode: str) -> None:
    world = worlds(mode)
    world.server.url = "https://api.example.com/ath"
    client = world.client(
        url=world.server._own_url(),
        key_id="my-key-2024",
        capabilities=["pay", "read"],
        audience="https://api.example.com/ath",
    )
    world.register(client)
    said = attestation_claims(world.requests[-1])
    assert said["aud"] == "https://api.example.com/ath"
    assert said["capabilities"] == ["pay", "read"]
    assert said["iss"] == said["sub"] == AGENT_ID
    header = jwt.get_unverified_header(client.sign_attestation())
    assert header == {"alg": "ES256", "typ": "JWT", "kid": "my-key-2024"}


def test_sign_attestation_is_fresh_and_dated_as_documented(gateway: World) -> None:
    client = gateway.client()
    before = int(time.time())
    first, second = claims(client.sign_attestation()), claims(client.sign_attestation())
    after = int(time.time())
    assert first["jti"] != second["jti"]
    assert before - 30 <= first["iat"] <= after - 30
    assert first["exp"] - first["iat"] == 330
    assert first["aud"] == gateway.server.url
    assert "capabilities" not in first
    assert claims(client.sign_attestation("https://x.example"))["aud"] == "https://x.example"
    assert claims(client.sign_attestation(["a", "b"]))["aud"] == ["a", "b"]
    assert gateway.requests == []
