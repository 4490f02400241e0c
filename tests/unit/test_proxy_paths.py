"""Paths and providers that a language model may have chosen: below the base, or refused."""

from __future__ import annotations

import re
import unicodedata
from typing import Any
from urllib.parse import unquote, unquote_to_bytes

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ath._http.messages import Request, parse_base
from ath._protocol import provider_request
from ath._protocol.provider_request import MAX_TARGET, encode_provider, prepare_request
from ath.errors import ATHError

from .support import BASE, error_of, options, outcome

PREFIX = "/ath/proxy/shop"
BELOW = b"/base/ath/proxy/shop/"


def target_of(path: Any, params: Any = None, provider: str | None = None) -> bytes:
    prefix = PREFIX if provider is None else f"/ath/proxy/{encode_provider(provider)}"
    return prepare_request(BASE, prefix, [], [], options(path=path, params=params)).target


@pytest.mark.parametrize(
    "path",
    [
        "/", "/user", "/user/", "/user/repos", "/a.b/c-d_e~f", "/v1.2/x", "/@me/repos", "/a:b",
        "/a=b&c$d!e'f(g)h*i+j,k", "/x?y=1", "/x?y=1&z=2&y=3", "/x?", "/x?next=/a/../b", "/a//b",
        "/x?u=https://evil.example/", "/%20/%C3%A4", "/a%2Fb", "/a;v=1/b", "/...", "/a..b/..c/d..",
        "/x?q=%0d%0a", "/x?q=[1]|2", "/a%25b", "/-", "/.well-known/x", "/.hidden",
    ],
)  # fmt: skip
def test_a_plain_path_arrives_unchanged(path: str) -> None:
    assert target_of(path) == b"/base" + f"{PREFIX}{path}".encode()


@pytest.mark.parametrize(
    ("path", "arrives"),
    [
        ("", "/"),
        ("user", "/user"),
        ("user/repos?x=1", "/user/repos?x=1"),
        ("?x=1", "/?x=1"),
        ("/a b", "/a%20b"),
        ("/ä/ö?ü=ß", "/%C3%A4/%C3%B6?%C3%BC=%C3%9F"),
        ("/日本", "/%E6%97%A5%E6%9C%AC"),
        ('/a"<>^`{|}', "/a%22%3C%3E%5E%60%7B%7C%7D"),
        ("/x?q=a b", "/x?q=a%20b"),
        ("/x?q=100%", "/x?q=100%25"),
        ("/x?q=%zz&r=%41", "/x?q=%25zz&r=%41"),
        ('/x?q="<>', "/x?q=%22%3C%3E"),
        ("/x?a=?", "/x?a=?"),
    ],
)
def test_other_characters_are_encoded_and_a_missing_slash_is_added(path: str, arrives: str) -> None:
    assert target_of(path) == b"/base" + f"{PREFIX}{arrives}".encode()


TRICKS = [
    # somewhere else altogether
    "https://evil.example/", "http://evil.example", "HTTPS://evil.example", "ftp://x", "x://y",
    "file:///etc/passwd", "//evil.example", "//evil.example/a", "///evil.example", "/https://evil",
    "//https://evil", "\\\\evil.example", "/\\evil.example", "\\/evil", "https:\\\\evil.example",
    # up and out
    "..", "../x", "/..", "/../x", "/a/../../x", "/a/..", "/.", "/./x", "/a/./b", "/a/../b", "./x",
    # the same, encoded
    "/%2e%2e/x", "/%2E%2E/x", "/.%2e/x", "/%2e./x", "/a/%2e%2e", "/%2e/x", "/..%2fx", "/%2e%2e%2fx",
    "/a%2f..%2fb", "/a%2F%2E%2E%2Fb", "/a/%2e%2e%5cb", "/..%5c..%5cx", "/a%5c..", "/%5c",
    # and again
    "/%252e%252e/x", "/%25252e%25252e/x", "/..%252fx", "/%252e%252e%252fx", "/%25%32%65%25%32%65/x",
    "/a%252f%252e%252e%252fb", "/%255c..", "/%2525255c",
    # what other servers make of it
    "/..;/x", "/..;v=1/x", "/%2e%2e;/x", "/..%3b/x", "/..%3Bv/x", "/.;/x", "/..%3fx", "/..%23x",
    "/..%20/x", "/%20../x", "/.. /x", "/..%09/x", "/..%00/x", "/..%0d%0a/x", "/..%c2%a0/x",
    "/..%c0%af/x", "/%c0%ae%c0%ae/x", "/%e0%80%ae", "/%u002e%u002e/x", "/..%ff/x", "/%ff",
    # letters that look and normalise like dots and slashes
    "/\uff0e\uff0e/x", "/\u2024\u2024/x", "/\u2025/x", "/%EF%BC%8E%EF%BC%8E/x",
    "/a\uff0f\uff0e\uff0e\uff0fx", "/a\uff0f..\uff0fx", "/..\uff0fx", "/..%EF%BC%8Fx",
    "/a\uff3c..\uff3cx", "/..\uff3cx", "/%EF%BC%BC", "/\uff052e\uff052e/x",
    "/%EF%BC%852e%EF%BC%852e",
    "/..\uff1b/x", "/..\uff1fx",
    # another request, or another part of this one
    "/a\r\nX-Evil: 1", "/a\n", "/a\0", "/a\tb", "/\x7f", "/a%0d%0aX-Evil:%201", "/a%00", "/a%7f",
    "/a#b", "#", "/a?b#c", "/a?b\n", "/a?b\\c", "/a HTTP/1.1\r\nHost: evil",
    # escapes that are none
    "/%", "/%2", "/%zz", "/a%", "/%%2e", "/%%32%65%%32%65/",
    "/\ud800", "/a?\udfff", "/%2e\ud800",
]  # fmt: skip


@pytest.mark.parametrize("path", TRICKS)
def test_a_known_trick_is_refused(path: str) -> None:
    error = error_of(lambda: target_of(path))
    assert error.code == "INVALID_PATH"
    assert error.status is None
    assert error.__cause__ is None


@pytest.mark.parametrize("path", [None, 7, b"/user", ["/user"], {"path": "/user"}])
def test_a_path_that_is_no_text_is_refused(path: Any) -> None:
    assert error_of(lambda: target_of(path)).code == "INVALID_PATH"


def decodings(target: bytes) -> list[str]:
    """What a server may read after decoding once, twice, …, also with letters normalised."""
    found = [target.decode("ascii")]
    while len(found) < 10:
        text = unicodedata.normalize("NFKC", unquote(found[-1], errors="replace"))
        if text == found[-1]:
            break
        found.append(text)
    return found


def assert_below(target: bytes, start: bytes = BELOW) -> None:
    assert target.startswith(start)
    assert re.fullmatch(rb"[!-~]+", target)
    assert b"#" not in target
    route = target.partition(b"?")[0]
    assert b"//" not in route[: len(start)]
    for reading in decodings(route):
        assert not re.search(r"[\x00-\x1f\x7f\\]", reading)
        # Some cut parameters, queries and fragments off a segment before they look at it.
        names = [re.split(r"[;?#]", part)[0].strip() for part in reading.split("/")]
        assert ".." not in names
        assert "." not in names


PIECES = st.sampled_from(
    [
        "/", ".", "..", "%", "%2e", "%2E", "%2f", "%5c", "%25", "25", "2e", "2f", ";", "?", "#",
        "\\",
        ":", "//", "@", " ", "%20", "%00", "\n", "\t", "a", "user", "http:", "\uff0e", "\uff0f",
        "\uff3c", "\uff05", "\u2024", "\u2025", "\u2026", "%c0%ae", "%ef%bc%8e", "%ef%bc%8f", "ä",
        "\ud800", "&", "=", "%zz", "\u200b", "%c3%a4", "+", "~", "|", "[", "]", "\u3000", "\u2100",
    ]
)  # fmt: skip
PATHS = st.lists(PIECES, max_size=12).map("".join) | st.text(max_size=40)


@given(PATHS)
@example("/%" + "25" * 8 + "2e./x")
def test_any_path_stays_below_the_provider_or_is_refused(path: str) -> None:
    target = outcome(lambda: target_of(path))
    if isinstance(target, ATHError):
        assert target.code == "INVALID_PATH"
    else:
        assert_below(target)


@given(PATHS)
def test_any_path_stays_below_a_native_services_api_or_is_refused(path: str) -> None:
    request = outcome(lambda: prepare_request(BASE, "", [], [], options(path=path)))
    if isinstance(request, Request):
        assert_below(request.target, b"/base/")
    else:
        assert request.code == "INVALID_PATH"


@given(st.text(max_size=30))
def test_text_that_is_refused_for_nothing_comes_back_by_decoding(text: str) -> None:
    target = outcome(lambda: target_of(f"/x{text}"))
    if isinstance(target, bytes) and "%" not in text:
        assert unquote_to_bytes(target[len(BELOW) :]) == f"x{text}".encode()


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/%" + "25" * 30_000, id="a percent sign, encoded 30,000 times"),
        pytest.param("/%" + "25" * 30_000 + "2e%2e", id="a dot, encoded 30,000 times"),
        pytest.param("/" + "a/" * MAX_TARGET, id="many segments"),
        pytest.param("/" + "a" * MAX_TARGET, id="a long segment"),
        pytest.param("/" + "ä" * (MAX_TARGET // 6), id="long once encoded"),
        pytest.param("/?" + "a=b&" * MAX_TARGET, id="a long query"),
        pytest.param("/" + "." * MAX_TARGET, id="dots"),
        pytest.param("?" * 10_000_000, id="ten million question marks"),
    ],
)
def test_a_gigantic_path_is_refused(path: str) -> None:
    assert error_of(lambda: target_of(path)).code == "INVALID_PATH"


def test_deep_escapes_are_refused_before_they_cost_anything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:

    rounds: list[int] = []

    def counted(part: str) -> bytes:
        rounds.append(len(part))
        return unquote_to_bytes(part)

    monkeypatch.setattr(provider_request, "unquote_to_bytes", counted)
    error_of(lambda: target_of("/%" + "25" * 30_000))
    assert len(rounds) <= 10


@pytest.mark.parametrize("path", ["/ä" + "a" * MAX_TARGET, "/x?" + "%" * MAX_TARGET])
def test_a_gigantic_path_is_refused_before_it_is_encoded(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:

    monkeypatch.delattr(provider_request, "quote")
    assert error_of(lambda: target_of(path)).code == "INVALID_PATH"


def test_a_path_that_fills_a_target_alone_is_taken() -> None:
    path = "/?" + "a" * (MAX_TARGET - 2)
    bare = parse_base("https://service.example", "url")
    assert prepare_request(bare, "", [], [], options(path=path)).target == path.encode()


def test_the_longest_path_that_is_taken_and_the_first_that_is_not() -> None:
    room = MAX_TARGET - len(BELOW)
    assert len(target_of("/" + "a" * room)) == MAX_TARGET
    assert error_of(lambda: target_of("/" + "a" * (room + 1))).code == "INVALID_PATH"


@pytest.mark.parametrize(
    ("provider", "written"),
    [
        ("shop", "shop"),
        ("code-host_2", "code-host_2"),
        ("a.b", "a.b"),
        ("com.example:shop", "com.example:shop"),
        ("a@b", "a@b"),
        (".hidden", ".hidden"),
        ("...", "..."),
        ("überladen", "%C3%BCberladen"),
        ("店", "%E5%BA%97"),
        ("a|b", "a%7Cb"),
    ],
)
def test_a_provider_is_one_segment(provider: str, written: str) -> None:
    assert target_of("/x", provider=provider) == f"/base/ath/proxy/{written}/x".encode()


@pytest.mark.parametrize(
    "provider",
    [
        "", ".", "..", "a/b", "../admin", "shop/..", "a\\b", "a%2fb", "%2e%2e", "shop?x", "shop#x",
        "shop;v", "..;", "a b", " ", "a\n", "shop\r\nX: y", "\0", "\x7f", "\uff0e\uff0e", "\u2025",
        "\uff0e\uff0e\uff0fadmin", "a\uff0fb", "..\uff3cx", "\uff052e", "a\uff1fb", "\ud800", " ..",
        None, 7, b"shop", ["shop"], {},
    ],
)  # fmt: skip
def test_a_provider_that_is_no_segment_is_refused(provider: Any) -> None:
    assert error_of(lambda: encode_provider(provider)).code == "INVALID_ARGUMENT"


@given(PATHS)
def test_any_provider_is_one_segment_or_refused(provider: str) -> None:
    written = outcome(lambda: encode_provider(provider))
    if isinstance(written, ATHError):
        assert written.code == "INVALID_ARGUMENT"
    else:
        assert unquote(written) == provider
        for reading in decodings(written.encode("ascii")):
            assert reading.strip() not in (".", "..")
            assert reading
            assert not re.search(r"[/\\?#;%\x00-\x1f\x7f]", reading) or reading == written
