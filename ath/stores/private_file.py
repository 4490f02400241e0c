"""Files that only their user may read: checked when read, private and durable when written."""

from __future__ import annotations

import errno
import os
import stat
import warnings
from collections.abc import Callable
from io import FileIO
from itertools import takewhile
from pathlib import Path
from typing import Any, TypeVar

from .._secret import SecretBytes
from ..errors import ATHError, ATHSecurityWarning
from .lock import retry

T = TypeVar("T")

READERS_BLOCK_CHANGES = os.name == "nt"
"""On Windows a file that is open can be neither replaced nor deleted."""


def check_path(path: Any) -> Path:
    """Refuse what is no path that the system could have.

    Raises:
        ATHError: INVALID_ARGUMENT.
    """
    try:
        checked = Path(path)
        if b"\0" not in os.fsencode(checked):
            return checked
    except (TypeError, UnicodeEncodeError):
        pass
    raise ATHError("INVALID_ARGUMENT", f"{path!r} is not the path of a file.")


def storage_error(path: Path, what: str, error: OSError) -> ATHError:
    """The error for what the system refused."""
    reason = error.strerror or type(error).__name__
    return ATHError("STORAGE_ERROR", f"The file {str(path)!r} cannot be {what}: {reason}.")


def read_file(path: Path, parse: Callable[[bytes], T]) -> T:
    """Return what ``parse`` makes of the content, and make the file private if it is not.

    A link is followed. A file that is a link, or is not this user's, keeps its mode: secrets
    mounted by Kubernetes are root's links, readable by all. So does one that is not parsed.

    Raises:
        ATHError: STORAGE_ERROR if it is no regular file of this user or root, or cannot be made
            private.
        OSError: if it cannot be opened or read.
    """
    with FileIO(path, opener=_open_at_once) as file:
        status = os.fstat(file.fileno())  # of the opened file: what a name means can change
        _check_file(path, status)
        parsed = parse(SecretBytes(file.readall()))
        if os.name == "posix" and status.st_mode & 0o077 and status.st_uid == os.geteuid():
            _make_private(path, file)
        return parsed


def _open_at_once(path: str, flags: int) -> int:
    """A FIFO would wait for a writer, and a terminal would become the process's own."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))


def _check_file(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise ATHError("STORAGE_ERROR", f"{str(path)!r} is not a regular file.")
    if os.name == "posix" and os.geteuid() not in (0, status.st_uid) and status.st_uid != 0:
        raise ATHError(
            "STORAGE_ERROR",
            f"The file {str(path)!r} belongs to another user (uid {status.st_uid}), who could "
            "have put anything into it. Make a copy of your own.",
        )


def _make_private(path: Path, file: FileIO) -> None:
    if path.is_symlink():
        return
    try:
        os.fchmod(file.fileno(), 0o600)
    except OSError as error:
        if error.errno == errno.EROFS:
            return  # whoever mounted it chose its mode
        raise storage_error(path, "made private", error) from error
    warnings.warn(
        f"The credential file {str(path)!r} could be read by others; it is 0600 now.",
        ATHSecurityWarning,
        stacklevel=2,
    )


def make_folder(folder: Path) -> None:
    """Make the folder and those above it that are missing, all private.

    Raises:
        OSError: if that fails.
    """
    missing = list(takewhile(lambda each: not each.exists(), (folder, *folder.parents)))
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)  # (with parents=True, those above would be public)
        _sync_folder(each.parent)


def write_file(path: Path, data: bytes, timeout: float, *, temporary: Path | None = None) -> None:
    """Put a new file in the place of the old one, durably.

    The caller holds a lock, or names a ``temporary`` file beside it that nobody else writes. On
    Windows a reader that has the old file open is waited for, up to ``timeout`` seconds.

    Raises:
        OSError: if that fails; the old file is then as it was.
    """
    temporary = temporary or temporary_path(path)
    temporary.unlink(missing_ok=True)  # a killed writer's; others are kept away by the lock
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _wait_for_readers(lambda: temporary.replace(path), timeout)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def remove_file(path: Path, timeout: float) -> None:
    """Delete the file, durably, if it is there; readers are waited for as in :func:`write_file`.

    Raises:
        OSError: if that fails.
    """
    _wait_for_readers(lambda: path.unlink(missing_ok=True), timeout)
    _sync_folder(path.parent)


def temporary_path(path: Path) -> Path:
    """Where :func:`write_file` prepares the next content of that file."""
    return path.with_name(f".{path.name}.new")


def _wait_for_readers(change: Callable[[], object], timeout: float) -> None:
    def attempt() -> bool | None:
        try:
            change()
        except PermissionError:
            if not READERS_BLOCK_CHANGES:
                raise
            return None
        return True

    if retry(attempt, timeout) is None:
        reason = f"it was open elsewhere for {timeout:g} seconds"
        raise OSError(errno.ETIMEDOUT, reason)


def _sync_folder(folder: Path) -> None:
    """Make a change of names durable, where the system can."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
