"""http() and http_transport(): our calls for other libraries' httpx clients."""

from __future__ import annotations

import asyncio
import gzip
import threading
import zlib
from typing import Any

import httpx
import pytest

from ath import ATHError
from tests.harness.clients import AGENT_ID, AnyClient, Kind, raises_code
from tests.harness.examples import refusal
from tests.harness.server import Connection, Server, raw_answer
from tests.harness.stores import WatchedStore
from tests.harness.worlds import World

from .test_client_responses import client_at

LARGE = bytes(range(256)) * 400
HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf"


class AnyHTTP:
    """An httpx client of either kind, used as if it were sync."""

    def __init__(self, kind: Kind, raw: Any) -> None:
        self.kind, self.raw = kind, raw

    def __call__(self, method: str, url: str, **options: Any) -> httpx.Response:
        response: httpx.Response = self.kind.run(self.raw.request(method, url, **options))
        return response

    def send(self, method: str, url: str, **options: Any) -> httpx.Response:
        """The answer with its body still to be read."""
        request = self.raw.build_request(method, url)
        response: httpx.Response = self.kind.run(self.raw.send(request, stream=True, **options))
        return response

    def pieces(self, response: httpx.Response) -> Any:
        """The body as it comes."""
        if self.kind.name == "sync":
            yield from response.iter_raw()
            return
        found = response.aiter_raw()

        async def following() -> Any:
            return await anext(found, None)

        while (piece := self.kind.runner.run(following())) is not None:
            yield piece

    def close(self, response: httpx.Response | None = None) -> None:
        what: Any = self.raw if response is None else response
        self.kind.run(what.close() if self.kind.name == "sync" else what.aclose())


def http_of(client: AnyClient) -> AnyHTTP:
    where = [client.provider] if client.mode == "gateway" else []
    return AnyHTTP(client.kind, client.raw.http(*where))


def transport_of(client: AnyClient) -> Any:
    where = [client.provider] if client.mode == "gateway" else []
    return client.raw.http_transport(*where)


@pytest.fixture
def at(kind: Kind, server: Server, mode: str) -> AnyClient:
    """A client of each mode with a token at ``server``."""
    return client_at(kind, server, mode)


@pytest.fixture
def http(at: AnyClient) -> AnyHTTP:
    return http_of(at)


def place_of(at: AnyClient, server: Server) -> str:
    return f"{server.url}/ath/proxy/github" if at.mode == "gateway" else f"{server.url}/api"


# -- what goes out, and what comes back


def test_an_httpx_client_calls_the_provider(world: World) -> None:
    client = world.ready()
    http = http_of(client)
    assert http("GET", "/bytes").content == bytes(range(256))
    said = http("POST", "/echo", json={"a": 1}, params={"q": "1 2"}, headers={"X-D": "4"}).json()
    assert (said["method"], said["json"], said["query"]) == ("POST", {"a": 1}, "q=1+2")
    assert said["headers"]["x-d"] == "4"
    assert http("GET", "/status/404").status_code == 404
    assert http("GET", "/redirect").status_code == 302
    assert http("POST", "/echo", data={"a": "1"}, files={"f": b"x"}).status_code == 200
    assert http("HEAD", "/bytes").headers["content-length"] == "256"
    http.close()


def test_each_request_carries_our_credentials_and_none_of_the_librarys(
    at: AnyClient, http: AnyHTTP, server: Server
) -> None:
    server.answer_all(raw_answer(b"{}", "Set-Cookie: session=theirs"))
    for _ in range(2):
        http("GET", "/x", headers={
            "Authorization": "Bearer mine", "Cookie": "a=b", "X-ATH-Agent-ID": "other",
            "x_ath_anything": "else", "Accept-Encoding": "gzip", "User-Agent": "library/1",
            "Proxy-Authorization": "Basic x", "Accept": "text/x", "Connection": "close",
        })  # fmt: skip
    for request in server.requests:
        sent = request.headers
        assert len(sent) == len(request.header_list)
        assert sent == {
            "host": server.origin, "authorization": "Bearer ath_tk_0", "x-ath-agent-id": AGENT_ID,
            "accept-encoding": "identity", "user-agent": "library/1", "accept": "text/x",
        }  # fmt: skip
    assert {request.connection for request in server.requests} == {1}


def test_the_headers_of_the_client_itself_cannot_be_replaced(
    kind: Kind, server: Server, mode: str
) -> None:
    headers = {"X-Session": "ours", "Accept-Language": "de"}
    http = http_of(client_at(kind, server, mode, headers=headers))
    server.answer_all(raw_answer(b"{}"))
    http("GET", "/x", headers={"x-session": "theirs", "accept-language": "fr"})
    assert server.requests[-1].headers["x-session"] == "ours"
    assert server.requests[-1].headers["accept-language"] == "fr"


def test_a_body_comes_as_it_is_sent(at: AnyClient, http: AnyHTTP, server: Server) -> None:
    go_on = threading.Event()

    def two(connection: Connection) -> None:
        connection.read_request()
        connection.send(HALF)
        go_on.wait(20)
        connection.send(b"full")

    server.plan.append(two)
    response = http.send("GET", "/x")
    pieces = http.pieces(response)
    assert next(pieces) == b"half"
    go_on.set()
    assert list(pieces) == [b"full"]
    http.close(response)
    server.answer_next(b"next")
    assert http("GET", "/x").content == b"next"
    assert server.connections == 1


@pytest.mark.parametrize(
    "body",
    [gzip.compress(LARGE), LARGE, gzip.compress(LARGE[:5000]) + gzip.compress(LARGE[5000:])],
)
def test_a_body_is_decoded_whatever_its_encoding_says(
    http: AnyHTTP, server: Server, body: bytes
) -> None:
    server.answer_next(body, content_encoding="gzip", etag='"e"')
    response = http("GET", "/x")
    assert response.content == LARGE
    assert response.headers["etag"] == '"e"'
    assert "content-encoding" not in response.headers


@pytest.mark.parametrize("said", [{}, {"cache_control": "max-age=60", "vary": "Authorization"}])
def test_answers_say_that_they_are_not_to_be_stored(
    http: AnyHTTP, server: Server, said: dict[str, Any]
) -> None:
    for status in (200, 304, 404):
        server.answer_next(b"" if status == 304 else b"{}", status, etag='"e"', **said)
        response = http("GET", "/x")
        assert response.headers.get_list("cache-control") == ["no-store"]
        assert response.headers["etag"] == '"e"'


@pytest.mark.parametrize("wbits", [zlib.MAX_WBITS, -zlib.MAX_WBITS])
def test_both_forms_of_deflate_are_decoded(http: AnyHTTP, server: Server, wbits: int) -> None:
    packer = zlib.compressobj(wbits=wbits)
    body = packer.compress(LARGE) + packer.flush()
    server.answer_next(body, content_encoding="deflate")
    assert http("GET", "/x").content == LARGE


@pytest.mark.parametrize("length", ["x", "-1", "+3", "3, 3", "\xb3", "1" * 5000])
def test_a_length_that_is_no_number_is_refused(http: AnyHTTP, server: Server, length: str) -> None:
    headers = {"Content-Length": length.encode("latin-1")}
    with raises_code("INVALID_ARGUMENT"):
        http("POST", "/x", content=b"abc", headers=headers)
    assert server.requests == []


def test_streamed_contents_are_sent_as_they_are_read(world: World) -> None:
    http = http_of(world.ready())

    async def pieces() -> Any:
        yield b"a"
        yield b"bc"

    content: Any = iter([b"a", b"bc"]) if world.kind.name == "sync" else pieces()
    assert http("POST", "/echo", content=content).json()["body"] == "abc"


def test_a_long_error_is_handed_on_whole(http: AnyHTTP, server: Server) -> None:
    server.answer_next(LARGE, 500)
    response = http("GET", "/x")
    assert (response.status_code, response.content) == (500, LARGE)


def test_the_token_is_the_one_held_at_the_time(at: AnyClient, server: Server) -> None:
    http = http_of(at)
    server.answer_all(raw_answer(b"{}"))
    for token in ("ath_tk_1", "ath_tk_2"):
        at.set_token(token)
        http("GET", "/x")
        assert server.requests[-1].headers["authorization"] == f"Bearer {token}"


def test_a_client_made_before_consent_works_after_it(world: World) -> None:
    client = world.client()
    client.discover()
    http = http_of(client)
    with raises_code("NOT_REGISTERED"):
        http("GET", "/bytes")
    world.register(client)
    with raises_code("NO_TOKEN"):
        http("GET", "/bytes")
    world.token(client)
    assert http("GET", "/bytes").status_code == 200


def test_a_token_renewed_by_another_worker_is_used(gateway: World) -> None:
    store = WatchedStore()
    first, second = gateway.client(credentials=store), gateway.client(credentials=store)
    gateway.register(first)
    http = http_of(second)
    with raises_code("NO_TOKEN"):
        http("GET", "/user")
    gateway.token(first)
    assert http("GET", "/user").json()["login"] == "ada"
    first.revoke()
    gateway.token(first)
    with raises_code("TOKEN_REVOKED", 401):
        http("GET", "/user")
    assert http("GET", "/user").json()["login"] == "ada"


def test_a_view_calls_for_its_own_user(gateway: World) -> None:
    client = gateway.client()
    gateway.register(client)
    alice = client.for_user("alice")
    gateway.token(alice)
    assert http_of(alice)("GET", "/user").status_code == 200
    with raises_code("NO_TOKEN") as caught:
        http_of(client.for_user("bob"))("GET", "/user")
    assert "'bob'" in caught.value.message


# -- what is refused


def test_links_to_other_hosts_are_refused_with_a_word(
    at: AnyClient, http: AnyHTTP, server: Server
) -> None:
    for url in ("https://api.github.com/user", f"https://{server.origin}/x", "http://localhost/x"):
        with raises_code("INVALID_PATH") as caught:
            http("GET", url)
        assert "not called directly" in caught.value.message
        assert place_of(at, server) in caught.value.message
    assert server.requests == []


@pytest.mark.parametrize("path", ["/../shop/x", "/%2e%2e/x", "/a/%2E%2E%2Fb", "/a\\..\\b", "/%00"])
def test_paths_that_lead_elsewhere_are_refused(http: AnyHTTP, server: Server, path: str) -> None:
    with raises_code("INVALID_PATH"):
        http("GET", path)
    assert server.requests == []


def test_absolute_links_below_the_place_are_called(
    at: AnyClient, http: AnyHTTP, server: Server
) -> None:
    server.answer_all(raw_answer(b"{}"))
    assert http("GET", f"{place_of(at, server)}/x?page=2").status_code == 200
    assert server.requests[-1].target.endswith("/x?page=2")
    with raises_code("INVALID_PATH"):
        http("GET", f"{place_of(at, server)}2/x")
    with raises_code("INVALID_PATH"):
        http("GET", f"{server.url}/ath/revoke")


def test_a_redirect_that_is_followed_stays_at_the_provider(http: AnyHTTP, server: Server) -> None:
    server.answer_next(status=302, location="https://elsewhere.example/x")
    with raises_code("INVALID_PATH"):
        http("GET", "/x", follow_redirects=True)
    assert len(server.requests) == 1


def test_what_cannot_be_sent_safely_is_refused(http: AnyHTTP, server: Server) -> None:
    for method, options in (
        ("TRACE", {}), ("GET", {"content": b"a"}), ("GET", {"headers": {"X-A": "ü".encode()}}),
    ):  # fmt: skip
        with raises_code("INVALID_ARGUMENT"):
            http(method, "/x", **options)
    assert server.requests == []


@pytest.mark.parametrize("code", ["TOKEN_REVOKED", "SCOPE_NOT_APPROVED"])
def test_the_implementors_refusal_is_an_ath_error(
    at: AnyClient, http: AnyHTTP, server: Server, code: str
) -> None:
    server.answer_next(refusal(code), 401)
    with raises_code(code, 401) as caught:
        http("GET", "/x")
    assert caught.value.source == "implementor"
    assert (at.tokens == ()) is (code == "TOKEN_REVOKED")
    assert len(server.requests) == 1


def test_a_providers_error_is_an_answer_and_nothing_is_repeated(
    http: AnyHTTP, server: Server
) -> None:
    for status in (401, 429, 503):
        server.answer_next({"message": "no", "code": 7}, status, retry_after="0")
        response = http("GET", "/x")
        assert (response.status_code, response.json()["message"]) == (status, "no")
    assert len(server.requests) == 3


# -- httpx's exceptions


def test_a_refused_connection_is_httpxs_error(http: AnyHTTP, server: Server) -> None:
    server.stop()
    with pytest.raises(httpx.ConnectError) as caught:
        http("GET", "/x")
    assert caught.value.request.url.path.endswith("/x")
    assert not isinstance(caught.value, ATHError)
    assert caught.value.__context__ is None
    server.start()


def test_a_lost_answer_is_httpxs_error_and_nothing_is_repeated(
    http: AnyHTTP, server: Server
) -> None:
    server.answer_next(lost=True)
    with pytest.raises(httpx.ReadError):
        http("GET", "/x")
    assert len(server.requests) == 1


@pytest.mark.parametrize("sent", [b"", HALF])
def test_an_answer_that_stalls_is_httpxs_timeout(
    http: AnyHTTP, server: Server, sent: bytes
) -> None:
    def stall(connection: Connection) -> None:
        connection.read_request()
        connection.send(sent)
        connection.wait_until_client_leaves()
        connection.close()

    server.plan.append(stall)
    with pytest.raises(httpx.ReadTimeout):
        http("GET", "/x", timeout=0.2)


def test_a_body_that_breaks_off_is_httpxs_error(http: AnyHTTP, server: Server) -> None:
    def half(connection: Connection) -> None:
        connection.read_request()
        connection.send(HALF)
        connection.close()

    server.plan.append(half)
    with pytest.raises(httpx.ReadError):
        http("GET", "/x")


def test_a_damaged_compression_is_httpxs_error(http: AnyHTTP, server: Server) -> None:
    server.answer_next(gzip.compress(LARGE)[:-9], content_encoding="gzip")
    with pytest.raises(httpx.DecodingError):
        http("GET", "/x")


def test_what_the_librarys_content_raises_passes_through(at: AnyClient, http: AnyHTTP) -> None:
    def broken() -> Any:
        yield b"a"
        raise KeyError("mine")

    async def broken_async() -> Any:
        yield b"a"
        raise KeyError("mine")

    content = broken() if at.kind.name == "sync" else broken_async()
    with pytest.raises(KeyError, match="mine"):
        http("POST", "/x", content=content)


# -- who closes what


def test_closing_it_closes_nothing_of_ours(at: AnyClient, server: Server) -> None:
    server.answer_all(raw_answer(b"{}"))
    for _ in range(2):
        http = http_of(at)
        http("GET", "/x")
        http.close()
    assert at.call("GET", "/x") == {}
    assert server.connections == 1


def test_a_closed_client_of_ours_makes_no_calls(at: AnyClient, server: Server) -> None:
    http = http_of(at)
    at.close()
    with raises_code("CLIENT_CLOSED"):
        http("GET", "/x")


def test_a_body_that_is_left_unread_ends_its_connection(http: AnyHTTP, server: Server) -> None:
    def stall(connection: Connection) -> None:
        connection.read_request()
        connection.send(HALF)
        connection.wait_until_client_leaves()
        connection.close()

    server.plan.append(stall)
    response = http.send("GET", "/x")
    http.close(response)
    if http.kind.name == "async":
        http.kind.runner.run(asyncio.sleep(0))
    server.answer_next(b"next")
    assert http("GET", "/x").content == b"next"
    assert server.connections == 2


def test_the_transport_serves_a_client_that_the_library_makes(
    at: AnyClient, server: Server, kind: Kind
) -> None:
    transport = transport_of(at)
    base = httpx.BaseTransport if kind.name == "sync" else httpx.AsyncBaseTransport
    assert isinstance(transport, base)
    http = AnyHTTP(kind, kind.httpx_client(transport=transport, base_url=place_of(at, server)))
    server.answer_next({"n": 1})
    assert http("GET", "x").json() == {"n": 1}


def test_the_base_url_is_where_the_providers_paths_are(
    at: AnyClient, http: AnyHTTP, server: Server
) -> None:
    assert str(http.raw.base_url) == place_of(at, server) + "/"
    assert http.raw.timeout == httpx.Timeout(60.0)


@pytest.mark.parametrize("provider", ["", "a/b", "..", 7])
def test_a_provider_must_be_an_id(gateway: World, provider: Any) -> None:
    client = gateway.client()
    with raises_code("INVALID_ARGUMENT"):
        client.raw.http(provider)


def test_a_native_client_must_have_discovered_the_api(service: World) -> None:
    client = service.client()
    with raises_code("NOT_DISCOVERED"):
        client.raw.http()
    transport = client.raw.http_transport()
    http = AnyHTTP(service.kind, service.kind.httpx_client(transport=transport))
    with raises_code("NOT_DISCOVERED"):
        http("GET", "http://127.0.0.1:9/x")


def test_it_works_over_an_httpx_client_of_the_users_own(
    kind: Kind, server: Server, mode: str
) -> None:
    http = http_of(client_at(kind, server, mode, http_client=kind.httpx_client()))
    server.answer_next(LARGE)
    assert http("POST", "/x", content=b"abc").content == LARGE
    server.stop()
    with pytest.raises(httpx.ConnectError):
        http("GET", "/x")
    server.start()
