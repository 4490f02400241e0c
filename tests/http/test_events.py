"""Lines and server-sent events: bytes in, values out."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ath._http.events import Events, Lines, ServerSentEvent
from ath.errors import ATHError

LIMIT = 1000
EVENTS = (
    b"\xef\xbb\xbf: a comment\r\n"
    b"data: first\n\n"
    b"event: named\rdata:one\rdata: two\r\r"
    b"id: 7\ndata\n\n"
    b"event: without data\n\n"
    b"id: a\0b\nretry: 10\nunknown: x\ndata:  spaced \xe2\x82\xac\r\n\r\n"
    b"data: cut short\n"
)
FOUND = [
    ServerSentEvent("message", "first", ""),
    ServerSentEvent("named", "one\ntwo", ""),
    ServerSentEvent("message", "", "7"),
    ServerSentEvent("message", " spaced €", "7"),
]


def lines_of(*pieces: bytes, charset: str = "utf-8") -> list[str]:
    lines = Lines(charset, LIMIT)
    found = [line for piece in pieces for line in lines.feed(piece)]
    return [*found, *lines.feed(b"", final=True)]


def events_of(*pieces: bytes) -> list[ServerSentEvent]:
    events = Events(LIMIT)
    return [event for piece in pieces for event in events.feed(piece)]


def test_events_are_read_by_the_rules_of_the_specification() -> None:
    assert events_of(EVENTS) == FOUND


@given(st.lists(st.integers(0, len(EVENTS)), max_size=12))
def test_it_does_not_matter_how_events_are_cut(places: list[int]) -> None:
    cuts = sorted({0, *places, len(EVENTS)})
    assert events_of(*(EVENTS[a:b] for a, b in pairwise(cuts))) == FOUND


def test_an_event_comes_as_soon_as_its_empty_line_has_begun() -> None:
    events = Events(LIMIT)
    assert list(events.feed(b"data: x\r\n\r")) == [ServerSentEvent("message", "x", "")]
    assert list(events.feed(b"\ndata: y\r\n\r\n")) == [ServerSentEvent("message", "y", "")]


@pytest.mark.parametrize(
    "endless",
    [b"data: " + b"x" * 300, b"data: " + b"x" * 300 + b"\n", b"event: " + b"x" * 300, b": x" * 100],
)
def test_an_event_without_end_is_refused(endless: bytes) -> None:
    with pytest.raises(ATHError) as caught:
        events_of(*[endless] * 10)
    assert caught.value.code == "RESPONSE_TOO_LARGE"


def test_events_of_any_number_pass() -> None:
    assert len(events_of(*[b"data: " + b"x" * 300 + b"\n\n"] * 50)) == 50


def test_lines_end_with_cr_lf_or_both_and_nothing_else() -> None:
    text = 'a\nb\rc\r\n\n{"x": "\u2028\x0b\x85"}\nlast'
    assert lines_of(text.encode()) == ["a", "b", "c", "", '{"x": "\u2028\x0b\x85"}', "last"]


@given(st.text(st.sampled_from("ab€\r\n"), max_size=30), st.lists(st.integers(0, 60), max_size=8))
def test_it_does_not_matter_how_lines_are_cut(text: str, places: list[int]) -> None:
    data = text.encode()
    cuts = sorted({0, *(min(place, len(data)) for place in places), len(data)})
    found = lines_of(*(data[a:b] for a, b in pairwise(cuts)))
    plain = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    assert found == (plain if plain[-1] else plain[:-1])


def test_lines_are_read_in_their_charset_and_what_does_not_fit_is_replaced() -> None:
    assert lines_of("ü\nß".encode("latin-1"), charset="latin-1") == ["ü", "ß"]
    assert lines_of(b"a\xff\nb\xe2\x82") == ["a\ufffd", "b\ufffd"]
    assert lines_of("é\n".encode("utf-16"), charset="utf-16") == ["é"]


def test_a_line_without_end_is_refused() -> None:
    with pytest.raises(ATHError) as caught:
        lines_of(*[b"x" * 300] * 4)
    assert caught.value.code == "RESPONSE_TOO_LARGE"
