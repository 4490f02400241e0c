"""Stores that encrypt what another store keeps."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from .._secret import hide
from ..errors import ATHError
from .base import (
    METHODS,
    CredentialKey,
    FullAsyncCredentialStore,
    FullCredentialStore,
    has_coroutines,
)
from .encryption import Cipher, EncryptionKeys, hide_keys
from .steps import Work, carry_out, carry_out_async, use

__all__ = ["AsyncEncryptedStore", "EncryptedStore"]


class _Encrypted:
    """What both do, as work on the inner store."""

    _awaits = False

    def __init__(self, store: Any, keys: list[str | bytes]) -> None:
        complete = all(hasattr(store, name) for name in (*METHODS, "keys"))
        if isinstance(store, type) or not complete:
            raise ATHError(
                "INVALID_ARGUMENT", f"{type(self).__name__} needs a store with all methods."
            )
        if has_coroutines(store) != self._awaits:
            raise ATHError(
                "INVALID_ARGUMENT",
                "EncryptedStore takes a sync store, AsyncEncryptedStore an async one.",
            )
        self._store = store
        self._cipher = Cipher(keys)

    def _read(self, key: CredentialKey) -> Work[tuple[str | None, str | None]]:
        """What the inner store keeps, and the record in it."""
        stored: str | None = hide((yield use(self._store.load, key)))
        return stored, None if stored is None else self._cipher.decrypt(key, stored)

    def _load(self, key: CredentialKey) -> Work[str | None]:
        _, record = yield from self._read(key)
        return record

    def _replace(self, key: CredentialKey, old: str | None, new: str) -> Work[bool]:
        stored, record = yield from self._read(key)
        if record != old:
            return False
        # Another change since then, also one of rotate(), makes this one return False.
        changed: bool = yield use(self._store.replace, key, stored, self._cipher.encrypt(key, new))
        return changed

    def _delete(self, key: CredentialKey, old: str | None) -> Work[bool]:
        stored: str | None = None
        if old is not None:
            stored, record = yield from self._read(key)
            if record != old:
                return False
        deleted: bool = yield use(self._store.delete, key, stored)
        return deleted

    def _rotate(self, key: CredentialKey, failed: list[CredentialKey]) -> Work[bool]:
        """Encrypt one record anew, if need be; one that cannot be decrypted has failed."""
        while True:
            stored: str | None = hide((yield use(self._store.load, key)))
            try:
                if stored is None or self._cipher.uses_first_key(stored):
                    return False
                new = self._cipher.encrypt(key, self._cipher.decrypt(key, stored))
            except ATHError:
                failed.append(key)
                return False
            if (yield use(self._store.replace, key, stored, new)):
                return True


def _check_rotation(rotated: int, failed: list[CredentialKey]) -> int:
    if failed:
        raise ATHError(
            "INVALID_CREDENTIALS",
            f"{len(failed)} records cannot be decrypted with these keys, and were left as they "
            f"are; {rotated} were encrypted anew.",
            details={"rotated": rotated, "failed": failed},
        )
    return rotated


class EncryptedStore(_Encrypted):
    """Encrypts each record before another store keeps it: AES-256-GCM, bound to the record's key.

    The names in the keys, and until when a record must be kept, stay readable. Whoever can write
    to the inner store can remove records, and put an earlier ciphertext of the same key back; they
    can neither make nor change a record, nor move it to another key.

    Args:
        store: The inner store, with all methods of :class:`FullCredentialStore`. Its own
            ``purge()`` works as before.
        keys: One or several: 32 random bytes each, or their base64 (standard or URL-safe). The
            first encrypts, all decrypt.

    Raises:
        ATHError: INVALID_ARGUMENT.
    """

    def __init__(self, store: FullCredentialStore, keys: EncryptionKeys) -> None:
        keys = hide_keys(keys)
        super().__init__(store, keys)

    def load(self, key: CredentialKey) -> str | None:
        """Return the record of that key, or None.

        Raises:
            ATHError: INVALID_CREDENTIALS if it is encrypted with a key that this store does not
                have, for another record, or not at all; it stays as it is. What the inner store
                raises.
        """
        return carry_out(self._load(key))

    def replace(self, key: CredentialKey, old: str | None, new: str) -> bool:
        """Put ``new`` in the place of ``old`` if that is still there; raises as :meth:`load`."""
        return carry_out(self._replace(key, old, new))

    def delete(self, key: CredentialKey, old: str | None = None) -> bool:
        """Remove the record; raises as :meth:`load` if ``old`` is given."""
        return carry_out(self._delete(key, old))

    def acquire(self, key: CredentialKey, owner: str, lease: float) -> bool:
        """Take the inner store's lock."""
        taken: bool = self._store.acquire(key, owner, lease)
        return taken

    def release(self, key: CredentialKey, owner: str) -> None:
        """Give the inner store's lock back."""
        self._store.release(key, owner)

    def keys(self) -> Iterator[CredentialKey]:
        """The keys of all records, in no order."""
        keys: Iterator[CredentialKey] = self._store.keys()
        return keys

    def rotate(self) -> int:
        """Encrypt with the first key what is encrypted with another one; returns how many records.

        Workers may go on meanwhile. It may be interrupted, and be called again.

        Raises:
            ATHError: INVALID_CREDENTIALS if there are records that none of the keys decrypts
                (``details["failed"]`` has their keys), or whose keys are damaged; all others are
                encrypted anew by then.
        """
        rotated, failed = 0, list[CredentialKey]()
        for key in self.keys():
            rotated += carry_out(self._rotate(key, failed))
        return _check_rotation(rotated, failed)


class AsyncEncryptedStore(_Encrypted):
    """The same as :class:`EncryptedStore`, over an async store."""

    _awaits = True

    def __init__(self, store: FullAsyncCredentialStore, keys: EncryptionKeys) -> None:
        keys = hide_keys(keys)
        super().__init__(store, keys)

    async def load(self, key: CredentialKey) -> str | None:
        """Return the record of that key, or None; see :meth:`EncryptedStore.load`."""
        return await carry_out_async(self._load(key))

    async def replace(self, key: CredentialKey, old: str | None, new: str) -> bool:
        """Put ``new`` in the place of ``old`` if that is still there."""
        return await carry_out_async(self._replace(key, old, new))

    async def delete(self, key: CredentialKey, old: str | None = None) -> bool:
        """Remove the record; see :meth:`EncryptedStore.delete`."""
        return await carry_out_async(self._delete(key, old))

    async def acquire(self, key: CredentialKey, owner: str, lease: float) -> bool:
        """Take the inner store's lock."""
        taken: bool = await self._store.acquire(key, owner, lease)
        return taken

    async def release(self, key: CredentialKey, owner: str) -> None:
        """Give the inner store's lock back."""
        await self._store.release(key, owner)

    def keys(self) -> AsyncIterator[CredentialKey]:
        """The keys of all records, in no order."""
        keys: AsyncIterator[CredentialKey] = self._store.keys()
        return keys

    async def rotate(self) -> int:
        """Encrypt with the first key what another one did; see :meth:`EncryptedStore.rotate`."""
        rotated, failed = 0, list[CredentialKey]()
        async for key in self.keys():
            rotated += await carry_out_async(self._rotate(key, failed))
        return _check_rotation(rotated, failed)
