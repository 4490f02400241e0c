"""What a forked child must not inherit: the locks that its parent's threads held."""

from __future__ import annotations

import os
import sys
import threading
from io import FileIO
from weakref import WeakSet

guard = threading.RLock()
"""Held for moments only, never while waiting. A fork waits for it, so that no child finds it taken
or what it protects half changed. Use it as ``fork.guard``: a child has another one."""

locked_files: WeakSet[FileIO] = WeakSet()
"""Open files that hold a lock of the operating system.

A child shares such a lock with its parent: were its copy left open, the lock would outlive a
parent that is killed.
"""


def _close_locked_files() -> None:
    global guard
    guard = threading.RLock()  # not released: some hosts fork without taking it first
    for file in list(locked_files):
        file.close()
    locked_files.clear()


if sys.platform != "win32":
    os.register_at_fork(
        before=lambda: guard.acquire(),
        after_in_parent=lambda: guard.release(),
        after_in_child=_close_locked_files,
    )
