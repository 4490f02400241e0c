"""Idle connections are bounded in number and time, and never used by another process or loop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import queue
import threading
import time
import warnings
from collections.abc import Callable, Iterator

import pytest

from ath._http import idle
from ath._http.aio import AsyncTransport
from ath._http.idle import KEPT_IDLE, MAX_OPEN, IdleList
from ath._http.limits import parse_timeout
from ath._http.messages import Origin, Reply
from ath._http.sync import Connection, SyncTransport
from ath.errors import ATHError

from .wire import (
    ASYNC_KINDS,
    LIMITS,
    PATIENCE,
    Caller,
    Peer,
    Server,
    answer,
    client_context,
    echo,
    request,
    wait_for,
    wait_until,
)

Serve = Callable[..., Server]
SCHEMES = pytest.mark.parametrize("scheme", ["http", "https"])
ORIGIN = ("http", "a.example", 80)


class Clock:
    """Stands for the module time."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(idle, "time", clock)
    return clock


class Fake:
    """A connection."""

    def __init__(self, origin: Origin = ORIGIN) -> None:
        self.origin = origin
        self.idle_since = 0.0
        self.reusable = True
        self.closed = False

    def close(self) -> None:
        self.closed = True


def test_the_latest_connection_is_used_first(clock: Clock) -> None:
    waiting: IdleList[Fake] = IdleList()
    first, second, other = Fake(), Fake(), Fake(("https", "a.example", 443))
    for one in (first, second, other):
        waiting.give_back(one)
    assert [waiting.take(ORIGIN) for _ in range(3)] == [second, first, None]
    assert waiting.take(other.origin) is other


def test_what_cannot_be_used_again_is_closed() -> None:
    waiting: IdleList[Fake] = IdleList()
    spent = Fake()
    spent.reusable = False
    waiting.give_back(spent)
    assert spent.closed
    assert waiting.take(ORIGIN) is None


def test_old_connections_are_closed_at_the_next_call_to_any_origin(clock: Clock) -> None:
    waiting: IdleList[Fake] = IdleList()
    old, young = [Fake() for _ in range(50)], [Fake() for _ in range(2)]
    for one in old:
        waiting.give_back(one)
    clock.now += KEPT_IDLE
    for one in young:
        waiting.give_back(one)
    assert not any(one.closed for one in old)
    clock.now += 0.1
    assert waiting.take(("http", "b.example", 80)) is None
    assert all(one.closed for one in old)
    assert not any(one.closed for one in young)


def test_there_are_never_more_idle_connections_than_places() -> None:
    waiting: IdleList[Fake] = IdleList()
    many = [Fake() for _ in range(MAX_OPEN + 5)]
    for one in many:
        waiting.give_back(one)
    assert sum(not one.closed for one in many) == MAX_OPEN


def test_a_closed_list_keeps_nothing() -> None:
    waiting: IdleList[Fake] = IdleList()
    kept, late = Fake(), Fake()
    waiting.give_back(kept)
    waiting.close()
    waiting.give_back(late)
    assert kept.closed
    assert late.closed
    assert waiting.take(ORIGIN) is None


@SCHEMES
def test_a_burst_leaves_few_connections_though_the_server_never_closes(
    caller: Caller, serve: Serve, scheme: str, clock: Clock
) -> None:
    here, elsewhere = serve(echo, scheme), serve(echo)
    together = threading.Barrier(50)

    def at_once(peer: Peer) -> None:
        peer.request()
        together.wait(PATIENCE)  # so that each call has a connection of its own
        peer.send(answer(b"hello"))
        echo(peer)

    here.handler = at_once
    replies = caller.together([request(here.url)] * 50)
    assert all(isinstance(reply, Reply) for reply in replies)
    here.handler = echo
    clock.now += KEPT_IDLE + 1
    caller.series([request(elsewhere.url)])
    here.wait_ended(*range(50))
    assert here.connections == 50


def test_closing_a_transport_closes_its_idle_connections(kind: str, serve: Serve) -> None:
    caller, server = Caller(kind), serve(echo)
    assert caller.send(request(server.url, "/1")).body == b"/1"
    caller.close()
    server.wait_ended(1)


@pytest.mark.parametrize("kind", ASYNC_KINDS)
def test_tasks_may_close_a_transport_at_the_same_time(kind: str, serve: Serve) -> None:
    caller, server = Caller(kind), serve(echo)
    assert caller.send(request(server.url, "/1")).body == b"/1"

    async def close() -> None:
        await asyncio.gather(*(caller.transport.aclose() for _ in range(3)))

    caller.run(close())
    server.wait_ended(1)
    caller.close()


def test_a_call_that_is_under_way_survives_the_closing(serve: Serve) -> None:
    asked, go = threading.Event(), threading.Event()

    def hold(peer: Peer) -> None:
        peer.head()
        asked.set()
        go.wait(PATIENCE)
        peer.send(answer(b"hello"))
        peer.was_left()

    server, transport = serve(hold), SyncTransport()
    results: queue.Queue[Reply] = queue.Queue()
    call = lambda: results.put(transport.send(request(server.url), LIMITS))  # noqa: E731
    threading.Thread(target=call, daemon=True).start()
    assert asked.wait(PATIENCE)
    transport.close()
    go.set()
    assert results.get(timeout=PATIENCE).body == b"hello"
    server.wait_ended(1)


# -- event loops


@pytest.fixture
def no_warnings() -> Iterator[None]:
    """Also none of destructors."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
        gc.collect()


@SCHEMES
@pytest.mark.usefixtures("no_warnings")
def test_the_next_event_loop_opens_new_connections(serve: Serve, scheme: str) -> None:
    server, transport = serve(echo, scheme), AsyncTransport(client_context())

    async def calls() -> None:
        for target in ("/1", "/2"):
            reply = await transport.send(request(server.url, target), LIMITS)
            assert reply.body == target.encode()

    for number in (1, 2, 3):
        asyncio.run(calls())
        server.wait_ended(number)  # nothing stays open that no loop watches over
        assert server.connections == number


def test_two_event_loops_at_a_time_are_refused(serve: Serve) -> None:
    server, transport = serve(echo), AsyncTransport()
    with asyncio.Runner() as first, asyncio.Runner() as second:
        first.run(transport.send(request(server.url), LIMITS))
        with pytest.raises(ATHError) as caught:
            second.run(transport.send(request(server.url), LIMITS))
        assert caught.value.code == "WRONG_EVENT_LOOP"
        second.run(transport.aclose())  # leaves the other loop's alone
        assert first.run(transport.send(request(server.url, "/a"), LIMITS)).body == b"/a"
        assert server.connections == 1
        first.close()
        assert second.run(transport.send(request(server.url, "/b"), LIMITS)).body == b"/b"
        second.run(transport.aclose())


def test_an_event_loop_that_was_just_dropped_is_followed_by_the_next(serve: Serve) -> None:
    """Without asyncio.run, nobody ends generators; the connections end when they are collected."""
    server, transport = serve(echo), AsyncTransport()
    for number in (1, 2):
        loop = asyncio.new_event_loop()
        work = transport.send(request(server.url, "/a"), LIMITS)
        assert loop.run_until_complete(work).body == b"/a"
        loop.close()
        assert server.connections == number
    del transport
    with pytest.warns(ResourceWarning):
        gc.collect()


@pytest.mark.usefixtures("no_warnings")
def test_a_transport_that_is_forgotten_closes_its_connections(serve: Serve) -> None:
    server = serve(echo)

    async def calls() -> None:
        transport = AsyncTransport()
        await transport.send(request(server.url), LIMITS)
        del transport
        gc.collect()
        await asyncio.to_thread(server.wait_ended, 1)

    asyncio.run(calls())


# -- cancellation


def stalling(asked: threading.Event) -> Callable[[Peer], None]:
    def stall(peer: Peer) -> None:
        peer.head()
        asked.set()
        peer.was_left()

    return stall


@SCHEMES
@pytest.mark.parametrize("kind", ASYNC_KINDS)
def test_a_cancelled_calls_connection_is_closed(caller: Caller, serve: Serve, scheme: str) -> None:
    asked = threading.Event()
    server = serve(stalling(asked), scheme)

    async def cancel() -> None:
        call = asyncio.create_task(caller.transport.send(request(server.url), LIMITS))
        await asyncio.to_thread(asked.wait, PATIENCE)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.to_thread(server.wait_ended, 1)
        server.handler = echo
        assert (await caller.transport.send(request(server.url, "/a"), LIMITS)).body == b"/a"

    assert caller.runner
    caller.runner.run(cancel())
    assert server.connections == 2


@pytest.mark.parametrize("kind", ASYNC_KINDS)
def test_a_call_can_be_cancelled_while_it_connects(caller: Caller, serve: Serve) -> None:
    opened = threading.Event()

    def mute(peer: Peer) -> None:
        opened.set()
        peer.was_left()

    server = serve(mute)  # which says nothing where a TLS server would
    url = server.url.replace("http:", "https:")

    async def cancel() -> None:
        call = asyncio.create_task(caller.transport.send(request(url), LIMITS))
        await asyncio.to_thread(opened.wait, PATIENCE)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.to_thread(server.wait_ended, 1)

    assert caller.runner
    caller.runner.run(cancel())


@pytest.mark.parametrize("kind", ASYNC_KINDS)
def test_cancelled_calls_give_their_places_back(caller: Caller, serve: Serve) -> None:
    asked = threading.Event()
    server = serve(stalling(asked))

    async def cancel() -> None:
        calls = [
            asyncio.create_task(caller.transport.send(request(server.url), LIMITS))
            for _ in range(MAX_OPEN + 20)  # some of them wait for a place
        ]
        await wait_until(lambda: server.connections == MAX_OPEN)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        server.handler = echo
        replies = await asyncio.gather(
            *(caller.transport.send(request(server.url, "/a"), LIMITS) for _ in range(MAX_OPEN))
        )
        assert {reply.body for reply in replies} == {b"/a"}

    assert caller.runner
    caller.runner.run(cancel())


# -- forks


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
@SCHEMES
def test_a_forked_child_opens_connections_of_its_own(
    kind: str, serve: Serve, scheme: str, clock: Clock
) -> None:
    # The clock stands still, so that no connection is idle for too long.
    def numbered(peer: Peer) -> None:
        while peer.request():
            peer.send(answer(b"%d" % peer.number))

    server, caller = serve(numbered, scheme), Caller(kind, client_context())
    assert caller.send(request(server.url)).body == b"1"
    child = os.fork()
    if child == 0:
        status = 3
        try:
            if caller.runner is None:
                bodies = [caller.send(request(server.url)).body for _ in range(2)]
            else:
                bodies = [reply.body for reply in asyncio.run(twice(caller, server.url))]
            gc.collect()
            status = 0 if bodies == [b"2", b"2"] else 1
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert caller.send(request(server.url)).body == b"1"  # as good as before
    caller.close()


async def twice(caller: Caller, url: str) -> list[Reply]:
    return [await caller.transport.send(request(url), LIMITS) for _ in range(2)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_child_is_not_held_up_by_calls_of_its_parent(serve: Serve) -> None:
    """Their places, and a lock that one of them may hold, are the parent's."""
    asked = threading.Event()
    server, transport = serve(stalling(asked)), SyncTransport()

    def call() -> Reply:
        return transport.send(request(server.url), LIMITS)

    for _ in range(MAX_OPEN):
        threading.Thread(target=ignoring_errors, args=(call,), daemon=True).start()
    wait_for(lambda: server.connections == MAX_OPEN)
    server.handler = echo
    transport._idle._lock.acquire()
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if call().body == b"/" else 1)
        finally:
            os._exit(3)
    ends = time.monotonic() + PATIENCE
    done = 0, 0
    while done[0] == 0 and time.monotonic() < ends:
        done = os.waitpid(child, os.WNOHANG)
        time.sleep(0.01)
    transport._idle._lock.release()
    transport.close()  # a call that found the later handler has left its connection there
    assert done == (child, 0)


def test_threads_that_begin_together_in_a_child_take_nothing_of_the_parent(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of them begins while another is still making what is the child's own."""
    server, transport = serve(half), SyncTransport()
    of_parent = [transport.open(request(server.url), LIMITS) for _ in range(MAX_OPEN)]
    server.handler = once
    making, go = threading.Event(), threading.Event()

    class SlowList(IdleList[Connection]):
        def __init__(self) -> None:
            super().__init__()
            if not making.is_set():
                making.set()
                go.wait(PATIENCE)

    monkeypatch.setattr("ath._http.sync.IdleList", SlowList)
    monkeypatch.setattr("os.getpid", lambda: -1)
    results: queue.Queue[Reply] = queue.Queue()
    call = lambda: results.put(transport.send(request(server.url), LIMITS))  # noqa: E731
    threading.Thread(target=call, daemon=True).start()
    assert making.wait(PATIENCE)
    try:
        assert transport.send(request(server.url), parse_timeout(1, 100)).body == b"/"
    finally:
        go.set()
    assert results.get(timeout=PATIENCE).body == b"/"
    for opened in of_parent:
        opened.close()
    transport.close()


def once(peer: Peer) -> None:
    peer.head()
    peer.send(answer(b"/", b"Connection: close"))


def half(peer: Peer) -> None:
    peer.head()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
    peer.was_left()


def ignoring_errors(call: Callable[[], object]) -> None:
    with contextlib.suppress(ATHError):
        call()
