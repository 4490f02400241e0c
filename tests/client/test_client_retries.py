"""What is sent again after which failure, and clocks that differ."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import httpx
import pytest

from ath import ATHError, ATHWarning, RetryPolicy
from tests.harness.clients import DEVELOPER, AnyClient, Kind, attestation_claims, raises_code
from tests.harness.examples import AUTHORIZATION, REGISTRATION, TOKEN, refusal
from tests.harness.server import Request, Server
from tests.harness.worlds import World

Worlds = Callable[..., World]
DISCOVERY = {
    "ath_version": "0.1",
    "gateway_id": "g",
    "agent_registration_endpoint": "https://g.example/register",
    "supported_providers": [],
}
STATUS = {**REGISTRATION, "agent_id": "https://a.example", "redirect_uris": []}

CALLS: dict[str, tuple[Callable[..., Any], Any]] = {
    "discover": (lambda c, **o: c.discover(**o), DISCOVERY),
    "registration": (lambda c, **o: c.registration(**o), STATUS),
    "authorize": (lambda c, **o: c.authorize("github", ["repo"], **o), AUTHORIZATION),
    "revoke": (lambda c, **o: c.revoke(**o), {}),
    "register": (lambda c, **o: c.register(developer=DEVELOPER, providers=[], **o), REGISTRATION),
    "exchange": (lambda c, **o: c.exchange_token("exchange", "s", **o), TOKEN),
    **{
        method: (lambda c, method=method, **o: c.call(method, "/x", **o), {})
        for method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "POST", "PATCH")
    },
    "POST, may be repeated": (lambda c, **o: c.call("POST", "/x", idempotent=True, **o), {}),
    "GET, must not be repeated": (lambda c, **o: c.call("GET", "/x", idempotent=False, **o), {}),
    "PUT, must not be repeated": (lambda c, **o: c.call("PUT", "/x", idempotent=False, **o), {}),
}

READS = ("discover", "registration", "authorize", "revoke", "GET", "HEAD", "OPTIONS")
REPEATABLE = ("PUT", "DELETE", "POST, may be repeated")
WRITES = ("POST", "PATCH", "GET, must not be repeated", "PUT, must not be repeated")

FAILURES: dict[str, dict[str, Any]] = {
    "lost reply": {"lost": True},
    "429 with Retry-After": {"status": 429, "Retry_After": "0"},
    "429": {"status": 429},
    "500": {"status": 500},
    "502": {"status": 502},
    "503 with Retry-After": {"status": 503, "Retry_After": "0"},
    "503": {"status": 503},
    "504": {"status": 504},
    "403": {"status": 403, "body": refusal("AGENT_UNAPPROVED")},
}

REPEATED_AFTER: dict[tuple[str, ...], set[str]] = {
    READS: {
        "lost reply", "429 with Retry-After", "429", "502", "503 with Retry-After", "503", "504",
    },
    ("register",): {"429 with Retry-After", "503 with Retry-After"},
    ("exchange",): {"429 with Retry-After", "429", "503 with Retry-After", "503"},
    REPEATABLE: {
        "lost reply", "429 with Retry-After", "429", "503 with Retry-After", "503",
    },
    WRITES: {"429 with Retry-After"},
}  # fmt: skip


def repeated(call: str) -> set[str]:
    return next(failures for calls, failures in REPEATED_AFTER.items() if call in calls)


def prepare(client: AnyClient) -> AnyClient:
    client.set_credentials("ath_client_0", "ath_secret_0")
    client.set_token("ath_tk_0")
    return client


@pytest.mark.parametrize("call", CALLS)
def test_a_call_is_repeated_only_after_failures_that_are_safe_to_repeat(
    kind: Kind, server: Server, call: str
) -> None:
    make, good = CALLS[call]
    for name, failure in FAILURES.items():
        client = prepare(kind.client(server.url))
        before = len(server.requests)
        server.answer_next(**failure)
        if name in repeated(call):
            server.answer_next(good)
            make(client)
            assert len(server.requests) == before + 2, name
        else:
            with pytest.raises(ATHError) as caught:
                make(client)
            assert len(server.requests) == before + 1, name
            assert not caught.value.retryable
            unknown = name in ("lost reply", "502", "504") and call in ("register", "exchange")
            assert (caught.value.code == "OUTCOME_UNKNOWN") is unknown


@pytest.mark.parametrize("call", CALLS)
def test_every_call_is_repeated_while_no_connection_can_be_made(kind: Kind, call: str) -> None:
    make, good = CALLS[call]
    outcomes: list[Any] = [httpx.ConnectError("refused"), httpx.ConnectTimeout("late"), good]

    def answer(request: httpx.Request) -> httpx.Response:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return httpx.Response(200, json=outcome)

    http = kind.httpx_client(transport=httpx.MockTransport(answer))
    client = kind.client("https://g.example", http_client=http)
    make(prepare(client))
    assert outcomes == []


def test_a_refused_connection_is_tried_three_times_by_default(kind: Kind) -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        url = f"http://127.0.0.1:{reserved.getsockname()[1]}"
    client = kind.client(url)
    with raises_code("NETWORK_ERROR") as caught:
        client.discover()
    assert caught.value.retryable
    assert caught.value.__notes__ == ["3 attempts: NETWORK_ERROR, NETWORK_ERROR, NETWORK_ERROR."]


@pytest.mark.parametrize(("call", "sends"), [("GET", 2), ("PUT", 1), ("POST", 1), ("exchange", 1)])
def test_a_call_without_an_answer_in_time_is_repeated_if_it_only_reads(
    kind: Kind, server: Server, call: str, sends: int
) -> None:
    released = threading.Event()

    def stall(seen: Request) -> None:
        released.wait(10)

    make, good = CALLS[call]
    client = prepare(kind.client(server.url, timeout=0.2))
    server.answer_next_with(stall)
    server.answer_next(good)
    try:
        if sends == 2:
            make(client)
        else:
            with raises_code("OUTCOME_UNKNOWN" if call == "exchange" else "TIMEOUT"):
                make(client)
        assert len(server.requests) == sends
    finally:
        released.set()


def test_each_attempt_is_signed_anew(kind: Kind, server: Server) -> None:
    client = prepare(kind.client(server.url))
    for _ in range(2):
        server.answer_next(status=503)
    server.answer_next(AUTHORIZATION)
    client.authorize("github", ["repo"])
    assert len({attestation_claims(seen)["jti"] for seen in server.requests}) == 3


def test_the_last_error_is_raised_with_a_note_about_the_attempts(
    kind: Kind, server: Server
) -> None:
    client = prepare(kind.client(server.url))
    server.answer_next(lost=True)
    server.answer_next(refusal("BUSY", "first"), 503)
    server.answer_next(refusal("BUSY", "last"), 429)
    with raises_code("BUSY", 429) as caught:
        client.discover()
    assert caught.value.message == "last"
    assert caught.value.retryable
    assert caught.value.__notes__ == ["3 attempts: NETWORK_ERROR, BUSY, BUSY."]
    assert len(server.requests) == 3


def test_none_switches_retries_off_for_a_client_or_a_call(kind: Kind, server: Server) -> None:
    off = prepare(kind.client(server.url, retry=None))
    on = prepare(kind.client(server.url))
    for client, options, sends in (
        (off, {}, 1),
        (on, {"retry": None}, 1),
        (off, {"retry": RetryPolicy(attempts=2, base=0)}, 2),
        (on, {"retry": RetryPolicy(attempts=5, base=0)}, 5),
        (on, {}, 3),
    ):
        for make, _ in (CALLS["discover"], CALLS["GET"], CALLS["authorize"]):
            before = len(server.requests)
            for _ in range(sends):
                server.answer_next(status=503)
            with pytest.raises(ATHError):
                make(client, **options)
            assert len(server.requests) == before + sends


def test_a_retry_after_beyond_the_total_time_raises_without_waiting(
    kind: Kind, server: Server
) -> None:
    client = prepare(kind.client(server.url))
    server.answer_next(status=429, Retry_After="31")
    with raises_code("PROVIDER_ERROR", 429) as caught:
        client.call("GET", "/x")
    assert (caught.value.retry_after, caught.value.retryable) == (31.0, True)
    assert len(server.requests) == 1
    later = formatdate(time.time() + 3600, usegmt=True)
    server.answer_next(status=503, Retry_After=later)
    with raises_code("PROVIDER_ERROR", 503) as caught:
        client.call("GET", "/x")
    assert caught.value.retry_after is not None
    assert 3590 < caught.value.retry_after < 3610
    assert len(server.requests) == 2


def test_a_retry_after_that_makes_no_sense_is_no_retry_after(kind: Kind, server: Server) -> None:
    client = prepare(kind.client(server.url))
    for value in ("soon", "-1", "1.5", "²", "Wed, 99 Foo 2099"):
        server.answer_next(status=429, Retry_After=value)
        with raises_code("PROVIDER_ERROR", 429) as caught:
            client.call("POST", "/x")
        assert caught.value.retry_after is None


@pytest.mark.parametrize(
    "settings", [{"attempts": 0}, {"total": -1}, {"base": -1}, {"maximum": -0.1}]
)
def test_a_policy_that_can_only_be_a_mistake_is_refused(settings: dict[str, Any]) -> None:
    with raises_code("INVALID_ARGUMENT"):
        RetryPolicy(**settings)


def test_a_write_answered_with_502_is_not_repeated(worlds: Worlds) -> None:
    world = worlds("gateway", proxy_json_only=True)
    client = world.ready()
    for method, options in (("POST", {}), ("PUT", {}), ("POST", {"idempotent": True})):
        writes = world.server.count("provider_writes")
        with raises_code("PROVIDER_ERROR", 502):
            client.call(method, "/note", **options)
        assert world.server.count("provider_writes") == writes + 1


@pytest.mark.parametrize("seconds", [3600, -3600, 86_000])
def test_a_wrong_clock_is_corrected_once_with_a_warning(world: World, seconds: float) -> None:
    world.server.advance(seconds)
    client = world.client()
    with pytest.warns(ATHWarning, match=r"clock is \d+ seconds") as caught:
        world.register(client)
    assert len(caught) == 1
    assert ("behind" if seconds > 0 else "ahead") in str(caught[0].message)
    assert len(world.requests) == 2
    first, second = (attestation_claims(record) for record in world.requests)
    assert abs(second["iat"] - first["iat"] - seconds) < 30
    assert first["jti"] != second["jti"]
    asked = client.authorize(world.provider, world.scopes)  # the offset is kept
    assert len(world.requests) == 3
    world.server.approve(asked.authorization_url)
    view = client.for_user("alice")
    view.authorize(world.provider, world.scopes)
    assert client.exchange_token("exchange", asked.ath_session_id)
    assert len(world.sent_to("/ath/token")) == 1


def test_a_clock_wrong_by_more_than_a_day_is_a_clock_skew_error(world: World) -> None:
    world.server.advance(2 * 86_400)
    with raises_code("CLOCK_SKEW", 401) as caught:
        world.register(world.client())
    assert "behind" in caught.value.message
    assert len(world.requests) == 1


def test_a_clock_that_goes_wrong_later_is_corrected_again(world: World) -> None:
    client = world.client()
    world.register(client)
    for seconds in (3600, 1800):
        world.server.advance(seconds)
        with pytest.warns(ATHWarning):
            client.authorize(world.provider, world.scopes)
        client.authorize(world.provider, world.scopes)
    assert len(world.requests) == 1 + 2 * 3


@pytest.mark.parametrize("date", ["now", "", "no date"])
def test_a_refused_attestation_is_not_blamed_on_a_clock_that_is_right(
    client: AnyClient, server: Server, date: str
) -> None:
    server.answer_next(
        refusal("INVALID_ATTESTATION"), 401, Date=formatdate(usegmt=True) if date == "now" else date
    )
    with raises_code("INVALID_ATTESTATION", 401):
        client.authorize("github", ["repo"])
    assert len(server.requests) == 1


def test_a_server_that_refuses_the_corrected_clock_too_is_not_asked_again(
    client: AnyClient, server: Server
) -> None:
    ahead = formatdate(time.time() + 3600, usegmt=True)
    for _ in range(4):
        server.answer_next(refusal("INVALID_ATTESTATION"), 401, Date=ahead)
    with pytest.warns(ATHWarning), raises_code("INVALID_ATTESTATION", 401):
        client.exchange_token("exchange", "s")
    audiences = [attestation_claims(seen)["aud"] for seen in server.requests]
    both = [server.url, f"{server.url}/ath/token"]
    assert audiences == [both[1], both[1], both]


def test_a_wrong_clock_elsewhere_is_not_looked_at(client: AnyClient, server: Server) -> None:
    ahead = formatdate(time.time() + 3600, usegmt=True)
    server.answer_next(AUTHORIZATION, Date=ahead)
    server.answer_next(refusal("AGENT_UNAPPROVED"), 403, Date=ahead)
    client.authorize("github", ["repo"])
    with raises_code("AGENT_UNAPPROVED", 403):
        client.authorize("github", ["repo"])
    assert len(server.requests) == 2
