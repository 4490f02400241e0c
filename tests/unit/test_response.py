"""An answer as a value: headers, text, links and what it raises, without a socket."""

from __future__ import annotations

import copy
import io
import pickle
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ath
from ath import ATHError, Response
from ath._http.events import Lines
from ath.response import _CHARSETS, Headers

from .support import error_of


def answer(status: int = 200, content: bytes = b"", *headers: tuple[str, str]) -> Response:
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    return Response(status, raw, content, "GET https://gateway.example", 1.5)


def test_a_headers_name_is_found_in_any_case() -> None:
    headers = answer(200, b"", ("X-Total", "7")).headers
    assert headers["x-total"] == headers["X-TOTAL"] == headers.get("X-Total") == "7"
    assert "x-TOTAL" in headers
    assert "x-other" not in headers
    assert headers.get("x-other") is None
    with pytest.raises(KeyError):
        headers["x-other"]


def test_all_values_of_a_name_come_in_their_order_and_joined() -> None:
    headers = answer(
        200, b"", ("Set-Cookie", "a=1"), ("X-A", "x"), ("SET-COOKIE", "b=2, c"), ("set-cookie", "")
    ).headers
    assert headers.get_list("Set-Cookie") == ["a=1", "b=2, c", ""]
    assert headers.get_list("x-a") == ["x"]
    assert headers.get_list("x-none") == []
    assert headers["set-cookie"] == "a=1, b=2, c, "
    assert (list(headers), len(headers)) == (["set-cookie", "x-a"], 2)
    assert dict(headers) == {"set-cookie": "a=1, b=2, c, ", "x-a": "x"}


def test_a_list_of_values_is_a_copy() -> None:
    headers = answer(200, b"", ("X-A", "x")).headers
    headers.get_list("x-a").append("y")
    assert headers.get_list("x-a") == ["x"]


def test_headers_are_mapped_once_and_when_first_asked_for() -> None:
    made = answer(200, b"{}", ("Content-Type", "application/json"))
    made.value()
    assert made._headers is None
    assert made.headers is made.headers


@given(st.lists(st.tuples(st.binary(max_size=9), st.binary(max_size=9))))
def test_any_bytes_are_headers(raw: list[tuple[bytes, bytes]]) -> None:
    headers = Headers(raw)
    assert sum(len(headers.get_list(name)) for name in headers) == len(raw)
    for name, value in raw:
        assert value.decode("latin-1") in headers.get_list(name.decode("latin-1"))


@pytest.mark.parametrize(
    ("status", "success"),
    [(200, True), (204, True), (299, True), (304, False), (404, False), (500, False)],
)
def test_a_2xx_is_a_success_and_anything_else_can_be_raised(status: int, success: bool) -> None:
    made = answer(status, b'{"why": "so"}', ("Content-Type", "application/json"))
    assert made.is_success is success
    if success:
        assert made.raise_for_status() is made
        return
    error = error_of(made.raise_for_status)
    assert (error.code, error.status, error.source) == ("PROVIDER_ERROR", status, "provider")
    assert error.details == {"status": status, "body": {"why": "so"}}
    assert error.response is made
    assert "GET https://gateway.example" in error.message


def test_an_answer_tells_how_long_it_took_and_what_it_is_called() -> None:
    made = answer(200, b"", ("X-Request-Id", "r-1"))
    assert made.elapsed == timedelta(seconds=1.5)
    assert made.request_id == "r-1"
    assert answer().request_id is None


@pytest.mark.parametrize(
    ("content_type", "content", "text"),
    [
        ("text/plain", "ä".encode(), "ä"),
        ("text/html", "ä<".encode("latin-1"), "\ufffd<"),
        ("text/html; charset=latin-1", "ä".encode("latin-1"), "ä"),
        ('TEXT/HTML; x=y; CharSet="ISO-8859-1"', "ä".encode("latin-1"), "ä"),
        ("text/plain; charset=windows-1252", "€".encode("cp1252"), "€"),
        ("text/plain; charset=utf-8", b"a\xffb", "a\ufffdb"),
        ("text/plain; charset=us-ascii", b"a\xffb", "a\ufffdb"),
        ("text/plain; charset=no-such", "ä".encode(), "ä"),
        ("text/plain; charset=rot13", b"abc", "abc"),
        ("text/plain; charset=hex", b"6161", "6161"),
        ("text/plain; charset", b"abc", "abc"),
        ("text/plain; charset=", b"abc", "abc"),
        ("", b"abc", "abc"),
        ("application/json", '"ä"'.encode(), '"ä"'),
        ("image/png", b"\x89PNG", "\ufffdPNG"),
    ],
)
def test_text_is_decoded_whatever_the_body_is(content_type: str, content: bytes, text: str) -> None:
    assert answer(200, content, ("Content-Type", content_type)).text == text
    assert answer(200, content).content == content


@pytest.mark.parametrize(
    "content", [b"a\r\nb\rc\n", bytes(range(256)), b"\xff\xfea\0\n\0", b"\x1b$)"]
)
def test_lines_are_those_of_the_text_in_every_charset(content: bytes) -> None:
    for name in sorted({*_CHARSETS, "undefined", "no-such"}):
        received = answer(200, content, ("Content-Type", f"text/x; charset={name}"))
        lines = Lines(received.charset, 1000)
        found = [*lines.feed(content[:1]), *lines.feed(content[1:]), *lines.feed(b"", final=True)]
        text = io.StringIO(received.text, newline=None)
        assert (name, found) == (name, [line.removesuffix("\n") for line in text])


@given(st.text(max_size=30), st.binary(max_size=60))
def test_any_bytes_have_a_text(charset: str, content: bytes) -> None:
    name = charset.encode("latin-1", "replace").decode("latin-1")
    assert isinstance(answer(200, content, ("Content-Type", f"text/x; charset={name}")).text, str)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000, b"1" * 5000, b"{}{}"])
@pytest.mark.parametrize("status", [201, 500])
def test_json_that_cannot_be_read_keeps_the_outcome(content: bytes, status: int) -> None:
    error = error_of(answer(status, content).json)
    assert (error.code, error.status, error.source) == ("INVALID_RESPONSE", status, "provider")
    assert error.details == {"status": status, "body": content}
    assert error.response is not None
    assert error.response.content == content
    assert ("The call itself succeeded." in error.message) is (status == 201)
    assert error.__cause__ is error.__context__ is None


def test_json_is_read_whatever_the_type_says() -> None:
    assert answer(404, b'{"a": [1]}', ("Content-Type", "text/html")).json() == {"a": [1]}


NEXT, LAST = "https://api.example/x?page=2", "https://api.example/x?page=9"


@pytest.mark.parametrize(
    ("values", "links"),
    [
        ([f'<{NEXT}>; rel="next", <{LAST}>; rel="last"'], {"next": NEXT, "last": LAST}),
        ([f"<{NEXT}>; rel=next,<{LAST}>;rel=last"], {"next": NEXT, "last": LAST}),
        ([f'<{NEXT}>; rel="next"', f'<{LAST}>; rel="last"'], {"next": NEXT, "last": LAST}),
        ([f'<{NEXT}>; rel="next prefetch  last"'], {"next": NEXT, "prefetch": NEXT, "last": NEXT}),
        ([f'<{NEXT}>; REL="Next"'], {"next": NEXT}),
        ([f'<{NEXT}> ; rel = "next"'], {"next": NEXT}),
        ([f'<{NEXT}>; title="a, b; rel=last <{LAST}>"; rel="next"'], {"next": NEXT}),
        ([f'<{NEXT}>; title="say \\"hi\\"; rel=last"; rel=next'], {"next": NEXT}),
        ([f"<{NEXT}>; crossorigin; rel=next; type=\"a/b\""], {"next": NEXT}),
        ([f'<{NEXT}>; rel="next"; rel="last"'], {"next": NEXT}),
        ([f"<{NEXT}>; rel=next, <{LAST}>; rel=next"], {"next": NEXT}),
        (["<https://api.example/x?a=1,2;b=3>; rel=next"], {"next": "https://api.example/x?a=1,2;b=3"}),
        (["</x?page=2>; rel=next"], {"next": "/x?page=2"}),
        (["<>; rel=self"], {"self": ""}),
        ([f'<{NEXT}>; rel="https://rels.example/Own"'], {"https://rels.example/own": NEXT}),
        ([f'<{NEXT}>; rel="n\\ext"'], {"next": NEXT}),
        ([f"<{NEXT}>"], {}),
        ([f'<{NEXT}>; rel=""'], {}),
        ([f'<{NEXT}>; relevant="next"'], {}),
        ([f'<{NEXT}>; rel="next'], {}),
        (["nonsense", "<", '<a; rel="next"', ""], {}),
        ([f", ,<{NEXT}>; rel=next, ,"], {"next": NEXT}),
        ([], {}),
    ],
)  # fmt: skip
def test_links_are_found_by_their_rel(values: list[str], links: dict[str, str]) -> None:
    assert answer(200, b"", *(("Link", value) for value in values)).links == links


@given(st.text('<>;,="\\ relnxt/', max_size=60))
def test_any_link_header_has_links_or_none(value: str) -> None:
    for rel, target in answer(200, b"", ("Link", value)).links.items():
        assert rel
        assert f"<{target}>" in value


def test_a_hostile_link_header_takes_no_time_to_speak_of() -> None:
    """Each of these took minutes if the patterns could match in more than one way."""
    for hostile in ('<a>;rel="' + "\\" * 60_000, "<a>" + ";" * 60_000, '<a>;x="' * 10_000,
                    "<" * 60_000, "<a>;" + " " * 60_000 + "=", '<a>"' * 15_001):  # fmt: skip
        assert isinstance(answer(200, b"", ("Link", hostile)).links, dict)


def test_nothing_of_an_answer_shows_in_its_repr() -> None:
    made = answer(200, b"canary-body", ("X-Canary", "canary-value"))
    assert repr(made) == "<Response 200, 11 bytes>"
    assert repr(made.headers) == "<Headers x-canary>"


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_an_answer_can_be_pickled_and_copied(protocol: int) -> None:
    made = answer(201, b"\xff\x00", ("Link", f"<{NEXT}>; rel=next"), ("X-Request-Id", "r"))
    for twin in (pickle.loads(pickle.dumps(made, protocol)), copy.copy(made), copy.deepcopy(made)):
        assert isinstance(twin, Response)
        assert told(twin) == told(made)


def test_an_error_takes_its_answer_along_when_pickled() -> None:
    error = error_of(answer(404, b"no", ("X-A", "1")).raise_for_status)
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert isinstance(twin, ATHError)
        assert twin.response is not None
        assert told(twin.response) == told(answer(404, b"no", ("X-A", "1")))


def told(made: Response) -> tuple[Any, ...]:
    return (made.status_code, dict(made.headers), made.content, made.text, made.is_success,
            made.elapsed, made.request_id, made.links, made.origin_label)  # fmt: skip


def test_the_class_is_public() -> None:
    assert ath.Response is Response
