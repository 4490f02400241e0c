"""Content encodings taken off piece by piece: the same as at once, in little memory."""

from __future__ import annotations

import gzip
import random
import zlib
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ath._http.decoding import Decoder
from ath._http.messages import Reply
from ath._protocol.bodies import decompress
from ath.errors import ATHError

LETTERS = random.Random(7).randbytes(1_000_000)
ENCODINGS = ["gzip", "x-gzip", "deflate", "br", "GZIP ", None]
BODIES = st.one_of(
    st.binary(max_size=200),
    st.binary(max_size=200).map(gzip.compress),
    st.binary(max_size=200).map(zlib.compress),
    st.binary(max_size=200).map(lambda data: gzip.compress(data)[:-1]),
    st.binary(max_size=200).map(lambda data: gzip.compress(data) + b"after"),
    st.binary(max_size=200).map(lambda data: gzip.compress(data) * 2),
    st.binary(max_size=200).map(lambda data: gzip.compress(data) * 2 + b"\x1f"),
    st.binary(max_size=200).map(lambda data: gzip.compress(data) + b"a" + gzip.compress(data)),
)


def decoded(encoding: str | None, pieces: list[bytes]) -> Iterator[bytes]:
    decoder = Decoder(encoding, 200)
    for piece in [*pieces, b""]:
        decoder.feed(piece)
        while part := decoder.take():
            yield part


@given(BODIES, st.sampled_from(ENCODINGS), st.lists(st.integers(0, 250), max_size=8))
def test_it_does_not_matter_how_a_body_is_cut(
    body: bytes, encoding: str | None, places: list[int]
) -> None:
    headers = [] if encoding is None else [(b"Content-Encoding", encoding.encode())]
    expected: bytes | None = None
    with suppress(ATHError):
        expected = decompress(Reply(200, headers, body), 1_000_000)
    cuts = sorted({0, *(min(place, len(body)) for place in places), len(body)})
    pieces = [body[a:b] for a, b in pairwise(cuts)]
    if expected is None:
        with pytest.raises(ATHError) as caught:
            b"".join(decoded(encoding, pieces))
        assert (caught.value.code, caught.value.source) == ("INVALID_RESPONSE", "provider")
    else:
        assert b"".join(decoded(encoding, pieces)) == expected


@pytest.mark.parametrize("size", [1, 70_000, 1_000_000])
@pytest.mark.parametrize("piece", [1000, 10_000_000])
def test_members_of_every_size_are_read_to_the_end_of_the_last(size: int, piece: int) -> None:
    body = gzip.compress(bytes(size)) + gzip.compress(LETTERS[:size]) + gzip.compress(b"end")
    pieces = [body[start : start + piece] for start in range(0, len(body), piece)]
    assert b"".join(decoded("gzip", pieces)) == bytes(size) + LETTERS[:size] + b"end"
    with pytest.raises(ATHError):
        b"".join(decoded("gzip", [*pieces[:-1], pieces[-1][:-1]]))


def test_members_without_content_take_no_memory_and_no_time_to_speak_of() -> None:
    assert b"".join(decoded("gzip", [gzip.compress(b"") * 100_000])) == b""


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress])
def test_what_grows_enormously_comes_in_small_parts(compress: object) -> None:
    assert callable(compress)
    encoding = "gzip" if compress is gzip.compress else "deflate"
    total = 0
    for part in decoded(encoding, [compress(bytes(50_000_000))]):
        assert len(part) <= 65_536
        total += len(part)
    assert total == 50_000_000
