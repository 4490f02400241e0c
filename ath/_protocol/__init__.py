"""The handshake without I/O: no clock, socket, file, lock, thread or warning.

The flows' modules import the generated calls and models, which a client needs at its first
handshake and not before; so they load at first use (PEP 562).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

    from . import (
        approval,
        attestation,
        completing,
        connect,
        consent,
        registration,
        revocation,
        waiting,
    )

__all__ = [
    "approval",
    "attestation",
    "completing",
    "connect",
    "consent",
    "registration",
    "revocation",
    "waiting",
]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        from importlib import import_module

        return import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
