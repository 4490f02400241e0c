"""The contract of stores: every promise of CredentialStore, for whoever writes a store."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from functools import partial
from typing import Any

from ath import AsyncCredentialStore, ATHError, CredentialStore

from . import _store_locks, _store_promises, _store_times
from ._store_check import Check, expect, open_async, open_sync, promises_of

__all__ = ["check_async_store", "check_store"]

_OPTIONAL = ("delete", "acquire", "release", "keys")


def check_store(
    make_store: Callable[[], CredentialStore | AbstractContextManager[Any]],
    *,
    processes: bool = True,
) -> None:
    """Check that a store keeps every promise of :class:`ath.CredentialStore`; takes seconds.

    ``delete``, ``acquire`` with ``release``, and ``keys`` are checked if the store has them. What
    the store holds already stays as it is; if it has ``delete``, nothing is left over.

    Args:
        make_store: Opens the same store anew at each call, as another process would; or returns a
            context manager (``contextlib.contextmanager``) that opens and closes it.
        processes: Whether processes can share the store; checked with ``os.fork``. Without it, the
            end of a lock whose holder died is not checked.

    Raises:
        AssertionError: naming the promise that was broken.
        ath.ATHError: INVALID_ARGUMENT if this system cannot fork, and ``processes`` is true.
    """
    _check(Check(partial(open_sync, make_store), is_async=False), processes)


def check_async_store(
    make_store: Callable[[], AsyncCredentialStore | AbstractAsyncContextManager[Any]],
    *,
    processes: bool = True,
) -> None:
    """The same for an async store; call it where no event loop runs.

    ``make_store`` is called in event loops of the check's own. Each store that it makes is used by
    many tasks of that one event loop, and not by the child of a later fork.
    """
    _check(Check(partial(open_async, make_store), is_async=True), processes)


def _check(check: Check, processes: bool) -> None:
    if processes and not hasattr(os, "fork"):
        raise ATHError("INVALID_ARGUMENT", "This system has no os.fork; pass processes=False.")
    with check.open() as store:
        offered = {name for name in _OPTIONAL if hasattr(store, name)}
    expect(
        ("acquire" in offered) == ("release" in offered),
        "Broken promise: a store has both acquire() and release(), or neither.",
    )
    for promise in promises_of(_store_promises, _store_locks, _store_times):
        applies = offered.issuperset(promise.methods) and (processes or not promise.processes)
        if not applies or (promise.forked and check.is_async):
            continue
        one = Check(check.open, is_async=check.is_async)
        try:
            promise.check(one)
        except Exception as error:
            reason = str(error) if isinstance(error, AssertionError) else repr(error)
            raise AssertionError(f"Broken promise: {promise.text} ({reason})") from error
        finally:
            one.clean()
