"""No failure of a stream, or of a call for another library's client, shows a secret."""

from __future__ import annotations

import gzip
import json
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from ath import ATHError
from tests.harness.clients import AnyClient, Kind
from tests.harness.server import Connection, Server, raw_answer
from tests.harness.streams import AnyStream

from .canaries import CLIENT_SECRET, NEW_TOKEN, PEM, TOKEN, USER_SESSION, Canaries, check_logs
from .test_secrets_in_frames import check_frames
from .test_secrets_stay_secret import echoes

ECHO = f"data: {TOKEN} {USER_SESSION} {CLIENT_SECRET}\n\n".encode()
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
READ = pytest.mark.parametrize("what", ["bytes", "lines", "events"])


@pytest.fixture
def canaries() -> Canaries:
    return Canaries()


@pytest.fixture
def client(kind: Kind, server: Server) -> AnyClient:
    """Holds a registration, a token and a user's session."""
    return make(kind, server)


def make(kind: Kind, server: Server, **options: Any) -> AnyClient:
    headers = {"X-ATH-User-Token": USER_SESSION}
    client = kind.client(server.url, private_key=PEM, headers=headers, retry=None, **options)
    client.set_credentials("ath_client", CLIENT_SECRET)
    client.set_token(TOKEN)
    return client


def read(client: AnyClient, what: str = "bytes", **options: Any) -> None:
    method = "POST" if "content" in options else "GET"
    manager = client.raw.stream("shop", method, "/orders", **options)
    with AnyStream(client.kind, manager) as answer:
        for item in answer.iter(what):
            del item


def check(canaries: Canaries, error: BaseException) -> None:
    if isinstance(error, ATHError):
        canaries.check_error(error)
    canaries.check_text("".join(traceback.format_exception(error)), "traceback")
    check_frames(canaries, error)


def breaks_off(connection: Connection) -> None:
    connection.read_request()
    connection.send(CHUNKED + b"%x\r\n%s\r\n" % (len(ECHO), ECHO))
    connection.close()


def garbles(connection: Connection) -> None:
    connection.read_request()
    connection.send(CHUNKED + b"%x\r\n%s\r\n" % (len(ECHO), ECHO) + b"no chunk\r\n")
    connection.wait_until_client_leaves()
    connection.close()


def stalls(connection: Connection) -> None:
    connection.read_request()
    connection.send(CHUNKED + b"%x\r\n%s\r\n" % (len(ECHO), ECHO))
    connection.wait_until_client_leaves()
    connection.close()


def damages(connection: Connection) -> None:
    connection.read_request()
    body = gzip.compress(ECHO)[:-4]
    connection.send(raw_answer(body, "Content-Encoding: gzip"))


FAULTS = pytest.mark.parametrize(
    "fault", [breaks_off, garbles, stalls, damages], ids=lambda fault: fault.__name__
)


@READ
@FAULTS
@pytest.mark.parametrize("way", ["own connections", "httpx client"])
def test_a_body_that_echoes_secrets_and_fails_shows_none(
    what: str, fault: Any, way: str, kind: Kind, server: Server, canaries: Canaries
) -> None:
    options = {} if way == "own connections" else {"http_client": kind.httpx_client()}
    client = make(kind, server, **options)
    server.plan.append(fault)
    with check_logs(canaries), pytest.raises(ATHError) as caught:
        read(client, what, timeout=0.2 if fault is stalls else 20)
    check(canaries, caught.value)


@pytest.mark.parametrize("shape", echoes(b"\r\n\r\n"))
def test_an_error_that_echoes_secrets_shows_none(
    shape: str, client: AnyClient, server: Server, canaries: Canaries
) -> None:
    server.answer_all_with(lambda request: echoes(request.raw)[shape])
    with check_logs(canaries), pytest.raises(ATHError) as caught:
        read(client)
    check(canaries, caught.value)
    if (answer := caught.value.response) is not None:
        canaries.check_text(f"{answer.content!r} {dict(answer.headers)}", "response")


def test_an_error_whose_body_breaks_off_shows_none(
    client: AnyClient, server: Server, canaries: Canaries
) -> None:
    def half(connection: Connection) -> None:
        connection.read_request()
        connection.send(b"HTTP/1.1 500 No\r\nContent-Length: 9999\r\n\r\n" + ECHO)
        connection.close()

    server.plan.append(half)
    with pytest.raises(ATHError) as caught:
        read(client)
    check(canaries, caught.value)


def secret_pieces(error: Exception | None) -> Iterator[bytes]:
    yield NEW_TOKEN.encode()
    if error is not None:
        raise error


@pytest.mark.parametrize("way", ["own connections", "httpx client"])
@pytest.mark.parametrize("fault", ["raises", "reset", "refused"])
def test_a_content_that_cannot_be_sent_is_not_shown(
    fault: str, way: str, kind: Kind, server: Server, canaries: Canaries
) -> None:
    def reset(connection: Connection) -> None:
        connection.read_some()
        connection.reset()

    options = {} if way == "own connections" else {"http_client": kind.httpx_client()}
    client = make(kind, server, **options)
    if fault == "reset":
        server.plan.append(reset)
    elif fault == "refused":
        server.stop()
    content = secret_pieces(KeyError() if fault == "raises" else None)
    with check_logs(canaries), pytest.raises((ATHError, KeyError)) as caught:
        read(client, content=content)
    check(canaries, caught.value)


def ask(client: AnyClient) -> httpx.Response:
    http: Any = client.raw.http("shop")
    response: httpx.Response = client.kind.run(http.get("/orders", timeout=0.3))
    return response


@FAULTS
def test_httpxs_own_exceptions_show_nothing_of_ours(
    fault: Any, client: AnyClient, server: Server
) -> None:
    canaries = Canaries()
    server.plan.append(fault)
    with check_logs(canaries), pytest.raises(httpx.RequestError) as caught:
        ask(client)
    canaries.check_text("".join(traceback.format_exception(caught.value)), "traceback")
    canaries.check_text(repr(caught.value), "repr")
    # What came of the body is what httpx hands on; nothing else of ours is in any frame.
    canaries.known -= {TOKEN, USER_SESSION, CLIENT_SECRET}
    check_frames(canaries, caught.value)


@pytest.mark.parametrize("fault", ["refusal", "stall", "refused", "path"])
def test_calls_for_other_libraries_show_no_secret(
    fault: str, client: AnyClient, server: Server, canaries: Canaries
) -> None:
    def stall(connection: Connection) -> None:
        connection.read_request()
        connection.wait_until_client_leaves()
        connection.close()

    if fault == "refusal":
        text = f"{TOKEN} {USER_SESSION}"
        body = json.dumps({"code": "TOKEN_REVOKED", "message": text, "x": text}).encode()
        server.answer_all(raw_answer(body, status=401))
    elif fault == "stall":
        server.plan.append(stall)
    elif fault == "refused":
        server.stop()
    http: Any = client.raw.http("shop")
    url = "https://elsewhere.example/" if fault == "path" else "/orders"
    with check_logs(canaries), pytest.raises((ATHError, httpx.RequestError)) as caught:
        client.kind.run(http.get(url, timeout=0.3))
    check(canaries, caught.value)


def test_what_is_handed_out_shows_no_secret(
    client: AnyClient, server: Server, canaries: Canaries
) -> None:
    server.answer_all(raw_answer(ECHO))
    http: Any = client.raw.http("shop")
    shown: list[Callable[[Any], str]] = [repr, str]
    manager = client.raw.stream("shop", "GET", "/x")
    with AnyStream(client.kind, manager) as answer:
        for show in shown:
            for thing in (answer.raw, http, http._transport, client.raw.http_transport("shop")):
                canaries.check_text(show(thing), "repr")
    client.kind.run(http.close() if client.kind.name == "sync" else http.aclose())
