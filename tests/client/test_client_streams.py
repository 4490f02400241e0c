"""stream(): bodies read while they come, and contents sent while they are read."""

from __future__ import annotations

import asyncio
import gzip
import threading
import zlib
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from ath import RetryPolicy, ServerSentEvent
from tests.harness.clients import AnyClient, Kind, raises_code
from tests.harness.examples import refusal
from tests.harness.server import Connection, Server, raw_answer
from tests.harness.streams import stream
from tests.harness.worlds import World

from .test_client_responses import client_at

LARGE = bytes(range(256)) * 2000


@pytest.fixture
def at(kind: Kind, server: Server, mode: str) -> AnyClient:
    """A client of each mode with a token at ``server``."""
    return client_at(kind, server, mode)


def sends(*pieces: bytes) -> Callable[[Connection], None]:
    """Answer with these bytes, and end the connection."""

    def behave(connection: Connection) -> None:
        connection.read_request()
        for piece in pieces:
            connection.send(piece)
        connection.close()

    return behave


def stalls(data: bytes) -> Callable[[Connection], None]:
    def behave(connection: Connection) -> None:
        connection.read_request()
        connection.send(data)
        connection.wait_until_client_leaves()
        connection.close()

    return behave


HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf"


# -- what the answer is


def test_a_body_is_read_while_it_comes(world: World) -> None:
    client = world.ready()
    with stream(client, "GET", "/bytes") as answer:
        assert (answer.status_code, answer.total) == (200, 256)
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.bytes_received == 0
        assert b"".join(answer.iter("bytes")) == bytes(range(256))
        assert answer.bytes_received == 256
        assert answer.read() == b""
    assert "200" in repr(answer.raw)


def test_a_call_goes_out_as_that_of_request_does(at: AnyClient, server: Server) -> None:
    for _ in range(2):
        server.answer_next(b"body", X_Request_Id="r-7")
    where = [at.provider] if at.mode == "gateway" else []
    call = ("POST", "/x?a=1", {"b": 2})
    options: dict[str, Any] = {"params": {"c": "d"}, "headers": {"X-E": "f"}}
    at.request(*where, *call, **options)
    with stream(at, *call, **options) as answer:
        assert (answer.read(), answer.request_id) == (b"body", "r-7")
    first, second = server.requests
    assert first.raw == second.raw
    assert (first.connection, second.connection) == (1, 1)


def test_lines_and_events_are_read_as_they_come(at: AnyClient, server: Server) -> None:
    server.plan.append(stalls(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
        b"id: 1\nevent: token\ndata: a\n\ndata: b\n\n"
    ))  # fmt: skip
    with stream(at) as answer:
        events = answer.iter("events")
        assert next(events) == ServerSentEvent("token", "a", "1")
        assert next(events) == ServerSentEvent("message", "b", "1")
    body = "erste\r\nzwölfte".encode("latin-1")
    server.plan.append(sends(raw_answer(body, media_type="text/plain; charset=latin-1")))
    with stream(at) as answer:
        assert list(answer.iter("lines")) == ["erste", "zwölfte"]


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(LARGE)),
        ("deflate", zlib.compress(LARGE)),
        ("gzip", gzip.compress(LARGE[:5000]) + gzip.compress(LARGE[5000:])),
        ("gzip", LARGE),
        ("x-gzip", gzip.compress(LARGE) + b"ignored"),
    ],
)
def test_a_body_comes_without_its_content_encoding(
    at: AnyClient, server: Server, encoding: str, body: bytes
) -> None:
    server.answer_next(body, content_encoding=encoding)
    with stream(at) as answer:
        parts = list(answer.iter("bytes"))
        assert b"".join(parts) == LARGE
        assert max(map(len, parts)) <= 65_536 + 262_144  # what may wait, and one read of asyncio
        assert answer.bytes_received == answer.total == len(body)


@pytest.mark.parametrize(
    "body",
    [
        gzip.compress(LARGE)[:-1],
        gzip.compress(LARGE) + gzip.compress(LARGE)[:-1],
        gzip.compress(LARGE)[:100] + b"damage" * 20,
        b"\x1f\x8b",
    ],
)
def test_a_damaged_compression_is_no_end(at: AnyClient, server: Server, body: bytes) -> None:
    server.answer_next(body, content_encoding="gzip")
    with stream(at) as answer, raises_code("INVALID_RESPONSE", 200):
        answer.read()


@pytest.mark.parametrize(
    "charset",
    ["zip", "bz2", "hex", "base64", "rot13", "uu", "quopri", "mbcs", "oem", "dbcs", "tis260",
     "undefined", "no-such"],
)  # fmt: skip
def test_lines_in_what_is_no_charset_are_read_as_utf_8(
    at: AnyClient, server: Server, charset: str
) -> None:
    server.plan.append(sends(raw_answer("ä\nb".encode(), media_type=f"text/x; charset={charset}")))
    with stream(at) as answer:
        assert list(answer.iter("lines")) == ["ä", "b"]


# -- failures


def test_a_providers_error_is_raised_with_its_answer(at: AnyClient, server: Server) -> None:
    server.answer_next({"message": "no such thing"}, 404)
    with raises_code("PROVIDER_ERROR", 404) as caught, stream(at):
        pytest.fail("the block was entered")
    assert caught.value.response is not None
    assert caught.value.response.json() == {"message": "no such thing"}
    assert caught.value.details["body"] == {"message": "no such thing"}


def test_of_a_long_error_only_the_beginning_is_read(at: AnyClient, server: Server) -> None:
    server.answer_all(b"HTTP/1.1 500 No\r\nContent-Type: text/plain\r\n\r\n", b"word " * 1000)
    with raises_code("PROVIDER_ERROR", 500) as caught, stream(at):
        pytest.fail("the block was entered")
    assert caught.value.details["truncated"]
    assert len(caught.value.details["body"]) == 65_536


def test_a_refused_token_is_not_held_any_more(at: AnyClient, server: Server) -> None:
    server.answer_next(refusal("TOKEN_REVOKED"), 401)
    assert at.tokens
    with raises_code("TOKEN_REVOKED", 401) as caught, stream(at):
        pytest.fail("the block was entered")
    assert "for the agent itself" in caught.value.message
    assert at.tokens == ()


def test_a_call_is_repeated_until_a_head_has_come(at: AnyClient, server: Server) -> None:
    server.answer_next(status=503)
    server.answer_next(lost=True)
    server.answer_next(b"third")
    with stream(at) as answer:
        assert answer.read() == b"third"


def test_a_side_effect_is_not_repeated(at: AnyClient, server: Server) -> None:
    server.answer_next(lost=True)
    with raises_code("NETWORK_ERROR"), stream(at, "POST", "/x", {"a": 1}):
        pytest.fail("the block was entered")
    assert len(server.requests) == 1


def test_a_body_that_breaks_off_is_an_error_and_is_not_asked_for_again(
    at: AnyClient, server: Server
) -> None:
    server.plan.append(sends(HALF))
    with stream(at) as answer:
        found = answer.iter("bytes")
        assert next(found) == b"half"
        with raises_code("NETWORK_ERROR"):
            next(found)
        with raises_code("STREAM_CLOSED"):
            answer.read()
    assert len(server.requests) == 1


def test_an_answer_cannot_be_read_after_its_block(at: AnyClient, server: Server) -> None:
    server.answer_next(b"body")
    with stream(at) as answer:
        pass
    with raises_code("STREAM_CLOSED"):
        answer.read()


def test_a_block_that_is_left_early_ends_the_connection_and_passes_errors_on(
    at: AnyClient, server: Server
) -> None:
    server.plan.append(stalls(HALF))

    def leave() -> None:
        with stream(at) as answer:
            assert next(answer.iter("bytes")) == b"half"
            raise KeyError

    with pytest.raises(KeyError):
        leave()
    if at.kind.name == "async":
        at.kind.runner.run(asyncio.sleep(0))
    server.answer_next(b"next")
    with stream(at) as answer:
        assert answer.read() == b"next"
    assert [request.connection for request in server.requests[-2:]] == [1, 2]


@pytest.mark.parametrize("bound", ["timeout", "total_timeout"])
def test_a_body_that_stalls_is_given_up(at: AnyClient, server: Server, bound: str) -> None:
    server.plan.append(stalls(HALF))
    with stream(at, **{bound: 0.3}, retry=None) as answer:
        found = answer.iter("bytes")
        assert next(found) == b"half"
        with raises_code("TIMEOUT"):
            next(found)


def test_a_total_timeout_bounds_a_body_that_goes_on(at: AnyClient, server: Server) -> None:
    server.answer_all(b"HTTP/1.1 200 OK\r\n\r\n", b"more " * 100)
    with stream(at, total_timeout=0.5) as answer, raises_code("TIMEOUT"):
        for _ in answer.iter("bytes"):
            pass


def test_a_total_timeout_bounds_the_attempts_too(at: AnyClient, server: Server) -> None:
    server.answer_next(status=503, retry_after="5")
    with raises_code("PROVIDER_ERROR", 503), stream(at, total_timeout=1, retry=RetryPolicy()):
        pytest.fail("the block was entered")
    assert len(server.requests) == 1


@pytest.mark.parametrize("wrong", [0, -1, "x", True, float("nan"), httpx.Timeout(5)])
def test_a_total_timeout_is_a_number_of_seconds(at: AnyClient, wrong: Any) -> None:
    with raises_code("INVALID_ARGUMENT") as caught, stream(at, total_timeout=wrong):
        pytest.fail("the block was entered")
    assert "total_timeout" in caught.value.message


def test_the_body_may_be_longer_than_what_is_read_at_once(
    kind: Kind, server: Server, mode: str
) -> None:
    client = client_at(kind, server, mode, max_response_bytes=1000)
    server.answer_next(LARGE)
    with stream(client) as answer:
        assert answer.read() == LARGE


def test_a_cancelled_reader_ends_its_connection(server: Server, mode: str) -> None:
    kind = Kind("async")
    client = client_at(kind, server, mode)
    server.plan.append(stalls(HALF))
    where = [client.provider] if mode == "gateway" else []
    reading = asyncio.Event()

    async def read() -> None:
        async with client.raw.stream(*where, "GET", "/x") as answer:
            async for _ in answer.aiter_bytes():
                reading.set()

    async def cancel() -> None:
        task = asyncio.create_task(read())
        await reading.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        server.answer_next({"n": 1})
        assert (await client.raw.request(*where, "GET", "/x")).json() == {"n": 1}

    kind.runner.run(cancel())
    assert [request.connection for request in server.requests[-2:]] == [1, 2]
    kind.close()


# -- over the user's own httpx client


def test_an_httpx_client_of_ones_own_carries_streams_too(
    kind: Kind, server: Server, mode: str
) -> None:
    client = client_at(kind, server, mode, http_client=kind.httpx_client())
    server.answer_next(LARGE)
    with stream(client, "POST", "/x", content=iter([b"a", b"bc"])) as answer:
        assert b"".join(answer.iter("bytes")) == LARGE
    assert server.requests[-1].body == b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"
    server.plan.append(sends(HALF))
    with stream(client) as answer, raises_code("NETWORK_ERROR"):
        answer.read()
    server.plan.append(stalls(HALF))
    with stream(client, timeout=0.3, retry=None) as answer, raises_code("TIMEOUT"):
        answer.read()
    server.answer_next({"message": "no"}, 404)
    with raises_code("PROVIDER_ERROR", 404), stream(client):
        pytest.fail("the block was entered")
    server.plan.append(stalls(HALF))
    with stream(client) as answer:
        assert next(answer.iter("bytes")) == b"half"
    server.answer_next(b"still")
    with stream(client) as answer:
        assert answer.read() == b"still"


def test_threads_may_stream_at_the_same_time(server: Server, mode: str) -> None:
    kind = Kind("sync")
    client = client_at(kind, server, mode)
    server.answer_all(raw_answer(LARGE))
    wrong: list[BaseException] = []

    def read() -> None:
        try:
            for _ in range(5):
                with stream(client) as answer:
                    assert answer.read() == LARGE
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    kind.close()
