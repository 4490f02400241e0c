"""What carries out the operations of stores on database engines: blocking, and as coroutines."""

from __future__ import annotations

from abc import ABC, abstractmethod
from importlib.util import find_spec
from typing import Any, Generic, TypeVar

from .._secret import hide
from .base import CredentialKey
from .operations import Operations, Steps

T = TypeVar("T")
OperationsT = TypeVar("OperationsT", bound=Operations)


def require_library(library: str, store: str, install: str) -> None:
    """Refuse to make a store whose library is not installed.

    Raises:
        ModuleNotFoundError: with the command that installs it.
    """
    if find_spec(library) is None:
        raise ModuleNotFoundError(f"{store} needs {library}: {install}", name=library)


class EngineStore(ABC, Generic[OperationsT]):
    """What both kinds hold."""

    def __init__(self, operations: OperationsT) -> None:
        self._operations = operations


class SyncEngineStore(EngineStore[OperationsT]):
    """Carries operations out, blocking; threads and processes may share it."""

    def load(self, key: CredentialKey) -> str | None:
        """Return the record of that key, or None.

        Raises:
            ATHError: STORAGE_ERROR if the server cannot be asked; INVALID_ARGUMENT for a key that
                holds a lone surrogate.
        """
        return self._run(self._operations.load(key))

    def replace(self, key: CredentialKey, old: str | None, new: str) -> bool:
        """Put ``new`` in the place of ``old`` if that is still there.

        False means that the record must be read again: it may hold another one's change, or this
        one if the server's first answer was lost.

        Raises:
            ATHError: as :meth:`load`; INVALID_ARGUMENT also if ``new`` is not a JSON object. After
                a STORAGE_ERROR the record may be either.
        """
        return self._run(self._operations.replace(key, old, new))

    def delete(self, key: CredentialKey, old: str | None = None) -> bool:
        """Remove the record, if it is there and ``old`` is None or still the same.

        Raises as :meth:`load`.
        """
        return self._run(self._operations.delete(key, old))

    def acquire(self, key: CredentialKey, owner: str, lease: float) -> bool:
        """Take the lock of that key for ``lease`` seconds of the server's clock, without waiting.

        False if it is held. Raises as :meth:`load`.
        """
        return self._run(self._operations.acquire(key, owner, lease))

    def release(self, key: CredentialKey, owner: str) -> None:
        """Give the lock back, if ``owner`` holds it (still); raises as :meth:`load`."""
        self._run(self._operations.release(key, owner))

    @abstractmethod
    def _perform(self, step: Any) -> Any:
        """Carry out one step; the library's exceptions may leave it."""

    def _run(self, steps: Steps[T]) -> T:
        try:
            step = next(steps)
            while True:
                try:
                    answer = hide(self._perform(step))
                except Exception as error:
                    failure = self._operations.explain(error)
                else:
                    step = steps.send(answer)
                    continue
                step = steps.throw(failure)  # not while the other one is handled: it stays apart
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]


class AsyncEngineStore(EngineStore[OperationsT]):
    """Carries operations out in the event loop of its client or engine."""

    async def load(self, key: CredentialKey) -> str | None:
        """Return the record of that key, or None.

        Raises:
            ATHError: STORAGE_ERROR if the server cannot be asked; INVALID_ARGUMENT for a key that
                holds a lone surrogate.
        """
        return await self._run(self._operations.load(key))

    async def replace(self, key: CredentialKey, old: str | None, new: str) -> bool:
        """Put ``new`` in the place of ``old`` if that is still there.

        False means that the record must be read again: it may hold another one's change, or this
        one if the server's first answer was lost.

        Raises:
            ATHError: as :meth:`load`; INVALID_ARGUMENT also if ``new`` is not a JSON object. After
                a STORAGE_ERROR the record may be either.
        """
        return await self._run(self._operations.replace(key, old, new))

    async def delete(self, key: CredentialKey, old: str | None = None) -> bool:
        """Remove the record, if it is there and ``old`` is None or still the same.

        Raises as :meth:`load`.
        """
        return await self._run(self._operations.delete(key, old))

    async def acquire(self, key: CredentialKey, owner: str, lease: float) -> bool:
        """Take the lock of that key for ``lease`` seconds of the server's clock, without waiting.

        False if it is held. Raises as :meth:`load`.
        """
        return await self._run(self._operations.acquire(key, owner, lease))

    async def release(self, key: CredentialKey, owner: str) -> None:
        """Give the lock back, if ``owner`` holds it (still); raises as :meth:`load`."""
        await self._run(self._operations.release(key, owner))

    @abstractmethod
    async def _perform(self, step: Any) -> Any:
        """Carry out one step; the library's exceptions may leave it."""

    async def _run(self, steps: Steps[T]) -> T:
        try:
            step = next(steps)
            while True:
                try:
                    answer = hide(await self._perform(step))
                except Exception as error:
                    failure = self._operations.explain(error)
                else:
                    step = steps.send(answer)
                    continue
                step = steps.throw(failure)  # not while the other one is handled: it stays apart
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]
