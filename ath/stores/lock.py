"""A lock between processes, from the standard library: held on a file, freed by the system."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(path: Path) -> Generator[None, None, None]:
    """Hold the lock of that file, which is made if need be and never deleted.

    Deleting it would let two processes hold a lock of the same name on two files.
    """
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    handle = os.open(path, flags, 0o600)
    try:
        _acquire(handle)
        yield
    finally:
        os.close(handle)  # frees the lock as well


if sys.platform == "win32":
    import msvcrt
    import time

    def _acquire(handle: int) -> None:
        while True:  # LK_LOCK itself gives up after ten seconds
            try:
                return msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
            except OSError:
                time.sleep(0.01)

else:
    import fcntl

    def _acquire(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX)
