"""Values that several unit tests need."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import strategies as st

from ath._client.credentials import Credentials
from ath._client.held_record import HeldRecords
from ath._client.operations import Operations, UseStore
from ath._client.run import use_store
from ath._http.messages import RawHeaders, Reply, Request, parse_base
from ath._protocol.context import Context, Learned, Settings
from ath._protocol.provider_request import CallOptions
from ath._protocol.requests import make_context
from ath.errors import ATHError
from ath.stores.base import CredentialKey

T = TypeVar("T")

ROOT = Path(__file__).resolve().parents[2]
BASE = parse_base("https://gateway.example/base", "url")
REQUEST = Request(b"GET", BASE, b"/base/x", [])
LIMIT = 100_000

NOW = 1_000_000.0
"""The time of the contexts below, in seconds UTC."""


KEY = CredentialKey(BASE.url, "https://agent.example/agent.json")


def credentials(store: Any = None, user: str | None = None) -> Credentials:
    """The credentials of a view that lives alone, as one process holds them."""
    return Credentials(HeldRecords(store, lambda: NOW), KEY._replace(user=user), KEY)


def settle(operations: Operations[T]) -> T:
    """Carry out the operations of credentials: stores are used, pauses take no time."""
    result: Any = None
    try:
        while True:
            operation = operations.send(result)
            result = use_store(operation) if isinstance(operation, UseStore) else None
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]


def context(limit: int = LIMIT, user_headers: RawHeaders | None = None, **options: Any) -> Context:
    """A context at a fixed time, with random texts that are all alike and no credentials."""
    settings = {
        "base": BASE,
        "agent_id": "https://agent.example/agent.json",
        "key_id": "default",
        "capabilities": (),
        "audience": BASE.url,
        "require_pkce": True,
        "max_response_bytes": limit,
        "native": False,
        "clock": lambda: NOW,
        "monotonic": lambda: 0.0,
        "random_text": lambda size: "r" * size,
    }
    user = options.pop("user", None)
    held = credentials(user=user)
    return make_context(
        Settings(**{**settings, **options}), Learned(), held, user, user_headers or []
    )


def options(method: str = "GET", path: str = "/user", **others: Any) -> CallOptions:
    """What a user passes to proxy() or api()."""
    names = ("body", "params", "headers", "content", "timeout", "idempotent", "retry")
    return CallOptions(method, path, **{**dict.fromkeys(names), **others})


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
