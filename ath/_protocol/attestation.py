"""Attestations: JWTs in which the agent says who it is and whom it speaks to (ATH 0.1; RFC 7519).

A JWT is made in two halves, so that the key may live anywhere: :func:`signing_input` says what is
to be signed, a signer signs it, :func:`compact` joins the two.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Coroutine, Sequence
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from .._http.messages import encode_json
from .._secret import SecretText
from ..errors import ATHError
from .arguments import require_text, require_texts
from .context import Context, Learned, Settings
from .steps import Attest, Audience, Flow

BACKDATED = 30
"""Seconds that ``iat`` lies in the past, so that a server whose clock is behind accepts it."""
LIFETIME = 300
"""Seconds until ``exp``, counted from now."""
NONCE_SIZE = 24
"""Random bytes of ``jti``."""


def sign_attestation(context: Context, audience: Audience | None) -> Flow[str]:
    """Sign a fresh attestation; the audience is the implementor's if none is given."""
    own = context.settings.audience
    attestation = yield Attest(own if audience is None else check_audiences(audience))
    return str.__str__(attestation)


def check_audiences(audience: object) -> Audience:
    """One audience or a list of them.

    Raises:
        ATHError: INVALID_ARGUMENT.
    """
    if isinstance(audience, str):
        return require_text(audience, "audience")
    if audiences := require_texts(audience, "audience"):
        return audiences
    raise ATHError("INVALID_ARGUMENT", "audience must name somebody: an empty list is for nobody.")


def attestation_to_sign(settings: Settings, learned: Learned, audience: Audience) -> bytes:
    """The agent's next attestation for that audience; see :func:`signing_input`."""
    return signing_input(
        agent_id=settings.agent_id,
        key_id=settings.key_id,
        audience=audience,
        now=int(settings.clock() + learned.clock_offset),
        nonce=settings.random_text(NONCE_SIZE),
        capabilities=settings.capabilities,
    )


def _segment(value: dict[str, Any]) -> bytes:
    return urlsafe_b64encode(encode_json(value)).rstrip(b"=")


@lru_cache(maxsize=64)
def _header(key_id: str) -> bytes:
    """The same for every attestation of a key."""
    return _segment({"alg": "ES256", "typ": "JWT", "kid": key_id})


def signing_input(
    *,
    agent_id: str,
    key_id: str,
    audience: str | Sequence[str],
    now: int,
    nonce: str,
    capabilities: Sequence[str] = (),
) -> bytes:
    """What an attestation says, ready to be signed.

    ``now`` is the time in seconds UTC, ``nonce`` the ``jti``, which must never be used again.
    ``iss`` is the agent_id as well: servers find the key by it.
    """
    claims: dict[str, Any] = {
        "iss": agent_id,
        "sub": agent_id,
        "aud": audience if isinstance(audience, str) else list(audience),
        "iat": now - BACKDATED,
        "exp": now + LIFETIME,
        "jti": nonce,
    }
    if capabilities:
        claims["capabilities"] = list(capabilities)
    return _header(key_id) + b"." + _segment(claims)


def compact(message: bytes, signature: object) -> SecretText:
    """Join what was signed and its signature to a JWT.

    Raises:
        ATHError: SIGNING_FAILED if the signer returned something else than a P-256 signature.
    """
    if not isinstance(signature, bytes | bytearray):
        if isinstance(signature, Coroutine):
            signature.close()  # nobody is going to await it
        raise ATHError(
            "SIGNING_FAILED",
            f"The signer returned a {type(signature).__name__}, not bytes. "
            "A signer whose sign() is a coroutine needs an async client.",
        )
    raw = bytes(signature) if len(signature) == 64 else _raw_of_der(bytes(signature))
    return SecretText((message + b"." + urlsafe_b64encode(raw).rstrip(b"=")).decode("ascii"))


def _raw_of_der(signature: bytes) -> bytes:
    try:
        r, s = decode_dss_signature(signature)
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")
    except (ValueError, OverflowError):
        raise ATHError(
            "SIGNING_FAILED", "The signer returned something that is no P-256 signature."
        ) from None
