"""The URL that a user's browser is sent to: a safe web address that protects the code by PKCE."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ath._http.messages import parse_base
from ath._protocol.authorization_url import check_authorization_url
from ath.errors import ATHError

from .support import outcome

CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
QUERY = f"code_challenge={CHALLENGE}&code_challenge_method=S256"
HTTPS = "https://gateway.example/base"


def code_for(url: str, implementor: str = HTTPS, *, require_pkce: bool = True) -> str | None:
    """The code of the refusal, or None for a URL that is taken."""
    base = parse_base(implementor, "url")
    result = outcome(lambda: check_authorization_url(url, base, require_pkce=require_pkce))
    return result.code if isinstance(result, ATHError) else None


@pytest.mark.parametrize(
    "place",
    [
        "https://as.example/a", "https://as.example", "HTTPS://AS.example/a", "https://as.example:8443/a",
        "https://[2001:db8::1]/a", "https://as.example/a@b", "https://as.example/a:b",
        "http://localhost/a", "http://127.0.0.1:8080/a", "http://[::1]:80/a", "http://127.9.9.9/a",
        "http://as.localhost/a",
    ],
)  # fmt: skip
def test_https_is_taken_and_http_on_this_machine(place: str) -> None:
    assert code_for(f"{place}?{QUERY}") is None


@pytest.mark.parametrize(
    "url",
    [
        "http://as.example/a", "http://10.0.0.1/a", "http://localhost.evil.example/a",
        "http://evil-localhost/a", "http://127.0.0.1.evil.example/a", "http://[::2]/a",
        "ftp://as.example/a", "javascript:alert(1)", "data:text/html,x", "file:///etc/passwd",
        "//as.example/a", "/a", "", "as.example/a", "https:as.example", "https:/as.example",
        "https:///a", "https://", "https://:443/a", "https://?x", "https://#x",
        "https://user@as.example/a", "https://user:password@as.example/a", "https://@as.example/a",
        "https://as.example@evil.example/a", "https://:@as.example/",
        "https://as.example\\@evil.example/a", "https://evil.example\\.as.example/a",
        "https:\\\\as.example/a", "https://as.example/\\a",
        "https://as.example/\n", "\thttps://as.example/", "https://as.example/ a", " https://as.example/",
        "https://as.exa\tmple/", "https://as.example/\0", "https://as.example/\x7f",
        "https://as.example/\x85", "https://as.example/\x9b31m", "https://as.example/\u202e",
        "https://as.example/\u2028", "https://as.example/\ud800", "java\nscript:alert(1)",
        "https://[as.example/a", "https://as.example:port/a", "https://as.example:99999/a",
    ],
)  # fmt: skip
@pytest.mark.parametrize("require_pkce", [True, False])
def test_what_no_browser_should_open_is_refused_with_pkce_or_without(
    url: str, require_pkce: bool
) -> None:
    joined = f"{url}{'&' if '?' in url else '?'}{QUERY}"
    for given_url in (url, joined):
        assert code_for(given_url, require_pkce=require_pkce) == "INVALID_RESPONSE"


def test_an_implementor_that_is_itself_http_may_send_to_http() -> None:
    url = f"http://as.example/a?{QUERY}"
    assert code_for(url, "http://gateway.example") is None
    assert code_for(url, "https://gateway.example") == "INVALID_RESPONSE"
    assert code_for(f"http://u@as.example/?{QUERY}", "http://gateway.example") == "INVALID_RESPONSE"


@pytest.mark.parametrize(
    "query",
    [
        "", "?", "?code_challenge_method=S256", f"?code_challenge={CHALLENGE}",
        "?code_challenge=&code_challenge_method=S256",
        f"?code_challenge={CHALLENGE}&code_challenge_method=plain",
        f"?code_challenge={CHALLENGE}&code_challenge_method=s256",
        f"?code_challenge={CHALLENGE}&code_challenge_method=",
        f"?code_challenge={CHALLENGE}&code_challenge_method=plain&code_challenge_method=S256",
        f"#{QUERY}", "?u=%3Fcode_challenge%3Da%26code_challenge_method%3DS256",
    ],
)  # fmt: skip
def test_a_missing_challenge_or_another_method_is_pkce_required_unless_relaxed(query: str) -> None:
    url = f"https://as.example/a{query}"
    assert code_for(url) == "PKCE_REQUIRED"
    assert code_for(url, require_pkce=False) is None


@pytest.mark.parametrize(
    "challenge",
    ["a", "a" * 42, "a" * 129, "a" * 42 + "+", "a" * 42 + "=", "a" * 42 + "/", "a" * 42 + "%20",
     "a" * 43 + "%0A", "%C3%A4" * 43, "a" * 42 + "%FF"],
)  # fmt: skip
def test_a_challenge_that_is_not_43_to_128_unreserved_characters_is_an_invalid_response(
    challenge: str,
) -> None:
    url = f"https://as.example/?code_challenge={challenge}&code_challenge_method=S256"
    assert code_for(url) == "INVALID_RESPONSE"
    assert code_for(url, require_pkce=False) is None


def test_two_challenges_are_an_invalid_response() -> None:
    assert code_for(f"https://as.example/?{QUERY}&code_challenge={'b' * 43}") == "INVALID_RESPONSE"


@pytest.mark.parametrize("challenge", ["a" * 43, "Z" * 128, "-._~" * 11, "%61" * 43])
def test_a_well_formed_challenge_is_taken(challenge: str) -> None:
    url = f"https://as.example/?x=1&code_challenge_method=S256&y=2&code_challenge={challenge}"
    assert code_for(url) is None


@given(st.text() | st.text().map("https://".__add__), st.booleans())
def test_any_text_is_taken_or_refused_with_one_of_two_codes(url: str, require_pkce: bool) -> None:
    assert code_for(url, require_pkce=require_pkce) in (None, "INVALID_RESPONSE", "PKCE_REQUIRED")
