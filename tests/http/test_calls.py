"""Calls over sockets: connections kept and closed, bodies both ways, answers that come early."""

from __future__ import annotations

import asyncio
import queue
import select
import threading
from collections.abc import Callable

import pytest

from ath._http.limits import parse_timeout
from ath._http.messages import Reply
from ath.errors import ATHError, Delivery

from .wire import (
    ASYNC_KINDS,
    LIMITS,
    PATIENCE,
    Asked,
    Caller,
    Peer,
    Server,
    answer,
    client_context,
    echo,
    request,
    server_context,
)

Serve = Callable[..., Server]
SCHEMES = pytest.mark.parametrize("scheme", ["http", "https"])
LARGE = 8_000_000  # more than the buffers of both sides hold


def failed(caller: Caller, *args: object) -> ATHError:
    with pytest.raises(ATHError) as caught:
        caller.send(*args)  # type: ignore[arg-type]
    error = caught.value
    assert error.__context__ is None
    assert error.__cause__ is None
    return error


@SCHEMES
def test_an_answer_comes_back_whole(caller: Caller, serve: Serve, scheme: str) -> None:
    seen: list[Asked] = []

    def post(peer: Peer) -> None:
        asked = peer.request()
        assert asked
        seen.append(asked)
        peer.send(answer(b"made", b"X-Case: kept", status=b"201 Created"))

    server = serve(post, scheme)
    reply = caller.send(request(server.url, "/a?b", b"POST", b"content"))
    assert (reply.status, reply.body) == (201, b"made")
    assert reply.headers == [(b"X-Case", b"kept"), (b"Content-Length", b"4")]
    assert reply.received_at > 1.7e9
    assert (seen[0].target, seen[0].body) == ("/a?b", b"content")


@SCHEMES
def test_a_connection_is_kept_for_the_next_call(caller: Caller, serve: Serve, scheme: str) -> None:
    server = serve(echo, scheme)
    for target in ("/1", "/2", "/3"):
        assert caller.send(request(server.url, target)).body == target.encode()
    assert server.connections == 1


def test_connections_to_one_origin_are_not_for_another(caller: Caller, serve: Serve) -> None:
    first, second = serve(lambda peer: named(peer, b"1")), serve(lambda peer: named(peer, b"2"))
    for _ in range(2):
        assert caller.send(request(first.url)).body == b"1"
        assert caller.send(request(second.url)).body == b"2"
    assert (first.connections, second.connections) == (1, 1)


def named(peer: Peer, name: bytes) -> None:
    while peer.request():
        peer.send(answer(name))


@pytest.mark.parametrize(
    "last",
    [
        answer(b"hello", b"Connection: close"),
        answer(b"hello").replace(b"1.1", b"1.0"),
    ],
)
def test_a_connection_that_the_server_wants_closed_is_closed(
    caller: Caller, serve: Serve, last: bytes
) -> None:
    left: queue.Queue[bool] = queue.Queue()

    def once(peer: Peer) -> None:
        peer.request()
        peer.send(last)
        left.put(peer.was_left())

    server = serve(once)
    for number in (1, 2):
        assert caller.send(request(server.url)).body == b"hello"
        settle(caller)
        assert left.get(timeout=PATIENCE)
        assert server.connections == number


def settle(caller: Caller) -> None:
    """Let an event loop do what it has to, such as closing a connection."""
    if caller.runner is not None:
        caller.runner.run(asyncio.sleep(0))


@SCHEMES
def test_a_body_that_ends_with_the_connection_is_taken_if_the_end_is_announced(
    caller: Caller, serve: Serve, scheme: str
) -> None:
    def close(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\n\r\nhello")
        peer.close()

    assert caller.send(request(serve(close, scheme).url)).body == b"hello"


def test_a_body_that_is_cut_off_under_tls_is_lost(caller: Caller, serve: Serve) -> None:
    def cut(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\n\r\nhell")
        peer.close(announced=False)

    error = failed(caller, request(serve(cut, "https").url))
    assert (error.code, error._delivery) == ("NETWORK_ERROR", Delivery.LOST)


@SCHEMES
@pytest.mark.parametrize("announced", [True, False])
def test_a_whole_answer_is_taken_however_the_connection_ends(
    caller: Caller, serve: Serve, scheme: str, announced: bool
) -> None:
    def close(peer: Peer) -> None:
        peer.request()
        peer.send(answer(b"hello"))
        peer.close(announced=announced)

    assert caller.send(request(serve(close, scheme).url)).body == b"hello"


@SCHEMES
@pytest.mark.parametrize("how", ["close", "abort"])
@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"])
def test_an_answer_that_ends_too_early_is_lost(
    caller: Caller, serve: Serve, scheme: str, how: str, sent: bytes
) -> None:
    def end(peer: Peer) -> None:
        peer.request()
        if sent:
            peer.send(sent)
        getattr(peer, how)()

    server = serve(end, scheme)
    error = failed(caller, request(server.url))
    assert (error.code, error._delivery) == ("NETWORK_ERROR", Delivery.LOST)
    assert server.connections == 1


def test_a_kept_connection_that_breaks_under_a_call_is_not_tried_again(
    caller: Caller, serve: Serve
) -> None:
    def second(peer: Peer) -> None:
        peer.request()
        peer.send(answer(b"hello"))
        peer.request()
        peer.abort()

    server = serve(second)
    assert caller.send(request(server.url)).body == b"hello"
    assert failed(caller, request(server.url))._delivery is Delivery.LOST
    assert server.connections == 1


@pytest.mark.parametrize(
    "flood",
    [
        b"HTTP/1.1 100 Continue\r\n\r\n" * 5000,
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 40_000,
        b"HTTP/1.1 200 OK\r\nX: " + b"v" * 1_000_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: y\r\n" * 40_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    ],
)
def test_floods_and_garbage_are_lost_answers(caller: Caller, serve: Serve, flood: bytes) -> None:
    def send(peer: Peer) -> None:
        peer.request()
        peer.send(flood)
        peer.was_left()

    error = failed(caller, request(serve(send).url))
    assert (error.code, error._delivery) == ("NETWORK_ERROR", Delivery.LOST)


@SCHEMES
def test_a_body_beyond_the_limit_ends_the_connection(
    caller: Caller, serve: Serve, scheme: str
) -> None:
    def endless(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            peer.send(b"1000\r\n" + bytes(0x1000) + b"\r\n")

    server = serve(endless, scheme)
    error = failed(caller, request(server.url), parse_timeout(PATIENCE, 100_000))
    assert error.code == "RESPONSE_TOO_LARGE"
    settle(caller)
    server.wait_ended(1)


@SCHEMES
def test_large_bodies_go_both_ways_at_the_same_time(
    caller: Caller, serve: Serve, scheme: str
) -> None:
    """The server sends all of a large answer before it reads the request's body."""
    body = bytes(LARGE)

    def answer_first(peer: Peer) -> None:
        if not peer.head():
            return
        peer.send(answer(body))
        peer.was_left()

    server = serve(answer_first, scheme)
    reply = caller.send(request(server.url, "/", b"POST", body))
    assert reply.body == body


@SCHEMES
def test_a_large_body_is_sent_to_a_server_that_reads_slowly(
    caller: Caller, serve: Serve, scheme: str
) -> None:
    def slowly(peer: Peer) -> None:
        asked = peer.request()
        assert asked
        peer.send(answer(b"%d" % len(asked.body)))

    server = serve(slowly, scheme)
    reply = caller.send(request(server.url, "/", b"POST", bytes(LARGE)))
    assert reply.body == b"%d" % LARGE


@SCHEMES
@pytest.mark.parametrize("interim", [b"", b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_an_answer_before_the_request_is_whole_is_taken_and_the_rest_not_sent(
    caller: Caller, serve: Serve, scheme: str, interim: bytes
) -> None:
    left: queue.Queue[int] = queue.Queue()

    def refuse(peer: Peer) -> None:
        if not peer.head():
            return
        peer.send(interim + answer(b"too much", status=b"413 Content Too Large"))
        size = 0
        while data := peer.receive():
            size += len(data)
        left.put(size)

    server = serve(refuse, scheme)
    reply = caller.send(request(server.url, "/", b"POST", bytes(4 * LARGE)))
    assert (reply.status, reply.body) == (413, b"too much")
    settle(caller)
    assert left.get(timeout=PATIENCE) < 4 * LARGE
    assert caller.send(request(server.url)).status == 413
    assert server.connections == 2


@pytest.mark.parametrize("kind", ["sync"])  # an event loop may see the reset before the answer
@SCHEMES
@pytest.mark.parametrize("how", ["close", "abort"])
def test_an_answer_is_taken_though_the_server_reads_no_more_and_closes(
    caller: Caller, serve: Serve, scheme: str, how: str
) -> None:
    def refuse(peer: Peer) -> None:
        if peer.head():
            peer.send(answer(b"too much", status=b"413 Content Too Large"))
            getattr(peer, how)()

    server = serve(refuse, scheme)
    for _ in range(5):
        reply = caller.send(request(server.url, "/", b"POST", bytes(4 * LARGE)))
        assert (reply.status, reply.body) == (413, b"too much")


@pytest.mark.parametrize("kind", ASYNC_KINDS)
@SCHEMES
def test_what_the_server_does_not_read_does_not_pile_up(
    kind: str, scheme: str, serve: Serve
) -> None:
    written = []

    def stall(peer: Peer) -> None:
        peer.head()
        peer.sock.recv(1)
        done.wait(PATIENCE)

    done = threading.Event()
    caller = Caller(kind, client_context())
    server = serve(stall, scheme)
    from ath._http import protocol

    original = protocol.Connection.connection_made

    def made(self: protocol.Connection, transport: object) -> None:
        original(self, transport)  # type: ignore[arg-type]
        write = self._transport.write

        class Counting:
            def write(self, data: bytes) -> None:
                written.append(len(data))
                write(data)

            def __getattr__(self, name: str) -> object:
                return getattr(transport, name)

        self._transport = Counting()  # type: ignore[assignment]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(protocol.Connection, "connection_made", made)
        limits = parse_timeout(0.5, 1000)
        error = failed(caller, request(server.url, "/", b"POST", bytes(8 * LARGE)), limits)
    done.set()
    assert (error.code, error._delivery) == ("TIMEOUT", Delivery.TIMED_OUT)
    assert sum(written) < 4 * LARGE
    caller.close()


@SCHEMES
def test_threads_and_tasks_each_get_their_own_answer(
    caller: Caller, serve: Serve, scheme: str
) -> None:
    server = serve(echo, scheme)
    targets = [f"/{number}" for number in range(40)]
    for _ in range(5):
        replies = caller.together([request(server.url, target) for target in targets])
        assert all(isinstance(reply, Reply) for reply in replies), replies
        assert [reply.body.decode() for reply in replies] == targets  # type: ignore[union-attr]
    assert server.connections <= len(targets)


def test_without_poll_there_is_select(
    stack: object, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(select, "poll")
    server = serve(echo, "https")
    caller = Caller("sync", client_context())
    body = bytes(LARGE)
    for target in ("/1", "/2"):
        assert caller.send(request(server.url, target)).body == target.encode()
    assert caller.send(request(server.url, "/3", b"POST", body)).body == b"/3"
    assert server.connections == 1
    stalled = serve(lambda peer: peer.was_left() and None)
    limits = parse_timeout(0.05, 1000)
    assert failed(caller, request(stalled.url), limits).code == "TIMEOUT"
    caller.close()


def test_a_request_that_is_not_http_is_refused_here(caller: Caller, serve: Serve) -> None:
    server = serve(echo)
    wrong = request(server.url)
    wrong.headers.append((b"X", b"a\r\nb"))
    error = failed(caller, wrong, LIMITS)
    assert (error.code, error._delivery) == ("INVALID_ARGUMENT", Delivery.LOCAL)
    assert caller.send(request(server.url)).status == 200


def test_the_context_is_what_decides_about_trust(kind: str, serve: Serve) -> None:
    import trustme

    server = serve(echo, tls=server_context(authority=trustme.CA()))
    caller = Caller(kind, client_context())
    error = failed(caller, request(server.url))
    assert (error.code, error._delivery) == ("NETWORK_ERROR", Delivery.LOCAL)
    caller.close()
