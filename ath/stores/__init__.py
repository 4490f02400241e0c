"""Stores: where credentials outlive the process."""

from .copying import Copied, copy, copy_async

__all__ = ["Copied", "copy", "copy_async"]
