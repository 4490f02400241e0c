"""The agent's private key: P-256, in memory or behind a signer of the user's own (RFC 7518)."""

from __future__ import annotations

import os
import re
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any, NoReturn, Protocol, Self, runtime_checkable

from ._lazy import ec, pathlib, public_keys
from ._secret import SecretBytes, hide
from .errors import ATHError

__all__ = ["AgentKey", "AsyncSigner", "Signer"]

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")


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


class AgentKey:
    """The agent's private key in memory: P-256, as ATH demands (ES256 of RFC 7518).

    It goes wherever a client takes ``private_key``. Make it with :meth:`generate`, :meth:`load` or
    :meth:`from_env`. Nothing shows the private key, and it cannot be pickled or copied.
    """

    __slots__ = ("_algorithm", "_key")

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        """Use a key of ``cryptography``.

        Raises:
            ATHError: INVALID_KEY if it is not a private key on P-256.
        """
        _check_private(key)
        self._key = key
        self._algorithm: Any = None

    @classmethod
    def generate(cls) -> Self:
        """Make a new key; :meth:`save` it, since the agent is known by it."""
        from cryptography.hazmat.primitives.asymmetric import ec

        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, password: str | bytes | None = None) -> Self:
        """Read a key from a PEM file (PKCS #8 or SEC 1).

        Args:
            path: The file's path.
            password: Of an encrypted file.

        Raises:
            ATHError: INVALID_KEY, with what is wrong with the file and nothing of its content.
        """
        return cls(_load_private(_path_of(path), hide(password), "password"))

    @classmethod
    def from_env(cls, name: str, *, password: str | bytes | None = None) -> Self:
        r"""Read a key from an environment variable that holds its PEM text.

        Line ends may be written as ``\n``.

        Args:
            name: The variable's name.
            password: Of an encrypted PEM.

        Raises:
            ATHError: INVALID_KEY if the variable is not set or holds no such key;
                INVALID_ARGUMENT if this is no variable's name.
        """
        if not _is_variable(name):  # not quoted: it may be the key itself
            raise ATHError("INVALID_ARGUMENT", "name must be an environment variable's name.")
        if not (pem := hide(os.environ.get(name))):
            raise ATHError("INVALID_KEY", f"The environment variable {name} is not set, or empty.")
        return cls(_load_private(pem, hide(password), "password"))

    def save(self, path: str | os.PathLike[str], *, password: str | bytes | None = None) -> None:
        """Write the key to a PEM file (PKCS #8) that only this user may read: mode 0600.

        The file appears whole or not at all. One that is there is replaced, whatever its mode.

        Args:
            path: The file's path; its folder must be there.
            password: Encrypts the file.

        Raises:
            ATHError: STORAGE_ERROR if it cannot be written; INVALID_ARGUMENT for a path or password
                that cannot be used.
        """
        from cryptography.hazmat.primitives import serialization

        from .stores.private_file import storage_error, write_file

        file = _path_of(path)
        encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
        if password is not None:
            encryption = serialization.BestAvailableEncryption(_check_password(hide(password)))
        form = serialization.PrivateFormat.PKCS8
        pem = SecretBytes(self._key.private_bytes(serialization.Encoding.PEM, form, encryption))
        # No two writers share this name, so no lock is needed.
        temporary = file.parent / f".{file.name}.{os.urandom(8).hex()}"
        try:
            write_file(file, pem, timeout=10, temporary=temporary)
        except OSError as error:
            raise storage_error(file, "written", error) from None

    def sign(self, data: bytes, /) -> bytes:
        """Sign as :meth:`Signer.sign` does; returns the 64 bytes r || s."""
        if self._algorithm is None:
            from jwt.algorithms import ECAlgorithm  # slow to import, and only signing needs it

            self._algorithm = ECAlgorithm(ECAlgorithm.SHA256)
        signature: bytes = self._algorithm.sign(data, self._key)
        return signature

    @property
    def public_jwk(self) -> dict[str, str]:
        """The public key as a JWK (RFC 7517), as identity documents carry it: kty, crv, x, y."""
        return public_keys.read_public_key(self._key.public_key())

    @property
    def thumbprint(self) -> str:
        """The public key's JWK thumbprint (RFC 7638, SHA-256): 43 characters that name it."""
        return public_keys.jwk_thumbprint(self.public_jwk)

    def __repr__(self) -> str:
        """Which key it is, and nothing of its private part."""
        return f"<AgentKey {self.thumbprint}>"

    def __reduce__(self) -> NoReturn:
        """A pickle would be a copy of the private key that nobody guards."""
        raise ATHError(
            "NOT_PICKLABLE", "A private key is not pickled or copied: load it in each process."
        )


def load_signer(private_key: object, password: object = None) -> Signer | AsyncSigner:
    """Make a signer of whatever the user holds.

    Raises:
        ATHError: INVALID_KEY, with what is wrong with it and nothing of its content.
    """
    if isinstance(private_key, str | bytes | os.PathLike):
        return AgentKey(_load_private(private_key, password, "private_key_password"))
    if password is not None:
        raise ATHError("INVALID_KEY", "private_key_password goes with a PEM text or file only.")
    # Keys of cryptography have a sign() too, which takes other arguments.
    is_signer = not _is_key(private_key) and not isinstance(private_key, type)
    if is_signer and isinstance(private_key, Signer):
        return private_key
    return AgentKey(_check_private(private_key))


def _load_private(source: os.PathLike[str] | str | bytes, password: object, option: str) -> Any:
    """The key in a PEM or in the file of that path; ``option`` names the password's argument."""
    if password is not None and not isinstance(password, str | bytes):
        raise ATHError("INVALID_KEY", f"{option} must be text or bytes.")
    if isinstance(source, os.PathLike):
        try:
            source = SecretBytes(pathlib.Path(source).read_bytes())
        except (OSError, ValueError) as error:  # ValueError: a null character in the path
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise ATHError(
                "INVALID_KEY", f"The private key file {str(source)!r} cannot be read: {reason}."
            ) from None
    return _parse_pem(source, password, option)


def _is_key(value: object) -> bool:
    """Whether it is a key, or something else, of cryptography."""
    from cryptography.hazmat.primitives.asymmetric import ec

    of_cryptography = type(value).__module__.startswith("cryptography.")
    return of_cryptography or isinstance(value, ec.EllipticCurvePrivateKey)


def _check_private(key: object) -> ec.EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    if isinstance(key, ec.EllipticCurvePrivateKey):
        if key.curve.name != "secp256r1":
            raise ATHError(
                "INVALID_KEY", f"The private key is on curve {key.curve.name}; ATH needs P-256."
            )
        return key
    kind = type(key).__name__.lstrip("_")
    if _is_key(key):
        if "Public" in kind:
            raise ATHError(
                "INVALID_KEY", "This is a public key; the agent signs with its private key."
            )
        raise ATHError("INVALID_KEY", f"This is a key of kind {kind}; ATH needs P-256.")
    raise ATHError("INVALID_KEY", f"A private key cannot be made of a {kind}.")


def _is_variable(name: object) -> bool:
    return isinstance(name, str) and _VARIABLE.fullmatch(name) is not None


def _path_of(path: object) -> pathlib.Path:
    from .stores.private_file import check_path

    if "-----BEGIN" in str(path):  # not quoted: it is the key itself
        raise ATHError("INVALID_ARGUMENT", "path must be the path of a key file, not its text.")
    return check_path(path)


def _check_password(password: object) -> bytes:
    """As bytes; OpenSSL takes 1 to 1023 of them."""
    if isinstance(password, str | bytes) and 0 < len(data := _bytes_of(password)) < 1024:
        return data
    raise ATHError("INVALID_ARGUMENT", "password must be text or bytes, 1 to 1023 bytes long.")


def _bytes_of(text: str | bytes) -> SecretBytes:
    if isinstance(text, bytes):
        return SecretBytes(text)
    with suppress(UnicodeEncodeError):  # which would hold the key
        return SecretBytes(text.encode())
    raise ATHError("INVALID_KEY", "The private key or its password is not text.") from None


def _unescape(pem: str | bytes) -> bytes:
    # Environment variables and JSON files often hold the line ends as the two characters \ and n.
    text = _bytes_of(pem).strip().strip(b"\"'")
    return SecretBytes(text.replace(b"\\r", b"").replace(b"\\n", b"\n"))


def _parse_pem(pem: str | bytes, password: str | bytes | None, option: str) -> object:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    data = _unescape(pem)
    secret = None if password is None else _bytes_of(password)
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
            f"encrypted: pass {option}="
            if secret is None
            else f"not encrypted, but {option} was given"
        )
        raise ATHError("INVALID_KEY", f"The private key is {reason}.") from None
    except (ValueError, UnsupportedAlgorithm):
        reason = "damaged" if secret is None else "damaged, or the password is wrong"
        raise ATHError("INVALID_KEY", f"The private key cannot be read: it is {reason}.") from None
