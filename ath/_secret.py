"""Values that no repr shows: error trackers record the repr of every local variable."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


class SecretText(str):
    """Text that is used as any other, but that a repr hides."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Nothing of it."""
        return "'[hidden]'"


class SecretBytes(bytes):
    """The same for bytes."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Nothing of them."""
        return "b'[hidden]'"


def hide(value: T) -> T:
    """The value, so that its repr does not show it if it is text or bytes."""
    if isinstance(value, bytes):
        return SecretBytes(value)  # type: ignore[return-value]
    return SecretText(value) if isinstance(value, str) else value  # type: ignore[return-value]
