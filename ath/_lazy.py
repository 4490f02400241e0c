"""Modules that only annotations name: they are imported when somebody resolves an annotation."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = ["ec", "httpx", "responses", "ssl", "streams"]


class LazyModule:
    """Stands for a module, and imports it when one of its names is first asked for."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        """A name of the module."""
        return getattr(import_module(self._name), name)


if TYPE_CHECKING:
    import ssl

    import httpx
    from cryptography.hazmat.primitives.asymmetric import ec

    from . import response as responses
    from . import streams
else:
    ec = LazyModule("cryptography.hazmat.primitives.asymmetric.ec")
    httpx = LazyModule("httpx")
    responses = LazyModule("ath.response")  # not slow, but it imports what names it
    ssl = LazyModule("ssl")
    streams = LazyModule("ath.streams")  # as above, and few clients stream
