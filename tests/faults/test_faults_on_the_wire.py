"""Each call under each fault: the one right outcome, and no side effect more than its rule allows.

A fault hits the first attempt; the attempts after it find everything in order.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pytest

from ath import ATHError
from tests.harness import faults
from tests.harness.clients import Kind
from tests.harness.server import Behaviour

from .calls import CASES, Case, FaultyGateway

STALL = {"http": 0.15, "https": 0.3}  # seconds that a stalled attempt may take
STALL_THEN_ANSWER = {"http": 0.4, "https": 0.6}
"""The same where the attempt after it, bounded alike, has to succeed."""


@dataclass(frozen=True)
class FaultCase:
    """What a fault looks like to the client, and whether the gateway carried the call out."""

    fault: Behaviour
    seen_as: str
    """``lost``, ``timeout``, or the status of an answer; a trailing ``+`` has a Retry-After."""
    carried_out: bool = False


FAULTS = [
    FaultCase(faults.reset_before_request, "lost"),
    FaultCase(faults.reset_within_request, "lost"),
    FaultCase(faults.reset_after_request, "lost"),
    FaultCase(faults.closed_without_answer, "lost"),
    FaultCase(faults.lost_reply, "lost", carried_out=True),
    FaultCase(faults.truncated_head, "lost", carried_out=True),
    FaultCase(faults.truncated_body, "lost", carried_out=True),
    FaultCase(faults.garbled_reply, "lost"),
    FaultCase(faults.garbled_after_success, "lost", carried_out=True),
    FaultCase(faults.endless_headers, "lost"),
    FaultCase(faults.stall_after_connect, "timeout"),
    FaultCase(faults.stall_before_headers, "timeout"),
    FaultCase(faults.stall_within_headers, "timeout", carried_out=True),
    FaultCase(faults.stall_within_body, "timeout", carried_out=True),
    FaultCase(faults.slow_headers, "timeout", carried_out=True),
    FaultCase(faults.slow_body, "timeout", carried_out=True),
    FaultCase(faults.bad_gateway_after_success, "502", carried_out=True),
    FaultCase(faults.status(502), "502"),
    FaultCase(faults.status(503), "503"),
    FaultCase(faults.status(503, "Retry-After: 0"), "503+"),
    FaultCase(faults.status(504), "504"),
    FaultCase(faults.status(429), "429"),
    FaultCase(faults.status(429, "Retry-After: 0"), "429+"),
]

# The retry table, written down a second time: what each rule repeats.
REPEATED = {
    "read": {"lost", "timeout", "429", "429+", "502", "503", "503+", "504"},
    "put": {"lost", "429", "429+", "503", "503+"},
    "post": {"429+"},
    "register": {"429+", "503+"},
    "exchange_token": {"429", "429+", "503", "503+"},
}


def is_repeated(case: Case, seen_as: str) -> bool:
    return seen_as in REPEATED[case.name if case.rule == "once" else case.rule]


def error_code(case: Case, seen_as: str) -> str:
    """The code of the error that a call ends with if it is not repeated."""
    # A 502 or 504 without a code is a gateway's word that the reply was lost behind it.
    if case.rule == "once" and seen_as in ("lost", "timeout", "502", "504"):
        return "OUTCOME_UNKNOWN"
    if seen_as in ("lost", "timeout"):
        return "NETWORK_ERROR" if seen_as == "lost" else "TIMEOUT"
    if case.rule == "once" and seen_as in ("502", "504"):
        return "OUTCOME_UNKNOWN"  # something on the way lost the reply
    return "PROVIDER_ERROR" if case.needs == "token" else "HTTP_ERROR"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("fault_case", FAULTS, ids=lambda fault_case: fault_case.fault.__name__)
def test_a_call_under_a_fault_has_the_expected_outcome_and_side_effects(
    case: Case,
    fault_case: FaultCase,
    kind: Kind,
    gateway: FaultyGateway,
    counted: dict[str, Counter[str]],
) -> None:
    repeated = is_repeated(case, fault_case.seen_as)
    timeout = 10.0
    if fault_case.seen_as == "timeout":
        scheme = gateway.server.url.partition(":")[0]
        timeout = (STALL_THEN_ANSWER if repeated else STALL)[scheme]
    client = kind.client(gateway.server.url, timeout=timeout)
    gateway.prepare(client, case)
    gateway.server.requests.clear()
    before, connections = gateway.effects(), gateway.server.connections

    gateway.server.plan.append(fault_case.fault)
    outcome, retryable = "value", repeated
    try:
        case.make(client, gateway)
    except ATHError as error:
        outcome, retryable = error.code, error.retryable
    assert retryable == repeated
    assert outcome == ("value" if repeated else error_code(case, fault_case.seen_as))

    gateway.server.wait_all_ended()
    assert gateway.server.connections - connections == (2 if repeated else 1)
    nonces = gateway.nonces()
    assert len(set(nonces)) == len(nonces)
    happened = {k: v - before[k] for k, v in gateway.effects().items() if v != before[k]}
    # A revocation that is repeated finds nothing left to revoke.
    times = int(fault_case.carried_out) + int(repeated)
    expected = min(times, 1) if case.effect == "revocations" else times
    assert happened == ({case.effect: expected} if case.effect and expected else {})
    if case.rule in ("once", "post"):
        assert sum(happened.values()) <= 1

    client.discover()  # and still works
    row = counted[fault_case.fault.__name__]
    row["cases"] += 1
    row[outcome] += 1
    row["repeated"] += repeated
    row["effects"] += sum(happened.values())
    row["effects twice, as the rule allows"] += max(0, sum(happened.values()) - 1)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_duplicate_delivery_by_the_network_uses_single_use_things_once(
    case: Case, kind: Kind, gateway: FaultyGateway, counted: dict[str, Counter[str]]
) -> None:
    client = kind.client(gateway.server.url)
    gateway.prepare(client, case)
    before = gateway.effects()
    gateway.server.plan.append(faults.duplicate_delivery)
    case.make(client, gateway)
    happened = {k: v - before[k] for k, v in gateway.effects().items() if v != before[k]}
    # Attested requests, sessions and tokens are single-use. A provider's write is not: what the
    # network does to it twice, no client can undo.
    expected = {case.effect: 2 if case.effect == "provider_writes" else 1} if case.effect else {}
    assert happened == expected
    client.discover()
    counted["duplicate_delivery"].update(["cases", "value"])
    counted["duplicate_delivery"]["effects"] += sum(happened.values())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_connection_closed_while_idle_is_replaced_without_a_failed_call(
    case: Case, kind: Kind, gateway: FaultyGateway, counted: dict[str, Counter[str]]
) -> None:
    client = kind.client(gateway.server.url)
    gateway.prepare(client, case)
    before = gateway.effects()
    gateway.server.plan.append(faults.keep_then_close)
    client.discover()
    gateway.server.wait_all_ended()
    case.make(client, gateway)
    happened = {k: v - before[k] for k, v in gateway.effects().items() if v != before[k]}
    assert happened == ({case.effect: 1} if case.effect else {})
    counted["closed_while_idle"].update(["cases", "value"])
    counted["closed_while_idle"]["effects"] += sum(happened.values())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_kept_connection_that_breaks_under_a_call_is_a_lost_reply(
    case: Case, kind: Kind, gateway: FaultyGateway, counted: dict[str, Counter[str]]
) -> None:
    client = kind.client(gateway.server.url)
    gateway.prepare(client, case)
    gateway.server.requests.clear()
    before = gateway.effects()
    gateway.server.plan += [faults.forward_and_keep, faults.reset_after_request]
    client.discover()
    repeated = is_repeated(case, "lost")
    outcome = "value"
    try:
        case.make(client, gateway)
    except ATHError as error:
        outcome = error.code
    assert outcome == ("value" if repeated else error_code(case, "lost"))
    kept, broken = gateway.server.requests[:2]
    assert kept.connection == broken.connection
    happened = {k: v - before[k] for k, v in gateway.effects().items() if v != before[k]}
    assert happened == ({case.effect: 1} if case.effect and repeated else {})
    client.discover()
    counted["kept_connection_breaks"].update(["cases", outcome])
    counted["kept_connection_breaks"]["repeated"] += repeated
    counted["kept_connection_breaks"]["effects"] += sum(happened.values())
