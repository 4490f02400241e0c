"""request(): a provider's answer as a value, whatever it is; what proxy() and api() make of it."""

from __future__ import annotations

import gzip
from datetime import timedelta
from typing import Any

import pytest

from ath import Response, RetryPolicy
from tests.harness.clients import AnyClient, Kind, raises_code
from tests.harness.examples import refusal, service_document
from tests.harness.server import Server, raw_answer
from tests.harness.worlds import World

LINK = '<https://api.example/x?page=2>; rel="next", <https://api.example/x?page=9>; rel="last"'


@pytest.fixture
def at(kind: Kind, server: Server, mode: str) -> AnyClient:
    """A client of each mode with a token at ``server``."""
    return client_at(kind, server, mode)


def client_at(kind: Kind, server: Server, mode: str, **options: Any) -> AnyClient:
    client = kind.client(server.url, mode, **options)
    client.set_credentials("ath_client_0", "ath_secret_0")
    client.set_token("ath_tk_0")
    if mode == "native":
        server.answer_next(service_document(f"{server.url}/api"))
        client.discover()
        server.clear()
    return client


def ask(
    client: AnyClient, method: str = "GET", path: str = "/x", *body: Any, **options: Any
) -> Any:
    """request() of either mode."""
    where = [client.provider] if client.mode == "gateway" else []
    answer = client.request(*where, method, path, *body, **options)
    assert isinstance(answer, Response)
    return answer


def test_an_answer_tells_all_that_came(at: AnyClient, server: Server) -> None:
    server.answer_next(
        {"a": 1}, 201, Link=LINK, X_Request_Id="r-7", X_RateLimit_Remaining="41", ETag='"e"'
    )
    answer = ask(at, "POST", "/x", {"b": 2}, params={"c": 3}, headers={"X-D": "4"})
    assert (answer.status_code, answer.is_success, answer.json()) == (201, True, {"a": 1})
    assert answer.content == b'{"a": 1}'
    assert answer.text == '{"a": 1}'
    assert answer.headers["etag"] == answer.headers["ETag"] == '"e"'
    assert answer.headers["X-RATELIMIT-REMAINING"] == "41"
    assert answer.request_id == "r-7"
    assert answer.links == {
        "next": "https://api.example/x?page=2", "last": "https://api.example/x?page=9"
    }  # fmt: skip
    assert timedelta(0) < answer.elapsed < timedelta(minutes=1)
    assert answer.raise_for_status() is answer
    [request] = server.requests
    assert (request.method, request.target[-6:], request.body) == ("POST", "/x?c=3", b'{"b":2}')
    assert request.headers["x-d"] == "4"


def test_all_values_of_a_header_can_be_had(at: AnyClient, server: Server) -> None:
    server.answer_all(raw_answer(b"{}", "Set-Cookie: a=1", "set-cookie: b=2"))
    answer = ask(at)
    assert answer.headers.get_list("Set-Cookie") == ["a=1", "b=2"]


def test_content_timeout_idempotent_and_retry_are_taken_as_proxy_takes_them(
    at: AnyClient, server: Server
) -> None:
    server.answer_next(lost=True)
    server.answer_next(b"done")
    answer = ask(at, "POST", "/x", content=b"raw", idempotent=True, timeout=20)
    assert answer.content == b"done"
    assert [request.body for request in server.requests] == [b"raw", b"raw"]
    server.answer_next({}, 503)
    assert ask(at, retry=None).status_code == 503


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"error": "bad"}),
        (401, b""),
        (403, "<h1>Forbidden</h1>"),
        (404, refusal("object_not_found")),
        (409, [1]),
        (422, {"errors": [1]}),
        (500, "oops"),
        (501, b"\x00\xff"),
        (300, b""),
        (302, b""),
    ],
)
def test_the_providers_own_errors_and_redirects_are_answers(
    at: AnyClient, server: Server, status: int, body: Any
) -> None:
    server.answer_next(body, status, Location="https://elsewhere.example/", X_Request_Id="r-1")
    answer = ask(at)
    assert (answer.status_code, answer.is_success) == (status, False)
    assert answer.headers["location"] == "https://elsewhere.example/"
    assert len(server.requests) == 1
    with raises_code("PROVIDER_ERROR", status) as caught:
        answer.raise_for_status()
    assert caught.value.response is answer
    assert caught.value.request_id == "r-1"


def test_what_proxy_raises_carries_the_same_answer(at: AnyClient, server: Server) -> None:
    server.answer_next({"why": "so"}, 422, Link=LINK, X_Request_Id="r-2")
    with raises_code("PROVIDER_ERROR", 422) as caught:
        at.call("GET", "/x")
    answer = caught.value.response
    assert answer is not None
    assert (answer.status_code, answer.json()) == (422, {"why": "so"})
    assert answer.links["next"] == "https://api.example/x?page=2"
    assert caught.value.details == {"status": 422, "body": {"why": "so"}}


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_the_last_answer_comes_after_the_repetitions_that_the_rules_allow(
    at: AnyClient, server: Server, status: int
) -> None:
    for number in range(3):
        server.answer_next({"number": number}, status)
    answer = ask(at)
    assert (answer.status_code, answer.json()) == (status, {"number": 2})
    assert len(server.requests) == 3


def test_an_answer_that_comes_right_at_last_is_that_answer(at: AnyClient, server: Server) -> None:
    server.answer_next({}, 503)
    server.answer_next({"a": 1})
    assert ask(at).json() == {"a": 1}


def test_a_write_that_failed_is_not_repeated(at: AnyClient, server: Server) -> None:
    server.answer_next({}, 503)
    assert ask(at, "POST", "/x", {}).status_code == 503
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("code", "status"),
    [("TOKEN_REVOKED", 401), ("SCOPE_NOT_APPROVED", 403), ("UPSTREAM_ERROR", 502),
     ("PROVIDER_NOT_CONFIGURED", 400), ("INTERNAL_ERROR", 500)],
)  # fmt: skip
def test_the_implementors_refusals_raise(
    at: AnyClient, server: Server, code: str, status: int
) -> None:
    server.answer_next(refusal(code), status)
    with raises_code(code, status) as caught:
        ask(at, retry=None)
    assert caught.value.source == "implementor"
    assert caught.value.response is None


def test_what_cannot_be_sent_raises(at: AnyClient, server: Server) -> None:
    with raises_code("INVALID_PATH"):
        ask(at, "GET", "/../x")
    with raises_code("INVALID_ARGUMENT"):
        ask(at, "GET", "/x", headers={"Host": "evil.example"})
    server.answer_next(lost=True)
    with raises_code("NETWORK_ERROR"):
        ask(at, retry=None)


def test_a_304_is_an_answer(at: AnyClient, server: Server) -> None:
    for _ in range(2):
        server.answer_next(b"", 304, ETag='"e"')
    answer = ask(at, headers={"If-None-Match": '"e"'})
    assert (answer.status_code, answer.content, answer.is_success) == (304, b"", False)
    assert answer.headers["etag"] == '"e"'
    assert at.call("GET", "/x", headers={"If-None-Match": '"e"'}) is None
    assert server.requests[-1].headers["if-none-match"] == '"e"'


def test_head_shows_its_headers(at: AnyClient, server: Server) -> None:
    for _ in range(2):
        server.answer_next(b"0123456789", 200, Content_Type="application/json", X_A="1")
    answer = ask(at, "HEAD")
    assert (answer.status_code, answer.content) == (200, b"")
    assert (answer.headers["content-length"], answer.headers["x-a"]) == ("10", "1")
    assert at.call("HEAD", "/x") is None


@pytest.mark.parametrize("status", [200, 201])
@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"<html>", {}),
        (b'{"id": 7', {}),
        (b"\xff\xfe\xfd", {}),
        (b"[" * 100_000, {}),
        (gzip.compress(b'{"a": 1}')[:-6], {"Content-Encoding": "gzip"}),
        (b"\x1f\x8bbroken", {"Content-Encoding": "gzip"}),
    ],
    ids=["html", "cut", "binary", "deep", "cut gzip", "broken gzip"],
)
def test_a_body_that_cannot_be_decoded_does_not_cost_the_outcome(
    at: AnyClient, server: Server, status: int, body: bytes, headers: dict[str, str]
) -> None:
    lines = [f"{name}: {value}" for name, value in headers.items()]
    server.answer_all(raw_answer(body, *lines, "X-Request-Id: r-3", status=status))
    with raises_code("INVALID_RESPONSE", status) as caught:
        at.call("POST", "/x", {"a": 1})
    error = caught.value
    assert error.details == {"status": status, "body": body}
    assert "The call itself succeeded." in error.message
    assert (error.source, error.retryable, error.request_id) == ("provider", False, "r-3")
    assert error.response is not None
    assert (error.response.status_code, error.response.content) == (status, body)
    assert len(server.requests) == 1
    answer = ask(at, "POST", "/x", {"a": 1})
    assert (answer.status_code, answer.content) == (status, body)
    assert isinstance(answer.text, str)
    with raises_code("INVALID_RESPONSE", status):
        answer.json()


def test_text_without_a_charset_is_text_all_the_same(at: AnyClient, server: Server) -> None:
    body = "<p>grün</p>".encode("latin-1")
    server.answer_all(raw_answer(body, media_type="text/html"))
    assert at.call("POST", "/x", {}) == "<p>gr\ufffdn</p>"
    assert ask(at).content == body
    server.answer_all(raw_answer(body, media_type="text/html; charset=latin-1"))
    assert at.call("POST", "/x", {}) == ask(at).text == "<p>grün</p>"


def test_an_error_whose_body_is_a_bomb_is_still_an_answer(at: AnyClient, server: Server) -> None:
    packed = gzip.compress(bytes(80_000_000))
    server.answer_all(raw_answer(packed, "Content-Encoding: gzip", status=500))
    assert ask(at).status_code == 500
    with raises_code("PROVIDER_ERROR", 500):
        at.call("GET", "/x")


def test_an_own_http_client_gives_the_same_answers(kind: Kind, server: Server, mode: str) -> None:
    with_httpx = client_at(kind, server, mode, http_client=kind.httpx_client())
    server.answer_all(raw_answer(b'{"a": 1}', "Set-Cookie: a=1", "Set-Cookie: b=2", status=404))
    answer = ask(with_httpx)
    assert (answer.status_code, answer.json()) == (404, {"a": 1})
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert answer.elapsed > timedelta(0)
    server.answer_all(raw_answer(gzip.compress(b"{}")[:-6], "Content-Encoding: gzip"))
    assert ask(with_httpx).status_code == 200


def test_elapsed_is_the_last_attempts(client: AnyClient, server: Server) -> None:
    server.answer_next({}, 503, Retry_After="1")
    server.answer_next({"a": 1})
    answer = ask(client, retry=RetryPolicy(base=0, jitter=False))
    assert answer.elapsed < timedelta(seconds=1)


def test_a_real_implementor_answers(world: World) -> None:
    client = world.ready()
    answer = ask(client, "GET", "/status/404")
    assert answer.status_code == 404
    assert answer.json()["message"] == "you asked for 404"
    assert ask(client, "GET", "/echo").raise_for_status().json()["method"] == "GET"


def test_a_view_makes_requests_for_its_user(kind: Kind, server: Server) -> None:
    client = client_at(kind, server, "gateway")
    view = client.for_user("alice")
    view.set_token("ath_tk_alice")
    server.answer_next({})
    ask(view)
    assert server.requests[-1].headers["authorization"] == "Bearer ath_tk_alice"


@pytest.mark.parametrize("call", ["proxy", "request"])
def test_what_a_provider_echoes_is_hidden_in_errors_and_shown_to_the_caller(
    kind: Kind, server: Server, call: str
) -> None:
    client = kind.client(server.url, headers={"X-Session": "session-4711"})
    client.set_token("ath_tk_secret")
    echo = b"got Bearer ath_tk_secret of session-4711"
    server.answer_all(raw_answer(echo, status=400, media_type="text/plain"))
    if call == "request":
        assert ask(client).content == echo
        return
    with raises_code("PROVIDER_ERROR", 400) as caught:
        client.call("GET", "/x")
    assert caught.value.response is not None
    assert caught.value.response.content == b"got Bearer [hidden] of [hidden]"
