"""What a reply without success means: codes, details, waiting, and nothing that is secret."""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import replace
from typing import Any

import pytest
from ath_api.models import ATHErrorCode
from hypothesis import given
from hypothesis import strategies as st

from ath._http.messages import Reply
from ath._protocol.failures import (
    MAX_ERROR_BODY,
    WILD_CODES,
    server_time,
    to_error,
    to_provider_error,
)
from ath.errors import ATHError

from .support import REQUEST, context, json_reply, json_values, reply

NOW = 1_000_000.0  # when the replies come, by our clock
PLACE = "GET https://gateway.example"


def error_from(answer: Reply, fallback: str = "HTTP_ERROR", *secrets: str) -> ATHError:
    read = to_error if fallback == "HTTP_ERROR" else to_provider_error
    return read(context(), replace(REQUEST, secrets=secrets), answer)


STATUSES = [400, 401, 403, 404, 409, 429, 500, 502, 503, 302, 199, 999]


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("code", ["TOKEN_INVALID", "PROVIDER_NOT_CONFIGURED", "oddly spelled", ""])
def test_an_error_of_the_implementor_in_the_protocols_form_is_taken_at_its_word(
    code: str, status: int
) -> None:
    error = error_from(json_reply({"code": code, "message": "So it is."}, status))
    assert (error.code, error.message, error.status) == (code, "So it is.", status)
    assert (error.details, error.source) == ({}, "implementor")


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize(
    ("code", "known"),
    [
        *((str(code), True) for code in ATHErrorCode),
        *((code, True) for code in sorted(WILD_CODES)),
        ("object_not_found", False),
        ("oddly spelled", False),
        ("", False),
    ],
)
def test_in_a_call_to_a_provider_only_a_known_code_is_the_implementors_word(
    code: str, known: bool, status: int
) -> None:
    body = {"code": code, "message": "So it is."}
    error = error_from(json_reply(body, status), "PROVIDER_ERROR")
    if known and 400 <= status < 600:
        assert (error.code, error.source, error.details) == (code, "implementor", {})
    else:
        assert (error.code, error.source) == ("PROVIDER_ERROR", "provider")
        assert (error.details["status"], error.details["body"]) == (status, body)
    assert error.status == status


@pytest.mark.parametrize(
    ("extra", "details"),
    [
        ({"details": {"scope": "x"}}, {"scope": "x"}),
        ({"details": None}, {}),
        ({"details": "words"}, {"details": "words"}),
        ({"details": ["a"]}, {"details": ["a"]}),
        ({"client_id": "c-1"}, {"client_id": "c-1"}),
        ({"client_id": "c-1", "details": {"a": 1}}, {"client_id": "c-1", "a": 1}),
        ({"a": 1, "details": {"a": 2}}, {"a": 2}),
    ],
)
def test_details_and_unknown_fields_come_out_as_details(
    extra: dict[str, Any], details: dict[str, Any]
) -> None:
    body = {"code": "CONFLICT", "message": "There already.", **extra}
    assert error_from(json_reply(body, 409)).details == details


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"error": "invalid_request"}, "invalid_request"),
        ({"error": "invalid_request", "error_description": "It is used."}, "It is used"),
        ({"error": "Proxy failed", "message": "no JSON"}, "Proxy failed: no JSON"),
        ({"message": "only this"}, "only this"),
        ({"code": 42, "message": "a number"}, "a number"),
        ({"code": "X"}, "HTTP status 502"),
        ({"code": "X", "message": None}, "HTTP status 502"),
        ({"error": {"code": "X"}}, "HTTP status 502"),
        ({"error": ["x"]}, "HTTP status 502"),
        ({}, "HTTP status 502"),
        (["code", "message"], "HTTP status 502"),
        ("code", "HTTP status 502"),
        (None, "HTTP status 502"),
        (7, "HTTP status 502"),
    ],
)
def test_any_other_json_gets_the_fallback_code_and_says_what_it_says(body: Any, said: str) -> None:
    error = error_from(json_reply(body, 502))
    assert (error.code, error.status) == ("HTTP_ERROR", 502)
    assert said in error.message
    assert PLACE in error.message
    assert error.details["body"] == body


def test_a_providers_own_error_tells_its_status_and_body() -> None:
    error = error_from(json_reply({"errors": [1]}, 422), "PROVIDER_ERROR")
    assert error.code == "PROVIDER_ERROR"
    assert error.details == {"status": 422, "body": {"errors": [1]}}


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (reply(500, b"<html>x</html>", content_type="text/html"), "<html>x</html>"),
        (reply(500, b"", content_type="text/html"), None),
        (reply(500), None),
        (reply(500, b"\x00\x01"), b"\x00\x01"),
        (reply(500, b"\xff", content_type="text/plain"), "\ufffd"),
        (reply(500, b"{", content_type="application/json"), "{"),
        (reply(500, b"[" * 60_000, content_type="application/json"), "[" * 60_000),
        (reply(500, b"x", content_type="text/plain; charset=nonsense"), "x"),
        (reply(500, b"\x1f\x8bx", content_encoding="gzip"), b"\x1f\x8bx"),
        (reply(500, b"w" * 5000, content_type="text/plain"), "w" * 5000),
    ],
)
def test_the_details_of_an_error_carry_the_whole_body(answer: Reply, body: Any) -> None:
    error = error_from(answer)
    assert (error.code, error.status) == ("HTTP_ERROR", 500)
    assert error.details == {"body": body}


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"w" * (MAX_ERROR_BODY + 1), {}),
        (gzip.compress(b"w" * 50_000_000), {"content_encoding": "gzip"}),
        (zlib.compress(b"w" * 50_000_000), {"content_encoding": "deflate"}),
    ],
    ids=["plain", "gzip", "deflate"],
)
@pytest.mark.parametrize("fallback", ["HTTP_ERROR", "PROVIDER_ERROR"])
def test_of_a_large_body_the_details_carry_the_beginning(
    body: bytes, headers: dict[str, Any], fallback: str
) -> None:
    error = error_from(reply(500, body, content_type="text/plain", **headers), fallback)
    assert error.code == fallback
    assert error.details["truncated"] is True
    assert error.details["body"] == "w" * MAX_ERROR_BODY


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"code": "X", "message": "' + b"m" * MAX_ERROR_BODY + b'"}', str),
        (b"\x00" * (MAX_ERROR_BODY + 1), str),
        ("ä".encode() * MAX_ERROR_BODY, str),
    ],
)
def test_what_is_cut_within_is_told_as_text(body: bytes, told: type) -> None:
    error = error_from(reply(500, body, content_type="application/json"))
    assert (error.code, error.details["truncated"]) == ("HTTP_ERROR", True)
    assert type(error.details["body"]) is told
    assert len(error.details["body"]) <= MAX_ERROR_BODY


def test_json_that_is_whole_before_the_cut_is_taken_at_its_word() -> None:
    body = b'{"code": "CONFLICT", "message": "m"}' + b" " * MAX_ERROR_BODY
    error = error_from(reply(409, body))
    assert (error.code, error.details) == ("CONFLICT", {"truncated": True})


def test_a_body_of_exactly_that_size_is_not_cut() -> None:
    body = b"w" * MAX_ERROR_BODY
    for answer in (
        reply(500, body, content_type="text/plain"),
        reply(500, gzip.compress(body), content_type="text/plain", content_encoding="gzip"),
    ):
        assert error_from(answer).details == {"body": body.decode()}


def test_a_compressed_body_that_was_cut_short_is_told_as_far_as_it_goes() -> None:
    body = gzip.compress(bytes(range(32, 127)) * 100)[:-20]
    error = error_from(reply(500, body, content_type="text/plain", content_encoding="gzip"))
    assert error.details["truncated"] is True
    assert error.details["body"].startswith(" !")


def test_a_long_description_is_cut() -> None:
    error = error_from(json_reply({"error": "e" * 60_000}, 400))
    assert len(error.message) < 1000


@pytest.mark.parametrize(
    ("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]"), ('{"a":[', "]}")]
)
def test_deep_json_is_cut_in_the_details(opening: str, closing: str) -> None:
    body = json.loads(opening * 200 + "1" + closing * 200)
    error = error_from(json_reply({"b": body}, 400))
    told = str(error.details["body"])
    assert 40 <= told.count("[") + told.count("{") <= 60
    assert "..." in told


@pytest.mark.parametrize("status", [300, 301, 304, 399])
def test_any_3xx_is_a_redirect(status: int) -> None:
    error = error_from(reply(status, b"", location="/in"))
    assert error.details["location"] == "/in"
    assert "not followed" in error.message


@pytest.mark.parametrize("status", [199, 299, 400, 401, 503])
def test_nothing_but_a_3xx_is_a_redirect_though_it_names_a_place(status: int) -> None:
    error = error_from(reply(status, b"", location="/in"))
    assert "location" not in error.details
    assert "redirect" not in error.message


@pytest.mark.parametrize(
    ("location", "place"),
    [
        (b"https://login.example/in?token=x#y", "https://login.example/in"),
        (b"http://login.example:8080/in", "http://login.example"),
        (b"//login.example/in", "://login.example"),
        (b"/login?next=%2F", "/login"),
        (b"relative", "relative"),
        (b"", ""),
        (b"https://user:pw@login.example/", "https://login.example/"),
        (b"https://[", ""),
        (b"//[::1", ""),
        (b"https://[x]/", ""),
        (b"\xff\x00", ""),
        (b"/" + b"a" * 100_000, "/aaa"),
    ],
)
def test_a_redirect_is_an_error_that_names_where_it_leads(location: bytes, place: str) -> None:
    error = error_from(reply(302, b"", location=location))
    assert (error.code, error.status) == ("HTTP_ERROR", 302)
    assert "redirect" in error.message
    assert place in error.message
    assert error.details["location"].startswith(place)
    for private in ("token", "next", "pw"):
        assert private not in f"{error} {error.details}"
    assert len(error.message) < 1000


def test_a_redirect_without_a_location_is_an_error_too() -> None:
    assert error_from(reply(301)).details["location"] == ""


SECRET = "Canary-Secret-4711"
ECHOES = [
    json_reply({"code": "X", "message": f"bad {SECRET}"}, 401),
    json_reply({"code": f"X{SECRET}", "message": "m"}, 401),
    json_reply({"code": "X", "message": "m", "details": {"a": [{"b": SECRET}]}}, 401),
    json_reply({"code": "X", "message": "m", "details": {SECRET: 1}}, 401),
    json_reply({"code": "X", "message": "m", SECRET: SECRET}, 401),
    json_reply({"error": SECRET, "error_description": SECRET * 2}, 401),
    json_reply([SECRET, [SECRET]], 401),
    json_reply(f"say {SECRET}", 401),
    json_reply({"error": "e" * 490 + SECRET}, 401),
    reply(401, SECRET.encode(), content_type="text/plain"),
    reply(401, b"x" * 490 + SECRET.encode(), content_type="text/html"),
    reply(401, SECRET.encode("utf-16"), content_type="text/plain; charset=utf-16"),
    reply(401, SECRET.encode()),
    reply(302, b"", location=f"/in/{SECRET}"),
    reply(302, b"", location=f"https://{SECRET}.example/in"),
    reply(302, b"", location=f"https://x.example/in?t={SECRET}"),
    reply(302, b"", location=f"//{SECRET}@x.example/{SECRET}"),
    reply(401, b"x", content_type=f"text/{SECRET}; charset=nonsense"),
]


@pytest.mark.parametrize("answer", ECHOES)
@pytest.mark.parametrize("fallback", ["HTTP_ERROR", "PROVIDER_ERROR"])
def test_no_error_repeats_a_secret_that_the_server_echoed(answer: Reply, fallback: str) -> None:
    error = error_from(answer, fallback, "", SECRET)
    told = f"{error} {error!r} {error.details} {error.args} {error.code}"
    assert SECRET.lower() not in told.lower()
    assert SECRET[:12].lower() not in told.lower()


def test_one_secret_within_another_leaves_nothing_of_either() -> None:
    answer = json_reply({"code": "X", "message": "abcdefgh and abcdefgh-secret"}, 401)
    assert error_from(answer, "HTTP_ERROR", "abcdefgh", "abcdefgh-secret").message == (
        "[hidden] and [hidden]"
    )


def test_what_is_not_secret_is_left_alone() -> None:
    body = {"code": "X", "message": "plain", "details": {"n": 1, "f": 1.5, "t": True, "z": None}}
    assert error_from(json_reply(body, 400), "HTTP_ERROR", SECRET).details == body["details"]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("999999999999999999999", 999_999_999.0),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("٣", None),
        ("1e9", None),
        ("Wed, 21 Oct 2015", None),
        ("Mon, 99 Foo 2015 07:28:00 GMT", None),
        ("Mon, 12 Jan 9999999 07:28:00 GMT", None),
        ("Mon, 12 Jan 99999999999999999999 07:28:00 GMT", None),
        ("Mon, 12 Jan 1970 13:46:40 +999999999999", None),
        ("Mon, 12 Jan 1970 13:46:40 +9999999999999999999", None),
    ],
)
def test_retry_after_in_seconds(value: str, seconds: float | None) -> None:
    answer = reply(429)
    answer.headers = [(b"Retry-After", value.encode("utf-8"))]
    assert error_from(answer).retry_after == seconds


DATES = [  # the three forms of RFC 9110, section 5.6.7: all of 1970-01-12 13:47:40
    "Mon, 12 Jan 1970 13:47:40 GMT",
    "Monday, 12-Jan-70 13:47:40 GMT",
    "Mon Jan 12 13:47:40 1970",
]


@pytest.mark.usefixtures("far_from_utc")
@pytest.mark.parametrize("date", [*DATES, "Mon, 12 Jan 1970 13:47:40 -0000"])
def test_every_form_of_date_is_read_as_utc_wherever_the_machine_is(date: str) -> None:
    assert server_time(reply(200, b"", date=date)) == NOW + 60


@pytest.mark.usefixtures("far_from_utc")
@pytest.mark.parametrize("until", DATES)
@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        (None, 60.0),  # by our own clock
        ("Mon, 12 Jan 1970 13:47:10 GMT", 30.0),  # by the server's
        ("Mon Jan 12 13:47:10 1970", 30.0),
        ("nonsense", 60.0),
        ("Mon, 12 Jan 1970 14:00:00 GMT", 0.0),  # over already
    ],
)
def test_retry_after_as_a_date_counts_by_the_servers_clock(
    date: str | None, seconds: float, until: str
) -> None:
    headers = {"retry_after": until} | ({} if date is None else {"date": date})
    assert error_from(reply(503, b"", **headers)).retry_after == seconds


def test_errors_in_the_protocols_form_carry_retry_after_too() -> None:
    answer = json_reply({"code": "BUSY", "message": "m"}, 429, retry_after="3")
    assert error_from(answer).retry_after == 3.0


@given(
    st.integers(100, 999),
    st.binary() | json_values.map(lambda value: json.dumps(value).encode()),
    st.dictionaries(
        st.sampled_from(
            ["content-type", "content-encoding", "location", "retry-after", "date", "x"]
        ),
        st.binary(max_size=30)
        | st.sampled_from([b"application/json", b"text/plain", b"gzip", b"//[", b"1", *DATES]).map(
            lambda value: value if isinstance(value, bytes) else value.encode()
        ),
    ),
    st.lists(st.text(max_size=4)),
)
def test_any_reply_makes_an_ath_error(
    status: int, body: bytes, headers: dict[str, bytes], secrets: list[str]
) -> None:
    answer = Reply(status, [(name.encode(), value) for name, value in headers.items()], body, NOW)
    for fallback in ("HTTP_ERROR", "PROVIDER_ERROR"):
        error = error_from(answer, fallback, *secrets)
        assert isinstance(error, ATHError)
        assert error.status == status
        assert error.retry_after is None or error.retry_after >= 0
        assert str(error)


def test_an_ath_error_is_recognised_whatever_its_content_type_says() -> None:
    body = b'{"code": "AGENT_UNAPPROVED", "message": "not yet"}'
    for content_type in ("text/html", "text/plain", "application/octet-stream"):
        assert error_from(reply(403, body, content_type=content_type)).code == "AGENT_UNAPPROVED"
    assert error_from(reply(403, body)).message == "not yet"
