"""Methods, queries, headers and bodies of calls to providers."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ath._http.messages import RawHeaders, Request
from ath._protocol.provider_request import prepare_request
from ath.errors import ATHError

from .support import BASE, error_of, json_values, options, outcome

STANDARD: RawHeaders = [(b"Host", b"gateway.example"), (b"Accept", b"*/*"), (b"X-Mine", b"1")]


def prepared(
    method: Any = "GET",
    path: Any = "/x",
    body: Any = None,
    params: Any = None,
    headers: Any = None,
    content: Any = None,
) -> Request:
    return prepare_request(
        BASE,
        "/p",
        STANDARD,
        [],
        options(method, path, body=body, params=params, headers=headers, content=content),
    )


def headers_of(request: Request) -> dict[str, str]:
    found = {name.decode().lower(): value.decode() for name, value in request.headers}
    assert len(found) == len(request.headers), "a header occurs twice"
    return found


@pytest.mark.parametrize(
    ("method", "sent"),
    [
        *((verb, verb) for verb in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")),
        ("get", "GET"),
        ("Post", "POST"),
        ("PROPFIND", "PROPFIND"),
    ],
)
def test_a_method_is_sent_in_capitals(method: str, sent: str) -> None:
    assert prepared(method).method == sent.encode()


@pytest.mark.parametrize(
    "method",
    [
        "", " ", "GET ", "GET /evil", "GET\r\nX: y", "G\0T", "GÉT", "CONNECT", "connect", "TRACE",
        "Trace", "A" * 33, "GET1", None, 7, b"GET", ["GET"], {"GET": 1}, {"GET"},
    ],
)  # fmt: skip
def test_a_method_that_is_none_or_not_for_providers_is_refused(method: Any) -> None:
    assert error_of(lambda: prepared(method)).code == "INVALID_ARGUMENT"


def test_the_query_of_the_path_and_the_params_both_arrive() -> None:
    target = prepared(path="/x?a=1&b=2", params={"b": 3, "c": ["x y", "z"]}).target
    assert target == b"/base/p/x?a=1&b=2&b=3&c=x%20y&c=z"


@pytest.mark.parametrize(
    ("params", "query"),
    [
        (None, b""),
        ({}, b""),
        ({"a": "b&c=d#e"}, b"?a=b%26c%3Dd%23e"),
        ({"a": True, "b": False, "c": None}, b"?a=true&b=false&c="),
        ({"a": 1.5, "b": -1}, b"?a=1.5&b=-1"),
        ({"a": ("x", 1, None)}, b"?a=x&a=1&a="),
        ({"a": []}, b"?"),
        ({"ä&": "ö"}, b"?%C3%A4%26=%C3%B6"),
        ({"a": "x\r\ny"}, b"?a=x%0D%0Ay"),
    ],
)
def test_params_are_written_as_servers_read_them(params: Any, query: bytes) -> None:
    assert prepared(params=params).target == b"/base/p/x" + query


@pytest.mark.parametrize(
    "params",
    [
        "a=b", b"a=b", [("a", "b")], 7, object(), {"a": {"b": 1}}, {"a": b"x"}, {"a": [[1]]},
        {"a": object()}, {"a": "\ud800"}, {"\ud800": "a"}, {"a": 10**5000}, {10**5000: "a"},
    ],
)  # fmt: skip
def test_params_that_have_no_query_are_refused(params: Any) -> None:
    error = error_of(lambda: prepared(params=params))
    assert error.code == "INVALID_ARGUMENT"
    assert error.__suppress_context__ or error.__context__ is None


def test_gigantic_params_are_refused() -> None:
    assert error_of(lambda: prepared(params={"a": "x" * 10**6})).code == "INVALID_PATH"


plain_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)


@given(
    st.dictionaries(plain_texts, plain_texts, max_size=3),
    st.dictionaries(plain_texts, plain_texts | st.lists(plain_texts), max_size=4),
)
def test_any_query_is_read_back_by_a_server(inline: dict[str, str], params: Any) -> None:
    path = "/x?" + "&".join(
        f"{name}={value}" for name, value in inline.items() if (name + value).isalnum()
    )
    target = prepared(path=path, params=params).target.decode()
    pairs = parse_qsl(target.partition("?")[2], keep_blank_values=True)
    wanted = [(name, value) for name, value in inline.items() if (name + value).isalnum()]
    for name, value in params.items():
        wanted += [(name, item) for item in (value if isinstance(value, list) else [value])]
    # An empty name with an empty value is what a server drops.
    assert [p for p in pairs if p != ("", "")] == [w for w in wanted if w != ("", "")]


def test_a_calls_headers_replace_the_clients_whatever_their_case() -> None:
    found = headers_of(prepared(headers={"accept": "text/csv", "X-New": "2", "x-mine": "3"}))
    assert found == {"host": "gateway.example", "accept": "text/csv", "x-new": "2", "x-mine": "3"}
    assert STANDARD[1] == (b"Accept", b"*/*")  # the client's own list is not touched


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer x"}, {"X-ATH-Agent-ID": "x"}, {"X-ATH-User-Token": "x"},
        {"Host": "evil.example"}, {"Content-Length": "0"}, {"Transfer-Encoding": "chunked"},
        {"A": "b\r\nC: d"}, {"A\r\nB": "c"}, "A: b", 7,
    ],
)  # fmt: skip
def test_a_call_cannot_set_what_the_client_sets_or_split_the_request(headers: Any) -> None:
    assert error_of(lambda: prepared(headers=headers)).code == "INVALID_ARGUMENT"


@pytest.mark.parametrize("body", [{}, [], {"a": "ä"}, "text", 0, 1.5, True, False, ""])
def test_a_body_is_sent_as_json_with_its_length(body: Any) -> None:
    request = prepared("POST", body=body)
    assert json.loads(request.content) == body
    found = headers_of(request)
    assert found["content-type"] == "application/json"
    assert found["content-length"] == str(len(request.content))


@given(json_values)
def test_any_json_body_is_sent_as_it_is_or_refused(body: Any) -> None:
    request = outcome(lambda: prepared("PUT", body=body))
    if isinstance(request, ATHError):
        assert request.code == "INVALID_ARGUMENT"
    elif body is not None:
        assert json.loads(request.content) == body


def circular() -> list[Any]:
    items: list[Any] = []
    items.append(items)
    return items


def deep() -> list[Any]:
    items: list[Any] = []
    for _ in range(100_000):
        items = [items]
    return items


@pytest.mark.parametrize(
    "body",
    [b"bytes", {1, 2}, object(), float("nan"), {"a": float("inf")}, "\ud800", {(1, 2): 3},
     circular(), {"a": 10**5000}],
)  # fmt: skip
def test_a_body_that_is_no_json_is_refused(body: Any) -> None:
    error = error_of(lambda: prepared("POST", body=body))
    assert error.code == "INVALID_ARGUMENT"
    assert "content=" in error.message


def test_a_body_too_deep_for_json_is_refused() -> None:
    assert error_of(lambda: prepared("POST", body=deep())).code == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    ("content", "sent", "kind"),
    [
        (b"\x00\xff", b"\x00\xff", "application/octet-stream"),
        (bytearray(b"ab"), b"ab", "application/octet-stream"),
        (memoryview(b"abcd")[::2], b"ac", "application/octet-stream"),
        ("ä", "ä".encode(), "text/plain; charset=utf-8"),
        (b"", b"", "application/octet-stream"),
        ("", b"", "text/plain; charset=utf-8"),
    ],
)
def test_content_is_sent_as_it_is(content: Any, sent: bytes, kind: str) -> None:
    request = prepared("POST", content=content)
    assert request.content == sent
    assert headers_of(request)["content-type"] == kind
    assert headers_of(request)["content-length"] == str(len(sent))


def test_a_content_type_of_ones_own_is_kept() -> None:
    request = prepared("POST", content="a,b", headers={"content-TYPE": "text/csv"})
    assert headers_of(request)["content-type"] == "text/csv"


@pytest.mark.parametrize("other", ["Accept", "X-Mine"])
def test_another_header_of_a_call_does_not_take_the_content_types_place(other: str) -> None:
    found = headers_of(prepared("POST", body={}, headers={other: "a"}))
    assert found["content-type"] == "application/json"
    assert found[other.lower()] == "a"


def test_text_that_is_no_unicode_is_refused_with_that_reason() -> None:
    error = error_of(lambda: prepared("POST", content="\ud800"))
    assert "Unicode" in error.message
    assert error.__context__ is None or error.__suppress_context__


@pytest.mark.parametrize("content", [7, ["x"], object(), "\ud800", {"a": 1}, iter([b"x"])])
def test_content_that_is_neither_bytes_nor_text_is_refused(content: Any) -> None:
    assert error_of(lambda: prepared("POST", content=content)).code == "INVALID_ARGUMENT"


def test_body_and_content_exclude_each_other() -> None:
    error = error_of(lambda: prepared("POST", body={}, content=b""))
    assert error.code == "INVALID_ARGUMENT"


@pytest.mark.parametrize("method", ["GET", "HEAD", "get", "head"])
@pytest.mark.parametrize("body", [{"body": {}}, {"body": False}, {"content": b""}])
def test_get_and_head_carry_no_body(method: str, body: dict[str, Any]) -> None:
    assert error_of(lambda: prepared(method, **body)).code == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    ("method", "length"),
    [("GET", None), ("HEAD", None), ("OPTIONS", None), ("DELETE", None),
     ("POST", "0"), ("PUT", "0"), ("PATCH", "0")],
)  # fmt: skip
def test_a_length_is_told_where_a_body_is_to_be_expected(method: str, length: str | None) -> None:
    found = headers_of(prepared(method))
    assert found.get("content-length") == length
    assert "content-type" not in found


def test_nothing_of_a_request_shows_in_its_repr() -> None:
    request = prepared("POST", body={"card": "canary"}, headers={"X-Secret": "canary"})
    request.secrets = ("canary",)
    assert "canary" not in repr(request)
    assert request.origin_label == "POST https://gateway.example"
