"""What an attestation says, and that any P-256 signature makes it a JWT that others verify."""

from __future__ import annotations

import inspect
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from ath._protocol.attestation import compact, signing_input
from ath.errors import ATHError
from ath.keys import AsyncSigner, Signer, load_signer

from .support import outcome, segments_of

KEY = ec.generate_private_key(ec.SECP256R1())
AGENT = "https://agent.example/agent.json"
AUDIENCE = "https://gateway.example"
NOW = 1_700_000_000


def message(**changes: Any) -> bytes:
    arguments: dict[str, Any] = {
        "agent_id": AGENT,
        "key_id": "key-1",
        "audience": AUDIENCE,
        "now": NOW,
        "nonce": "a-nonce",
    }
    return signing_input(**{**arguments, **changes})


def signed_der(data: bytes) -> bytes:
    return KEY.sign(data, ec.ECDSA(hashes.SHA256()))


def signed_raw(data: bytes) -> bytes:
    r, s = decode_dss_signature(signed_der(data))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def verified(token: str, audience: str = AUDIENCE) -> dict[str, Any]:
    """The claims, as PyJWT verifies them; the clock is ours, so times are compared apart."""
    return jwt.decode(  # type: ignore[no-any-return]
        token,
        KEY.public_key(),
        algorithms=["ES256"],
        audience=audience,
        options={"verify_exp": False, "verify_iat": False},
    )


@pytest.mark.parametrize(
    "sign",
    [
        pytest.param(load_signer(KEY).sign, id="a key in memory"),
        pytest.param(signed_der, id="DER, as key services return it"),
        pytest.param(signed_raw, id="r and s, as RFC 7518 has it"),
        pytest.param(lambda data: bytearray(signed_raw(data)), id="bytearray"),
    ],
)
def test_every_form_of_signature_is_verified_by_pyjwt(sign: Any) -> None:
    data = message()
    token = compact(data, sign(data))
    assert verified(token) == {
        "iss": AGENT,
        "sub": AGENT,
        "aud": AUDIENCE,
        "iat": NOW - 30,
        "exp": NOW + 300,
        "jti": "a-nonce",
    }
    assert jwt.get_unverified_header(token) == {"alg": "ES256", "typ": "JWT", "kid": "key-1"}


def test_another_keys_signature_is_not_verified() -> None:
    data = message()
    other = load_signer(ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(jwt.InvalidSignatureError):
        verified(compact(data, other.sign(data)))


def test_capabilities_are_listed_only_if_there_are_any() -> None:
    with_them = message(capabilities=("read", "pay"))
    _, claims = segments_of(compact(with_them, signed_raw(with_them)))
    assert claims["capabilities"] == ["read", "pay"]
    _, claims = segments_of(compact(message(), signed_raw(message())))
    assert "capabilities" not in claims


def test_an_audience_may_be_a_list() -> None:
    data = message(audience=(AUDIENCE, f"{AUDIENCE}/ath/token"))
    token = compact(data, signed_raw(data))
    assert verified(token)["aud"] == [AUDIENCE, f"{AUDIENCE}/ath/token"]
    assert verified(token, f"{AUDIENCE}/ath/token")


@given(st.text(), st.text(), st.integers(0, 2**40), st.lists(st.text()))
def test_any_claims_come_out_as_they_went_in(
    key_id: str, nonce: str, now: int, capabilities: list[str]
) -> None:
    data = message(key_id=key_id, nonce=nonce, now=now, capabilities=capabilities)
    header, claims = segments_of(compact(data, bytes(64)))
    assert header["kid"] == key_id
    assert (claims["jti"], claims["iat"], claims["exp"]) == (nonce, now - 30, now + 300)
    assert claims.get("capabilities", []) == capabilities


@given(st.integers(1, 2**256 - 1), st.integers(1, 2**256 - 1))
def test_short_numbers_in_der_are_padded_to_32_bytes(r: int, s: int) -> None:
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    der = encode_dss_signature(r, s)
    if len(der) != 64:  # one in 2**48: told apart from r and s by its length
        assert compact(b"m", der) == compact(b"m", raw)


@given(st.binary().filter(lambda data: len(data) != 64))
def test_bytes_that_are_no_signature_are_an_error_of_signing(signature: bytes) -> None:
    token = outcome(lambda: compact(b"message", signature))
    if isinstance(token, ATHError):
        assert token.code == "SIGNING_FAILED"
    else:
        assert len(token.rsplit(".")[-1]) == 86


def test_numbers_too_large_for_p256_are_an_error_of_signing() -> None:
    key = ec.generate_private_key(ec.SECP521R1())
    with pytest.raises(ATHError) as caught:
        compact(b"m", key.sign(b"m", ec.ECDSA(hashes.SHA256())))
    assert caught.value.code == "SIGNING_FAILED"
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("signature", [None, "text", 7, memoryview(bytes(64)), object()])
def test_what_is_not_bytes_is_an_error_of_signing_that_names_its_type(signature: object) -> None:
    with pytest.raises(ATHError, match=type(signature).__name__) as caught:
        compact(b"m", signature)
    assert caught.value.code == "SIGNING_FAILED"


def test_a_coroutine_for_a_signature_leads_to_the_async_client() -> None:
    class Remote:
        async def sign(self, data: bytes, /) -> bytes:
            return signed_raw(data)

    signer: AsyncSigner = Remote()
    coroutine: Any = signer.sign(b"m")
    with pytest.raises(ATHError, match="async client"):
        compact(b"m", coroutine)
    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CLOSED  # or Python would warn


def test_the_signer_protocol_is_known_at_run_time() -> None:
    assert isinstance(load_signer(KEY), Signer)
    assert not isinstance(object(), Signer)
