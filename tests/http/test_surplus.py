"""What a server sends after an answer is never the answer to another call."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable

import pytest

from ath._http.connection import PIECE

from .wire import ASYNC_KINDS, LIMITS, PATIENCE, Caller, Peer, Server, answer, request

CALLS = 60
STOLEN = answer(b"an answer for somebody else")


class Attack:
    """Answers with the request's own target, and adds something."""

    def __init__(self, surplus: tuple[bytes, ...], *, same_record: bool = False) -> None:
        self.surplus, self.same_record = surplus, same_record

    def __call__(self, peer: Peer) -> None:
        while asked := peer.request():
            good = answer(asked.target.encode())
            if self.same_record:
                peer.send(b"".join([good, *self.surplus]))
            else:
                peer.send(good, *self.surplus)


PAUSES: dict[str, tuple[Callable[[], None], bool]] = {
    "at once": (lambda: None, False),
    "at once, after the event loop ran": (lambda: None, True),
    "2 ms later": (lambda: time.sleep(0.002), False),
    "2 ms later, while the event loop ran": (lambda: time.sleep(0.002), True),
}


@pytest.mark.parametrize("pause", PAUSES)
@pytest.mark.parametrize("same_record", [True, False], ids=["one record", "two records"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_second_answer_in_the_same_burst_reaches_nobody(
    caller: Caller, serve: Callable[..., Server], scheme: str, same_record: bool, pause: str
) -> None:
    server = serve(Attack((STOLEN,), same_record=same_record), scheme)
    between, loop_runs = PAUSES[pause]
    targets = [f"/{number}" for number in range(CALLS)]
    replies = caller.series(
        [request(server.url, target) for target in targets], between, loop_runs=loop_runs
    )
    assert [reply.body.decode() for reply in replies] == targets
    assert server.connections == CALLS


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_second_answer_reaches_none_of_many_calls_at_a_time(
    caller: Caller, serve: Callable[..., Server], scheme: str
) -> None:
    server = serve(Attack((STOLEN,)), scheme)
    targets = [f"/{number}" for number in range(CALLS)]
    for _ in range(3):
        replies = caller.together([request(server.url, target) for target in targets])
        assert [reply.body.decode() for reply in replies] == targets  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "surplus",
    [
        pytest.param(b"\r\n", id="a line end"),
        pytest.param(b"\0", id="one byte"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n", id="an interim answer"),
        pytest.param(STOLEN * 10_000, id="many answers"),
        pytest.param(STOLEN[:20], id="the beginning of an answer"),
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_whatever_follows_an_answer_ends_the_connection(
    caller: Caller, serve: Callable[..., Server], scheme: str, surplus: bytes
) -> None:
    server = serve(Attack((surplus,)), scheme)
    targets = [f"/{number}" for number in range(5)]
    replies = caller.series([request(server.url, target) for target in targets])
    assert [reply.body.decode() for reply in replies] == targets
    assert server.connections == len(targets)


@pytest.mark.parametrize("loop_runs", [True, False])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_answer_that_comes_while_a_connection_is_idle_reaches_nobody(
    caller: Caller, serve: Callable[..., Server], scheme: str, loop_runs: bool
) -> None:
    returned: queue.Queue[None] = queue.Queue()
    sent: queue.Queue[None] = queue.Queue()

    def attack(peer: Peer) -> None:
        while asked := peer.request():
            peer.send(answer(asked.target.encode()))
            returned.get(timeout=PATIENCE)
            peer.send(STOLEN)
            sent.put(None)

    def between() -> None:
        returned.put(None)
        sent.get(timeout=PATIENCE)

    server = serve(attack, scheme)
    targets = [f"/{number}" for number in range(CALLS)]
    replies = caller.series(
        [request(server.url, target) for target in targets], between, loop_runs=loop_runs
    )
    assert [reply.body.decode() for reply in replies] == targets
    assert server.connections == CALLS


@pytest.mark.parametrize("loop_runs", [True, False])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_connection_that_ended_while_idle_costs_no_call(
    caller: Caller, serve: Callable[..., Server], scheme: str, loop_runs: bool
) -> None:
    def once(peer: Peer) -> None:
        asked = peer.request()
        assert asked
        peer.send(answer(asked.target.encode()))
        peer.close()

    server = serve(once, scheme)
    targets = [f"/{number}" for number in range(5)]
    replies = caller.series(
        [request(server.url, target) for target in targets],
        lambda: server.wait_ended(1),
        loop_runs=loop_runs,
    )
    assert [reply.body.decode() for reply in replies] == targets


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("kind", ASYNC_KINDS)
def test_what_follows_a_streamed_body_that_waits_for_its_reader_reaches_nobody(
    caller: Caller, serve: Callable[..., Server], scheme: str
) -> None:
    """As much as may wait, so that the event loop has stopped to read when the surplus comes."""
    wanted: queue.Queue[None] = queue.Queue()
    sent: queue.Queue[None] = queue.Queue()

    def attack(peer: Peer) -> None:
        while asked := peer.request():
            if asked.target != "/streamed":
                peer.send(answer(asked.target.encode()))
                continue
            head, end, body = answer(b"x" * PIECE).partition(b"\r\n\r\n")
            peer.send(head + end)
            for part in (body, STOLEN):
                wanted.get(timeout=PATIENCE)
                peer.send(part)
                sent.put(None)

    url = serve(attack, scheme).url
    opened = caller.open(request(url, "/streamed"))
    for _ in range(2):
        wanted.put(None)
        caller.while_waiting(lambda: sent.get(timeout=PATIENCE))
        for _ in range(5):
            caller.settle()

    async def read_and_call() -> tuple[int, bytes]:
        size = 0
        while piece := await opened.read():
            size += len(piece)
        return size, (await caller.transport.send(request(url, "/next"), LIMITS)).body

    assert caller.run(read_and_call()) == (PIECE, b"/next")


@pytest.mark.parametrize("kind", ["async"])
def test_what_a_proactor_has_read_already_is_seen(
    caller: Caller, serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Windows the descriptor says nothing; here it is made to say nothing."""
    assert caller.runner is not None
    monkeypatch.setattr("ath._http.protocol._PROACTOR", type(caller.runner.get_loop()))
    monkeypatch.setattr("ath._http.protocol.Watch.wait", lambda *_, **__: False)
    server = serve(Attack((STOLEN,)), "https")
    targets = [f"/{number}" for number in range(CALLS)]
    replies = caller.series([request(server.url, target) for target in targets], loop_runs=False)
    assert [reply.body.decode() for reply in replies] == targets
