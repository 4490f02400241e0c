"""Text that no repr shows: error trackers record the repr of every local variable."""

from __future__ import annotations


class SecretText(str):
    """Text that is used as any other, but that a repr hides."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Nothing of it."""
        return "'[hidden]'"
