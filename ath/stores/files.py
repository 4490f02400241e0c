"""Stores in files: one file for any number of records, or a folder with a file for each."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from io import FileIO
from pathlib import Path
from typing import TypeVar

from ..errors import ATHError
from .base import CredentialKey, check_key
from .credential_file import ANY, decode_entry, find_entry, is_record
from .lock import try_lock, unlock
from .private_file import check_path, make_folder, storage_error
from .record_file import RecordFile

__all__ = ["FileStore", "FolderStore"]

T = TypeVar("T")


class _Files:
    """What both stores do, with the files that a key's digest leads to."""

    def __init__(self, lock_timeout: float) -> None:
        self._lock_timeout = _check_timeout(lock_timeout)
        self._locks: dict[tuple[CredentialKey, str], FileIO] = {}

    def load(self, key: CredentialKey) -> str | None:
        """Return the record of that key, or None.

        Raises:
            ATHError: INVALID_CREDENTIALS for a damaged or foreign file or a newer format;
                STORAGE_ERROR if it cannot be read, or is no regular file of this user or root;
                INVALID_ARGUMENT for a key that holds a lone surrogate.
        """
        entry = find_entry(self._file(_digest(key)).read(), key)
        return None if entry is None else decode_entry(entry)

    def replace(self, key: CredentialKey, old: str | None, new: str) -> bool:
        """Put ``new`` in the place of ``old`` if that is still there.

        Raises:
            ATHError: as :meth:`load`; STORAGE_ERROR also if the file is locked for too long;
                INVALID_ARGUMENT if ``new`` is not a JSON object. The file is then as it was.
        """
        file = self._file(_digest(key))
        return file.change(key, new, lambda found: is_record(found, old))

    def delete(self, key: CredentialKey, old: str | None = None) -> bool:
        """Remove the record, if it is there and ``old`` is None or still the same.

        A file goes with its last record. Raises as :meth:`replace`.
        """
        return self._file(_digest(key)).change(
            key, None, lambda found: found is not None and (old is None or is_record(found, old))
        )

    def acquire(self, key: CredentialKey, owner: str, lease: float) -> bool:  # noqa: ARG002
        """Take the lock of that key without waiting; return False if it is held.

        Several keys share a lock. The operating system frees it when its holder's process ends,
        so ``lease`` is not used. :meth:`replace` works whoever holds it.

        Raises:
            ATHError: STORAGE_ERROR; INVALID_ARGUMENT as :meth:`load`.
        """
        path = self._lock_path(_digest(key))
        try:
            make_folder(path.parent)
            file = try_lock(path)
        except OSError as error:
            raise storage_error(path, "locked", error) from error
        if file is None:
            return False
        self._locks[key, owner] = file
        return True

    def release(self, key: CredentialKey, owner: str) -> None:
        """Give the lock back, if ``owner`` holds it."""
        file = self._locks.pop((key, owner), None)
        if file is not None:
            unlock(file)

    def keys(self) -> Iterator[CredentialKey]:
        """The keys of all records, in no order; raises as :meth:`load`, after all others."""
        for records in self._of_each(RecordFile.read):
            yield from (key for key in records if key != ANY)

    def purge(self, before: float | None = None) -> int:
        """Remove records whose ``expires_at`` has passed, and temporary files that were left over.

        Damaged files that were set aside are kept.

        Args:
            before: A time in seconds UTC; now by default.

        Returns:
            How many records were removed.

        Raises:
            ATHError: as :meth:`replace`, after all others.
        """
        limit = time.time() if before is None else before
        return sum(self._of_each(lambda file: file.purge(limit)))

    def _of_each(self, ask: Callable[[RecordFile], T]) -> Iterator[T]:
        """What each file answers; one that fails stops no other, and raises after them."""
        first: ATHError | None = None
        for file in self._files():
            try:
                answer = ask(file)
            except ATHError as error:
                first = first or error
            else:
                yield answer
        if first is not None:
            raise first

    def _file(self, digest: str) -> RecordFile:
        raise NotImplementedError

    def _files(self) -> Iterable[RecordFile]:
        raise NotImplementedError

    def _lock_path(self, digest: str) -> Path:
        """The lock that :meth:`acquire` takes: one of a fixed number, since none is deleted."""
        raise NotImplementedError


class FileStore(_Files):
    """Keeps any number of records in one JSON file, mode 0600, shared between processes.

    Each change writes the whole file: it is meant for the users of one person or team, up to about
    a thousand; use :class:`FolderStore` for more.

    Every change is made under a lock, written to a new file and renamed, so that readers and
    crashes see the old state or the new one. Locks are empty files beside it, which must not be
    deleted. On Windows the modes mean little: put the file where only its user may read.

    A damaged file is set aside under a new name, a foreign one is refused and left alone. A
    symbolic link is read, but not written.

    Args:
        path: The file; it and the folders above it are made when first written.
        lock_timeout: Seconds that a change waits for those of other processes and threads.

    Raises:
        ATHError: INVALID_ARGUMENT.
    """

    def __init__(self, path: str | os.PathLike[str], *, lock_timeout: float = 60.0) -> None:
        super().__init__(lock_timeout)
        self.path = check_path(path)
        if not self.path.name:
            raise ATHError("INVALID_ARGUMENT", f"{path!r} is not the path of a file.")
        lock = self.path.with_name(f".{self.path.name}.lock")
        self._only = RecordFile(self.path, lock, self._lock_timeout)

    def put(self, key: CredentialKey, new: str) -> None:
        """Put ``new`` in the place of whatever is there; raises as :meth:`replace`."""
        check_key(key)
        self._only.change(key, new, lambda _: True)

    def _file(self, digest: str) -> RecordFile:  # noqa: ARG002
        return self._only

    def _files(self) -> Iterable[RecordFile]:
        return (self._only,)

    def _lock_path(self, digest: str) -> Path:
        return self.path.with_name(f".{self.path.name}.lock-{digest[0]}")


class FolderStore(_Files):
    """Keeps each record in a file of its own: a change costs the same with any number of users.

    Each file is one that :class:`FileStore` could have written, with the same promises.

    Args:
        folder: It and the folders above it are made when first written.
        lock_timeout: Seconds that a change waits for those of other processes and threads.

    Raises:
        ATHError: INVALID_ARGUMENT.
    """

    _NAME = re.compile(r"\.?([0-9a-f]{32})\.json(\.new)?")  # of a file, or of one left over

    def __init__(self, folder: str | os.PathLike[str], *, lock_timeout: float = 60.0) -> None:
        super().__init__(lock_timeout)
        self.folder = check_path(folder)

    def _file(self, digest: str) -> RecordFile:
        lock = self.folder / f".lock-{digest[:2]}"  # one of a fixed number, since none is deleted
        return RecordFile(self.folder / f"{digest}.json", lock, self._lock_timeout)

    def _files(self) -> Iterable[RecordFile]:
        try:
            names = [path.name for path in self.folder.iterdir()]
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise storage_error(self.folder, "read", error) from error
        digests = {found[1] for name in names if (found := self._NAME.fullmatch(name))}
        return map(self._file, digests)

    def _lock_path(self, digest: str) -> Path:
        return self.folder / f".key-lock-{digest[:2]}"


def _digest(key: CredentialKey) -> str:
    check_key(key)
    return sha256(json.dumps(key).encode()).hexdigest()[:32]


def _check_timeout(seconds: object) -> float:
    if isinstance(seconds, int | float) and seconds >= 0:  # NaN is not
        return seconds
    raise ATHError("INVALID_ARGUMENT", "lock_timeout must be 0 or more seconds.")
