"""Modules that only annotations name: they are imported when somebody resolves an annotation."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class LazyModule:
    """Stands for a module, and imports it when one of its names is first asked for."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        """A name of the module."""
        return getattr(import_module(self._name), name)
