"""PKCE: the challenge of RFC 7636, and the check of an implementor's authorization URL."""

from __future__ import annotations

import base64
import hashlib
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ath._protocol.pkce import has_challenge, s256_challenge

UNRESERVED = string.ascii_letters + string.digits + "-._~"


def test_the_challenge_is_that_of_the_rfcs_example() -> None:
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert s256_challenge(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@given(st.text(UNRESERVED, min_size=43, max_size=128))
def test_a_challenge_is_the_unpadded_sha256_of_any_verifier(verifier: str) -> None:
    challenge = s256_challenge(verifier)
    assert len(challenge) == 43
    digest = base64.urlsafe_b64decode(challenge + "=")
    assert digest == hashlib.sha256(verifier.encode()).digest()


@pytest.mark.parametrize(
    ("url", "protected"),
    [
        ("https://as.example/a?code_challenge=abc&code_challenge_method=S256", True),
        ("https://as.example/a?x=1&code_challenge_method=S256&y=2&code_challenge=abc", True),
        ("https://as.example/a", False),
        ("https://as.example/a?code_challenge=abc", False),
        ("https://as.example/a?code_challenge_method=S256", False),
        ("https://as.example/a?code_challenge=&code_challenge_method=S256", False),
        ("https://as.example/a?code_challenge=abc&code_challenge_method=plain", False),
        ("https://as.example/a?code_challenge=abc&code_challenge_method=s256", False),
        (
            "https://as.example/a?code_challenge=abc&code_challenge_method=plain"
            "&code_challenge_method=S256",
            False,
        ),
        ("https://as.example/a#code_challenge=abc&code_challenge_method=S256", False),
        ("https://as.example/a?u=%3Fcode_challenge%3Da%26code_challenge_method%3DS256", False),
        ("https://[as.example/a?code_challenge=abc&code_challenge_method=S256", False),
        ("", False),
    ],
)
def test_only_an_s256_challenge_in_the_query_protects_an_authorization(
    url: str, protected: bool
) -> None:
    assert has_challenge(url) is protected


@given(st.text().map("https://".__add__))
def test_any_text_is_an_answer_to_whether_it_is_protected(url: str) -> None:
    assert has_challenge(url) in (True, False)
