"""Public keys on P-256 as JWKs (RFC 7517, RFC 7518)."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any, TypeVar

from ._secret import hide
from .errors import ATHError

T = TypeVar("T")
_COORDINATE = re.compile(r"[A-Za-z0-9_-]{43}")  # 32 bytes in base64url


def hide_key(key: T) -> T:
    """The key, so that no repr shows it if it is PEM or a JWK: it may be private by mistake."""
    if isinstance(key, Mapping):
        return {name: hide(value) for name, value in key.items()}  # type: ignore[return-value]
    return hide(key)


def is_private(key: object) -> bool:
    """Whether a JWK or PEM holds a private key."""
    if isinstance(key, Mapping):
        return "d" in key
    text = key.decode("latin-1") if isinstance(key, bytes) else key
    return isinstance(text, str) and "PRIVATE KEY-----" in text


def read_public_key(key: object) -> dict[str, str]:
    """The JWK of a public key: kty, crv, x and y, and nothing else.

    Args:
        key: A JWK, PEM text or bytes of a public key, or a key of ``cryptography``.

    Raises:
        ATHError: INVALID_KEY if it is none of these, private, or not on P-256.
    """
    from cryptography.hazmat.primitives.asymmetric import ec

    key = hide_key(key)
    if is_private(key):
        raise ATHError("INVALID_KEY", "This is a private key: pass an AgentKey or the public key.")
    if isinstance(key, Mapping):
        key = _parse_jwk(key)
    elif isinstance(key, str | bytes):
        key = _parse_pem(key)
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        key = key.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        raise ATHError(
            "INVALID_KEY", "This is no key on P-256: pass an AgentKey, a JWK, PEM or a public key."
        )
    numbers = key.public_numbers()
    return {"kty": "EC", "crv": "P-256", "x": _encode(numbers.x), "y": _encode(numbers.y)}


def jwk_thumbprint(jwk: Mapping[str, str]) -> str:
    """The thumbprint of what :func:`read_public_key` returns (RFC 7638, SHA-256)."""
    from hashlib import sha256

    text = json.dumps(jwk, sort_keys=True, separators=(",", ":"))
    return urlsafe_b64encode(sha256(text.encode("ascii")).digest()).rstrip(b"=").decode("ascii")


def _parse_jwk(jwk: Mapping[Any, Any]) -> object:
    from cryptography.hazmat.primitives.asymmetric import ec

    if jwk.get("kty") != "EC" or jwk.get("crv") != "P-256":
        raise ATHError("INVALID_KEY", "The JWK is not a key on P-256 (kty EC, crv P-256).")
    numbers = ec.EllipticCurvePublicNumbers(
        _decode(jwk.get("x")), _decode(jwk.get("y")), ec.SECP256R1()
    )
    try:
        return numbers.public_key()
    except ValueError:
        raise ATHError("INVALID_KEY", "The JWK's x and y are no point on P-256.") from None


def _parse_pem(pem: str | bytes) -> object:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        return load_pem_public_key(pem if isinstance(pem, bytes) else pem.encode())
    except (ValueError, UnsupportedAlgorithm):  # a lone surrogate is a ValueError too
        raise ATHError("INVALID_KEY", "The text is not the PEM of a public key.") from None


def _decode(coordinate: object) -> int:
    if not isinstance(coordinate, str) or not _COORDINATE.fullmatch(coordinate):
        raise ATHError("INVALID_KEY", "The JWK's x and y must be 32 bytes each, in base64url.")
    return int.from_bytes(urlsafe_b64decode(f"{coordinate}="), "big")


def _encode(coordinate: int) -> str:
    return urlsafe_b64encode(coordinate.to_bytes(32, "big")).rstrip(b"=").decode("ascii")
