"""Every way in which a server can be slow ends in TIMEOUT, which says whether anything was sent."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import socket
import threading
from collections.abc import Callable

import httpx
import pytest

from ath._http.limits import Limits, parse_timeout
from ath._http.messages import Reply
from ath.errors import ATHError, Delivery

from .wire import ASYNC_KINDS, PATIENCE, Caller, Peer, Server, answer, request

Serve = Callable[..., Server]
SCHEMES = pytest.mark.parametrize("scheme", ["http", "https"])
SIZE = 64 * 1024 * 1024
SHORT = 0.15


def drip(peer: Peer, data: bytes) -> None:
    with contextlib.suppress(OSError):
        while not left(peer):
            peer.send(data)


def left(peer: Peer) -> bool:
    """Whether the client has gone, after a moment."""
    peer.sock.settimeout(0.02)
    try:
        return peer.sock.recv(65_536) == b""
    except TimeoutError:
        return False


def before_head(peer: Peer) -> None:
    peer.head()
    peer.was_left()


def within_head(peer: Peer) -> None:
    peer.head()
    peer.send(b"HTTP/1.1 200 OK\r\nX-")
    peer.was_left()


def within_body(peer: Peer) -> None:
    peer.head()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello")
    peer.was_left()


def dripping_interim(peer: Peer) -> None:
    peer.head()
    drip(peer, b"HTTP/1.1 100 Continue\r\n\r\n")


def dripping_head(peer: Peer) -> None:
    peer.head()
    peer.send(b"HTTP/1.1 200 OK\r\nX-Drip: ")
    drip(peer, b".")


def dripping_body(peer: Peer) -> None:
    peer.head()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    drip(peer, b".")


def dripping_chunks(peer: Peer) -> None:
    peer.head()
    peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    drip(peer, b"1\r\n.\r\n")


SLOW = [before_head, within_head, within_body]
DRIPPING = [dripping_interim, dripping_head, dripping_body, dripping_chunks]


def failed(caller: Caller, *args: object) -> ATHError:
    with pytest.raises(ATHError) as caught:
        caller.send(*args)  # type: ignore[arg-type]
    return caught.value


@SCHEMES
@pytest.mark.parametrize("slow", SLOW + DRIPPING)
def test_a_slow_answer_ends_with_the_attempts_time(
    caller: Caller, serve: Serve, scheme: str, slow: Callable[[Peer], None]
) -> None:
    server = serve(slow, scheme)
    error = failed(caller, request(server.url), parse_timeout(2 * SHORT, SIZE))
    assert (error.code, error._delivery) == ("TIMEOUT", Delivery.TIMED_OUT)
    assert error.__context__ is None
    server.wait_ended(1)  # the connection was closed


@SCHEMES
@pytest.mark.parametrize("kind", ASYNC_KINDS)
def test_an_answer_that_never_pauses_ends_with_the_attempts_time(
    caller: Caller, serve: Serve, scheme: str
) -> None:
    """More is there whenever the event loop looks, so that it finds no time for its timers."""
    asked: queue.Queue[None] = queue.Queue()
    late = threading.Event()

    def flood(peer: Peer) -> None:
        peer.head()
        asked.put(None)
        late.wait(PATIENCE)
        peer.send(answer(b"x" * 1_000_000))
        asked.put(None)
        peer.was_left()

    async def call() -> Reply:
        url = serve(flood, scheme).url
        calling = asyncio.create_task(
            caller.transport.send(request(url), parse_timeout(5 * SHORT, SIZE))
        )
        await asyncio.to_thread(asked.get, timeout=PATIENCE)
        late.set()
        asked.get(timeout=PATIENCE)  # the event loop stands still meanwhile
        threading.Event().wait(6 * SHORT)
        reply: Reply = await calling
        return reply

    with pytest.raises(ATHError) as caught:
        caller.run(call())
    assert caught.value.code == "TIMEOUT"


@pytest.mark.parametrize("slow", SLOW)
def test_a_pause_in_reading_ends_with_the_phases_time(
    caller: Caller, serve: Serve, slow: Callable[[Peer], None]
) -> None:
    limits = parse_timeout(httpx.Timeout(PATIENCE, read=SHORT), SIZE)
    error = failed(caller, request(serve(slow).url), limits)
    assert (error.code, error._delivery) == ("TIMEOUT", Delivery.TIMED_OUT)


def test_a_phase_bounds_each_pause_and_not_their_sum(caller: Caller, serve: Serve) -> None:
    def slowly(peer: Peer) -> None:
        peer.head()
        for piece in [b"HTTP/1.1 200 OK\r\n", b"Content-Length: 5\r\n", b"\r\n", *b"hello".split()]:
            threading.Event().wait(0.2)
            peer.send(piece)

    limits = parse_timeout(httpx.Timeout(0.6), SIZE)
    assert caller.send(request(serve(slowly).url), limits).body == b"hello"


@SCHEMES
@pytest.mark.parametrize(
    "timeout", [SHORT, httpx.Timeout(PATIENCE, write=SHORT, read=SHORT)], ids=["whole", "phase"]
)
def test_a_server_that_reads_nothing_ends_the_call(
    caller: Caller, serve: Serve, scheme: str, timeout: object
) -> None:
    done = threading.Event()

    def stall(peer: Peer) -> None:
        done.wait(PATIENCE)

    server = serve(stall, scheme)
    big = request(server.url, "/", b"POST", bytes(32_000_000))
    error = failed(caller, big, parse_timeout(timeout, SIZE))
    done.set()
    assert (error.code, error._delivery) == ("TIMEOUT", Delivery.TIMED_OUT)


@pytest.mark.parametrize(
    "timeout", [SHORT, httpx.Timeout(PATIENCE, connect=SHORT)], ids=["whole", "phase"]
)
def test_a_server_that_never_agrees_on_keys_has_got_nothing(
    caller: Caller, serve: Serve, timeout: object
) -> None:
    server = serve(lambda peer: peer.was_left() and None)
    url = server.url.replace("http:", "https:")
    error = failed(caller, request(url), parse_timeout(timeout, SIZE))
    assert (error.code, error._delivery) == ("TIMEOUT", Delivery.UNSENT)
    assert "before anything was sent" in error.message
    server.wait_ended(1)


class Deaf:
    """A listener that accepts nothing and whose queue is full: who connects to it waits."""

    def __init__(self) -> None:
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(0)
        self.waiting: list[socket.socket] = []
        for _ in range(4):
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex(self.listener.getsockname())
            self.waiting.append(sock)

    @property
    def address(self) -> tuple[object, ...]:
        return socket.AF_INET, socket.SOCK_STREAM, 6, "", self.listener.getsockname()

    def close(self) -> None:
        for sock in [self.listener, *self.waiting]:
            sock.close()


@pytest.fixture
def deaf() -> object:
    deaf = Deaf()
    yield deaf
    deaf.close()


def resolves_to(monkeypatch: pytest.MonkeyPatch, *addresses: tuple[object, ...]) -> None:
    for module in ("sync", "aio"):
        monkeypatch.setattr(f"ath._http.{module}.resolve", lambda *_: list(addresses))


def here(server: Server) -> tuple[object, ...]:
    return socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.port)


REFUSING = socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 1)
NOWHERE = 99, socket.SOCK_STREAM, 6, "", ("2001:db8::1", 1)
"""Of a family that this system does not know."""


def test_a_dead_address_does_not_take_the_time_of_the_next_one(
    caller: Caller, serve: Serve, deaf: Deaf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hello(peer: Peer) -> None:
        peer.head()
        peer.send(answer(b"hello"))

    server = serve(hello)
    resolves_to(monkeypatch, deaf.address, REFUSING, NOWHERE, deaf.address, here(server))
    reply = caller.send(request(server.url), parse_timeout(PATIENCE, SIZE))
    assert reply.body == b"hello"


@pytest.mark.parametrize("timeout", [SHORT, httpx.Timeout(PATIENCE, connect=SHORT)])
def test_many_dead_addresses_share_one_timeout(
    caller: Caller, deaf: Deaf, monkeypatch: pytest.MonkeyPatch, timeout: object
) -> None:
    """With a timeout for each, this would take more than a minute."""
    resolves_to(monkeypatch, *[deaf.address] * 500)
    results: queue.Queue[ATHError] = queue.Queue()

    def call() -> None:
        results.put(failed(caller, request("http://dead.example"), parse_timeout(timeout, SIZE)))

    if caller.runner is None:
        threading.Thread(target=call, daemon=True).start()
    else:
        call()
    error = results.get(timeout=PATIENCE)
    assert (error.code, error._delivery) == ("TIMEOUT", Delivery.UNSENT)


@pytest.mark.parametrize("addresses", [[REFUSING], [REFUSING, NOWHERE], [NOWHERE, REFUSING], []])
def test_an_address_that_refuses_is_no_connection(
    caller: Caller, monkeypatch: pytest.MonkeyPatch, addresses: list[tuple[object, ...]]
) -> None:
    resolves_to(monkeypatch, *addresses)
    error = failed(caller, request("http://gone.example"))
    assert (error.code, error._delivery) == ("NETWORK_ERROR", Delivery.UNSENT)
    assert "no connection" in error.message


def test_a_name_that_does_not_resolve_is_no_connection(caller: Caller) -> None:
    error = failed(caller, request("http://no-such-host.invalid"))
    assert (error.code, error._delivery) == ("NETWORK_ERROR", Delivery.UNSENT)


@pytest.mark.parametrize("kind", ASYNC_KINDS)
def test_resolving_counts_into_the_deadline(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()

    def stuck(_: object, flags: int = 0) -> list[object]:
        if flags:
            raise socket.gaierror
        released.wait(PATIENCE)
        return []

    monkeypatch.setattr("ath._http.aio.resolve", stuck)
    error = failed(caller, request("http://slow.example"), parse_timeout(SHORT, SIZE))
    released.set()
    assert (error.code, error._delivery) == ("TIMEOUT", Delivery.UNSENT)


def test_a_place_that_does_not_get_free_is_a_timeout_with_nothing_sent(
    caller: Caller, serve: Serve
) -> None:
    arrived, go = threading.Semaphore(0), threading.Event()

    def hold(peer: Peer) -> None:
        while peer.head():
            arrived.release()
            go.wait(PATIENCE)
            peer.send(answer(b"hello"))

    server = serve(hold)
    calls = [request(server.url, f"/{number}") for number in range(130)]
    limits = parse_timeout(httpx.Timeout(PATIENCE, pool=SHORT), SIZE)

    def release() -> None:
        for _ in range(100):
            arrived.acquire(timeout=PATIENCE)
        threading.Event().wait(2 * SHORT)
        go.set()

    threading.Thread(target=release, daemon=True).start()
    results = caller.together(calls, limits)
    answered = [result for result in results if isinstance(result, Reply)]
    refused = [result for result in results if isinstance(result, ATHError)]
    assert (len(answered), len(refused)) == (100, 30)
    assert {(error.code, error._delivery) for error in refused} == {("TIMEOUT", Delivery.UNSENT)}
    assert server.connections == 100
    assert caller.send(calls[0]).body == b"hello"


def test_calls_beyond_the_places_wait_for_one(caller: Caller, serve: Serve) -> None:
    def hello(peer: Peer) -> None:
        while peer.head():
            peer.send(answer(b"hello"))

    server = serve(hello)
    results = caller.together([request(server.url)] * 250, parse_timeout(None, SIZE))
    assert [result.body for result in results if isinstance(result, Reply)] == [b"hello"] * 250
    assert server.connections <= 100


def test_bounds_can_be_cut(caller: Caller, serve: Serve) -> None:
    server = serve(before_head)
    for timeout in (PATIENCE, httpx.Timeout(PATIENCE)):
        limits = parse_timeout(timeout, SIZE).shorten(SHORT)
        assert failed(caller, request(server.url), limits).code == "TIMEOUT"
    unbounded = parse_timeout(None, SIZE)
    assert unbounded.shorten(SHORT) == unbounded
    assert parse_timeout(httpx.Timeout(None, read=1), SIZE).shorten(0.5) == Limits(
        None, 0.5, None, None, None, SIZE
    )
