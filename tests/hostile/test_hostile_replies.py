"""What a server may answer: the right ATHError comes out, in bounded memory, and a secret that
came along is kept whatever stands beside it."""

from __future__ import annotations

import copy
import gzip
import json
import math
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import ath_api.models as models
import httpx
import pytest

from ath import ATHError, CredentialKey, MemoryStore
from tests.harness.clients import (
    AGENT_ID,
    AnyClient,
    Kind,
    code_when_lost,
    code_when_unexplained,
)
from tests.harness.server import Server, raw_answer

LIMIT = 1_000_000
REQUEST = {
    "developer": {"name": "Example", "id": "dev-1"},
    "providers": [{"provider_id": "shop", "scopes": ["read"]}],
}
APPROVAL = {
    "provider_id": "shop",
    "approved_scopes": ["read"],
    "denied_scopes": ["write"],
    "denial_reason": "not by policy",
}
EXAMPLES: dict[str, dict[str, Any]] = {
    "discover": {
        "ath_version": "0.1",
        "gateway_id": "gateway",
        "agent_registration_endpoint": "https://gateway.example/ath/agents/register",
        "supported_providers": [
            {
                "provider_id": "shop",
                "display_name": "Shop",
                "categories": ["shopping"],
                "available_scopes": ["read"],
                "auth_mode": "OAUTH2",
                "agent_approval_required": True,
            }
        ],
    },
    "discover_native": {
        "ath_version": "0.1",
        "app_id": "shop",
        "name": "Shop",
        "auth": {
            "type": "oauth2",
            "authorization_endpoint": "https://shop.example/authorize",
            "token_endpoint": "https://shop.example/token",
            "scopes_supported": ["read"],
            "agent_attestation_required": True,
        },
        "api_base": "https://shop.example/api",
    },
    "register": {
        "client_id": "ath_client_kept",
        "client_secret": "ath_secret_kept",
        "agent_status": "approved",
        "approved_providers": [APPROVAL],
        "approval_expires": "2030-01-01T00:00:00Z",
    },
    "registration": {
        "client_id": "ath_client_kept",
        "agent_id": AGENT_ID,
        "agent_status": "approved",
        "approved_providers": [APPROVAL],
        "approval_expires": "2030-01-01T00:00:00Z",
        "redirect_uris": ["https://agent.example/back"],
        "purpose": "to test",
    },
    "authorize": {
        "authorization_url": "https://x.example/?code_challenge_method=S256&code_challenge="
        + "c" * 43,
        "ath_session_id": "ath_sess",
    },
    "exchange_token": {
        "access_token": "ath_tk_kept",
        "token_type": "Bearer",
        "expires_in": 3600,
        "effective_scopes": ["read"],
        "provider_id": "shop",
        "agent_id": AGENT_ID,
        "scope_intersection": {
            "agent_approved": ["read"],
            "user_consented": ["read"],
            "effective": ["read"],
        },
    },
}
CALLS: dict[str, Callable[[AnyClient], Any]] = {
    "discover": lambda c: c.discover(),
    "discover_native": lambda c: c.discover(),
    "register": lambda c: c.register(**REQUEST),
    "registration": lambda c: c.registration(),
    "authorize": lambda c: c.authorize("shop", ["read"]),
    "exchange_token": lambda c: c.exchange_token("exchange", "ath_sess"),
    "revoke": lambda c: c.revoke(),
    "proxy": lambda c: c.proxy("shop", "GET", "/products"),
}
EVERY_CALL = pytest.mark.parametrize("call", CALLS)
BOMBS = {"gzip": gzip.compress(bytes(50 * LIMIT)), "deflate": zlib.compress(bytes(50 * LIMIT))}
DEEP = b'{"a":' * 10**5 + b"1" + b"}" * 10**5


@pytest.fixture
def make(kind: Kind, server: Server) -> Callable[..., AnyClient]:
    def make(call: str, **options: Any) -> AnyClient:
        mode = "native" if call == "discover_native" else "gateway"
        client = kind.client(server.url, mode, max_response_bytes=LIMIT, **options)
        if call != "register":
            client.set_credentials("ath_client_kept", "ath_secret_kept")
        if call in ("proxy", "revoke"):
            client.set_token("ath_tk_held")
        return client

    return make


def result_or_error(call: Callable[[], Any]) -> Any:
    """The value or the ATHError; anything else fails the test."""
    try:
        return call()
    except ATHError as error:
        return error


# Answers that are not the protocol's. A provider may answer so: its value, if it can be decoded.
UNREADABLE = object()
BODIES: dict[str, tuple[bytes, Any]] = {
    "html": (
        raw_answer(b"<!doctype html><h1>Welcome</h1>", media_type="text/html"),
        "<!doctype html><h1>Welcome</h1>",
    ),
    "html called json": (raw_answer(b"<!doctype html><h1>Welcome</h1>"), UNREADABLE),
    "empty": (raw_answer(b""), None),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", None),
    "reset content": (b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n", None),
    "half": (raw_answer(b'{"client_id": "ath_client_kept", "client_secret": "ath'), UNREADABLE),
    "null": (raw_answer(b"null"), None),
    "number": (raw_answer(b"1"), 1),
    "text": (raw_answer(b'"ok"'), "ok"),
    "list": (raw_answer(b'[{"client_id": 1}]'), [{"client_id": 1}]),
    "not a number": (raw_answer(b"NaN"), math.nan),
    "number beyond all bounds": (
        raw_answer(b'{"expires_in": ' + b"9" * 5000 + b"}"),
        UNREADABLE,
    ),
    "float beyond all bounds": (raw_answer(b'{"expires_in": 1e999}'), {"expires_in": math.inf}),
    "utf-16 called utf-8": (raw_answer('{"a": "ü"}'.encode("utf-16")), {"a": "ü"}),
    "latin-1 called utf-8": (raw_answer('{"a": "ü"}'.encode("latin-1")), UNREADABLE),
    "unknown charset": (
        raw_answer(b'{"a": 1}', media_type="text/plain; charset=klingon"),
        '{"a": 1}',
    ),
    "charset that is no charset": (
        raw_answer(b"7b7d", media_type="text/plain; charset=hex"),
        "7b7d",
    ),
    "charset that warns": (
        raw_answer(b"\\d\\8", media_type="text/plain; charset=unicode_escape"),
        r"\d\8",
    ),
    "lone surrogate": (
        raw_answer(b'{"client_id": "\\ud800", "client_secret": "\\udfff"}'),
        {"client_id": "\ud800", "client_secret": "\udfff"},
    ),
    "deep": (raw_answer(DEEP), UNREADABLE),
    "deep list": (raw_answer(b"[" * 10**5), UNREADABLE),
    "called gzip": (raw_answer(b'{"a": 1}', "Content-Encoding: gzip"), {"a": 1}),
    "broken gzip": (raw_answer(b"\x1f\x8b broken", "Content-Encoding: gzip"), UNREADABLE),
    "broken deflate": (raw_answer(b"\x78\x9c broken", "Content-Encoding: deflate"), UNREADABLE),
    "unknown encoding": (raw_answer(b"\x00\xff", "Content-Encoding: br"), UNREADABLE),
    "cut gzip": (
        raw_answer(gzip.compress(b'{"a": 1}')[:-6], "Content-Encoding: gzip"),
        UNREADABLE,
    ),
    "no media type": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n\x00\xff\x01",
        b"\x00\xff\x01",
    ),
    "odd headers": (
        raw_answer(b"{}", "Date: yesterday", "Retry-After: soon", "Location: http://[::1"),
        {},
    ),
    "http/3.7": (b"HTTP/3.7 200 OK\r\n\r\n{}", b"{}"),
}
NO_HTTP: dict[str, bytes] = {
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "negative length": b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n{}",
    "broken chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
    "switching": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n{}",
    "status 000": b"HTTP/1.1 000 What\r\nContent-Length: 2\r\n\r\n{}",
    "http/0.9": b"hello\r\n",
    "nothing": b"",
}


@EVERY_CALL
@pytest.mark.parametrize("body", BODIES)
def test_a_success_without_the_expected_body_is_an_invalid_response(
    call: str, body: str, make: Callable[..., AnyClient], server: Server
) -> None:
    answer, value = BODIES[body]
    server.answer_all(answer)
    result = result_or_error(lambda: CALLS[call](make(call)))
    if call == "revoke":  # which needs nothing of the answer but its status
        assert result is None
    elif call == "proxy" and value is not UNREADABLE:
        assert repr(result) == repr(value)
    else:
        status = int(answer.split(b" ", 2)[1])
        assert (result.code, result.status) == ("INVALID_RESPONSE", status)
    assert len(server.requests) == 1


@EVERY_CALL
@pytest.mark.parametrize(
    ("body", "status"),
    [(b, s) for b, (answer, _) in BODIES.items() for s in (400, 503) if b"/1.1 200" in answer]
    + [("odd headers", 999)],
)
def test_an_error_status_without_an_error_body_is_an_http_or_provider_error(
    call: str, body: str, status: int, make: Callable[..., AnyClient], server: Server
) -> None:
    server.answer_all(with_status(BODIES[body][0], status))
    error = result_or_error(lambda: CALLS[call](make(call)))
    assert (error.code, error.status) == (code_when_unexplained(call), status)
    repeated = status == 503 and call != "register"
    assert len(server.requests) == (3 if repeated else 1)


@EVERY_CALL
@pytest.mark.parametrize(
    ("answer", "status"),
    [(a, s) for a in NO_HTTP for s in (200, 400, 503) if s == 200 or b"/1.1 200" in NO_HTTP[a]],
)
def test_an_answer_that_is_not_http_counts_as_lost(
    call: str, answer: str, status: int, make: Callable[..., AnyClient], server: Server
) -> None:
    server.answer_all(with_status(NO_HTTP[answer], status))
    error = result_or_error(lambda: CALLS[call](make(call)))
    code = code_when_lost(call)
    assert (error.code, error.status) == (code, None)
    assert len(server.requests) == (1 if code == "OUTCOME_UNKNOWN" else 3)


def with_status(answer: bytes, status: int) -> bytes:
    return answer.replace(b"HTTP/1.1 200", b"HTTP/1.1 %d" % status)


@EVERY_CALL
@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("how", ["long", "endless", "endless chunks", "gzip", "deflate"])
def test_a_body_beyond_the_limit_ends_in_bounded_memory(
    call: str, status: int, how: str, make: Callable[..., AnyClient], server: Server
) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    answer, endless = b"", b""
    match how:
        case "long":
            answer = raw_answer(bytes(2 * LIMIT))
        case "endless":
            answer, endless = head + b"\r\n", b" " * 65_536
        case "endless chunks":
            answer = head + b"Transfer-Encoding: chunked\r\n\r\n"
            endless = b"10000\r\n" + b" " * 65_536 + b"\r\n"
        case "gzip" | "deflate":
            answer = raw_answer(BOMBS[how], f"Content-Encoding: {how}")
    server.answer_all(with_status(answer, status), endless)
    client = make(call)
    tracemalloc.start()
    result = result_or_error(lambda: CALLS[call](client))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    compressed = how in ("gzip", "deflate")
    assert peak < 10 * LIMIT
    if call == "revoke" and compressed and status == 200:
        assert result is None  # nothing in the answer is needed, so nothing is unpacked
    elif compressed and status == 500:  # the status tells what matters
        assert (result.code, result.status) == (code_when_unexplained(call), 500)
    else:
        assert result.code == "RESPONSE_TOO_LARGE"


@EVERY_CALL
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_never_followed_and_names_where_it_pointed(
    call: str, status: int, make: Callable[..., AnyClient], server: Server
) -> None:
    with Server() as elsewhere:
        target = f"{elsewhere.url}/take"
        server.answer_all(raw_answer(b"", f"Location: {target}?all=of-it", status=status))
        result = result_or_error(lambda: CALLS[call](make(call)))
        assert elsewhere.requests == []
    assert (result.code, result.status) == (code_when_unexplained(call), status)
    assert result.details["location"] == target
    assert target in result.message
    assert "of-it" not in str(result)
    assert len(server.requests) == 1


@EVERY_CALL
@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("http://[::1", "what is not a URL"),
        ("//[", "what is not a URL"),
        ("", ""),
        ("http://x:99999/", "http://x:99999/"),
        ("\xff\xfe", "\xff\xfe"),
        ("javascript:x", "x"),
    ],
    ids=ascii,
)
def test_a_redirect_with_an_unusual_location_is_an_http_or_provider_error(
    call: str, location: str, shown: str, make: Callable[..., AnyClient], server: Server
) -> None:
    server.answer_all(raw_answer(b"", f"Location: {location}", status=302))
    error = result_or_error(lambda: CALLS[call](make(call)))
    assert (error.code, error.status) == (code_when_unexplained(call), 302)
    assert error.details["location"] == shown
    assert f"a redirect to {shown}, " in error.message
    assert len(server.requests) == 1


@EVERY_CALL
def test_a_redirect_with_a_null_byte_counts_as_lost(
    call: str, make: Callable[..., AnyClient], server: Server
) -> None:
    server.answer_all(raw_answer(b"", "Location: http://\x00", status=302))
    error = result_or_error(lambda: CALLS[call](make(call)))
    assert (error.code, error.status) == (code_when_lost(call), None)


@pytest.mark.parametrize(
    ("scheme", "api_base", "followed"),
    [
        ("https", "https://elsewhere.example/api", True),
        ("https", "http://shop.example/api", False),
        ("https", "http://127.0.0.1/api", False),
        ("http", "https://shop.example/api", True),
        ("https", "//shop.example/api", False),
        ("https", "ftp://shop.example/api", False),
        ("https", "https://user:word@shop.example/api", False),
        ("https", "https://shop.example/api?token=", False),
        ("https", "https://shop.example\\@evil.example/", False),
        ("https", "/api", False),
        ("https", "", False),
    ],
)
def test_an_api_base_may_lead_elsewhere_but_never_from_https_to_http(
    scheme: str, api_base: str, followed: bool, kind: Kind
) -> None:
    asked: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={**EXAMPLES["discover_native"], "api_base": api_base})

    http_client = kind.httpx_client(transport=httpx.MockTransport(handle))
    client = kind.client(
        f"{scheme}://127.0.0.1", "native", http_client=http_client, headers={"X-Mine": "session"}
    )
    client.set_token("ath_tk_held")
    result = result_or_error(client.discover)
    called = result_or_error(lambda: client.api("GET", "/products"))
    if followed:
        assert result.api_base == api_base
        assert str(asked[-1].url) == f"{api_base}/products"
        assert asked[-1].headers["authorization"] == "Bearer ath_tk_held"
        assert "x-mine" not in asked[-1].headers
    else:
        assert (result.code, called.code) == ("INVALID_RESPONSE", "NOT_DISCOVERED")
        assert len(asked) == 1


def test_a_second_answer_to_one_request_is_not_used_for_the_next_request(
    kind: Kind, server: Server, make: Callable[..., AnyClient]
) -> None:
    client = make("proxy")
    server.answer_all(raw_answer(b'"first"') + raw_answer(b'"forged"'))
    assert client.proxy("shop", "GET", "/a") == "first"
    server.answer_all(raw_answer(b'"true"'))
    assert client.proxy("shop", "GET", "/b") == "true"


WRONG: list[Any] = [
    None, True, 0, -1, 1.5, 10**30, "", "text", "\ud800", "\x00", [], [None], [[]], {}, {"a": 1},
]  # fmt: skip


def paths(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place inside a JSON document."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        yield (*here, key)
        if isinstance(item, dict | list):
            yield from paths(item, (*here, key))


def replace_field(document: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    document = copy.deepcopy(document)
    inner: Any = document
    for key in path[:-1]:
        inner = inner[key]
    if value is KeyError:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return document


MODELS: dict[str, Any] = {
    "discover": models.DiscoveryDocument,
    "discover_native": models.ServiceDiscoveryDocument,
    "register": models.AgentRegistrationResponse,
    "registration": models.AgentRegistration,
    "authorize": models.AuthorizationResponse,
    "exchange_token": models.TokenResponse,
}
# Of the right type, but the client or its user could not use them.
UNUSABLE: dict[tuple[str, Any], set[str]] = {
    ("discover_native", "api_base"): {"", "text", "\ud800", "\x00"},
    ("register", "client_id"): {"", "\ud800"},
    ("register", "client_secret"): {"", "\ud800"},
    ("authorize", "authorization_url"): {"", "text", "\ud800", "\x00"},
    ("exchange_token", "access_token"): {"", "\ud800", "\x00"},
}


def read_by_model(call: str, document: dict[str, Any]) -> Any:
    """What the model of the specification makes of a document; None if it refuses it."""
    try:
        return MODELS[call].from_dict(document)
    except Exception:
        return None


@pytest.mark.parametrize(
    ("call", "path"),
    [(call, path) for call, example in EXAMPLES.items() for path in paths(example)],
    ids=lambda value: value if isinstance(value, str) else ".".join(map(str, value)),
)
def test_a_field_of_the_wrong_type_is_an_invalid_response_and_costs_no_secret(
    call: str, path: tuple[Any, ...], make: Callable[..., AnyClient], server: Server
) -> None:
    for value in [KeyError, *WRONG]:
        document = replace_field(EXAMPLES[call], path, value)
        store = MemoryStore()
        client = make(call, credentials=store)
        server.answer_all(raw_answer(json.dumps(document).encode()))
        result = result_or_error(lambda c=client: CALLS[call](c))
        expected = read_by_model(call, document)
        usable = not (isinstance(value, str) and value in UNUSABLE.get((call, path[-1]), ()))
        if expected is not None and usable:
            assert result == expected, value
        else:
            assert result.code == "INVALID_RESPONSE", value
        stored = store.load(CredentialKey(server.url, AGENT_ID)) or ""
        if call == "register" and path[0] not in ("client_id", "client_secret"):
            assert client.client_id == "ath_client_kept"
            assert "ath_secret_kept" in stored
        if call == "exchange_token" and path[0] != "access_token":
            assert "ath_tk_kept" in stored
            server.answer_all(raw_answer(b"{}"))
            server.clear()
            provider = document.get("provider_id")
            named = provider if provider == "text" else "shop"
            result_or_error(lambda c=client, p=named: c.proxy(p, "GET", "/products"))
            seconds = document.get("expires_in")
            expired = type(seconds) in (int, float) and seconds <= 10
            if path[0] != "provider_id" and not expired:
                assert b"Bearer ath_tk_kept" in server.requests[0].raw


def test_the_examples_hold_every_field_of_their_models() -> None:
    for call, kind in MODELS.items():
        names = {field.name for field in kind.__attrs_attrs__} - {"additional_properties"}
        assert names <= EXAMPLES[call].keys(), call
        assert not kind.from_dict(EXAMPLES[call]).additional_properties
