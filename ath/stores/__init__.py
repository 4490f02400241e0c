"""Stores: where credentials outlive the process."""

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from typing import Any

    from .copying import Copied, copy, copy_async

__all__ = ["Copied", "copy", "copy_async"]


def __getattr__(name: str) -> "Any":
    if name in __all__:  # every client imports this package, and few programs copy stores
        from . import copying

        return getattr(copying, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
