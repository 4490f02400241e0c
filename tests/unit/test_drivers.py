"""Both drivers without a socket: signing, repeating, pausing, saving, sharing, warning."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from email.utils import formatdate
from typing import Any

import httpx
import pytest

from ath import ATHSecurityWarning, ATHWarning, MemoryStore, RetryPolicy
from ath._client.run import SyncDriver
from ath._client.run_async import AsyncDriver
from ath._http.limits import Limits, parse_timeout
from ath._http.messages import Reply, Request, parse_base
from ath._protocol.steps import Attest, Call, Flow, Learn, Save, SaveRegistration, Share
from ath.errors import ATHError, Delivery
from ath.retry import EXCHANGE, READ, Retry, Rule
from ath.stores.record import Record, Registration, Token

from .flows import AsyncFakeTransport, CountingSigner, FakeTransport, failed, lost, refusal
from .support import BASE, NOW, REQUEST, context, credentials, error_of, json_reply, reply

OK = reply(200, b"fine")
LIMITS = parse_timeout(60.0, 1000)
TOKEN_URL = f"{BASE.url}/ath/token"
AT_ONCE = RetryPolicy(base=0, jitter=False)


Drive = Callable[..., "Driven"]


class Driven:
    """A driver of either kind over a fake transport, used as if it were blocking."""

    def __init__(self, kind: str, *replies: Reply | ATHError, **options: Any) -> None:
        made = context()
        self.transport = FakeTransport(*replies)
        self.signer = CountingSigner(options.pop("signer_error", None))
        self.credentials = credentials(options.pop("store", None))
        self.learned = made.learned
        self.runner = asyncio.Runner() if kind == "async" else None
        transport: Any = self.transport if kind == "sync" else AsyncFakeTransport(self.transport)
        make: Any = SyncDriver if kind == "sync" else AsyncDriver
        self.driver = make(
            lambda: transport,
            signer=self.signer,
            limits=LIMITS,
            retry=options.pop("retry", AT_ONCE),
            settings=made.settings,
            learned=made.learned,
        )

    def settle(self, value: Any) -> Any:
        return value if self.runner is None else self.runner.run(value)

    def run(self, flow: Flow[Any]) -> Any:
        return self.settle(self.driver.run(self.credentials, flow))

    def call(self, call: Call) -> Any:
        return self.run(only(call))

    def close(self) -> None:
        self.settle(self.driver.close() if self.runner is None else self.driver.aclose())

    def __enter__(self) -> Driven:
        return self

    def __exit__(self, *_: object) -> None:
        if self.runner is not None:
            self.runner.close()


def only(call: Call) -> Flow[Any]:
    """A flow that makes one call."""
    return (yield call)


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def drive(kind: str) -> Iterator[Callable[..., Driven]]:
    """Makes drivers of either kind, and ends their event loops."""
    with ExitStack() as stack:
        yield lambda *replies, **options: stack.enter_context(Driven(kind, *replies, **options))


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that the drivers make, which take no time here."""
    made: list[float] = []
    real_sleep = asyncio.sleep

    async def asleep(seconds: float) -> None:
        made.append(seconds)
        await real_sleep(0)

    monkeypatch.setattr(time, "sleep", made.append)
    monkeypatch.setattr(asyncio, "sleep", asleep)
    return made


def read(request: Request, reply: Reply) -> Any:
    if reply.ok:
        return reply.body
    error = ATHError("HTTP_ERROR", "m", reply.status, retry_after=1.5)
    if b"INVALID_ATTESTATION" in reply.body:
        error.code = "INVALID_ATTESTATION"
    raise error


def plain(rule: Rule = READ, retry: Retry = None, limits: Limits | None = None) -> Call:
    return Call(lambda _: REQUEST, read, rule, retry, limits=limits)


def attested(*audiences: Any, rule: Rule = EXCHANGE) -> Call:
    def build(attestation: str | None) -> Request:
        assert attestation is not None
        return Request(b"POST", BASE, attestation.encode(), [])

    return Call(build, read, rule, AT_ONCE, tuple(audiences))


def test_a_call_is_sent_within_the_clients_limits_or_its_own(drive: Drive) -> None:
    driven = drive(OK, OK)
    shorter = parse_timeout(1, 1000)
    assert driven.call(plain()) == driven.call(plain(limits=shorter)) == b"fine"
    assert driven.transport.limits == [LIMITS, shorter]
    assert driven.signer.messages == []


@pytest.mark.parametrize("timeout", [None, 60, 2, httpx.Timeout(60), httpx.Timeout(None, read=2)])
def test_a_call_within_a_time_is_bounded_by_it_whatever_the_clients_limits_are(
    drive: Drive, timeout: Any
) -> None:
    driven = drive(OK)
    call = replace(plain(limits=parse_timeout(timeout, 1000)), within=5.0)
    assert driven.call(call) == b"fine"
    [limits] = driven.transport.limits
    assert limits.total == (2 if timeout == 2 else 5)
    assert all(seconds is not None and seconds <= 5 for seconds in limits.phases().values())


def test_a_call_is_repeated_after_the_pause_that_the_server_wants(
    drive: Drive, pauses: list[float]
) -> None:
    driven = drive(reply(503), lost(), OK)
    assert driven.call(plain(retry=AT_ONCE)) == b"fine"
    assert pauses == [1.5, 0]
    assert len(driven.transport.sent) == 3


def test_the_last_error_is_raised_when_the_attempts_are_used_up(
    drive: Drive,
) -> None:
    driven = drive(reply(503), reply(503), reply(502))
    error = error_of(lambda: driven.call(plain(retry=AT_ONCE)))
    assert (error.status, error.retryable) == (502, True)
    assert error.__notes__ == ["3 attempts: HTTP_ERROR, HTTP_ERROR, HTTP_ERROR."]


def test_without_a_policy_a_call_is_sent_once(drive: Drive, pauses: list[float]) -> None:
    driven = drive(reply(503))
    assert error_of(lambda: driven.call(plain(retry=None))).status == 503
    assert pauses == []


def test_every_attempt_carries_its_own_attestation(drive: Drive) -> None:
    driven = drive(failed(Delivery.UNSENT), reply(429), OK)
    assert driven.call(attested("a")) == b"fine"
    assert len(driven.transport.sent) == len(driven.signer.messages) == 3
    assert driven.signer.audiences == ["a", "a", "a"]


def test_a_refused_attestation_is_signed_for_the_next_audience(
    drive: Drive, pauses: list[float]
) -> None:
    driven = drive(refusal("INVALID_ATTESTATION", 401), OK)
    assert driven.call(attested(TOKEN_URL, [BASE.url, TOKEN_URL])) == b"fine"
    assert driven.signer.audiences == [TOKEN_URL, [BASE.url, TOKEN_URL]]
    assert driven.learned.needs_audience_list
    assert pauses == [0]


def test_an_audience_that_was_accepted_is_remembered_as_it_is(drive: Drive) -> None:
    driven = drive(OK)
    driven.call(attested(TOKEN_URL, [TOKEN_URL]))
    assert not driven.learned.needs_audience_list


@pytest.mark.parametrize(
    ("status", "learned"), [(400, True), (401, False)], ids=["looked further", "inconclusive"]
)
def test_only_the_protocols_own_error_tells_that_the_audience_was_accepted(
    drive: Drive, status: int, learned: bool
) -> None:
    def read_code(request: Request, reply: Reply) -> Any:
        code = "SESSION_NOT_FOUND" if reply.status == 400 else "HTTP_ERROR"
        raise ATHError("INVALID_ATTESTATION" if reply.status == 403 else code, "m", reply.status)

    driven = drive(reply(403), reply(status))
    call = Call(lambda _: REQUEST, read_code, EXCHANGE, None, (TOKEN_URL, [TOKEN_URL]))
    assert error_of(lambda: driven.call(call)).status == status
    assert driven.learned.needs_audience_list is learned


def test_a_wrong_clock_is_corrected_once_for_each_audience(drive: Drive) -> None:
    late = {"date": formatdate(NOW + 600, usegmt=True)}
    driven = drive(
        refusal("INVALID_ATTESTATION", 401, **late),
        refusal("INVALID_ATTESTATION", 401, **late),
    )
    with pytest.warns(ATHWarning, match="600 seconds behind"):
        error = error_of(lambda: driven.call(attested("a")))
    assert error.code == "INVALID_ATTESTATION"
    assert driven.learned.clock_offset == 600
    assert len(driven.signer.messages) == 2


def test_clocks_more_than_a_day_apart_are_an_error_of_their_own(
    drive: Drive,
) -> None:
    late = {"date": formatdate(NOW + 100_000, usegmt=True)}
    driven = drive(refusal("INVALID_ATTESTATION", 401, **late))
    assert error_of(lambda: driven.call(attested("a"))).code == "CLOCK_SKEW"


def test_a_failing_signer_shows_nothing_of_its_error(drive: Drive) -> None:
    driven = drive(signer_error=ValueError("key material"))
    error = error_of(lambda: driven.call(attested("a")))
    assert error.code == "SIGNING_FAILED"
    assert "key material" not in str(error)
    assert error.__cause__ is error.__context__ is None


def test_a_flow_gets_the_results_of_its_steps(drive: Drive) -> None:
    driven = drive(OK)
    api_base = parse_base("https://api.example", "api_base")

    def flow() -> Flow[Any]:
        jwt = yield Attest("a")
        yield Learn(api_base)
        yield SaveRegistration(Registration("c-1", "s"), None)
        yield Save(lambda record: record.keep_token(Token("tk", "github")))
        return jwt, (yield plain())

    jwt, body = driven.run(flow())
    assert jwt.count(".") == 2
    assert body == b"fine"
    assert driven.learned.api_base is api_base
    assert driven.credentials.token_for("github") == Token("tk", "github")


def test_what_a_flow_saves_is_in_the_store_before_the_flow_goes_on(
    drive: Drive,
) -> None:
    store = MemoryStore()
    driven = drive(store=store)
    seen: list[str | None] = []

    def flow() -> Flow[None]:
        yield SaveRegistration(Registration("c-1", "s"), None)
        seen.append(store.load(driven.credentials.key))
        yield Save(lambda record: record.keep_token(Token("tk", "github")))
        seen.append(store.load(driven.credentials.key))

    driven.run(flow())
    records = [Record.from_text(text) for text in seen]
    assert [record.registration for record in records] == [Registration("c-1", "s")] * 2
    assert [list(record.tokens) for record in records] == [[], ["github"]]


def test_an_error_of_a_step_is_raised_in_the_flow(drive: Drive) -> None:
    driven = drive(lost())
    caught: list[str] = []

    def flow() -> Flow[str]:
        try:
            yield plain(retry=None)
        except ATHError as error:
            caught.append(error.code)
        return "went on"

    assert driven.run(flow()) == "went on"
    assert caught == ["NETWORK_ERROR"]


@pytest.mark.parametrize("kind", ["sync"])
def test_callers_of_the_same_thing_at_the_same_time_share_one_flow(
    drive: Drive,
) -> None:
    driven = drive(OK)
    leading, joined = threading.Event(), threading.Event()

    def shared() -> Flow[Any]:
        leading.set()
        joined.wait(10)
        return (yield plain())

    def flow() -> Flow[Any]:
        return (yield Share(b"key", shared))

    results: list[Any] = []
    threads = [threading.Thread(target=lambda: results.append(driven.run(flow()))) for _ in "ab"]
    threads[0].start()
    leading.wait(10)
    real_join = driven.driver.flights.join

    def join(key: Any) -> Any:
        found = real_join(key)
        joined.set()
        return found

    driven.driver.flights.join = join
    threads[1].start()
    for thread in threads:
        thread.join(10)
    assert results == [b"fine", b"fine"]
    assert len(driven.transport.sent) == 1


@pytest.mark.parametrize("kind", ["async"])
def test_coroutines_that_want_the_same_thing_share_one_flow(drive: Drive) -> None:
    driven = drive(OK)

    def flow() -> Flow[Any]:
        def shared() -> Flow[Any]:
            return (yield plain())

        return (yield Share(b"key", shared))

    async def both() -> list[Any]:
        return await asyncio.gather(*(driven.driver.run(driven.credentials, flow()) for _ in "ab"))

    assert driven.settle(both()) == [b"fine", b"fine"]
    assert len(driven.transport.sent) == 1


def test_plain_http_beyond_this_machine_is_warned_of_once(drive: Drive) -> None:
    driven = drive(OK, OK)
    base = parse_base("http://gateway.example", "url")
    call = Call(lambda _: Request(b"GET", base, b"/", []), read, READ, None)
    with pytest.warns(ATHSecurityWarning, match="unencrypted"):
        driven.call(call)
    driven.call(call)


def test_a_closed_driver_sends_nothing(drive: Drive) -> None:
    driven = drive(OK)
    driven.call(plain())
    driven.close()
    assert driven.transport.closed
    assert error_of(lambda: driven.call(plain())).code == "CLIENT_CLOSED"


def test_json_answers_are_not_the_drivers_business(drive: Drive) -> None:
    driven = drive(json_reply({"a": 1}))
    assert driven.call(plain()) == b'{"a": 1}'
