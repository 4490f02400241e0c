"""What the logger "ath" says at INFO: repetitions, reloads, new registrations; never a secret."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable

import pytest

from ath import ATHError, MemoryStore, RetryPolicy
from tests.harness.clients import DEVELOPER, AnyClient, Kind
from tests.harness.examples import REGISTRATION, TOKEN, refusal
from tests.harness.server import Server

PROVIDERS = [{"provider_id": "github", "scopes": ["repo"]}]


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    caplog.set_level(logging.INFO, "ath")

    def read() -> list[str]:
        return [
            record.getMessage()
            for record in caplog.records
            if (record.name, record.levelno) == ("ath", logging.INFO)
        ]

    return read


def test_a_repetition_is_logged_with_call_attempt_code_and_pause(
    client: AnyClient, server: Server, lines: Callable[[], list[str]]
) -> None:
    server.answer_next({}, 503)
    server.answer_next(lost=True)
    server.answer_next({})
    client.call("GET", "/secret-path?secret=query", retry=RetryPolicy(base=0.01, jitter=False))
    origin = re.escape(f"GET {server.url}")
    first, second = lines()
    assert re.fullmatch(
        rf"{origin}: attempt 1 failed with PROVIDER_ERROR; again in 0\.0\d* s", first
    )
    assert re.fullmatch(
        rf"{origin}: attempt 2 failed with NETWORK_ERROR; again in 0\.0\d* s", second
    )


def test_a_pause_is_logged_as_long_as_it_is(
    client: AnyClient, server: Server, lines: Callable[[], list[str]]
) -> None:
    server.answer_next({}, 429, Retry_After="1")
    server.answer_next({})
    client.call("GET", "/x", retry=RetryPolicy(base=0, jitter=False))
    [line] = lines()
    assert line.endswith("again in 1.0 s")


def test_the_last_failure_is_not_called_a_repetition(
    client: AnyClient, server: Server, lines: Callable[[], list[str]]
) -> None:
    server.answer_next({}, 404)
    with pytest.raises(ATHError):
        client.call("GET", "/x")
    assert lines() == []


def test_a_reload_is_logged(kind: Kind, server: Server, lines: Callable[[], list[str]]) -> None:
    store = MemoryStore()
    client, other = (kind.client(server.url, credentials=store) for _ in range(2))
    server.answer_next(REGISTRATION)
    client.register(developer=DEVELOPER, providers=PROVIDERS)
    for each, token in ((client, "ath_tk_old"), (other, "ath_tk_new")):
        server.answer_next({**TOKEN, "access_token": token})
        each.exchange_token("exchange", "s")
    before = len(lines())
    server.answer_next(refusal("TOKEN_REVOKED"), 401)
    server.answer_next({})
    client.call("GET", "/x")
    sent = [request.headers.get("authorization") for request in server.requests[-2:]]
    assert sent == ["Bearer ath_tk_old", "Bearer ath_tk_new"]
    [line] = lines()[before:]
    assert line == f"GET {server.url}: TOKEN_REVOKED; again with what the store holds"


def test_a_new_registration_is_logged_without_its_secret(
    client: AnyClient, server: Server, lines: Callable[[], list[str]]
) -> None:
    server.answer_next({**REGISTRATION, "client_id": "ath_client_9\n\x1b[31m"})
    client.register(developer=DEVELOPER, providers=PROVIDERS)
    [line] = lines()
    assert "registered as 'ath_client_9" in line
    assert line.isprintable()
    assert REGISTRATION["client_secret"] not in line


def test_a_quiet_call_logs_nothing_at_info(
    client: AnyClient, server: Server, lines: Callable[[], list[str]]
) -> None:
    server.answer_next({})
    client.call("GET", "/x")
    assert lines() == []
