"""Whom connections are opened to: hosts, TLS, and the environment's proxies."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import certifi
import httpx
import pytest

from ath._http import httpx_client, tls, transports
from ath._http.aio import AsyncTransport
from ath._http.hosts import normalize_host
from ath._http.messages import Reply, parse_base
from ath._http.protocol import Connection
from ath._http.sync import SyncTransport
from ath.errors import ATHError, Delivery

from .wire import (
    ASYNC_KINDS,
    AUTHORITY,
    LIMITS,
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


def failed(caller: Caller, *args: object) -> ATHError:
    with pytest.raises(ATHError) as caught:
        caller.send(*args)  # type: ignore[arg-type]
    assert caught.value.__context__ is None
    return caught.value


# -- hosts


@pytest.mark.parametrize(
    "host",
    [
        "g.example", "G.Example", "straße.de", "STRASSE.de", "bücher.example", "faß.de", "βόλοσ.gr",
        "xn--strae-oqa.de", "g。example", "a_b.example", "-a.example", "g.example.", "localhost",
        "127.0.0.1", "255.255.255.255", "1.2.3", "0x7f.1", "a.1.2.3.4", "[::1]", "[fe80::1%25lo]",
    ],
)  # fmt: skip
def test_a_host_is_what_httpx_makes_of_it(host: str) -> None:
    url = f"https://{host}"
    assert parse_base(url, "url").host == httpx.URL(url).raw_host.decode()


@pytest.mark.parametrize(
    "host",
    ["1.2.3.256", "01.2.3.4", "1.2.3.999", "Ⅷ.example", "☃.example", "\u0661.2.3.4", "ü..de"],
)
def test_what_httpx_refuses_is_no_host(host: str) -> None:
    with pytest.raises(httpx.InvalidURL):
        httpx.URL(f"https://{host}")
    assert normalize_host(host) is None


@pytest.mark.parametrize(
    "host", ["", ".", "a..b", ".a", "a" * 64, "a b", "a%41b", "a*b", "ü." + "a" * 64 + ".de"]
)
def test_what_no_resolver_takes_is_no_host(host: str) -> None:
    assert normalize_host(host) is None


def test_origins_are_compared_as_they_are_sent() -> None:
    names = ["https://straße.de", "https://xn--strae-oqa.de:443/a", "HTTPS://XN--STRAE-OQA.DE"]
    assert len({parse_base(name, "url").origin for name in names}) == 1
    assert parse_base("https://strasse.de", "url").origin != parse_base(names[0], "url").origin


# -- TLS


@pytest.fixture
def fresh_trust(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """The process has one context, which is made of the environment at its first use."""
    tls.default_context.cache_clear()
    yield monkeypatch
    tls.default_context.cache_clear()


def test_the_environment_says_whom_to_trust(
    kind: str, serve: Serve, fresh_trust: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    AUTHORITY.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    fresh_trust.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    caller = Caller(kind)
    assert caller.send(request(serve(echo, "https").url, "/a")).body == b"/a"
    assert tls.default_context() is tls.default_context()
    caller.close()


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, {"cafile": certifi.where(), "capath": None}),
        ({"SSL_CERT_FILE": "f"}, {"cafile": "f", "capath": None}),
        ({"SSL_CERT_DIR": "d"}, {"cafile": None, "capath": "d"}),
        ({"SSL_CERT_FILE": "f", "SSL_CERT_DIR": "d"}, {"cafile": "f", "capath": None}),
        ({"SSL_CERT_FILE": "", "SSL_CERT_DIR": "d"}, {"cafile": None, "capath": "d"}),
    ],
)
def test_the_same_is_trusted_as_by_httpx(
    fresh_trust: pytest.MonkeyPatch, environment: dict[str, str], expected: dict[str, Any]
) -> None:
    for name, value in environment.items():
        fresh_trust.setenv(name, value)
    asked: list[dict[str, Any]] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    def create(**options: Any) -> ssl.SSLContext:
        asked.append({"cafile": None, "capath": None, **options})
        return context

    fresh_trust.setattr(ssl, "create_default_context", create)
    httpx.create_ssl_context()
    assert tls.default_context() is context
    assert asked == [expected, expected]


def test_without_a_word_nobody_but_the_usual_authorities_is_trusted(
    kind: str, serve: Serve, fresh_trust: pytest.MonkeyPatch
) -> None:
    server, caller = serve(echo, "https"), Caller(kind)
    error = failed(caller, request(server.url))
    assert (error.code, error._delivery) == ("NETWORK_ERROR", Delivery.LOCAL)
    assert "certificate" in error.message
    caller.close()


@pytest.mark.parametrize("kind", ASYNC_KINDS)
def test_a_call_that_is_given_up_as_its_handshake_ends_leaves_no_connection(
    kind: str, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller, server = Caller(kind, client_context()), serve(echo, "https")

    async def calls() -> bytes:
        given_up = asyncio.create_task(caller.transport.send(request(server.url), LIMITS))
        with monkeypatch.context() as patch:
            made = Connection.connection_made

            def give_up(connection: Connection, transport: asyncio.BaseTransport) -> None:
                made(connection, transport)
                given_up.cancel()

            patch.setattr(Connection, "connection_made", give_up)
            with pytest.raises(asyncio.CancelledError):
                await given_up
        # A descriptor that is free again is used again, so nothing may be left of the other one.
        reply: Reply = await caller.transport.send(request(server.url, "/a"), LIMITS)
        return reply.body

    assert caller.run(calls()) == b"/a"
    server.wait_ended(0)
    caller.close()


def test_certificates_that_cannot_be_read_are_named(
    kind: str, fresh_trust: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fresh_trust.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    caller = Caller(kind)
    error = failed(caller, request("https://127.0.0.1:1"))
    assert (error.code, error._delivery) == ("INVALID_ARGUMENT", Delivery.LOCAL)
    assert "SSL_CERT_FILE" in error.message
    caller.close()


@pytest.mark.parametrize("names", [("elsewhere.example",), ("localhost",)])
def test_a_certificate_of_another_host_is_refused_for_good(
    caller: Caller, serve: Serve, names: tuple[str, ...]
) -> None:
    server = serve(echo, tls=server_context(*names))
    error = failed(caller, request(server.url))
    assert (error.code, error._delivery) == ("NETWORK_ERROR", Delivery.LOCAL)


def test_the_server_is_told_its_name_and_the_protocol(caller: Caller, serve: Serve) -> None:
    told: list[object] = []
    context = server_context("localhost")
    context.set_alpn_protocols(["h2", "http/1.1"])
    context.sni_callback = lambda _, name, __: told.append(name)

    def hello(peer: Peer) -> None:
        assert peer.tls
        told.append(peer.tls.selected_alpn_protocol())
        echo(peer)

    server = serve(hello, tls=context)
    url = server.url.replace("127.0.0.1", "localhost")
    assert caller.send(request(url, "/a")).body == b"/a"
    assert told == ["localhost", "http/1.1"]


def test_a_context_that_others_use_for_http_2_still_speaks_http_1(kind: str, serve: Serve) -> None:
    mine = client_context()
    mine.set_alpn_protocols(["h2", "http/1.1"])
    server_side = server_context()
    server_side.set_alpn_protocols(["h2", "http/1.1"])
    caller = Caller(kind, mine)
    for _ in range(2):
        mine.set_alpn_protocols(["h2", "http/1.1"])
        server = serve(echo, tls=server_side)
        assert caller.send(request(server.url, "/a")).body == b"/a"
    caller.close()


@pytest.mark.parametrize("shown", [True, False])
def test_a_client_certificate_is_shown(kind: str, serve: Serve, shown: bool) -> None:
    wanting = server_context()
    wanting.verify_mode = ssl.CERT_REQUIRED
    AUTHORITY.configure_trust(wanting)
    mine = client_context()
    if shown:
        AUTHORITY.issue_cert("agent@example.org").configure_cert(mine)
    caller, server = Caller(kind, mine), serve(echo, tls=wanting)
    if shown:
        assert caller.send(request(server.url, "/a")).body == b"/a"
    else:
        assert failed(caller, request(server.url)).code == "NETWORK_ERROR"
    caller.close()


def test_a_server_that_speaks_no_tls_got_nothing(caller: Caller, serve: Serve) -> None:
    def plain(peer: Peer) -> None:
        peer.receive()
        peer.send(answer(b"hello"))
        peer.close()

    error = failed(caller, request(serve(plain).url.replace("http:", "https:")))
    assert (error.code, error._delivery) == ("NETWORK_ERROR", Delivery.UNSENT)


@pytest.mark.parametrize("wrong", [ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), "ca.pem", True, 1])
def test_what_is_no_context_for_clients_is_refused(wrong: object) -> None:
    with pytest.raises(ATHError) as caught:
        transports.check_ssl_context(wrong, None)
    assert caught.value.code == "INVALID_ARGUMENT"


def test_a_context_goes_with_our_own_connections_only() -> None:
    context = client_context()
    assert transports.check_ssl_context(context, None) is context
    assert transports.check_ssl_context(None, object()) is None
    with pytest.raises(ATHError) as caught:
        transports.check_ssl_context(context, object())
    assert caught.value.code == "INVALID_ARGUMENT"
    assert "verify=" in caught.value.message


# -- proxies of the environment


def test_without_a_proxy_our_own_connections_are_used() -> None:
    assert isinstance(transports.open_sync(None), SyncTransport)
    assert isinstance(transports.open_async(None), AsyncTransport)


@pytest.mark.parametrize(
    "name", ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
)
def test_any_proxy_lets_httpx_carry_the_calls(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:1")
    transport = transports.open_sync(None)
    assert isinstance(transport, httpx_client.SyncHTTPXTransport)
    transport.close()


@pytest.mark.parametrize(("name", "value"), [("NO_PROXY", "*"), ("HTTP_PROXY", ""), ("http", "x"),
                                             ("FTP_PROXY", "http://127.0.0.1:1")])  # fmt: skip
def test_other_variables_do_not(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    assert not transports.names_proxy()


@pytest.mark.parametrize("platform", ["darwin", "win32"])
@pytest.mark.parametrize(
    ("proxies", "found"),
    [({"https": "http://127.0.0.1:1"}, True), ({"ftp": "http://127.0.0.1:1"}, False), ({}, False)],
)
def test_the_systems_own_settings_are_asked_where_there_are_any(
    monkeypatch: pytest.MonkeyPatch, platform: str, proxies: dict[str, str], found: bool
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(urllib.request, "getproxies", lambda: proxies)
    assert transports.names_proxy() is found


def open_transport(kind: str, context: ssl.SSLContext | None = None) -> Caller:
    caller = Caller(kind)
    opening = transports.open_sync if kind == "sync" else transports.open_async
    caller.transport = opening(context)
    return caller


class Proxy:
    """A forwarding proxy: answers plain requests itself, and opens tunnels for the others."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []

    def __call__(self, peer: Peer) -> None:
        while head := peer.head():
            self.asked.append(head)
            if head.startswith(b"CONNECT"):
                peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
                inner = Peer(peer.sock, peer.number, server_context())
                echo(inner)
                return
            peer.send(answer(head.split(b" ")[1]))


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_proxy_is_asked_for_http(
    kind: str, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = Proxy()
    monkeypatch.setenv("HTTP_PROXY", serve(proxy).url.replace("//", "//me:p%40ss@"))
    caller = open_transport(kind)
    for _ in range(2):
        reply = caller.send(request("http://there.example", "/a"))
        assert reply.body == b"http://there.example/a"
    assert b"proxy-authorization: basic bwu6cebzcw==" in proxy.asked[0].lower()
    assert b"accept-encoding" not in proxy.asked[0].lower()  # nothing but our own headers
    caller.close()


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_proxy_opens_a_tunnel_for_https(
    kind: str, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = Proxy()
    monkeypatch.setenv("HTTPS_PROXY", serve(proxy).url)
    caller = open_transport(kind, client_context())
    assert caller.send(request("https://127.0.0.1:9", "/a")).body == b"/a"
    assert proxy.asked[0].startswith(b"CONNECT 127.0.0.1:9 ")
    caller.close()


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_no_proxy_means_what_it_means_to_httpx(
    kind: str, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(echo)
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    caller = open_transport(kind)
    assert caller.send(request(server.url, "/a")).body == b"/a"
    caller.close()


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_cookies_that_come_through_a_proxy_are_not_kept(
    kind: str, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They would never be sent, and looking through them takes longer with each."""
    kept: list[object] = []
    monkeypatch.setattr(
        "http.cookiejar.CookieJar.set_cookie", lambda _, cookie: kept.append(cookie)
    )

    def bake(peer: Peer) -> None:
        while peer.request():
            peer.send(answer(b"", b"Set-Cookie: a=b; Path=/"))

    monkeypatch.setenv("HTTP_PROXY", serve(bake).url)
    caller = open_transport(kind)
    assert caller.send(request("http://there.example")).status == 200
    caller.close()
    assert not kept


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("proxy", ["http://me:hunter2@[::1", "ftp://me:hunter2@a", "socks9://a"])
def test_a_proxy_that_makes_no_sense_is_named_without_its_password(
    kind: str, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(ATHError) as caught, contextlib.closing(open_transport(kind)) as caller:
        caller.send(request("http://there.example"))
    assert caught.value.code == "INVALID_ARGUMENT"
    assert "hunter2" not in str(caught.value)
    assert caught.value.__context__ is None


def test_the_next_event_loop_gets_an_httpx_client_of_its_own(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(Proxy())
    monkeypatch.setenv("HTTP_PROXY", server.url)
    transport = transports.open_async(None)
    for number in (1, 2):
        for _ in range(2):
            reply = asyncio.run(transport.send(request("http://there.example", "/a"), LIMITS))
            assert reply.body == b"http://there.example/a"
        server.wait_ended(*range(2))
        assert server.connections == 2 * number


def test_a_users_own_async_client_stays_in_its_loop() -> None:
    mock = httpx.MockTransport(lambda _: httpx.Response(200, text="hello"))
    transport = httpx_client.async_transport(httpx.AsyncClient(transport=mock))

    async def call() -> Reply:
        return await transport.send(request("http://there.example"), LIMITS)

    assert asyncio.run(call()).body == b"hello"
    with pytest.raises(ATHError) as caught:
        asyncio.run(call())
    assert caught.value.code == "WRONG_EVENT_LOOP"


def test_a_forked_child_makes_an_httpx_client_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[httpx.Client] = []

    def make() -> httpx.Client:
        mock = httpx.MockTransport(lambda _: httpx.Response(200, text="hello"))
        made.append(httpx.Client(transport=mock))
        return made[-1]

    transport = httpx_client.SyncHTTPXTransport(make, httpx.Client.close)
    transport.send(request("http://there.example"), LIMITS)
    monkeypatch.setattr("os.getpid", lambda: -1)
    for _ in range(2):
        transport.send(request("http://there.example"), LIMITS)
    assert len(made) == 2
