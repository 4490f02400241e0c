"""Eight processes, blocking and async ones, on one Redis or PostgreSQL, with many users."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, NamedTuple

import psycopg
import pytest
import redis

from ath.testing import LocalGateway
from tests.harness.clients import PEM
from tests.harness.engines import EngineServer, PostgresServer, RedisServer

from .workers import PATIENCE, Worker, start_workers

PROCESSES = 8
USERS = {False: 20, True: 1_250}  # of each process


class Engine(NamedTuple):
    """A kind of server, and the stores of blocking and async workers on it."""

    server: type[RedisServer] | type[PostgresServer]
    blocking: str
    awaited: str


ENGINES = {
    "Redis": Engine(RedisServer, "RedisStore", "AsyncRedisStore"),
    "PostgreSQL": Engine(PostgresServer, "SQLStore", "AsyncSQLStore"),
}


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    return ENGINES[request.param]


@pytest.fixture
def server(engine: Engine) -> Iterator[EngineServer]:
    with engine.server() as server:
        yield server


@pytest.fixture
def workers(engine: Engine, server: EngineServer, gateway: LocalGateway) -> Iterator[list[Worker]]:
    half = PROCESSES // 2
    with ExitStack() as stack:
        kinds = [("sync", engine.blocking), ("async", engine.awaited)]
        groups = [
            stack.enter_context(start_workers(half, kind, store, server.url, gateway.url, PEM))
            for kind, store in kinds
        ]
        yield [worker for pair in zip(*groups, strict=True) for worker in pair]


def test_users_are_served_by_any_process_and_the_agent_is_registered_once(
    workers: list[Worker], gateway: LocalGateway, full: bool
) -> None:
    starts = [worker.begin("ensure_registered") for worker in workers]
    assert [a for start in starts if "error" in (a := start.result(PATIENCE))] == []
    assert gateway.count("registrations") == 1
    [client_id] = {worker.ask("client_id")["client_id"] for worker in workers}
    assert client_id

    def live(number: int) -> list[str]:
        """One user's day; returns what went wrong."""
        user, wrong = f"user-{number}", list[str]()
        first, second, third, fourth = (workers[(number + 3 * n) % PROCESSES] for n in range(4))

        def ask(worker: Worker, operation: str, **more: Any) -> dict[str, Any]:
            answer = worker.ask(operation, user, **more)
            if "error" in answer:
                wrong.append(f"{user}: {operation}: {answer}")
            return answer

        def connect(opener: Worker, finisher: Worker) -> None:
            asked = ask(opener, "authorize")
            gateway.approve(asked["authorization_url"], account=user)
            ask(finisher, "exchange", session=asked["ath_session_id"])

        def call(worker: Worker) -> None:
            if (login := ask(worker, "call").get("login")) != user:
                wrong.append(f"{user} reads what belongs to {login}")

        connect(first, second)
        call(third)
        ask(fourth, "revoke")
        gone = fourth.ask("call", user).get("error")
        if gone != "NO_TOKEN":
            wrong.append(f"{user}: after the revocation: {gone}")
        connect(fourth, first)  # while the third holds the revoked token
        for worker in (first, second, third):
            call(worker)
        return wrong

    users = PROCESSES * USERS[full]
    with ThreadPoolExecutor(16) as pool:
        wrong = [line for lines in pool.map(live, range(users)) for line in lines]
    assert wrong == []
    assert gateway.count("registrations") == 1
    assert gateway.count("tokens") == 2 * users
    assert gateway.count("revocations") == users


def empty(server: EngineServer) -> None:
    if isinstance(server, PostgresServer):
        with psycopg.connect(server.dsn) as connection:
            connection.execute("DELETE FROM ath_records")
        return
    with redis.Redis.from_url(server.url) as client:
        client.flushall()


def test_processes_that_start_on_an_emptied_store_register_once(
    engine: Engine, server: EngineServer, gateway: LocalGateway
) -> None:
    with start_workers(1, "sync", engine.blocking, server.url, gateway.url, PEM) as [earlier]:
        assert "error" not in earlier.ask("register")
        empty(server)
        with start_workers(
            PROCESSES, "sync", engine.blocking, server.url, gateway.url, PEM
        ) as workers:
            starts = [worker.begin("ensure_registered") for worker in workers]
            assert [a for start in starts if "error" in (a := start.result(PATIENCE))] == []
            ids = {worker.ask("client_id")["client_id"] for worker in workers}
    assert len(ids) == 1
    assert gateway.count("registrations") == 2
