"""Interrupted and cancelled calls leave a client usable; a forked child has its own connections."""

from __future__ import annotations

import asyncio
import inspect
import os
import signal
import threading
from typing import Any

import pytest

from ath import AsyncATHGatewayClient, ATHError, RetryPolicy
from tests.harness import faults
from tests.harness.clients import AGENT_ID, KEY, Kind
from tests.harness.server import Connection, Server

from .calls import CASES, REGISTRATION, Case, FaultyGateway

EVERY_CALL = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
FOR_HOURS = RetryPolicy(base=3600, maximum=3600, total=7200, jitter=False)


class Interrupting:
    """Raises what a signal handler would raise, when the test chooses."""

    def __init__(self, error: type[BaseException]) -> None:
        self.error = error
        self.armed = False

    def __call__(self, *_: Any, **__: Any) -> Any:
        raise self.error

    def sign(self, data: bytes, /) -> bytes:
        from ath import AgentKey

        if self.armed:
            raise self.error
        return AgentKey(KEY).sign(data)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
@EVERY_CALL
def test_an_interrupt_ends_a_pause_at_once_and_leaves_a_sync_client_usable(
    case: Case, error: type[BaseException], gateway: FaultyGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = Kind("sync")
    client = kind.client(gateway.server.url, retry=FOR_HOURS)
    gateway.prepare(client, case)
    gateway.server.plan.append(faults.status(429, "Retry-After: 3600"))
    connections = gateway.server.connections
    with monkeypatch.context() as patch:
        # The one thing that a sync pause does is time.sleep.
        patch.setattr("time.sleep", Interrupting(error))
        with pytest.raises(error):
            case.make(client, gateway)
    assert gateway.server.connections == connections + 1
    case.make(client, gateway)  # and what was interrupted can be made anew
    kind.close()


@pytest.mark.parametrize("case", [CASES[1], CASES[3], CASES[4]], ids=lambda case: case.name)
def test_an_interrupt_while_signing_leaves_the_client_usable(
    case: Case, kind: Kind, gateway: FaultyGateway
) -> None:
    signer = Interrupting(KeyboardInterrupt)
    client = kind.client(gateway.server.url, private_key=signer)
    gateway.prepare(client, case)
    signer.armed = True
    with pytest.raises(KeyboardInterrupt):
        case.make(client, gateway)
    signer.armed = False
    if kind.name == "async":  # an interrupt ends an event loop, and its clients with it
        return
    case.make(client, gateway)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_during_a_request_leaves_a_sync_client_usable(gateway: FaultyGateway) -> None:
    kind = Kind("sync")
    client = kind.client(gateway.server.url)
    main = threading.main_thread().ident or 0

    def interrupt(connection: Connection) -> None:
        connection.read_request()
        signal.pthread_kill(main, signal.SIGINT)
        connection.wait_until_client_leaves()
        connection.close()

    gateway.server.plan.append(interrupt)
    with pytest.raises(KeyboardInterrupt):
        client.register(**REGISTRATION)
    assert client.register(**REGISTRATION).client_id
    kind.close()


@EVERY_CALL
@pytest.mark.parametrize("where", ["pause", "request"])
def test_a_cancelled_call_leaves_an_async_client_usable(
    case: Case, where: str, gateway: FaultyGateway
) -> None:
    kind = Kind("async")
    client = kind.client(gateway.server.url, retry=FOR_HOURS)
    gateway.prepare(client, case)
    gateway.server.requests.clear()
    reached = asyncio.Event()

    def fault(connection: Connection) -> None:
        loop = kind.runner.get_loop()
        if where == "pause":
            faults.status(429, "Retry-After: 3600")(connection)
        else:
            connection.read_request()
        loop.call_soon_threadsafe(reached.set)
        if where == "request":
            connection.wait_until_client_leaves()
            connection.close()

    async def cancelled() -> None:
        inner = Kind("sync")  # hands the coroutine on instead of running it
        inner.run = lambda value: value  # type: ignore[method-assign]
        driven = type(client)(inner, client.raw, client.mode, client.provider)
        call = asyncio.ensure_future(case.make(driven, gateway))
        async with asyncio.timeout(60):
            await reached.wait()
            while where == "pause" and innermost(call) != "sleep":  # noqa: ASYNC110
                await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    gateway.server.plan.append(fault)
    kind.run(cancelled())
    gateway.server.wait_all_ended()
    assert len(gateway.server.requests) == 1
    case.make(client, gateway)
    kind.close()


def innermost(task: asyncio.Future[Any]) -> str:
    """The coroutine that a task is in, at the end of the chain."""
    assert isinstance(task, asyncio.Task)
    assert not task.done(), task
    inner: Any = task.get_coro()
    while inspect.iscoroutine(deeper := inner.cr_await):
        inner = deeper
    return str(inner.__name__)


def test_callers_waiting_for_a_cancelled_registration_do_not_register_again(
    gateway: FaultyGateway,
) -> None:
    async def both() -> None:
        reached, loop = asyncio.Event(), asyncio.get_running_loop()

        def stall(connection: Connection) -> None:
            connection.read_request()
            loop.call_soon_threadsafe(reached.set)
            connection.wait_until_client_leaves()
            connection.close()

        gateway.server.plan.append(stall)
        async with AsyncATHGatewayClient(gateway.server.url, AGENT_ID, KEY) as client:
            leader = asyncio.ensure_future(client.register(**REGISTRATION))
            await reached.wait()
            follower = asyncio.ensure_future(client.register(**REGISTRATION))
            await asyncio.sleep(0)
            leader.cancel()
            with pytest.raises(asyncio.CancelledError):
                await leader
            with pytest.raises(ATHError, match="OUTCOME_UNKNOWN"):
                await follower
            answer = await client.register(**REGISTRATION)  # whoever calls again means it
            assert answer.client_id == client.client_id

    asyncio.run(both())


def test_a_timeout_of_the_caller_ends_an_async_call(gateway: FaultyGateway) -> None:
    async def call() -> None:
        gateway.server.plan.append(faults.stall_before_headers)
        async with AsyncATHGatewayClient(gateway.server.url, AGENT_ID, KEY) as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await client.discover()
            assert await client.discover()

    asyncio.run(call())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_child_opens_its_own_connection(gateway: FaultyGateway) -> None:
    with Server(gateway.server.upstream) as server:
        server.plan += [faults.forward_and_keep] * 10
        kind = Kind("sync")
        client = kind.client(server.url)
        client.discover()
        client.discover()
        child = os.fork()
        if child == 0:
            try:
                os._exit(0 if client.discover().supported_providers else 1)
            except ATHError:
                os._exit(2)
            finally:
                os._exit(3)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert client.discover().supported_providers
        kind.close()
    of_parent, kept, of_child, after = (request.connection for request in server.requests)
    assert of_parent == kept == after  # the parent's connection is as good as before
    assert of_child != of_parent
