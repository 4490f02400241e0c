"""PKCE: the challenge of RFC 7636."""

from __future__ import annotations

import base64
import hashlib
import string

from hypothesis import given
from hypothesis import strategies as st

from ath._protocol.pkce import s256_challenge

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
