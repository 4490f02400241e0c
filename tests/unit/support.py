"""Values that several unit tests need."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import strategies as st

from ath._wire import Reply, Request, parse_base
from ath.errors import ATHError

T = TypeVar("T")

ROOT = Path(__file__).resolve().parents[2]
BASE = parse_base("https://gateway.example/base", "url")
REQUEST = Request(b"GET", BASE, b"/base/x", [])
LIMIT = 100_000

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=12,
)


def reply(status: int = 200, body: bytes | Any = b"", **headers: str | bytes) -> Reply:
    """A reply; header names are given with underscores."""
    raw = [
        (
            name.replace("_", "-").encode(),
            value if isinstance(value, bytes) else value.encode("latin-1"),
        )
        for name, value in headers.items()
    ]
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, raw, data, 1_000_000.0)


def json_reply(body: Any, status: int = 200, **headers: str) -> Reply:
    return reply(status, body, **{"content_type": "application/json", **headers})


def segments_of(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a JWT, not verified."""
    header, claims, _ = token.split(".")
    return tuple(  # type: ignore[return-value]
        json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        for part in (header, claims)
    )


def outcome(call: Callable[[], T]) -> T | ATHError:
    """The value, or the ATHError that came instead; any other exception fails the test."""
    try:
        return call()
    except ATHError as error:
        return error


def error_of(call: Callable[[], object]) -> ATHError:
    """The ATHError that must come."""
    result = outcome(call)
    assert isinstance(result, ATHError), f"no error, but {result!r}"
    return result
