"""Records of the levels DEBUG and INFO, for whoever has set logging up.

Whoever has, has imported the standard library's ``logging``. Nobody sees these records before, and
importing it would cost a fresh process a twentieth of its first call.
"""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from logging import Logger


def debug(logger: str, message: str, *arguments: object) -> None:
    """Log for the developer who looks for a fault."""
    if "logging" in sys.modules:
        _find(logger).debug(message, *arguments, stacklevel=2)


def info(logger: str, message: str, *arguments: object) -> None:
    """Log what happened."""
    if "logging" in sys.modules:
        _find(logger).info(message, *arguments, stacklevel=2)


@cache
def _find(logger: str) -> Logger:
    import logging

    return logging.getLogger(logger)
