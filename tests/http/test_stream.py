"""Answers whose bodies are pulled, and contents that are sent, piece by piece."""

from __future__ import annotations

import asyncio
import gc
import io
import queue
import select
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from ath._http.failures import UploadError
from ath._http.idle import MAX_OPEN
from ath._http.limits import parse_timeout
from ath._http.messages import Request
from ath._http.sources import Source, make_source
from ath.errors import ATHError, Delivery

from .wire import ASYNC_KINDS, LIMITS, PATIENCE, Caller, Peer, Server, answer, request, wait_until

Serve = Callable[..., Server]
SCHEMES = pytest.mark.parametrize("scheme", ["http", "https"])
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
PIECE = b"x" * 10_000
SHORT = parse_timeout(0.15, 1)


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def upload(url: str, content: Any) -> Request:
    source = make_source(content)
    asked = request(url, "/", b"POST")
    framing = (b"Transfer-Encoding", b"chunked")
    if source.length is not None:
        framing = (b"Content-Length", b"%d" % source.length)
    asked.headers.append(framing)
    asked.source = source
    return asked


def failed(act: Callable[..., Any], *args: Any) -> ATHError:
    with pytest.raises(ATHError) as caught:
        act(*args)
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None
    return caught.value


# -- bodies


@SCHEMES
def test_a_piece_is_handed_out_before_the_next_is_sent(
    caller: Caller, serve: Serve, scheme: str
) -> None:
    wanted: queue.Queue[bytes] = queue.Queue()

    def feed(peer: Peer) -> None:
        peer.head()
        peer.send(CHUNKED)
        while piece := wanted.get(timeout=PATIENCE):
            peer.send(chunk(piece))
        peer.send(b"0\r\n\r\n")

    opened = caller.open(request(serve(feed, scheme).url))
    assert opened.status == 200
    for piece in (b"first", b"second", b"third"):
        wanted.put(piece)
        assert caller.read(opened) == piece
    wanted.put(b"")
    assert caller.read(opened) == b""
    assert caller.read(opened) == b""


@SCHEMES
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_connection_carries_the_next_call_once_the_body_has_ended(
    caller: Caller, serve: Serve, scheme: str, framing: str
) -> None:
    def long(peer: Peer) -> None:
        while peer.head():
            body = chunk(PIECE * 30) + b"0\r\n\r\n"
            peer.send(answer(PIECE * 30) if framing == "length" else CHUNKED + body)

    server = serve(long, scheme)
    for _ in range(3):
        assert caller.read_all(caller.open(request(server.url))) == PIECE * 30
    assert caller.send(request(server.url)).body == PIECE * 30
    assert server.connections == 1


@pytest.mark.parametrize("head", [b"204 No Content", b"304 Not Modified"])
def test_an_answer_without_a_body_has_ended_at_once(
    caller: Caller, serve: Serve, head: bytes
) -> None:
    def bodiless(peer: Peer) -> None:
        while peer.head():
            peer.send(b"HTTP/1.1 " + head + b"\r\n\r\n")

    server = serve(bodiless)
    opened = caller.open(request(server.url))
    assert caller.send(request(server.url)).status == opened.status
    assert caller.read(opened) == b""
    assert server.connections == 1


def test_a_body_that_ends_with_its_connection_is_whole(caller: Caller, serve: Serve) -> None:
    def until_the_end(peer: Peer) -> None:
        peer.head()
        peer.send(b"HTTP/1.1 200 OK\r\n\r\n" + PIECE)

    assert caller.read_all(caller.open(request(serve(until_the_end).url))) == PIECE


@SCHEMES
def test_an_answer_that_is_closed_within_its_body_ends_its_connection(
    caller: Caller, serve: Serve, scheme: str
) -> None:
    left: queue.Queue[bool] = queue.Queue()

    def endless(peer: Peer) -> None:
        peer.head()
        peer.send(CHUNKED + chunk(PIECE))
        left.put(peer.was_left())

    server = serve(endless, scheme)
    opened = caller.open(request(server.url))
    assert caller.read(opened)
    caller.close_reply(opened)
    caller.close_reply(opened)
    assert caller.while_waiting(lambda: left.get(timeout=PATIENCE))


def half(peer: Peer) -> None:
    peer.head()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")


@pytest.mark.parametrize("how", ["closed", "reset", "garbled"])
def test_a_body_that_breaks_off_is_no_end(caller: Caller, serve: Serve, how: str) -> None:
    def break_off(peer: Peer) -> None:
        peer.head()
        peer.send(CHUNKED + chunk(b"half"))
        told.wait(PATIENCE)
        if how == "garbled":
            peer.send(b"no chunk\r\n")
            peer.was_left()
        if how == "reset":
            peer.abort()

    told = threading.Event()
    opened = caller.open(request(serve(break_off).url))
    assert caller.read(opened) == b"half"
    told.set()
    error = failed(caller.read, opened)
    assert (error.code, error._delivery) == ("NETWORK_ERROR", Delivery.LOST)


@SCHEMES
def test_a_body_that_stalls_is_given_up_after_one_wait(
    caller: Caller, serve: Serve, scheme: str
) -> None:
    def stall(peer: Peer) -> None:
        half(peer)
        peer.was_left()

    server = serve(stall, scheme)
    opened = caller.open(request(server.url))
    opened.wait = 0.1
    assert caller.read(opened) == b"half"
    error = failed(caller.read, opened)
    assert (error.code, error._delivery) == ("TIMEOUT", Delivery.TIMED_OUT)
    caller.while_waiting(lambda: server.wait_ended(1))


def test_a_body_as_a_whole_can_be_bounded(caller: Caller, serve: Serve) -> None:
    def slow(peer: Peer) -> None:
        half(peer)
        peer.was_left()

    opened = caller.open(request(serve(slow).url))
    assert caller.read(opened) == b"half"
    opened.ends = 0.0
    assert failed(caller.read, opened).code == "TIMEOUT"


def test_heads_that_do_not_come_are_told_as_for_other_calls(caller: Caller, serve: Serve) -> None:
    stalling = serve(lambda peer: peer.was_left() and None)
    assert failed(caller.open, request(stalling.url), SHORT).code == "TIMEOUT"
    closing = serve(lambda peer: peer.head() and None)
    error = failed(caller.open, request(closing.url))
    assert (error.code, error._delivery) == ("NETWORK_ERROR", Delivery.LOST)
    refusing = request("http://127.0.0.1:9")
    assert failed(caller.open, refusing)._delivery is Delivery.UNSENT


def test_what_is_not_read_is_not_taken_from_the_server(caller: Caller, serve: Serve) -> None:
    sent: queue.Queue[int] = queue.Queue()

    def flood(peer: Peer) -> None:
        peer.head()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (50_000 * 1000))
        count = 0
        while select.select([], [peer.sock], [], 0.5)[1] and count < 50_000 * 1000:
            count += peer.sock.send(b"x" * 50_000)
        sent.put(count)
        peer.sock.sendall(b"x" * (50_000 * 1000 - count))

    opened = caller.open(request(serve(flood).url))
    assert caller.while_waiting(lambda: sent.get(timeout=PATIENCE)) < 30_000_000
    total = 0
    while piece := caller.read(opened):
        total += len(piece)
    assert total == 50_000 * 1000


# -- places


@pytest.mark.parametrize("how", ["read", "closed", "abandoned", "failed"])
def test_every_end_frees_the_place(caller: Caller, serve: Serve, how: str) -> None:
    def handle(peer: Peer) -> None:
        while peer.head():
            peer.send(answer(PIECE) if how == "read" else answer(PIECE)[:-1])
            if how == "failed":
                return

    server = serve(handle)
    waiting = [caller.open(request(server.url)) for _ in range(MAX_OPEN - 1)]
    for _ in range(3):
        opened = caller.open(request(server.url))
        if how == "read":
            assert caller.read_all(opened) == PIECE
        elif how == "closed":
            caller.close_reply(opened)
        elif how == "failed":
            failed(caller.read_all, opened)
        else:
            del opened
            gc.collect()
            caller.settle()
    del waiting


def test_an_open_answer_holds_its_place(caller: Caller, serve: Serve) -> None:
    server = serve(lambda peer: half(peer) or (peer.was_left() and None))
    opened = [caller.open(request(server.url)) for _ in range(MAX_OPEN)]
    error = failed(caller.open, request(server.url), SHORT)
    assert (error.code, error._delivery) == ("TIMEOUT", Delivery.UNSENT)
    assert server.connections == MAX_OPEN
    for one in opened:
        caller.close_reply(one)


@pytest.mark.parametrize("kind", ASYNC_KINDS)
def test_a_cancelled_opening_frees_its_place(caller: Caller, serve: Serve) -> None:
    server = serve(lambda peer: peer.was_left() and None)

    async def cancel() -> None:
        opening = [
            asyncio.create_task(caller.transport.open(request(server.url), LIMITS))
            for _ in range(MAX_OPEN)
        ]
        await wait_until(lambda: server.connections == MAX_OPEN)
        for task in opening:
            task.cancel()
        await asyncio.gather(*opening, return_exceptions=True)
        server.handler = half
        opened = await caller.transport.open(request(server.url), LIMITS)
        assert await opened.read() == b"half"
        await opened.aclose()

    assert caller.runner
    caller.runner.run(cancel())


# -- uploads


def sink(bodies: queue.Queue[tuple[bytes, bytes]]) -> Callable[[Peer], None]:
    """Reads contents of both framings, and answers how long they were."""

    def handle(peer: Peer) -> None:
        while head := peer.head():
            body = read_body(peer, head)
            bodies.put((head, body))
            peer.send(answer(b"%d" % len(body)))

    return handle


def read_body(peer: Peer, head: bytes) -> bytes:
    body = b""

    def line() -> bytes:
        while b"\r\n" not in peer._buffer:
            piece = peer.receive()
            if not piece:
                raise ConnectionResetError
            peer._buffer += piece
        found, _, peer._buffer = peer._buffer.partition(b"\r\n")
        return found

    def exactly(size: int) -> bytes:
        while len(peer._buffer) < size:
            piece = peer.receive()
            if not piece:
                raise ConnectionResetError
            peer._buffer += piece
        found, peer._buffer = peer._buffer[:size], peer._buffer[size:]
        return found

    if b"chunked" not in head:
        return exactly(int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]))
    while size := int(line(), 16):
        body += exactly(size)
        line()
    line()
    return body


def counted(number: int) -> Iterator[bytes]:
    for _ in range(number):
        yield PIECE


async def counted_async(number: int) -> AsyncIterator[bytes]:
    for _ in range(number):
        await asyncio.sleep(0)
        yield PIECE


@SCHEMES
@pytest.mark.parametrize(
    ("make", "length"),
    [
        (lambda: counted(300), None),
        (lambda: [PIECE] * 300, None),
        (lambda: [b"", PIECE * 150, bytearray(PIECE), b"", memoryview(PIECE * 149)], None),
        (lambda: io.BytesIO(PIECE * 300), 3_000_000),
    ],
)
def test_contents_are_sent_piece_by_piece(
    caller: Caller, serve: Serve, scheme: str, make: Callable[[], Any], length: int | None
) -> None:
    bodies: queue.Queue[tuple[bytes, bytes]] = queue.Queue()
    server = serve(sink(bodies), scheme)
    for _ in range(2):
        asked = upload(server.url, make())
        assert asked.source is not None
        assert asked.source.length == length
        assert caller.read_all(caller.open(asked)) == b"3000000"
        assert bodies.get(timeout=PATIENCE)[1] == PIECE * 300
    assert server.connections == 1


@pytest.mark.parametrize("kind", ASYNC_KINDS)
def test_async_iterators_are_sent_piece_by_piece(caller: Caller, serve: Serve) -> None:
    bodies: queue.Queue[tuple[bytes, bytes]] = queue.Queue()
    server = serve(sink(bodies))
    assert caller.read_all(caller.open(upload(server.url, counted_async(300)))) == b"3000000"


@pytest.mark.parametrize("kind", ["sync"])
def test_a_sync_call_cannot_send_an_async_iterator(caller: Caller, serve: Serve) -> None:
    server = serve(sink(queue.Queue()))
    asked = upload(server.url, counted_async(1))
    assert failed(caller.open, asked).code == "INVALID_ARGUMENT"
    assert server.connections == 0


def test_a_server_that_answers_early_is_sent_no_more(caller: Caller, serve: Serve) -> None:
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield PIECE

    def refuse(peer: Peer) -> None:
        peer.head()
        peer.send(answer(b"too much", status=b"413 Content Too Large"))
        peer.was_left()

    server = serve(refuse)
    opened = caller.open(upload(server.url, endless()))
    assert opened.status == 413
    before = taken
    assert caller.read_all(opened) == b"too much"
    caller.settle()
    assert taken == before
    caller.while_waiting(lambda: server.wait_ended(1))


@pytest.mark.parametrize("kind", ["sync"])  # an event loop may see the reset before the answer
def test_a_server_that_answers_and_closes_is_heard(caller: Caller, serve: Serve) -> None:
    def refuse(peer: Peer) -> None:
        peer.head()
        peer.send(answer(b"no", b"Connection: close", status=b"403 Forbidden"))

    opened = caller.open(upload(serve(refuse).url, counted(10_000)))
    assert (opened.status, caller.read_all(opened)) == (403, b"no")


def test_what_a_source_raises_is_told_apart_from_the_network(caller: Caller, serve: Serve) -> None:
    def broken() -> Iterator[bytes]:
        yield PIECE
        raise OSError("the disk")

    server = serve(sink(queue.Queue()))
    with pytest.raises(UploadError) as caught:
        caller.open(upload(server.url, broken()))
    assert str(caught.value.error) == "the disk"
    caller.settle()
    server.wait_ended(1)


@pytest.mark.parametrize("wrong", [["text"], [1], io.StringIO("text")])
def test_only_bytes_can_be_sent(caller: Caller, serve: Serve, wrong: Any) -> None:
    server = serve(lambda peer: peer.was_left() and None)
    assert failed(caller.open, upload(server.url, wrong)).code == "INVALID_ARGUMENT"


@pytest.mark.parametrize("length", [5, 50_000])
def test_a_content_of_another_length_is_refused(caller: Caller, serve: Serve, length: int) -> None:
    server = serve(lambda peer: peer.was_left() and None)
    asked = upload(server.url, [PIECE])
    asked.headers[-1] = (b"Content-Length", b"%d" % length)
    assert failed(caller.open, asked).code == "INVALID_ARGUMENT"


def test_a_server_that_reads_nothing_is_given_up(caller: Caller, serve: Serve) -> None:
    server = serve(lambda peer: peer.head() and left.wait(PATIENCE) and None)
    left = threading.Event()
    error = failed(caller.open, upload(server.url, counted(10_000)), SHORT)
    left.set()
    assert error.code == "TIMEOUT"


# -- sources


def test_files_and_lists_can_be_sent_again_and_iterators_cannot() -> None:
    for content, again in (
        (io.BytesIO(b"abc"), True), ([b"abc"], True), (iter([b"abc"]), False),
        (counted_async(1), False),
    ):  # fmt: skip
        source = make_source(content)
        assert source.can_start
        source.begin()
        assert source.can_start is again


def test_a_file_is_sent_from_where_it_stands_each_time() -> None:
    file = io.BytesIO(b"skipped, sent")
    file.seek(9)
    source = make_source(file)
    assert source.length == 4
    for _ in range(2):
        assert source.read() == b"sent"


def test_a_file_that_cannot_seek_is_sent_once() -> None:
    class Pipe(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            return 0

    source = make_source(io.BufferedReader(Pipe()))
    assert source.length is None
    assert source.read() == b""
    assert not source.can_start


@pytest.mark.parametrize("wrong", [1, {"a": 1}, object()])
def test_other_things_are_no_sources(wrong: Any) -> None:
    assert failed(make_source, wrong).code == "INVALID_ARGUMENT"
    assert isinstance(make_source([]), Source)
