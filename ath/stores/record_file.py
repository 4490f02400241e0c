"""A file of records, read as it is and changed under a lock."""

from __future__ import annotations

import secrets
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import ATHError, ATHWarning
from .base import CredentialKey
from .credential_file import (
    ANY,
    DamagedError,
    Records,
    damaged_error,
    encode_entry,
    find_entry,
    has_expired,
    parse,
    serialize,
)
from .lock import hold_lock
from .private_file import (
    make_folder,
    read_file,
    remove_file,
    storage_error,
    temporary_path,
    write_file,
)


class RecordFile:
    """One file of records; ``timeout`` is how many seconds a change waits for the lock."""

    def __init__(self, path: Path, lock: Path, timeout: float) -> None:
        self.path = path
        self._lock = lock
        self._timeout = timeout
        self._cache: tuple[bytes, Records] | None = None

    def read(self) -> Records:
        """The records; none if there is no file.

        Raises:
            ATHError: INVALID_CREDENTIALS, after a damaged file was set aside, and for a foreign
                one or a newer format; STORAGE_ERROR.
        """
        with suppress(DamagedError):
            return self._read()
        if self.path.is_symlink():
            raise damaged_error(self.path)
        try:
            with hold_lock(self._lock, self._timeout):
                # Once more: another process may have set the damaged file aside by now.
                with suppress(DamagedError):
                    return self._read()
                aside = self._set_aside()
        except OSError as error:
            raise storage_error(self.path, "set aside", error) from error
        raise damaged_error(self.path, aside)

    def change(
        self, key: CredentialKey, new: str | None, agreed: Callable[[str | None], bool]
    ) -> bool:
        """Put the record in its place (None removes it), if ``agreed`` to the entry there.

        Raises:
            ATHError: INVALID_CREDENTIALS, STORAGE_ERROR; INVALID_ARGUMENT if the record is not a
                JSON object.
        """
        entry = None if new is None else encode_entry(key, new)
        with self._locked_records() as records:
            found = find_entry(records, key)
            if not agreed(found):
                return False
            changed = {each: kept for each, kept in records.items() if each != key}
            if key.user is None:
                changed.pop(ANY, None)  # the agent's own takes its place
            if entry is not None:
                changed[key] = entry
            self._write(changed)
            return True

    def purge(self, before: float) -> int:
        """Remove records that expired before that time, and what a killed writer left.

        Raises:
            ATHError: as :meth:`change`.
        """
        with self._locked_records() as records:
            temporary_path(self.path).unlink(missing_ok=True)
            kept = {key: text for key, text in records.items() if not has_expired(text, before)}
            if len(kept) != len(records):
                self._write(kept)
            return len(records) - len(kept)

    @contextmanager
    def _locked_records(self) -> Generator[Records, None, None]:
        """The records, while the lock keeps others from changing them."""
        try:
            make_folder(self.path.parent)
            with hold_lock(self._lock, self._timeout):
                if self.path.is_symlink():
                    raise ATHError(
                        "STORAGE_ERROR",
                        f"The credential file {str(self.path)!r} is a symbolic link, which is "
                        "only read. Pass the path of the file itself.",
                    )
                yield self._read_or_set_aside()
        except OSError as error:
            raise storage_error(self.path, "written", error) from error

    def _read(self) -> Records:
        try:
            return read_file(self.path, self._parse)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise storage_error(self.path, "read", error) from error

    def _parse(self, data: bytes) -> Records:
        """Anew only if the content has changed; two writes may fall within one tick of a clock."""
        if self._cache is None or self._cache[0] != data:
            self._cache = data, parse(data, self.path)
        return self._cache[1]

    def _read_or_set_aside(self) -> Records:
        with suppress(DamagedError):
            return self._read()
        aside = self._set_aside()
        warnings.warn(
            f"The credential file {str(self.path)!r} was damaged; it is now {aside.name!r}.",
            ATHWarning,
            stacklevel=2,
        )
        return {}

    def _set_aside(self) -> Path:
        aside = self.path.with_name(f"{self.path.name}.damaged-{secrets.token_hex(4)}")
        try:
            self.path.rename(aside)
            aside.chmod(0o600)
        except OSError as error:
            raise storage_error(self.path, "set aside", error) from error
        return aside

    def _write(self, records: Records) -> None:
        if not records:
            remove_file(self.path, self._timeout)
            return
        data = serialize(records)
        write_file(self.path, data, self._timeout)
        self._cache = data, records
