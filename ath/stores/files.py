"""Stores in files: one file for any number of records, or a folder with a file for each."""

from __future__ import annotations

import os
import secrets
import stat
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from hashlib import sha256
from pathlib import Path

from ..errors import ATHError, ATHSecurityWarning, ATHWarning
from .base import CredentialKey
from .credential_file import (
    ANY,
    DamagedError,
    name_of,
    parse,
    pick,
    read_bytes,
    storage_error,
    written,
)
from .lock import locked

__all__ = ["FileStore", "FolderStore"]


class FileStore:
    """Keeps any number of records in one JSON file, mode 0600, shared between processes.

    Every change is made under a lock on a file beside it, written to a new file and renamed, so
    that readers and crashes see the old state or the new one. On Windows the modes mean little:
    put the file where only its user may read.

    A damaged file is set aside under a new name, a foreign one is refused and left alone.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._cache: tuple[bytes, dict[str, str]] | None = None

    def load(self, key: CredentialKey) -> str | None:
        """Return the record of that key, or None.

        Raises:
            ATHError: INVALID_CREDENTIALS for a damaged or foreign file or a newer format,
                STORAGE_ERROR if it cannot be read.
        """
        try:
            return pick(self._read(), key)
        except DamagedError:
            return self._load_again(key)

    def replace(self, key: CredentialKey, old: str | None, new: str) -> bool:
        """Put ``new`` in the place of ``old`` if that is still there.

        Raises:
            ATHError: as :meth:`load`; the file is then as it was.
        """
        return self._change(key, new, lambda found: found == old)

    def put(self, key: CredentialKey, new: str) -> None:
        """Put ``new`` in the place of whatever is there.

        Raises:
            ATHError: as :meth:`load`; the file is then as it was.
        """
        self._change(key, new, lambda _: True)

    def _load_again(self, key: CredentialKey) -> str | None:
        """Under the lock, since another process may have set the damaged file aside by now."""
        try:
            with self._lock():
                try:
                    return pick(self._read(), key)
                except DamagedError:
                    aside = self._set_aside()
        except OSError as error:
            raise storage_error(self.path, "set aside", error) from error
        raise ATHError(
            "INVALID_CREDENTIALS",
            f"The credential file {str(self.path)!r} is damaged. "
            f"It was set aside as {aside.name!r}; nothing in it was lost.",
        )

    def _lock(self) -> AbstractContextManager[None]:
        return locked(self.path.with_name(f".{self.path.name}.lock"))

    def _change(self, key: CredentialKey, new: str, agreed: Callable[[str | None], bool]) -> bool:
        try:
            self._make_folder()
            with self._lock():
                records = self._read_or_set_aside()
                if not agreed(pick(records, key)):
                    return False
                records = {**records, name_of(key): new}
                if key.user is None:
                    records.pop(ANY, None)  # the agent's own takes its place
                self._write(written(records))
                return True
        except OSError as error:
            raise storage_error(self.path, "written", error) from error

    def _read_or_set_aside(self) -> dict[str, str]:
        try:
            return self._read()
        except DamagedError:
            aside = self._set_aside()
            warnings.warn(
                f"The credential file {str(self.path)!r} was damaged; it is now {aside.name!r}.",
                ATHWarning,
                stacklevel=2,
            )
            return {}

    def _read(self) -> dict[str, str]:
        """The records, parsed anew only when the file has changed."""
        try:
            status = os.lstat(self.path)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise storage_error(self.path, "read", error) from error
        if stat.S_ISLNK(status.st_mode):
            raise ATHError(
                "STORAGE_ERROR",
                f"The credential file {str(self.path)!r} is a symbolic link, which may lead "
                "elsewhere tomorrow. Pass the path of the file itself.",
            )
        if not stat.S_ISREG(status.st_mode):
            raise ATHError("STORAGE_ERROR", f"{str(self.path)!r} is not a file.")
        # The content tells whether it has changed; two writes may fall within one tick of a clock.
        data = read_bytes(self.path)
        if self._cache is None or self._cache[0] != data:
            self._cache = (data, parse(data, self.path))
        if os.name == "posix" and status.st_mode & 0o077:  # it is ours: parse() has let it pass
            self._tighten()
        return self._cache[1]

    def _tighten(self) -> None:
        warnings.warn(
            f"The credential file {str(self.path)!r} could be read by others; it is 0600 now.",
            ATHSecurityWarning,
            stacklevel=2,
        )
        try:
            handle = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                os.fchmod(handle, 0o600)
            finally:
                os.close(handle)
        except OSError as error:
            raise storage_error(self.path, "made private", error) from error

    def _make_folder(self) -> None:
        folder = self.path.parent
        if not folder.exists():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _set_aside(self) -> Path:
        aside = self.path.with_name(f"{self.path.name}.damaged-{secrets.token_hex(4)}")
        try:
            self.path.rename(aside)
            aside.chmod(0o600)
        except OSError as error:
            raise storage_error(self.path, "set aside", error) from error
        return aside

    def _write(self, data: bytes) -> None:
        # One name for all: the lock is held, and what a killed writer left behind is overwritten.
        temporary = self.path.with_name(f".{self.path.name}.new")
        temporary.unlink(missing_ok=True)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync_folder(self.path.parent)


class FolderStore:
    """Keeps each record in a file of its own: for thousands of users, where one file gets long."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)

    def load(self, key: CredentialKey) -> str | None:
        """Return the record of that key, or None; raises as :meth:`FileStore.load`."""
        return self._file(key).load(key)

    def replace(self, key: CredentialKey, old: str | None, new: str) -> bool:
        """Put ``new`` in the place of ``old``; raises as :meth:`FileStore.replace`."""
        return self._file(key).replace(key, old, new)

    def _file(self, key: CredentialKey) -> FileStore:
        return FileStore(self.folder / f"{sha256(name_of(key).encode()).hexdigest()[:32]}.json")


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable, where the system can."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
