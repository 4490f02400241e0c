"""One exchange without I/O: bytes in, the parts of an answer out."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ath._http.connection import MAX_FIELDS, MAX_HEAD, Exchange, collect
from ath._http.failures import BrokenExchange
from ath._http.limits import parse_timeout
from ath._http.messages import Request, parse_base
from ath._http.sources import Source
from ath.errors import ATHError

from .wire import answer

BASE = parse_base("http://server.example", "url")
HOST = (b"Host", b"server.example")
GET = Request(b"GET", BASE, b"/a?b", [HOST, (b"X-Case", b"kept")])
OK = answer(b"hello")
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def begun(method: bytes = b"GET") -> Exchange:
    exchange = Exchange()
    exchange.begin(Request(method, BASE, b"/", [HOST]))
    return exchange


def body_of(exchange: Exchange, *data: bytes) -> bytes:
    return b"".join(piece for part in data for piece in exchange.feed(part))


def breaks(exchange: Exchange, *data: bytes) -> str:
    with pytest.raises(BrokenExchange) as caught:
        body_of(exchange, *data)
    assert not exchange.complete
    assert not exchange.recycle()
    return str(caught.value)


def test_a_request_is_written_as_it_was_given() -> None:
    lines = [b"GET /a?b HTTP/1.1", b"Host: server.example", b"X-Case: kept", b"", b""]
    assert Exchange().begin(GET) == b"\r\n".join(lines)


def test_a_body_follows_the_head() -> None:
    post = Request(b"POST", BASE, b"/", [HOST, (b"Content-Length", b"5")], b"hello")
    assert Exchange().begin(post).endswith(b"Content-Length: 5\r\n\r\nhello")


@pytest.mark.parametrize(
    "wrong",
    [
        Request(b"GET", BASE, b"/", []),
        Request(b"GET", BASE, b"/", [HOST, HOST]),
        Request(b"GET", BASE, b"/", [HOST, (b"X", b"a\r\nY: b")]),
        Request(b"GET", BASE, b"/ /", [HOST]),
        Request(b"G T", BASE, b"/", [HOST]),
        Request(b"POST", BASE, b"/", [HOST], b"no length"),
        Request(b"POST", BASE, b"/", [HOST, (b"Content-Length", b"3")], b"four"),
        Request(b"POST", BASE, b"/", [HOST, (b"Content-Length", b"5")], b"four"),
    ],
)
def test_what_is_not_http_is_not_written(wrong: Request) -> None:
    exchange = Exchange()
    with pytest.raises(ATHError) as caught:
        exchange.begin(wrong)
    assert caught.value.code == "INVALID_ARGUMENT"
    assert caught.value.__context__ is None
    assert not exchange.recycle()


def test_an_answer_is_told_in_parts() -> None:
    exchange = begun()
    assert exchange.feed(b"HTTP/1.1 201 Created\r\nX-Case: kept\r\nContent-") == []
    assert (exchange.status, exchange.complete) == (0, False)
    assert exchange.feed(b"Length: 5\r\n\r\nhe") == [b"he"]
    assert exchange.status == 201
    assert exchange.headers == [(b"X-Case", b"kept"), (b"Content-Length", b"5")]
    assert exchange.feed(b"llo") == [b"llo"]
    assert exchange.complete


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
def test_some_answers_have_no_body(status: bytes) -> None:
    exchange = begun()
    assert exchange.feed(b"HTTP/1.1 " + status + b"\r\nContent-Length: 5\r\n\r\n") == []
    assert exchange.complete
    assert exchange.recycle()


def test_the_answer_to_head_has_no_body() -> None:
    exchange = begun(b"HEAD")
    assert exchange.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n") == []
    assert exchange.complete
    assert exchange.recycle()


def test_a_chunked_body_is_put_together() -> None:
    exchange = begun()
    data = CHUNKED + b"2;name=value\r\nhe\r\n3\r\nllo\r\n0\r\nX-Trailer: 1\r\n\r\n"
    assert body_of(exchange, data) == b"hello"
    assert exchange.complete
    assert exchange.recycle()


def test_interim_answers_are_passed_over() -> None:
    exchange = begun()
    early = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    assert exchange.feed(early) == []
    assert exchange.status == 0
    assert body_of(exchange, OK) == b"hello"
    assert exchange.recycle()


def test_a_connection_carries_one_exchange_after_another() -> None:
    exchange = Exchange()
    for number in range(3):
        exchange.begin(GET)
        assert body_of(exchange, answer(b"%d" % number)) == b"%d" % number
        assert exchange.recycle()
        assert (exchange.status, exchange.headers, exchange.complete) == (0, [], False)


def test_each_request_has_its_own_header_fields_whatever_went_before() -> None:
    headers = [HOST, (b"Authorization", b"Bearer alice")]
    alice = Request(b"GET", BASE, b"/1", headers)
    bob = Request(b"GET", BASE, b"/2", [HOST, (b"Authorization", b"Bearer bob")])
    bare = Request(b"GET", BASE, b"/3", [HOST])
    exchange = Exchange()
    for number, request in enumerate([alice, alice, bob, bob, alice, bare, alice, alice]):
        headers[1:] = [(b"Authorization", b"Bearer alice-%d" % (number // 7))]
        assert exchange.begin(request) == Exchange().begin(request)
        assert body_of(exchange, OK) == b"hello"
        assert exchange.recycle()
    headers[1:] = [(b"Authorization", b"Bearer alice\r\nX: y")]
    with pytest.raises(ATHError):
        exchange.begin(alice)


@pytest.mark.parametrize(
    "last",
    [
        answer(b"hello", b"Connection: close"),
        answer(b"hello").replace(b"1.1", b"1.0"),
        b"HTTP/1.1 200 OK\r\n\r\nhello",
    ],
)
def test_after_the_last_answer_the_connection_is_not_used_again(last: bytes) -> None:
    exchange = begun()
    body = body_of(exchange, last)
    if not exchange.complete:
        body += body_of(exchange, b"")
    assert body == b"hello"
    assert exchange.complete
    assert not exchange.recycle()


@pytest.mark.parametrize("surplus", [b"H", b"\r\n", b"\0", OK, OK * 40_000])
@pytest.mark.parametrize("later", [False, True])
def test_bytes_after_an_answer_forbid_another_exchange(surplus: bytes, later: bool) -> None:
    exchange = begun()
    parts = [OK, surplus] if later else [OK + surplus]
    assert body_of(exchange, *parts) == b"hello"
    assert exchange.complete
    assert not exchange.recycle()


def test_an_end_after_an_answer_forbids_another_exchange() -> None:
    exchange = begun()
    assert body_of(exchange, OK, b"") == b"hello"
    assert not exchange.recycle()


def test_an_exchange_that_is_not_over_forbids_another_one() -> None:
    exchange = begun()
    assert not exchange.recycle()
    exchange.feed(OK[:-1])
    assert not exchange.recycle()


@pytest.mark.parametrize(
    "cut",
    [
        b"",
        OK[:10],
        OK[:-8],
        OK[:-1],
        CHUNKED,
        CHUNKED + b"5\r\nhel",
        CHUNKED + b"5\r\nhello\r\n",
        CHUNKED + b"5\r\nhello\r\n0\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ],
)
def test_an_answer_that_ends_too_early_is_broken(cut: bytes) -> None:
    breaks(begun(), cut, b"")


CANARY = b"canary-4711"


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x00\xf0",
        b"SSH-2.0-OpenSSH " + CANARY + b"\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 99 Low\r\n\r\n",
        b"HTTP/1.1 1000 High\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nNo colon " + CANARY + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nSpace : " + CANARY + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\0" + CANARY + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1e3\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 30 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        *(
            CHUNKED + chunks
            for chunks in (
                b"x\r\n",
                b"-1\r\n",
                b"+1\r\n",
                b"0x1\r\na\r\n",
                b" 1\r\na\r\n",
                b"\r\n1\r\na\r\n",
                b"1" * 30 + b"\r\n",
                b"1\r\nab\r\n",
                b"1\r\naXX0\r\n\r\n",
                b"1\r\na\n0\r\n\r\n",
                b"0\r\nNo colon\r\n\r\n",
            )
        ),
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
    ],
)
def test_garbage_is_broken_and_not_repeated(garbage: bytes) -> None:
    said = breaks(begun(), garbage)
    assert CANARY.decode() not in said


def test_a_switch_of_protocols_is_broken_even_if_the_request_allows_it() -> None:
    exchange = Exchange()
    upgrade = [HOST, (b"Connection", b"upgrade"), (b"Upgrade", b"websocket")]
    exchange.begin(Request(b"GET", BASE, b"/", upgrade))
    breaks(exchange, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n")


def fields(count: int) -> bytes:
    return b"X: y\r\n" * count


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"Content-Length: 0\r\n\r\n"),
        (b"HTTP/1.1 103 Early\r\n", b"\r\n" + answer(b"")),
        (CHUNKED + b"0\r\n", b"\r\n"),
    ],
)
def test_fields_are_counted_wherever_they_are(start: bytes, end: bytes) -> None:
    exchange = begun()
    exchange.feed(start + fields(MAX_FIELDS - 2) + end)
    assert exchange.complete
    assert "header fields" in breaks(begun(), start + fields(MAX_FIELDS) + end)


def test_fields_are_counted_together() -> None:
    half = fields(MAX_FIELDS // 2)
    data = b"HTTP/1.1 103 Early\r\n" + half + b"\r\nHTTP/1.1 200 OK\r\n" + half + b"\r\n"
    assert "header fields" in breaks(begun(), data)


@pytest.mark.parametrize("count", [MAX_FIELDS, 5000])
def test_a_flood_of_interim_answers_is_broken(count: int) -> None:
    flood = b"HTTP/1.1 100 Continue\r\n\r\n" * count
    assert "header fields" in breaks(begun(), flood + answer(b"", b"A: b"))


def test_a_flood_of_fields_is_broken_before_all_of_them_are_parsed() -> None:
    exchange = begun()
    flood = b"HTTP/1.1 200 OK\r\n" + fields(1_000_000)
    breaks(exchange, flood + b"\r\n")
    assert exchange.headers == []


def test_large_fields_are_broken() -> None:
    value = b"v" * (MAX_HEAD // 4)
    line = b"X: " + value + b"\r\n"
    exchange = begun()
    exchange.feed(b"HTTP/1.1 200 OK\r\n" + line * 3 + b"Content-Length: 0\r\n\r\n")
    assert exchange.complete
    head = b"HTTP/1.1 200 OK\r\n" + line * 4 + b"Content-Length: 0\r\n\r\n"
    for size in (len(head), 1000):
        breaks(begun(), *(head[i : i + size] for i in range(0, len(head), size)))


def test_a_head_without_end_is_broken() -> None:
    exchange = begun()
    exchange.feed(b"HTTP/1.1 200 OK\r\n")
    breaks(exchange, *[b"X-More: and more\r\n"] * MAX_HEAD)


def test_a_large_body_comes_in_pieces() -> None:
    exchange = begun()
    body = bytes(300_000)
    pieces = exchange.feed(answer(body))
    assert len(pieces) > 1
    assert b"".join(pieces) == body


def test_a_body_is_collected_up_to_its_limit() -> None:
    limits, body = parse_timeout(None, 5), bytearray()
    collect(body, [b"he", b"llo"], limits)
    assert body == b"hello"
    with pytest.raises(ATHError) as caught:
        collect(body, [b"!"], limits)
    assert caught.value.code == "RESPONSE_TOO_LARGE"


def splits(data: bytes, places: Iterable[int]) -> list[bytes]:
    cuts = sorted({0, *(place % (len(data) + 1) for place in places), len(data)})
    return [data[a:b] for a, b in pairwise(cuts)]


ANSWERS = st.sampled_from(
    [
        OK,
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
        CHUNKED + b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        CHUNKED + b"5;x=y\r\nhello\r\n0\r\nT: 1\r\n\r\n",
    ]
)


@given(ANSWERS, st.lists(st.integers(0, 200), max_size=20))
def test_it_does_not_matter_how_an_answer_is_cut(data: bytes, places: list[int]) -> None:
    exchange = begun()
    assert body_of(exchange, *splits(data, places)) == b"hello"
    assert (exchange.status, exchange.complete) == (200, True)
    assert exchange.recycle()


@given(
    st.lists(
        st.sampled_from(
            [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 \r\n", b"\r\n", b"Content-Length: 3\r\n",
             b"Transfer-Encoding: chunked\r\n", b"5\r\n", b"0\r\n", b"hello"]
        ) | st.binary(max_size=30),
        max_size=12,
    ),
    st.lists(st.integers(0, 200), max_size=5),
)  # fmt: skip
def test_whatever_comes_is_an_answer_or_broken(parts: list[bytes], places: list[int]) -> None:
    exchange = begun()
    try:
        body_of(exchange, *splits(b"".join(parts), places), b"")
    except BrokenExchange:
        assert not exchange.recycle()
    else:
        assert exchange.complete
        assert exchange.recycle() is False  # after an end nothing follows


def sending(source: Source) -> Exchange:
    framing = (b"Transfer-Encoding", b"chunked")
    if source.length is not None:
        framing = (b"Content-Length", b"%d" % source.length)
    exchange = Exchange()
    head = exchange.begin(Request(b"POST", BASE, b"/", [HOST, framing], source=source))
    assert head.endswith(b"\r\n\r\n")
    return exchange


def test_a_content_of_known_length_has_ended_with_its_last_byte() -> None:
    # Since the server knows as well, and may answer before anybody asks for more.
    exchange = sending(Source([], 5))
    assert (exchange.encode(b"hel"), exchange.sent) == (b"hel", False)
    assert (exchange.encode(b"lo"), exchange.sent) == (b"lo", True)
    assert body_of(exchange, OK) == b"hello"
    assert exchange.recycle()
    exchange.begin(GET)
    assert exchange.sent


def test_a_content_of_unknown_length_has_ended_when_that_is_said() -> None:
    exchange = sending(Source([]))
    assert (exchange.encode(b"hello"), exchange.sent) == (b"5\r\nhello\r\n", False)
    assert (exchange.encode(None), exchange.sent) == (b"0\r\n\r\n", True)
    assert body_of(exchange, OK) == b"hello"
    assert exchange.recycle()


@pytest.mark.parametrize("pieces", [[b"hel", None], [b"hello!"]])
def test_a_content_of_another_length_is_refused(pieces: list[bytes | None]) -> None:
    exchange = sending(Source([], 5))
    with pytest.raises(ATHError) as caught:
        list(map(exchange.encode, pieces))
    assert caught.value.code == "INVALID_ARGUMENT"


def test_an_answer_before_the_contents_end_leaves_no_connection() -> None:
    exchange = sending(Source([]))
    exchange.encode(b"hello")
    assert body_of(exchange, OK) == b"hello"
    assert not exchange.recycle()
