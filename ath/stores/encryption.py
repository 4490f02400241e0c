"""How a record is encrypted: AES-256-GCM (NIST SP 800-38D), bound to the record's key."""

from __future__ import annotations

import json
import os
from base64 import b64decode, b64encode
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from .._secret import SecretBytes, SecretText, hide
from ..errors import ATHError
from .base import CredentialKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

EncryptionKeys = str | bytes | Sequence[str | bytes]

_FORMAT = "ath-encrypted"
_VERSION = 1
_KEY_SIZE = 32  # bytes
_NONCE_SIZE = 12  # bytes; random, so a key is good for 2**32 changes


def hide_keys(keys: EncryptionKeys) -> list[str | bytes]:
    """One or several keys as a list, so that no frame below the caller's shows one."""
    several = [keys] if isinstance(keys, str | bytes) else keys
    return [SecretBytes(key) if isinstance(key, bytes) else hide(key) for key in several]


class Cipher:
    """Encrypts with the first of its keys, and decrypts with all."""

    __slots__ = ("_ciphers", "_first")

    def __init__(self, keys: list[str | bytes]) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # slow to import

        parsed = [_parse_key(key) for key in keys]
        if not parsed:
            raise ATHError("INVALID_ARGUMENT", "An encrypted store needs at least one key.")
        self._ciphers: dict[str, AESGCM] = {_key_id(key): AESGCM(key) for key in parsed}
        self._first = _key_id(parsed[0])

    def encrypt(self, key: CredentialKey, text: str) -> str:
        """What the inner store keeps of a record.

        Raises:
            ATHError: INVALID_ARGUMENT if the record is not a JSON object.
        """
        expires_at = _read_expiry(text)
        nonce = os.urandom(_NONCE_SIZE)
        ciphertext = self._ciphers[self._first].encrypt(nonce, text.encode(), _associated(key))
        return json.dumps(
            {
                "format": _FORMAT,
                "version": _VERSION,
                "key_id": self._first,
                "ciphertext": b64encode(nonce + ciphertext).decode("ascii"),
                "expires_at": expires_at,
            }
        )

    def decrypt(self, key: CredentialKey, stored: str) -> str:
        """The record that the inner store keeps as that text.

        Raises:
            ATHError: INVALID_CREDENTIALS if it is not encrypted, or with a key that is not held,
                or for another record, or was changed.
        """
        envelope = _open_envelope(stored)
        cipher = self._ciphers.get(envelope.key_id)
        if cipher is None:
            raise ATHError(
                "INVALID_CREDENTIALS",
                f"A record is encrypted with a key whose id is {envelope.key_id[:16]!r}; this "
                f"store has {', '.join(map(repr, self._ciphers))}.",
            )
        with suppress(Exception):  # cryptography's says only that it failed
            data = b64decode(envelope.ciphertext, validate=True)
            nonce, ciphertext = data[:_NONCE_SIZE], data[_NONCE_SIZE:]
            return SecretText(cipher.decrypt(nonce, ciphertext, _associated(key)).decode())
        raise ATHError(
            "INVALID_CREDENTIALS",
            "A record cannot be decrypted: it was damaged, or put in the place of another one.",
        )

    def uses_first_key(self, stored: str) -> bool:
        """Whether a record is encrypted with the key that encrypts now.

        Raises:
            ATHError: INVALID_CREDENTIALS if it is not encrypted.
        """
        return _open_envelope(stored).key_id == self._first


class _Envelope(NamedTuple):
    version: object
    key_id: str
    ciphertext: str


def _open_envelope(stored: str) -> _Envelope:
    envelope = _parse_envelope(stored)
    if envelope is None:
        raise ATHError(
            "INVALID_CREDENTIALS",
            "A record in this store is not encrypted, and so it could be anyone's. If it is yours, "
            "ath.stores.copy() brings it into an encrypted store.",
        )
    if envelope.version != _VERSION:
        raise ATHError(
            "INVALID_CREDENTIALS",
            f"A record is encrypted in format version {envelope.version!r:.20}; this release reads "
            f"version {_VERSION}. Use the release that wrote it.",
        )
    return envelope


def _parse_envelope(stored: str) -> _Envelope | None:
    """Apart from what raises: a record that is not encrypted is full of secrets."""
    with suppress(RecursionError, ValueError):
        match json.loads(stored):
            case {"format": form, "version": version, "key_id": str(key), "ciphertext": str(text)}:
                return _Envelope(version, key, text) if form == _FORMAT else None
            case _:
                pass
    return None


def _associated(key: CredentialKey) -> bytes:
    """What a ciphertext is bound to, beside its content."""
    return json.dumps([_FORMAT, _VERSION, *key]).encode()


def _read_expiry(text: str) -> float | None:
    """The member of a record that its store has to read."""
    with suppress(RecursionError, ValueError):  # these errors hold the whole text
        text.encode()
        match json.loads(text):
            case {"expires_at": float() | int() as seconds} if not isinstance(seconds, bool):
                return seconds
            case dict():
                return None
            case _:
                pass
    raise ATHError("INVALID_ARGUMENT", "A record must be a JSON object that can be encoded.")


def _key_id(key: bytes) -> str:
    """A name that tells keys apart and nothing about them."""
    return sha256(b"ath key id" + key).hexdigest()[:16]


def _parse_key(key: object) -> bytes:
    if isinstance(key, bytes) and len(key) == _KEY_SIZE:
        return key
    decoded = _decode_key(key)
    if len(decoded) == _KEY_SIZE:
        return decoded
    raise ATHError(
        "INVALID_ARGUMENT",
        "An encryption key must be 32 bytes, or their base64 as `openssl rand -base64 32` "
        "prints it.",
    )


def _decode_key(key: object) -> bytes:
    """The bytes of standard or URL-safe base64; none if it is neither."""
    with suppress(ValueError):
        match key:
            case bytes():
                text = key.decode("ascii")
            case str():
                text = key
            case _:
                return b""
        standard = text.strip().rstrip("=").replace("-", "+").replace("_", "/")
        return SecretBytes(b64decode(standard + "=" * (-len(standard) % 4), validate=True))
    return b""
