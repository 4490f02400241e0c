"""Clients on Redis and PostgreSQL: no call without a change asks the server, and none is lost."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import pytest

import ath
from ath.testing import LocalGateway
from tests.harness.clients import AGENT_ID, AnyClient, Kind, raises_code
from tests.harness.engines import EngineServer, PostgresServer, RedisServer
from tests.harness.tcp_proxy import TCPProxy
from tests.harness.worlds import World


class Engine(NamedTuple):
    """A kind of client, and the class of its store."""

    kind: str
    store: str
    server: type[RedisServer] | type[PostgresServer]


ENGINES = [
    Engine("sync", "RedisStore", RedisServer),
    Engine("async", "RedisStore", RedisServer),
    Engine("async", "AsyncRedisStore", RedisServer),
    Engine("sync", "SQLStore", PostgresServer),
    Engine("async", "AsyncSQLStore", PostgresServer),
]


# A killed process loses nothing that it has handed to the system; only a power failure does.
WITHOUT_WAITING: dict[type, tuple[str, ...]] = {
    RedisServer: ("--appendonly", "yes", "--appendfsync", "no"),
    PostgresServer: ("-c", "fsync=off"),
}


@pytest.fixture(scope="module", params=ENGINES, ids=lambda engine: f"{engine.kind} {engine.store}")
def engine(request: pytest.FixtureRequest) -> Engine:
    found: Engine = request.param
    return found


@pytest.fixture
def kind(engine: Engine) -> Iterator[Kind]:
    kind = Kind(engine.kind)
    yield kind
    kind.close()


@pytest.fixture
def world(kind: Kind) -> Iterator[World]:
    with LocalGateway() as gateway:
        yield World(kind, gateway)


Open = Callable[[int], Any]


@pytest.fixture
def open_store(engine: Engine, kind: Kind) -> Iterator[Open]:
    """Opens a store on the server at that port, in a place of this test's own."""
    place = f"ath_{secrets.token_hex(6)}"
    closing: list[Callable[[], Any]] = []

    def open_redis(port: int) -> Any:
        store = getattr(ath, engine.store).from_url(
            f"redis://127.0.0.1:{port}", prefix=place, timeout=2
        )
        awaits = engine.store.startswith("Async")
        closing.append(lambda: kind.run(store.aclose()) if awaits else store.close())
        return store

    def open_sql(port: int) -> Any:
        url = f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres"
        options: dict[str, Any] = {"connect_args": {"connect_timeout": 2}}
        if engine.store == "SQLStore":
            import sqlalchemy

            made: Any = sqlalchemy.create_engine(url, **options)
            closing.append(made.dispose)
            blocking = ath.SQLStore(made, table=place)
            blocking.create_table()
            return blocking
        from sqlalchemy.ext.asyncio import create_async_engine

        made = create_async_engine(url, **options)
        closing.append(lambda: kind.run(made.dispose()))
        store = ath.AsyncSQLStore(made, table=place)
        kind.run(store.create_table())
        return store

    yield open_redis if engine.server is RedisServer else open_sql
    for close in closing:
        close()


@pytest.fixture(scope="module")
def server(engine: Engine) -> Iterator[EngineServer]:
    with engine.server(*WITHOUT_WAITING[engine.server]) as server:
        yield server


def record_of(world: World, store: Any, user: str | None = None) -> dict[str, Any] | None:
    key = ath.CredentialKey(world.server.url, AGENT_ID, user)
    text = world.kind.run(store.load(key))
    return None if text is None else dict(json.loads(text))


def failure(code: str, call: Callable[[], Any]) -> ath.ATHError:
    with raises_code(code) as caught:
        call()
    error: ath.ATHError = caught.value
    return error


def login(client: AnyClient) -> str:
    name: str = client.call("GET", "/user")["login"]
    return name


def test_two_hundred_calls_send_not_one_byte_to_the_server(
    world: World, server: EngineServer, open_store: Open
) -> None:
    with TCPProxy(server.port) as proxy:
        client = world.client(credentials=open_store(proxy.port))
        world.register(client)
        alice = client.for_user("alice")
        world.token(alice, account="alice")
        sent = proxy.sent
        assert sent > 0
        for _ in range(100):
            assert login(client.for_user("alice")) == "alice"
            alice.call("POST", "/note", {"n": 1})
        assert proxy.sent == sent


def test_a_token_that_could_not_be_stored_is_used_and_stored_with_the_next_change(
    world: World, server: EngineServer, open_store: Open
) -> None:
    client = world.client(credentials=open_store(server.port))
    world.register(client)
    alice = client.for_user("alice")
    asked = world.consented(alice, account="alice")
    server.kill()
    error = failure("STORAGE_ERROR", lambda: alice.exchange_token("x", asked.ath_session_id))
    assert "Store" in error.message
    assert "127.0.0.1" not in str(error)
    assert login(alice) == "alice"
    server.start()
    assert login(alice) == "alice"
    alice.authorize(world.provider, world.scopes)
    other = world.client(credentials=open_store(server.port))
    assert login(other.for_user("alice")) == "alice"
    assert world.server.count("registrations") == 1


def test_the_handshake_goes_on_when_the_server_comes_back(
    world: World, server: EngineServer, open_store: Open
) -> None:
    client = world.client(credentials=open_store(server.port))
    world.register(client)
    for user in ("alice", "bob"):
        asked = world.consented(client.for_user(user), account=user)
        server.restart()
        client.for_user(user).exchange_token("x", asked.ath_session_id)
        server.restart()
    other = world.client(credentials=open_store(server.port))
    assert [login(other.for_user(user)) for user in ("alice", "bob")] == ["alice", "bob"]


@pytest.mark.parametrize("engine", [e for e in ENGINES if e.server is RedisServer], indirect=True)
def test_after_a_loss_of_all_records_workers_go_on_and_write_no_old_registration_back(
    world: World, open_store: Open
) -> None:
    with RedisServer("--appendonly", "no") as server:
        store = open_store(server.port)
        client = world.client(credentials=store)
        world.register(client)
        world.token(client.for_user("alice"), account="alice")
        loader = world.client(credentials=open_store(server.port))
        assert login(loader.for_user("alice")) == "alice"
        server.restart()
        fresh = world.client(credentials=open_store(server.port))
        failure("NOT_REGISTERED", lambda: fresh.authorize(world.provider, world.scopes))
        for worker in (client, loader):
            assert login(worker.for_user("alice")) == "alice"
            authorize = partial(worker.for_user("bob").authorize, world.provider, world.scopes)
            failure("REGISTRATION_REPLACED", authorize)
            assert login(worker.for_user("alice")) == "alice"
        assert record_of(world, store) is None
        bobs = record_of(world, store, "bob")
        assert bobs is not None
        assert "client_id" not in bobs
        world.register(client)
        world.token(loader.for_user("bob"), account="bob")
        assert login(fresh.for_user("bob")) == "bob"


def test_a_damaged_record_is_reported_and_not_overwritten(
    world: World, server: EngineServer, open_store: Open
) -> None:
    store = open_store(server.port)
    client = world.client(credentials=store)
    world.register(client)
    key = ath.CredentialKey(world.server.url, AGENT_ID)
    held, damaged = world.kind.run(store.load(key)), '{"tokens": "none"}'
    assert world.kind.run(store.replace(key, held, damaged))
    failure("INVALID_CREDENTIALS", lambda: world.consented(client))
    other = failure(
        "INVALID_CREDENTIALS",
        lambda: world.client(credentials=open_store(server.port)).authorize("github", []),
    )
    assert world.kind.run(store.load(key)) == damaged
    assert "client_secret" not in str(other)
