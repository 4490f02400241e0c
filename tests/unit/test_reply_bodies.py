"""From a body's bytes to a value: types, charsets, encodings, bombs, decoys."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from ath_api.models import AgentRegistrationResponse, TokenResponse
from hypothesis import given
from hypothesis import strategies as st

from ath._http.messages import Reply
from ath._protocol.bodies import to_response
from ath._protocol.replies import Answer, read_answer
from ath.errors import ATHError

from .support import LIMIT, REQUEST, context, error_of, json_reply, json_values, outcome, reply


class Plain:
    """Stands for a model, and reads a document as it is."""

    @staticmethod
    def from_dict(src_dict: Any) -> Any:
        return src_dict


def document_of(answer: Reply, limit: int = LIMIT) -> dict[str, Any]:
    return read_answer(context(limit), Plain, REQUEST, answer).model()


def answer_of(document: dict[str, Any], kind: Any = TokenResponse) -> Answer[Any]:
    return Answer(document, REQUEST.origin_label, 200, kind)


def value_of(answer: Reply) -> Any:
    return to_response(REQUEST, answer, LIMIT).value()


@pytest.mark.parametrize(
    ("kind", "body", "value"),
    [
        ("application/json", b'{"a": [1, null]}', {"a": [1, None]}),
        ("application/json; charset=utf-8", '"ä"'.encode(), "ä"),
        ("APPLICATION/JSON", b"1", 1),
        ("application/json ; charset=utf-8", b"1", 1),
        (" application/json", b"1", 1),
        ("application/problem+json", b"{}", {}),
        ("application/vnd.api+json;v=1", b"[]", []),
        ("application/json", "\ufeff{}".encode("utf-8-sig")[3:], {}),
        ("application/json", '{"a":1}'.encode("utf-16"), {"a": 1}),
        ("application/json", b"null", None),
        ("application/json", b"false", False),
        ("text/plain", "ä".encode(), "ä"),
        ("text/html; charset=ISO-8859-1", "ä".encode("latin-1"), "ä"),
        ('text/csv; header=present; charset="utf-16"', "ä".encode("utf-16"), "ä"),
        ("text/plain; CHARSET=Windows-1252", "€".encode("cp1252"), "€"),
        ("text/json", b"{}", "{}"),
        ("image/png", b"\x89PNG", b"\x89PNG"),
        ("application/octet-stream", b"{}", b"{}"),
        ("application/jsonp", b"x()", b"x()"),
        ("", b"{}", b"{}"),
        ("garbage", b"x", b"x"),
        ("application/json", b"", None),
        ("text/plain", b"", None),
        ("image/png", b"", None),
    ],
)
def test_a_body_is_read_as_its_type_says(kind: str, body: bytes, value: Any) -> None:
    result = value_of(reply(200, body, content_type=kind))
    assert result == value
    assert type(result) is type(value)


def test_a_body_without_a_type_is_bytes() -> None:
    assert value_of(reply(200, b"{}")) == b"{}"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"<html>"),
        ("application/json", b'{"a": 1'),
        ("application/json", b"{}{}"),
        ("application/json", b"\xff\xfe\xfd"),
        ("application/json", b" "),
        ("application/json", b"[" * 100_000 + b"]" * 100_000),
        ("application/json", b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
        ("application/json", b"1" * 5000),
        ("application/problem+json", b"nope"),
    ],
)
def test_a_body_that_is_not_what_it_claims_to_be_is_an_invalid_response(
    kind: str, body: bytes
) -> None:
    answer = reply(200, body, content_type=kind)
    error = error_of(lambda: to_response(REQUEST, answer, 10**7).value())
    assert error.code == "INVALID_RESPONSE"
    assert error.status == 200
    assert error.__cause__ is error.__context__ is None
    assert error.details == {"status": 200, "body": body}
    assert error.response is not None
    assert error.response.content == body


@pytest.mark.parametrize(
    ("kind", "body", "text"),
    [
        ("text/plain", b"\xff", "\ufffd"),
        ("text/html", "grün".encode("latin-1"), "gr\ufffdn"),
        ("text/plain; charset=ascii", "grün".encode("latin-1"), "gr\ufffdn"),
        ("text/plain; charset=utf-16", b"abc", "\u6261\ufffd"),
        ("text/plain; charset=nonsense", b"abc", "abc"),
        ("text/plain; charset=utf-8\0", b"abc", "abc"),
        ("text/plain; charset=base64", b"YQ==", "YQ=="),
        ("text/plain; charset=zlib", b"x\x9cK", "x\ufffdK"),
        ("text/plain; charset=undefined", b"a", "a"),
        # Python's own codecs, which warn, or take time with the square of the length
        ("text/plain; charset=unicode_escape", b"\\d", "\\d"),
        ("text/plain; charset=raw-unicode-escape", b"a", "a"),
        ("text/plain; charset=Unicode Escape", b"a", "a"),
        ("text/plain; charset=punycode", b"a-" + b"b" * 1000, "a-" + "b" * 1000),
        ("text/plain; charset=idna", b"a", "a"),
    ],
)
def test_text_without_a_readable_charset_is_decoded_with_replacement_characters(
    kind: str, body: bytes, text: str
) -> None:
    assert value_of(reply(200, body, content_type=kind)) == text


TEXT = b"a text that is worth compressing " * 20
every_encoding = pytest.mark.parametrize(
    ("encoding", "body"),
    [
        pytest.param("gzip", gzip.compress(TEXT), id="gzip"),
        pytest.param("x-gzip", gzip.compress(TEXT), id="x-gzip"),
        pytest.param(" GZIP ", gzip.compress(TEXT), id="capitals and space"),
        pytest.param("deflate", zlib.compress(TEXT), id="deflate"),
    ],
)


@every_encoding
def test_a_compressed_body_is_unpacked_though_none_was_asked_for(
    encoding: str, body: bytes
) -> None:
    answer = reply(200, body, content_type="text/plain", content_encoding=encoding)
    assert value_of(answer) == TEXT.decode()


def test_compressed_json_is_parsed() -> None:
    body = gzip.compress(b'{"a": 1}')
    answer = json_reply(body, content_encoding="gzip")
    assert value_of(answer) == {"a": 1}
    assert document_of(answer) == {"a": 1}


@pytest.mark.parametrize(
    "encoding", ["gzip", "x-gzip", "deflate", "identity", "", "br", "gzip, br"]
)
def test_a_body_that_is_unpacked_already_is_taken_as_it_is(encoding: str) -> None:
    assert value_of(json_reply({"a": 1}, content_encoding=encoding)) == {"a": 1}


@pytest.mark.parametrize("body", [b"\x00\x01", b"\x1f", b"\x1f\x8a", b"\x89PNG", b"\x77", b"\x79"])
@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_bytes_that_are_not_packed_are_taken_as_they_are(encoding: str, body: bytes) -> None:
    assert value_of(reply(200, body, content_encoding=encoding)) == body


@every_encoding
@pytest.mark.parametrize("kept", [0.2, 0.5, 0.9])
def test_a_truncated_compressed_body_is_an_error_and_not_half_a_text(
    encoding: str, body: bytes, kept: float
) -> None:
    cut = body[: max(3, int(len(body) * kept))]
    answer = reply(200, cut, content_type="text/plain", content_encoding=encoding)
    assert error_of(lambda: value_of(answer)).code == "INVALID_RESPONSE"


def test_a_gzip_body_may_have_several_members() -> None:
    body = b"".join(map(gzip.compress, (b"one", b"", b"two"))) + b"\0ignored"
    answer = reply(200, body, content_type="text/plain", content_encoding="gzip")
    assert value_of(answer) == "onetwo"
    answer = reply(200, body * 2, content_type="text/plain", content_encoding="gzip")
    assert value_of(answer) == "onetwo"


def test_a_further_member_that_is_damaged_is_an_error() -> None:
    for body in (gzip.compress(b"two")[:-1], b"\x1f\x8bgarbage"):
        body = gzip.compress(b"one") + body
        answer = reply(200, body, content_type="text/plain", content_encoding="gzip")
        assert error_of(partial(value_of, answer)).code == "INVALID_RESPONSE"


def test_many_members_are_an_error_at_the_limit() -> None:
    bomb = gzip.compress(bytes(LIMIT // 2)) * 3
    error = error_of(lambda: value_of(reply(200, bomb, content_encoding="gzip")))
    assert error.code == "RESPONSE_TOO_LARGE"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"\x1f\x8bgarbage", id="garbage"),
        pytest.param(gzip.compress(TEXT)[:-8] + bytes(8), id="wrong checksum"),
    ],
)
def test_a_damaged_compressed_body_is_an_error(body: bytes) -> None:
    answer = reply(200, body, content_type="text/plain", content_encoding="gzip")
    assert error_of(lambda: value_of(answer)).code == "INVALID_RESPONSE"


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress])
def test_a_bomb_is_an_error_at_the_limit(compress: Any) -> None:
    encoding = "gzip" if compress is gzip.compress else "deflate"
    bomb = compress(bytes(50_000_000))
    assert len(bomb) < LIMIT
    answer = reply(200, bomb, content_encoding=encoding)
    error = error_of(lambda: value_of(answer))
    assert error.code == "RESPONSE_TOO_LARGE"
    assert error_of(lambda: document_of(answer)).code == "RESPONSE_TOO_LARGE"


@pytest.mark.parametrize(("more", "fits"), [(0, True), (1, False)])
def test_the_limit_itself_is_allowed(more: int, fits: bool) -> None:
    answer = reply(200, gzip.compress(bytes(LIMIT + more)), content_encoding="gzip")
    result = outcome(lambda: value_of(answer))
    assert (result == bytes(LIMIT)) is fits
    assert isinstance(result, ATHError) is not fits


COSTLY = {
    "lists": b'{"a":[' + b"[]," * 20_000_000 + b"[]]}",
    "objects": b"[" + b"{}," * 20_000_000 + b"{}]",
    "names": b"{" + b",".join(b'"%x":1' % i for i in range(4_000_000)) + b"}",
}


@pytest.mark.parametrize("kind", COSTLY)
def test_json_that_would_grow_too_much_is_too_large(kind: str) -> None:
    limit = 64 * 1024 * 1024
    assert len(COSTLY[kind]) < limit
    answer = reply(200, COSTLY[kind], content_type="application/json")
    error = error_of(lambda: to_response(REQUEST, answer, limit).value())
    assert error.code == "RESPONSE_TOO_LARGE"
    assert (
        error_of(lambda: read_answer(context(), Plain, REQUEST, answer)).code
        == "RESPONSE_TOO_LARGE"
    )


@pytest.mark.parametrize("limit", [1_200_000, 64 * 1024 * 1024])
def test_json_in_the_usual_form_is_never_too_large(limit: int) -> None:
    items = [
        {"id": i, "name": f"item {i} ü", "tags": ["a", "b"], "ok": True} for i in range(15_000)
    ]
    body = json.dumps(items).encode()
    assert 1_000_000 < len(body) < limit
    answer = reply(200, body, content_type="application/json")
    assert to_response(REQUEST, answer, limit).value() == items


def test_charsets_that_a_server_invents_are_not_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python would keep the names for ever."""
    from encodings import _cache

    before = set(_cache)
    for number in range(50):
        kind = f"text/plain; charset=x-{'y' * 1000}-{number}"
        answer = reply(200, b"abc", content_type=kind)
        assert value_of(answer) == "abc"
    assert set(_cache) == before


@pytest.mark.parametrize("charset", ["koi8-u", "ISO-8859-15", "Shift_JIS", "GB18030", "cp874"])
def test_charsets_that_are_in_use_are_known(charset: str) -> None:
    answer = reply(200, b"abc", content_type=f"text/plain; charset={charset}")
    assert value_of(answer) == "abc"


KINDS = st.sampled_from(
    [
        "application/json", "text/plain", "text/html; charset=latin-1", "text/x; charset=utf-7",
        "image/png", "", "a+json", "text/plain; charset=punycode", "text/plain; charset=utf-32",
    ]
)  # fmt: skip
BODIES = st.binary() | st.binary().map(gzip.compress) | st.binary().map(zlib.compress)
header_bytes = st.binary(max_size=20)


@given(
    KINDS.map(str.encode) | header_bytes | header_bytes.map(b"text/plain; charset=".__add__),
    st.sampled_from([b"gzip", b"deflate", b""]) | header_bytes,
    BODIES | json_values.map(lambda value: json.dumps(value).encode()),
    st.integers(0, 200),
)
def test_any_bytes_give_a_value_or_an_ath_error(
    kind: bytes, encoding: bytes, body: bytes, limit: int
) -> None:
    answer = reply(200, body, content_type=kind, content_encoding=encoding)
    reads: list[Callable[[], Any]] = [
        lambda: to_response(REQUEST, answer, limit).value(),
        lambda: document_of(answer, limit),
    ]
    for read in reads:
        result = outcome(read)
        if isinstance(result, ATHError):
            assert result.code in ("INVALID_RESPONSE", "RESPONSE_TOO_LARGE")


@pytest.mark.parametrize(
    "body",
    [b"", b" ", b"<html>", b"[]", b"null", b"1", b'"x"', b"{", b"\xff", b"[" * 100_000, b"{}x"],
)
def test_a_successful_reply_of_the_protocol_must_carry_a_json_object(body: bytes) -> None:
    error = error_of(lambda: document_of(reply(200, body)))
    assert error.code == "INVALID_RESPONSE"
    assert "GET https://gateway.example" in error.message


@pytest.mark.parametrize(
    ("body", "reason"), [(b"[]", "is not a JSON object"), (b"<html>", "is not JSON.")]
)
def test_json_of_another_kind_is_told_apart_from_no_json(body: bytes, reason: str) -> None:
    assert reason in error_of(lambda: document_of(reply(200, body))).message


def test_a_json_object_is_taken_whatever_the_type_says() -> None:
    assert document_of(reply(200, b'{"a":1}', content_type="text/html")) == {"a": 1}


MODELS = st.sampled_from([TokenResponse, AgentRegistrationResponse])
CANARY = "canary-4711"
TOKEN = {
    "access_token": CANARY,
    "token_type": "Bearer",
    "expires_in": 3600,
    "effective_scopes": ["read"],
    "provider_id": "shop",
    "agent_id": "https://agent.example",
    "scope_intersection": {
        "agent_approved": ["read"],
        "user_consented": ["read"],
        "effective": ["read"],
    },
}


def test_a_model_is_read_from_a_json_object() -> None:
    token = answer_of(TOKEN).model()
    assert token.access_token == CANARY
    assert CANARY not in repr(token)


@given(MODELS, st.data())
def test_any_json_object_is_a_model_or_an_invalid_response(kind: Any, data: st.DataObject) -> None:
    document: Any = data.draw(
        st.dictionaries(st.sampled_from([*TOKEN, "x"]) | st.text(), json_values)
    )
    result = outcome(lambda: answer_of({**TOKEN, **document}, kind).model())
    if isinstance(result, ATHError):
        assert result.code == "INVALID_RESPONSE"


@given(
    st.sampled_from(sorted(TOKEN)),
    st.sampled_from([[CANARY], {CANARY: CANARY}, {"x": [CANARY]}, CANARY, [[CANARY]], [7, CANARY]]),
)
def test_a_wrong_field_is_named_and_no_value_is_repeated(name: str, wrong: Any) -> None:
    result = outcome(lambda: answer_of({**TOKEN, name: wrong}).model())
    if isinstance(result, ATHError):
        assert name in result.message
        assert CANARY not in f"{result} {result!r} {result.details}"


@pytest.mark.parametrize(
    "document", [{}, {"a": None}, {"a": ""}, {"a": 7}, {"a": ["x"]}, {"b": "x"}]
)
def test_a_text_that_matters_must_be_there(document: dict[str, Any]) -> None:
    error = error_of(lambda: answer_of(document).text("a"))
    assert error.code == "INVALID_RESPONSE"
    assert "a must be text" in error.message


def test_a_text_that_matters_is_returned() -> None:
    assert answer_of({"a": "x"}).text("a") == "x"
