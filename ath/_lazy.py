"""Modules that only annotations name, or that are optional: imported when they are first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = [
    "async_redis",
    "async_sqlalchemy",
    "consents",
    "ec",
    "futures",
    "httpx",
    "pathlib",
    "public_keys",
    "redis",
    "responses",
    "sqlalchemy",
    "ssl",
    "streams",
]


class LazyModule:
    """Stands for a module, and imports it when one of its names is first asked for."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        """A name of the module."""
        return getattr(import_module(self._name), name)


if TYPE_CHECKING:
    import pathlib
    import ssl
    from concurrent import futures

    import httpx
    import redis
    import redis.asyncio as async_redis
    import sqlalchemy
    import sqlalchemy.ext.asyncio as async_sqlalchemy
    from cryptography.hazmat.primitives.asymmetric import ec

    from . import _public_key as public_keys
    from . import consent as consents
    from . import response as responses
    from . import streams
else:
    async_redis = LazyModule("redis.asyncio")
    async_sqlalchemy = LazyModule("sqlalchemy.ext.asyncio")
    consents = LazyModule("ath.consent")  # its classes take longer to make than most calls
    ec = LazyModule("cryptography.hazmat.primitives.asymmetric.ec")
    futures = LazyModule("concurrent.futures")
    httpx = LazyModule("httpx")
    pathlib = LazyModule("pathlib")
    public_keys = LazyModule("ath._public_key")
    redis = LazyModule("redis")
    responses = LazyModule("ath.response")  # not slow, but it imports what names it
    sqlalchemy = LazyModule("sqlalchemy")
    ssl = LazyModule("ssl")
    streams = LazyModule("ath.streams")  # as above, and few clients stream
