"""A lock between processes and threads: the operating system's, held on an open file.

It ends with its holder's process, however that dies. A package for it (filelock) would replace
only the few lines below: what a fork needs, memory needs as well.
"""

from __future__ import annotations

import errno
import os
import random
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import TypeVar

from . import fork

T = TypeVar("T")

LONGEST_PAUSE = 0.05  # seconds; what is waited for here takes milliseconds


def try_lock(path: Path) -> FileIO | None:
    """Lock that file, which is made if need be, or return None if it is locked.

    Every call opens the file anew, so that threads exclude each other as processes do. The file
    must never be deleted: two processes could then lock two files of the same name.
    """
    with fork.guard:
        file = FileIO(path, "r+", opener=_open)
        locked = False
        try:
            locked = _lock(file.fileno())
        finally:
            if not locked:
                file.close()
        if not locked:
            return None
        fork.locked_files.add(file)
        return file


def unlock(file: FileIO) -> None:
    """Free the lock; does nothing in a child that was forked since, whose parent holds it."""
    with fork.guard:
        if file.closed:
            return
        fork.locked_files.discard(file)
        with suppress(OSError):  # closing frees it too, unless another process shares the file
            _unlock(file.fileno())
        file.close()


@contextmanager
def hold_lock(path: Path, timeout: float) -> Generator[None, None, None]:
    """Hold the lock of that file.

    Raises:
        OSError: if it stays locked for ``timeout`` seconds, or cannot be opened or locked.
    """
    file = retry(lambda: try_lock(path), timeout)
    if file is None:
        reason = f"its lock {path.name!r} was held elsewhere for {timeout:g} seconds"
        raise OSError(errno.ETIMEDOUT, reason)
    try:
        yield
    finally:
        unlock(file)


def retry(attempt: Callable[[], T | None], timeout: float) -> T | None:
    """Repeat the attempt, with growing and jittered pauses, until it returns something."""
    end, pause = time.monotonic() + timeout, 0.001
    while (result := attempt()) is None:
        left = end - time.monotonic()
        if left <= 0:
            break
        time.sleep(min(left, pause * random.uniform(0.5, 1)))  # noqa: S311 (no secret)
        pause = min(pause * 2, LONGEST_PAUSE)
    return result


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> bool:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            if error.errno != errno.EACCES:  # which means "locked"
                raise
            return False
        return True

    def _unlock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_UN)
