"""JSON from servers, which are not trusted: parsed within a bound on memory."""

from __future__ import annotations

import json
from typing import Any

from .errors import ATHError

MALFORMED = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What json, codecs and the generated models raise at input that is not what it should be."""

_SMALL = 1_000_000  # bytes of JSON that no structure makes too large
_GROWTH = 9  # memory that parsed JSON may take, in multiples of the limit


def parse_json(body: bytes, limit: int) -> Any:
    """The value of a JSON text.

    Raises:
        ATHError: RESPONSE_TOO_LARGE if it would take a multiple of the limit in memory.
        Exception: one of MALFORMED if it is not JSON.
    """
    if len(body) > _SMALL and _parsed_size(body) > _GROWTH * max(limit, 16 * _SMALL):
        raise ATHError(
            "RESPONSE_TOO_LARGE", f"The answer's JSON would take {_GROWTH} times {limit} bytes."
        )
    return json.loads(body)


def _parsed_size(body: bytes) -> int:
    """About how many bytes a JSON text will take when it is parsed, never too few.

    A text as a whole and its strings have 1, 2 or 4 bytes a character, and that from a single
    one of their characters on: those with 4 begin with one of five bytes in UTF-8.
    """
    wide = 4 if any(bytes([lead]) in body for lead in range(0xF0, 0xF5)) else 2
    text = 2 * len(body) * (1 if body.isascii() else wide)
    sizes = {b",": 40, b"[": 72, b"{": 80, b":": 130, b'"': 28}
    return text + sum(size * body.count(mark) for mark, size in sizes.items())
