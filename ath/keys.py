"""The agent's private key: P-256, in memory or behind a signer of the user's own (RFC 7518)."""

from __future__ import annotations

from collections.abc import Awaitable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from .errors import ATHError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

__all__ = ["AsyncSigner", "Signer"]


@runtime_checkable
class Signer(Protocol):
    """Signs for a private key that never leaves its KMS or HSM."""

    def sign(self, data: bytes, /) -> bytes:
        """Sign ``data`` with ECDSA on P-256 and SHA-256.

        Either form is understood: ASN.1 DER, as key services return it, or the 64 bytes r || s of
        RFC 7518, section 3.4.
        """
        ...


class AsyncSigner(Protocol):
    """The same for the async clients: ``sign`` may also be a coroutine function."""

    def sign(self, data: bytes, /) -> Awaitable[bytes]:
        """Sign as :meth:`Signer.sign` does."""
        ...


class LocalSigner:
    """Signs with a key in memory, through PyJWT's own ES256."""

    __slots__ = ("_algorithm", "_key")

    def __init__(self, key: EllipticCurvePrivateKey) -> None:
        self._key = key
        self._algorithm: Any = None

    def sign(self, data: bytes, /) -> bytes:
        """Return the 64 bytes r || s."""
        if self._algorithm is None:
            from jwt.algorithms import ECAlgorithm  # slow to import, and only signing needs it

            self._algorithm = ECAlgorithm(ECAlgorithm.SHA256)
        signature: bytes = self._algorithm.sign(data, self._key)
        return signature

    def __repr__(self) -> str:
        """Nothing of the key."""
        return "<LocalSigner>"


def load_signer(private_key: object, password: object = None) -> Signer | AsyncSigner:
    """Make a signer of whatever the user holds.

    Raises:
        ATHError: INVALID_KEY, with what is wrong with it and nothing of its content.
    """
    # All of cryptography is slow to import, and who only names a type or an error needs none of it.
    from cryptography.hazmat.primitives.asymmetric import ec

    if password is not None and not isinstance(password, str | bytes):
        raise ATHError("INVALID_KEY", "private_key_password must be text or bytes.")
    key = private_key
    if isinstance(key, Path):
        try:
            key = key.read_bytes()
        except (OSError, ValueError) as error:  # ValueError: a null character in the path
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise ATHError(
                "INVALID_KEY",
                f"The private key file {str(private_key)!r} cannot be read: {reason}.",
            ) from None
    if isinstance(key, str | bytes):
        key = _parse_pem(key, password)
    elif password is not None:
        raise ATHError("INVALID_KEY", "private_key_password goes with a PEM text or file only.")
    if isinstance(key, ec.EllipticCurvePrivateKey):
        if key.curve.name != "secp256r1":
            raise ATHError(
                "INVALID_KEY", f"The private key is on curve {key.curve.name}; ATH needs P-256."
            )
        return LocalSigner(key)
    kind = type(key).__name__.lstrip("_")
    if type(key).__module__.startswith("cryptography."):
        if "Public" in kind:
            raise ATHError(
                "INVALID_KEY", "This is a public key; the agent signs with its private key."
            )
        raise ATHError("INVALID_KEY", f"This is a key of kind {kind}; ATH needs P-256.")
    if isinstance(key, Signer) and not isinstance(key, type):
        return key
    raise ATHError("INVALID_KEY", f"A private key cannot be made of a {kind}.")


def _bytes_of(text: str | bytes) -> bytes:
    if isinstance(text, bytes):
        return text
    with suppress(UnicodeEncodeError):  # which would hold the key
        return text.encode()
    raise ATHError("INVALID_KEY", "The private key or its password is not text.") from None


def _parse_pem(pem: str | bytes, password: str | bytes | None) -> object:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    data = _bytes_of(pem)
    secret = None if password is None else _bytes_of(password)
    # Environment variables and JSON files often hold the line ends as the two characters \ and n.
    data = data.strip().strip(b"\"'").replace(b"\\r", b"").replace(b"\\n", b"\n")
    if b"-----BEGIN" not in data:
        raise ATHError(
            "INVALID_KEY",
            "The private key is not PEM: it has no BEGIN line. Pass the path of a key file as a "
            "pathlib.Path.",
        )
    if b"PRIVATE KEY-----" not in data:
        raise ATHError(
            "INVALID_KEY",
            "This PEM holds no private key; a public key or a certificate cannot sign.",
        )
    try:
        return load_pem_private_key(data, secret)
    except TypeError:  # cryptography's way to say that key and password do not go together
        reason = (
            "encrypted: pass private_key_password="
            if secret is None
            else "not encrypted, but private_key_password was given"
        )
        raise ATHError("INVALID_KEY", f"The private key is {reason}.") from None
    except (ValueError, UnsupportedAlgorithm):
        reason = "damaged" if secret is None else "damaged, or the password is wrong"
        raise ATHError("INVALID_KEY", f"The private key cannot be read: it is {reason}.") from None
