"""Base URLs and headers: what is taken, what is refused, and how it is written."""

from __future__ import annotations

import re
from dataclasses import astuple
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ath._http.messages import Base, encode_json, merge_headers, parse_base
from ath._protocol.arguments import encode_call_headers, encode_headers
from ath.errors import ATHError

from .support import error_of, outcome, reply


@pytest.mark.parametrize(
    ("url", "base", "host_header"),
    [
        (
            "https://g.example",
            Base("https://g.example", "https", "g.example", 443, ""),
            b"g.example",
        ),
        (
            "https://g.example/",
            Base("https://g.example", "https", "g.example", 443, ""),
            b"g.example",
        ),
        (
            "https://g.example/a/b//",
            Base("https://g.example/a/b", "https", "g.example", 443, "/a/b"),
            b"g.example",
        ),
        (
            "http://127.0.0.1:8080/x",
            Base("http://127.0.0.1:8080/x", "http", "127.0.0.1", 8080, "/x"),
            b"127.0.0.1:8080",
        ),
        (
            "http://[::1]:8080",
            Base("http://[::1]:8080", "http", "::1", 8080, ""),
            b"[::1]:8080",
        ),
        ("https://[::1]", Base("https://[::1]", "https", "::1", 443, ""), b"[::1]"),
        (
            "https://G.Example:443/P",
            Base("https://G.Example:443/P", "https", "g.example", 443, "/P"),
            b"g.example",
        ),
        (
            "http://g.example:443",
            Base("http://g.example:443", "http", "g.example", 443, ""),
            b"g.example:443",
        ),
        (
            "https://g.example:80",
            Base("https://g.example:80", "https", "g.example", 80, ""),
            b"g.example:80",
        ),
        ("http://g.example", Base("http://g.example", "http", "g.example", 80, ""), b"g.example"),
        (
            "https://bücher.example",
            Base("https://bücher.example", "https", "xn--bcher-kva.example", 443, ""),
            b"xn--bcher-kva.example",
        ),
        (
            "https://g.example/%7Eme",
            Base("https://g.example/%7Eme", "https", "g.example", 443, "/%7Eme"),
            b"g.example",
        ),
    ],
)
def test_a_base_is_read_and_normalised_once(url: str, base: Base, host_header: bytes) -> None:
    assert astuple(parse_base(url, "url")) == astuple(base)
    assert base.host_header == host_header
    assert base.origin == (base.scheme, base.host, base.port)


@pytest.mark.parametrize(
    "url",
    [
        None, 7, b"https://g.example", "", " ", "g.example", "//g.example", "/path", "https:",
        "https://", "https:///x", "ftp://g.example", "file:///etc/passwd", "javascript:alert(1)",
        "https://u@g.example", "https://u:p@g.example", "https://@g.example",
        "https://g.example?x=1", "https://g.example/?", "https://g.example#f", "https://g.example#",
        "https://g.example:port", "https://g.example:99999", "https://g.example:-1",
        "https://g.example\\@evil.example", "https://g.example/\\x", "https://g.ex ample",
        "https://g.example/\n", "\thttps://g.example", "https://g.example\r\nX: y",
        "https://g.example/\x7f", "https://[::1", "https://::1]", "https://[g.example]",
        "https://g.example/ä", "https://a..b", "https://" + "a" * 64 + ".example",
        "https://\ud800.example", "https://g.example/\ud800", "https://g\u2100.example",
        "https://g\u3000example", "https://g.example\uff3cevil", "https://g<x>.example",
    ],
)  # fmt: skip
def test_what_is_no_base_is_refused_under_its_name(url: Any) -> None:
    error = error_of(lambda: parse_base(url, "agent_id"))
    assert error.code == "INVALID_ARGUMENT"
    assert error.message.startswith("agent_id ")
    assert error.__cause__ is None


def test_a_password_in_a_url_is_not_repeated() -> None:
    error = error_of(lambda: parse_base("https://me:canary@g.example", "url"))
    assert error.code == "INVALID_ARGUMENT"
    assert "canary" not in f"{error} {error!r}"


@given(st.text() | st.text().map("https://".__add__))
def test_any_text_is_a_base_or_refused(url: str) -> None:
    base = outcome(lambda: parse_base(url, "url"))
    if isinstance(base, Base):
        assert base.scheme in ("http", "https")
        assert base.host
        assert base.host_header
        assert 0 <= base.port < 65_536
        assert not base.path.endswith("/")
        assert base.path.isascii()
        assert not re.search(r"[\x00-\x20\x7f?#\\]", base.host + base.path)


@pytest.mark.parametrize(
    ("url", "exposed"),
    [
        ("https://g.example", False),
        ("http://g.example", True),
        ("http://localhost:1", False),
        ("http://api.localhost", False),
        ("http://127.0.0.1", False),
        ("http://127.9.9.9", False),
        ("http://127.0.0.255", False),
        ("http://128.0.0.1", True),
        ("http://127.0.1", True),
        ("http://[::2]", True),
        ("http://[::1]", False),
        ("http://192.168.0.1", True),
        ("http://[fe80::1]", True),
        ("http://localhost.evil.example", True),
        ("http://127.0.0.1.evil.example", True),
        ("http://notlocalhost", True),
        ("http://0.0.0.0", True),
    ],
)
def test_plain_http_is_exposed_beyond_this_machine(url: str, exposed: bool) -> None:
    base = parse_base(url, "url")
    assert base.is_plaintext is exposed
    assert base.is_loopback is (not exposed and base.scheme == "http")


@pytest.mark.parametrize(
    ("headers", "raw"),
    [
        (None, []),
        ({}, []),
        ({"X-A": "1"}, [(b"X-A", b"1")]),
        ({"X-A": "  1\t"}, [(b"X-A", b"1")]),
        ({"x-empty": ""}, [(b"x-empty", b"")]),
        ([("A", "1"), ("A", "2")], [(b"A", b"1"), (b"A", b"2")]),
        ({"X-ATH-User-Token": "t"}, [(b"X-ATH-User-Token", b"t")]),
    ],
)
def test_headers_come_out_as_they_are_sent(headers: Any, raw: list[tuple[bytes, bytes]]) -> None:
    assert encode_headers(headers) == raw


@pytest.mark.parametrize(
    "name",
    [
        "Authorization", "HOST", "Content-Length", "transfer-encoding", "Connection", "TE",
        "X-ATH-Agent-ID", "x-ath-agent-id", "Accept-Encoding", "Proxy-Authorization", "Upgrade",
        "Expect", "Trailer", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate",
    ],
)  # fmt: skip
def test_what_the_client_sets_itself_is_refused_and_named(name: str) -> None:
    error = error_of(lambda: encode_headers({name: "canary"}))
    assert error.code == "INVALID_ARGUMENT"
    assert name in error.message
    assert "canary" not in str(error)


@pytest.mark.parametrize("name", ["X-ATH-User-Token", "x-ath-anything"])
def test_a_call_sets_no_header_of_the_protocol(name: str) -> None:
    assert error_of(lambda: encode_call_headers({name: "x"}, [])).code == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    "headers",
    [
        {"": "x"}, {"A B": "x"}, {"A:": "x"}, {"A\n": "x"}, {"A\r\nB": "x"}, {"Ä": "x"},
        {b"A": "x"}, {1: "x"}, {None: "x"},
        {"A": "x\n"}, {"A": "x\r\nB: y"}, {"A": "\0"}, {"A": "\x7f"}, {"A": "ä"}, {"A": "\ud800"},
        {"A": b"x"}, {"A": 1}, {"A": None}, {"A": ["x"]},
        "A: x", b"A: x", 7, ["A"], ["AB", "CD:"], [("A",)], [("A", "B", "C")], [7], object(),
    ],
)  # fmt: skip
def test_headers_that_cannot_be_sent_are_refused(headers: Any) -> None:
    assert error_of(lambda: encode_headers(headers)).code == "INVALID_ARGUMENT"


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=8)))
def test_no_header_splits_a_request(headers: dict[str, str]) -> None:
    raw = outcome(lambda: encode_headers(headers))
    for name, value in [] if isinstance(raw, ATHError) else raw:
        assert re.fullmatch(rb"[!-9;-~]+", name)
        assert re.fullmatch(rb"[\t -~]*", value)


def test_merging_lets_the_second_win_whatever_the_case() -> None:
    first = [(b"Accept", b"*/*"), (b"X-A", b"1")]
    assert merge_headers(first, [(b"ACCEPT", b"text/html"), (b"X-B", b"2")]) == [
        (b"X-A", b"1"),
        (b"ACCEPT", b"text/html"),
        (b"X-B", b"2"),
    ]
    assert merge_headers(first, []) == first
    assert merge_headers([], first) == first


def test_the_first_header_of_a_name_counts_whatever_its_case() -> None:
    answer = reply()
    answer.headers = [(b"Date", b"one"), (b"DATE", b"two"), (b"X", "ä".encode("latin-1"))]
    assert answer.header(b"date") == "one"
    assert answer.header(b"x") == "ä"
    for name in (b"y", b"a", b"dat", b"dates"):
        assert answer.header(name) is None


def test_nothing_of_a_reply_shows_in_its_repr() -> None:
    assert "canary" not in repr(reply(200, b"canary-body", set_cookie="canary"))


@pytest.mark.parametrize(
    ("status", "ok"),
    [
        (100, False),
        (199, False),
        (200, True),
        (204, True),
        (299, True),
        (300, False),
        (301, False),
        (404, False),
        (500, False),
        (999, False),
    ],
)
def test_any_2xx_is_a_success(status: int, ok: bool) -> None:
    assert reply(status).ok is ok


def test_json_is_compact_utf8_without_what_json_does_not_have() -> None:
    assert encode_json({"a": [1, "ä"]}) == '{"a":[1,"ä"]}'.encode()
    for value in (float("nan"), float("inf"), "\ud800", {1, 2}, b"x"):
        with pytest.raises((TypeError, ValueError)):
            encode_json(value)
