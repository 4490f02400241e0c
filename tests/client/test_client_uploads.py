"""stream(): what is sent is read while it is sent, and sent again only if it can be."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from ath import ATHError, MemoryStore
from tests.harness.clients import DEVELOPER, AnyClient, Kind, raises_code
from tests.harness.examples import REGISTRATION, refusal
from tests.harness.server import Connection, Server, raw_answer
from tests.harness.streams import stream
from tests.harness.worlds import World

from .test_client_responses import client_at


class Shrinks(io.BytesIO):
    """A file that another program makes shorter while it is sent."""

    def seek(self, offset: int, whence: int = 0) -> int:
        return super().seek(offset, whence) + (5 if whence else 0)


@pytest.fixture
def at(kind: Kind, server: Server, mode: str) -> AnyClient:
    """A client of each mode with a token at ``server``."""
    return client_at(kind, server, mode)


def echoed(client: AnyClient, **options: Any) -> dict[str, Any]:
    with stream(client, "POST", "/echo", **options) as answer:
        document: dict[str, Any] = json.loads(answer.read())
    return document


def test_what_is_sent_may_be_read_while_it_is_sent(world: World) -> None:
    client = world.ready()
    for content, length in (
        (b"abc", "3"), ("abc", "3"), (io.BytesIO(b"abc"), "3"), (iter([b"a", b"bc"]), None),
        ([b"a", b"bc"], None),
    ):  # fmt: skip
        said = echoed(client, content=content, headers={"Content-Type": "text/x"})
        assert said["body"] == "abc"
        assert said["headers"]["content-type"] == "text/x"
        assert length is None or said["headers"]["content-length"] == length


async def async_pieces() -> AsyncIterator[bytes]:
    yield b"a"
    yield b"bc"


def test_async_clients_send_async_iterators_too(world: World) -> None:
    client = world.ready()
    if client.kind.name == "async":
        assert echoed(client, content=async_pieces())["body"] == "abc"
    else:
        with raises_code("INVALID_ARGUMENT"):
            echoed(client, content=async_pieces())


def test_a_file_is_sent_again_from_its_beginning(at: AnyClient, server: Server) -> None:
    server.answer_next(status=503)
    server.answer_next(b"done")
    file = io.BytesIO(b"not this, but this")
    file.seek(10)
    with stream(at, "PUT", "/x", content=file) as answer:
        assert answer.read() == b"done"
    assert [request.body for request in server.requests] == [b"but this"] * 2


def test_an_iterator_is_not_sent_again(at: AnyClient, server: Server) -> None:
    server.answer_next(status=503)
    once = iter([b"once"])
    with raises_code("PROVIDER_ERROR", 503) as caught, stream(at, "PUT", "/x", content=once):
        pytest.fail("the block was entered")
    assert not caught.value.retryable
    assert len(server.requests) == 1


@pytest.mark.parametrize("again", [True, False])
def test_after_a_refusal_what_can_be_sent_again_is_sent_with_the_stores_token(
    kind: Kind, server: Server, again: bool
) -> None:
    store = MemoryStore()
    first, second = (kind.client(server.url, credentials=store) for _ in range(2))
    for client, token in ((first, "ath_tk_1"), (second, "ath_tk_2")):
        server.answer_next(REGISTRATION, 201)
        client.load()
        client.set_token(token)
        client.register(developer=DEVELOPER, providers=[])  # which stores the token as well
    server.clear()
    server.answer_next(refusal("TOKEN_REVOKED"), 401)
    server.answer_all(raw_answer(b"done"))
    content: Any = io.BytesIO(b"this") if again else iter([b"this"])
    if again:
        with stream(first, "POST", content=content) as answer:
            assert answer.read() == b"done"
    else:
        with raises_code("TOKEN_REVOKED", 401), stream(first, "POST", content=content):
            pytest.fail("the block was entered")
        with stream(first) as answer:
            assert answer.read() == b"done"
    sent = [request.headers["authorization"] for request in server.requests]
    assert sent == ["Bearer ath_tk_1", "Bearer ath_tk_2"]


def test_an_iterator_that_was_not_begun_can_still_be_sent(
    kind: Kind, server: Server, mode: str
) -> None:
    client = client_at(kind, server, mode)
    server.stop()
    begun: list[bool] = []

    def pieces() -> Iterator[bytes]:
        begun.append(True)
        yield b"once"

    with raises_code("NETWORK_ERROR") as caught, stream(client, "PUT", content=pieces()):
        pytest.fail("the block was entered")
    assert caught.value.__notes__ == ["3 attempts: NETWORK_ERROR, NETWORK_ERROR, NETWORK_ERROR."]
    assert begun == []


def test_what_the_users_iterator_raises_passes_through_unchanged(at: AnyClient) -> None:
    raised = OSError("the disk")

    def broken() -> Iterator[bytes]:
        yield b"a"
        raise raised

    with pytest.raises(OSError, match="the disk") as caught, stream(at, "POST", content=broken()):
        pytest.fail("the block was entered")
    assert caught.value is raised
    assert caught.value.__context__ is None


def test_an_upload_that_is_answered_early_goes_on_no_longer(at: AnyClient, server: Server) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield bytes(10_000)

    def refuse(connection: Connection) -> None:
        connection.read_some()
        connection.send(raw_answer(b'{"message": "too much"}', status=413))
        connection.wait_until_client_leaves()
        connection.close()

    server.plan.append(refuse)
    with raises_code("PROVIDER_ERROR", 413) as caught, stream(at, "POST", content=endless()):
        pytest.fail("the block was entered")
    assert caught.value.details["body"] == {"message": "too much"}


@pytest.mark.parametrize("call", ["stream", "request"])
def test_forms_and_files_are_sent_as_httpx_writes_them(world: World, call: str) -> None:
    client = world.ready()

    def sent(**options: Any) -> dict[str, Any]:
        if call == "stream":
            return echoed(client, **options)
        where = [client.provider] if client.mode == "gateway" else []
        said: dict[str, Any] = client.request(*where, "POST", "/echo", **options).json()
        return said

    form = sent(data={"a": "1 2", "b": ["x", "y"]})
    assert form["body"] == "a=1+2&b=x&b=y"
    assert form["headers"]["content-type"] == "application/x-www-form-urlencoded"
    files = sent(files={"f": ("n.txt", io.BytesIO(b"inside"), "text/x")}, data={"a": "1"})
    assert files["headers"]["content-type"].startswith("multipart/form-data; boundary=")
    assert 'name="a"\r\n\r\n1\r\n' in files["body"]
    assert 'filename="n.txt"\r\nContent-Type: text/x\r\n\r\ninside\r\n' in files["body"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"content": b"a", "data": {}},
        {"content": 1},
        {"content": {"a": 1}},
        {"data": "text"},
        {"data": [("a", "1")]},
        {"files": 7},
        {"files": {"f": 7}},
        {"files": {"f": io.StringIO("text")}},
    ],
)
def test_what_cannot_be_sent_is_refused_before_anything_is(
    at: AnyClient, server: Server, wrong: Any
) -> None:
    with raises_code("INVALID_ARGUMENT"), stream(at, "POST", "/x", **wrong):
        pytest.fail("the block was entered")
    assert server.requests == []


def test_the_same_guards_hold_as_for_other_calls(at: AnyClient, server: Server) -> None:
    for path, options in (("/../x", {}), ("https://x.example/", {}), ("/x", {"content": b"a"})):
        with pytest.raises(ATHError) as caught, stream(at, "GET", path, **options):
            pytest.fail("the block was entered")
        assert caught.value.code in ("INVALID_PATH", "INVALID_ARGUMENT")
    with raises_code("INVALID_ARGUMENT"), stream(at, headers={"Authorization": "mine"}):
        pytest.fail("the block was entered")
    at.close()
    with raises_code("CLIENT_CLOSED"), stream(at):
        pytest.fail("the block was entered")
    assert server.requests == []


@pytest.mark.parametrize("way", ["own connections", "httpx client"])
def test_a_file_that_becomes_shorter_while_it_is_sent_cannot_be_sent(
    kind: Kind, server: Server, mode: str, way: str
) -> None:
    options = {} if way == "own connections" else {"http_client": kind.httpx_client()}
    client = client_at(kind, server, mode, **options)
    shrinks = Shrinks(b"abc")
    with raises_code("INVALID_ARGUMENT") as caught, stream(client, "PUT", content=shrinks):
        pytest.fail("the block was entered")
    assert caught.value.__context__ is None


def test_what_httpx_cannot_write_as_http_cannot_be_sent(kind: Kind, server: Server) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.LocalProtocolError("its words quote the request", request=request)

    refusing = kind.httpx_client(transport=httpx.MockTransport(refuse))
    client = client_at(kind, server, "gateway", http_client=refusing)
    with raises_code("INVALID_ARGUMENT") as caught:
        client.call("GET", "/x")
    assert "quote" not in caught.value.message
    with raises_code("INVALID_ARGUMENT"), stream(client):
        pytest.fail("the block was entered")
