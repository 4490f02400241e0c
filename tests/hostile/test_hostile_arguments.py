"""Arguments that a language model may choose: no request leaves the provider's part of the API."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ath import ATHError, proxy_url
from tests.harness.clients import AnyClient, Kind
from tests.harness.search import examples
from tests.harness.server import Server, answer, raw_answer

TOKEN = "ath_tk_of_the_user"
REFUSALS = {"INVALID_PATH", "INVALID_ARGUMENT"}
HEADER = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e]*")

Check = Callable[..., None]


def error_or_none(call: Callable[[], Any]) -> ATHError | None:
    try:
        call()
    except ATHError as error:
        return error
    return None


def assert_below(raw: bytes, origin: str, prefix: bytes) -> None:
    """Fail unless this is one request to that origin, exactly below the prefix."""
    head, _, body = raw.partition(b"\r\n\r\n")
    line, *headers = head.split(b"\r\n")
    found = re.fullmatch(rb"[A-Z]+ ([\x21-\x7e]+) HTTP/1\.1", line)
    assert found, line
    route = found[1].partition(b"?")[0]
    assert route.startswith(prefix + b"/"), line
    assert b"#" not in found[1]
    for _ in range(5):  # as often as some server on the way may decode
        assert not re.search(rb"[\x00-\x1f\x7f\\]", route), line
        assert not {b".", b".."} & {part.split(b";")[0] for part in route.split(b"/")}, line
        route = unquote_to_bytes(route)
    names: dict[bytes, list[bytes]] = {}
    for header in headers:
        assert HEADER.fullmatch(header), header
        name, _, value = header.partition(b":")
        names.setdefault(name.lower(), []).append(value.strip())
    assert names[b"host"] == [origin.encode()]
    assert names[b"authorization"] == [f"Bearer {TOKEN}".encode()]
    assert names[b"x-ath-agent-id"] == [b"https://agent.example/agent.json"]
    assert b"transfer-encoding" not in names
    assert names.get(b"content-length", [b"0"]) == [str(len(body)).encode()]


@pytest.fixture(params=["own connections", "httpx client"])
def gateway(request: pytest.FixtureRequest, kind: Kind, server: Server) -> AnyClient:
    options = {"http_client": kind.httpx_client()} if request.param == "httpx client" else {}
    client = kind.client(server.url, **options)
    client.set_credentials("ath_client", "ath_secret")
    client.set_token(TOKEN)
    return client


@pytest.fixture
def check(gateway: AnyClient, server: Server) -> Check:
    """Makes a proxy call: nothing is sent, or what arrives is below the provider.

    With a ``code``, the call must be refused with it.
    """

    def check(
        path: Any, *, provider: Any = "shop", method: Any = "GET", code: str | None = None,
        **options: Any,
    ) -> None:  # fmt: skip
        server.clear()
        error = error_or_none(lambda: gateway.proxy(provider, method, path, **options))
        if error is not None:
            assert error.code in ({code} if code else REFUSALS), error
            assert error.status is None, error
            assert server.requests == []
        else:
            (request,) = server.requests
            segment = request.raw.split(b" ", 2)[1].split(b"/")[3]
            assert unquote(segment.decode("ascii")) == provider
            assert_below(request.raw, server.origin, b"/ath/proxy/" + segment)
            assert code is None, request
        assert server.surplus == []

    return check


REFUSED = [
    "http://evil.example/",
    "https://evil.example/x",
    "HTTP://EVIL.EXAMPLE",
    "//evil.example/x",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "\\/evil.example",
    "file:///etc/passwd",
    "/http://evil.example",
    "..",
    ".",
    "/..",
    "/../../ath/revoke",
    "/a/../../b",
    "/a/./b",
    "/a/..",
    "/%2e%2e/b",
    "/%2E%2e/b",
    "/.%2e/b",
    "/%2e./b",
    "/%252e%252e/b",
    "/%25252e%25252e/b",
    "/..%2fb",
    "/a%2f..%2fb",
    "/a%2f%2e%2e%2fb",
    "/..%5cb",
    "/%5c..%5cb",
    "/a\\..\\b",
    "/..;/b",
    "/..;jsessionid=1/b",
    "/%2e%2e;/b",
    "/..%3b/b",
    "/.%00./b",
    "/a%00",
    "/a%0d%0aX-Evil:%201",
    "/a%250d%250a",
    "/a\r\nX-Evil: 1",
    "/a\nb",
    "/a\x00b",
    "/a\tb",
    "/a\x7fb",
    "/a HTTP/1.1\r\nHost: evil.example\r\n\r\nGET /b",
    "/a#fragment",
    "#",
    "/%c0%ae%c0%ae/b",
    "/%e0%80%ae%e0%80%ae/b",
    "/%ff",
    "/\uff0e\uff0e/b",
    "/\u2024\u2024/b",
    "/\u2025/b",
    "/%zz",
    "/%",
    "/%2",
    "/%u002e%u002e/",
    "/\ud800",
    "/" + "a" * 70_000,
    "/a?" + "b" * 70_000,
    "/a?b#c",
    "/a?b\r\nX-Evil: 1",
    b"/bytes",
    None,
    7,
    ["/a"],
    {"path": "/a"},
]
ACCEPTED = {
    "": b"/",
    "/": b"/",
    "user": b"/user",
    "/user/repos": b"/user/repos",
    "/user/": b"/user/",
    "/a//b": b"/a//b",
    "/a b": b"/a%20b",
    "/ünï/\u4e2d": b"/%C3%BCn%C3%AF/%E4%B8%AD",
    "/a%20b%2Fc": b"/a%20b%2Fc",
    "/.hidden/...": b"/.hidden/...",
    "/a..b/c.": b"/a..b/c.",
    "/@evil.example:80/x": b"/@evil.example:80/x",
    "@evil.example": b"/@evil.example",
    ":80/x": b"/:80/x",
    "/a?u=http://evil.example/../x": b"/a?u=http://evil.example/../x",
    "/a?b=%&c=100%25": b"/a?b=%25&c=100%25",
    "?q=1": b"/?q=1",
    '/a"<>`{|}^b': b"/a%22%3C%3E%60%7B%7C%7D%5Eb",
}


@pytest.mark.parametrize("path", REFUSED, ids=lambda path: ascii(path)[:40])
def test_a_path_that_could_leave_the_provider_is_refused_before_a_byte_is_sent(
    path: Any, check: Check
) -> None:
    check(path, code="INVALID_PATH")


@pytest.mark.parametrize(("path", "target"), ACCEPTED.items(), ids=[ascii(p) for p in ACCEPTED])
def test_a_path_below_the_provider_arrives_encoded(
    path: str, target: bytes, gateway: AnyClient, server: Server
) -> None:
    gateway.proxy("shop", "GET", path)
    (request,) = server.requests
    assert_below(request.raw, server.origin, b"/ath/proxy/shop")
    assert request.target == f"/ath/proxy/shop{target.decode()}"


@pytest.mark.parametrize(
    "provider",
    [
        "", ".", "..", "a/b", "../x", "a\\b", "a%2fb", "%2e%2e", "a?b", "a#b", "a;b", "a b", "a\nb",
        "\uff0e\uff0e", "\ud800", "\x00", "http://evil.example", None, 7, ["shop"], b"shop", {},
    ],
    ids=lambda provider: ascii(provider),
)  # fmt: skip
def test_a_provider_that_is_no_single_segment_is_refused(provider: Any, check: Check) -> None:
    check("/a", provider=provider, code="INVALID_ARGUMENT")


@pytest.mark.parametrize(
    "method",
    [
        "", " ", "GET ", "GET / HTTP/1.1\r\nX: ", "GE T", "G\nET", "CONNECT", "TRACE", "connect",
        "GET\x00", "\u0261et", "G" * 40, "*", None, 7, ["GET"], {"GET": 1}, b"GET",
    ],
    ids=lambda method: ascii(method),
)  # fmt: skip
def test_a_method_that_is_none_is_refused(method: Any, check: Check) -> None:
    check("/a", method=method, code="INVALID_ARGUMENT")


@pytest.mark.parametrize(
    "headers",
    [
        {"X-A": "1\r\nX-Evil: 1"}, {"X-A": "1\nX-Evil: 1"}, {"X-A": "\x00"}, {"X-A": "ü"},
        {"X-A\r\nX-Evil": "1"}, {"X A": "1"}, {"": "1"}, {"X-A:": "1"}, {"X-A": None}, {"X-A": 1},
        {"X-A": ["1"]}, {1: "1"}, {"Authorization": "Bearer mine"}, {"authorization ": "x"},
        {"HOST": "evil.example"}, {"Content-Length": "5"}, {"Transfer-Encoding": "chunked"},
        {"X-ATH-Agent-ID": "https://evil.example"}, {"x-ath-user-token": "another"},
        {"Connection": "X-ATH-Agent-ID"}, {"Upgrade": "h2c"}, {"Proxy-Authorization": "x"},
        "X-A: 1", ["X-A"], 7, [("X-A",)], {"\u212aey": "1"}, {"Expect": "100-continue"},
    ],
    ids=lambda headers: ascii(headers)[:50],
)  # fmt: skip
def test_a_header_that_is_not_the_callers_to_set_is_refused(headers: Any, check: Check) -> None:
    check("/a", headers=headers, code="INVALID_ARGUMENT")


@pytest.mark.parametrize(
    "options",
    [
        {"params": "a=b"}, {"params": [1]}, {"params": 7}, {"params": {"a": {"b": 1}}},
        {"params": {"a": object()}}, {"params": {"a": "\ud800"}}, {"params": {"\ud800": 1}},
        {"params": {"n": 10**5000}}, {"params": {10**5000: 1}},
        {"body": {"a": 1}}, {"content": b"x"}, {"method": "HEAD", "body": [1]},
        {"method": "POST", "body": object()}, {"method": "POST", "body": float("nan")},
        {"method": "POST", "body": "\ud800"}, {"method": "POST", "body": {1j: 1}},
        {"method": "POST", "body": 10**5000}, {"method": "POST", "content": "\ud800"},
        {"method": "POST", "content": 7}, {"method": "POST", "body": 1, "content": b"1"},
    ],
)  # fmt: skip
def test_params_and_bodies_that_cannot_be_sent_are_refused(options: Any, check: Check) -> None:
    check("/a", code="INVALID_ARGUMENT", **options)


def test_a_query_that_is_too_long_is_refused(check: Check) -> None:
    check("/a", params={"a": "x" * 70_000}, code="INVALID_PATH")


def test_a_body_that_contains_itself_is_refused(check: Check) -> None:
    endless: list[Any] = []
    endless.append(endless)
    check("/a", method="POST", body=endless, code="INVALID_ARGUMENT")
    deep: Any = []
    for _ in range(10**5):
        deep = [deep]
    check("/a", method="POST", body=deep, code="INVALID_ARGUMENT")


PIECES = st.sampled_from(
    [
        "/", "//", "\\", ".", "..", "%2e", "%2E%2e", "%252e", "%2f", "%252f", "%5c", "%00",
        "%0d%0a", "%", "%25", "?", "#", ";", "&", "=", ":", "@", "://", "http:", "evil.example",
        " ", "\r\n", "\n", "\t", "\x00", "\x7f", "\u2025", "\uff0e", "\uff0f", "\u2215",
        "%c0%ae", "%ff", "a", "Host: evil.example", "\ud800", "ü", "\u202e",
        "[", "]", "::1", "..;", "*",
    ]
)  # fmt: skip
TRICKY = st.lists(PIECES | st.text(max_size=4), max_size=8).map("".join)
JSON_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TRICKY
ANY_CALL = st.fixed_dictionaries(
    {"path": TRICKY},
    optional={
        "provider": TRICKY,
        "method": st.sampled_from(["GET", "POST", "put", "delete", "HEAD", "OPTIONS"]) | TRICKY,
        "params": st.dictionaries(TRICKY, JSON_SCALARS | st.lists(JSON_SCALARS, max_size=3)),
        "headers": st.dictionaries(TRICKY | st.just("X-A"), TRICKY, max_size=3),
        "body": st.recursive(JSON_SCALARS, lambda inner: st.lists(inner, max_size=2)),
        "content": TRICKY | st.binary(max_size=20),
    },
)


@examples(400)
@given(call=ANY_CALL)
def test_any_call_arrives_below_the_provider_or_is_not_sent(
    call: dict[str, Any], check: Check
) -> None:
    check(**call)


def assert_same_url(
    gateway: AnyClient, server: Server, provider: Any, path: Any, params: Any
) -> None:
    """Fail unless proxy_url() gives the URL of a proxy call, or refuses as that does."""
    server.clear()
    refused = error_or_none(lambda: gateway.proxy(provider, "GET", path, params=params))
    if refused is not None:
        error = error_or_none(lambda: proxy_url(server.url, provider, path, params))
        assert error is not None
        assert (error.code, error.message) == (refused.code, refused.message)
    else:
        (request,) = server.requests
        url = proxy_url(server.url, provider, path, params)
        assert url + ("" if path or params else "/") == f"{server.url}{request.target}"


@pytest.mark.parametrize("path", [*REFUSED, *ACCEPTED], ids=lambda path: ascii(path)[:40])
def test_the_url_of_a_path_is_the_one_that_a_call_is_sent_to(
    path: Any, gateway: AnyClient, server: Server
) -> None:
    assert_same_url(gateway, server, "shop", path, None)


@examples(200)
@given(
    provider=st.just("shop") | TRICKY,
    path=TRICKY,
    params=st.none() | st.dictionaries(TRICKY, JSON_SCALARS | st.lists(JSON_SCALARS, max_size=3)),
)
def test_any_url_is_the_one_that_a_call_is_sent_to(
    provider: str, path: str, params: Any, gateway: AnyClient, server: Server
) -> None:
    assert_same_url(gateway, server, provider, path, params)


@examples(300)
@given(path=TRICKY, params=st.dictionaries(TRICKY, TRICKY, max_size=2))
def test_a_native_call_stays_below_the_api_base(
    path: str, params: dict[str, str], native: AnyClient, server: Server
) -> None:
    server.clear()
    error = error_or_none(lambda: native.api("GET", path, params=params))
    if error is not None:
        assert error.code in REFUSALS
        assert server.requests == []
    else:
        (request,) = server.requests
        assert_below(request.raw, server.origin, b"/deep/api")
    assert server.surplus == []


@pytest.fixture
def native(kind: Kind, server: Server) -> AnyClient:
    client = kind.client(server.url, "native")
    client.set_credentials("ath_client", "ath_secret")
    client.set_token(TOKEN)
    service = (
        b'{"ath_version": "0.1", "app_id": "shop", "name": "Shop", "auth": {"type": "oauth2", '
        b'"authorization_endpoint": "x", "token_endpoint": "x", "scopes_supported": [], '
        b'"agent_attestation_required": true}, "api_base": "%s/deep/api/"}' % server.url.encode()
    )
    server.plan.append(answer(lambda _: raw_answer(service)))
    client.discover()
    server.clear()
    return client
