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

from .calls import CASES, Case, World

STALL = 0.15  # seconds that a stalled attempt may take
STALL_THEN_ANSWER = 0.4  # the same where the attempt after it, bounded alike, has to succeed


@dataclass(frozen=True)
class Kinship:
    """What a fault looks like to the client, and whether the gateway carried the call out."""

    fault: Behaviour
    seen_as: str
    """``lost``, ``timeout``, or the status of an answer; a trailing ``+`` has a Retry-After."""
    carried_out: bool = False


KINSHIPS = [
    Kinship(faults.reset_before_request, "lost"),
    Kinship(faults.reset_within_request, "lost"),
    Kinship(faults.reset_after_request, "lost"),
    Kinship(faults.closed_without_answer, "lost"),
    Kinship(faults.lost_reply, "lost", carried_out=True),
    Kinship(faults.truncated_head, "lost", carried_out=True),
    Kinship(faults.truncated_body, "lost", carried_out=True),
    Kinship(faults.garbled_reply, "lost"),
    Kinship(faults.garbled_after_success, "lost", carried_out=True),
    Kinship(faults.endless_headers, "lost"),
    Kinship(faults.stall_after_connect, "timeout"),
    Kinship(faults.stall_before_headers, "timeout"),
    Kinship(faults.stall_within_headers, "timeout", carried_out=True),
    Kinship(faults.stall_within_body, "timeout", carried_out=True),
    Kinship(faults.slow_headers, "timeout", carried_out=True),
    Kinship(faults.slow_body, "timeout", carried_out=True),
    Kinship(faults.bad_gateway_after_success, "502", carried_out=True),
    Kinship(faults.status(502), "502"),
    Kinship(faults.status(503), "503"),
    Kinship(faults.status(503, "Retry-After: 0"), "503+"),
    Kinship(faults.status(504), "504"),
    Kinship(faults.status(429), "429"),
    Kinship(faults.status(429, "Retry-After: 0"), "429+"),
]

# The retry table, written down a second time: what each rule repeats.
REPEATED = {
    "read": {"lost", "timeout", "429", "429+", "502", "503", "503+", "504"},
    "put": {"lost", "429", "429+", "503", "503+"},
    "post": {"429+"},
    "register": {"429+", "503+"},
    "exchange_token": {"429", "429+", "503", "503+"},
}


def repeats(case: Case, seen_as: str) -> bool:
    return seen_as in REPEATED[case.name if case.rule == "once" else case.rule]


def error_code(case: Case, seen_as: str) -> str:
    """The code of the error that a call ends with if it is not repeated."""
    if seen_as in ("lost", "timeout"):
        if case.rule == "once":
            return "OUTCOME_UNKNOWN"
        return "NETWORK_ERROR" if seen_as == "lost" else "TIMEOUT"
    return "PROVIDER_ERROR" if case.needs == "token" else "HTTP_ERROR"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("kinship", KINSHIPS, ids=lambda kinship: kinship.fault.__name__)
def test_a_call_under_a_fault_has_the_right_outcome_and_no_effect_too_many(
    case: Case, kinship: Kinship, kind: Kind, world: World, counted: dict[str, Counter[str]]
) -> None:
    repeated = repeats(case, kinship.seen_as)
    timeout = 10.0
    if kinship.seen_as == "timeout":
        timeout = STALL_THEN_ANSWER if repeated else STALL
    client = kind.client(world.server.url, timeout=timeout)
    world.prepare(client, case)
    world.server.requests.clear()
    before, connections = world.effects(), world.server.connections

    world.server.plan.append(kinship.fault)
    outcome, retryable = "value", repeated
    try:
        case.make(client, world)
    except ATHError as error:
        outcome, retryable = error.code, error.retryable
    assert retryable == repeated
    assert outcome == ("value" if repeated else error_code(case, kinship.seen_as))

    world.server.wait_all_ended()
    assert world.server.connections - connections == (2 if repeated else 1)
    nonces = world.nonces()
    assert len(set(nonces)) == len(nonces)
    happened = {k: v - before[k] for k, v in world.effects().items() if v != before[k]}
    # A revocation that is repeated finds nothing left to revoke.
    times = int(kinship.carried_out) + int(repeated)
    expected = min(times, 1) if case.effect == "revocations" else times
    assert happened == ({case.effect: expected} if case.effect and expected else {})
    if case.rule in ("once", "post"):
        assert sum(happened.values()) <= 1

    client.discover()  # and still works
    row = counted[kinship.fault.__name__]
    row["cases"] += 1
    row[outcome] += 1
    row["repeated"] += repeated
    row["effects"] += sum(happened.values())
    row["effects twice, as the rule allows"] += max(0, sum(happened.values()) - 1)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_duplicate_delivery_by_the_network_uses_single_use_things_once(
    case: Case, kind: Kind, world: World, counted: dict[str, Counter[str]]
) -> None:
    client = kind.client(world.server.url)
    world.prepare(client, case)
    before = world.effects()
    world.server.plan.append(faults.duplicate_delivery)
    case.make(client, world)
    happened = {k: v - before[k] for k, v in world.effects().items() if v != before[k]}
    # Attested requests, sessions and tokens are single-use. A provider's write is not: what the
    # network does to it twice, no client can undo.
    expected = {case.effect: 2 if case.effect == "provider_writes" else 1} if case.effect else {}
    assert happened == expected
    client.discover()
    counted["duplicate_delivery"].update(["cases", "value"])
    counted["duplicate_delivery"]["effects"] += sum(happened.values())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_connection_that_was_closed_while_idle_costs_no_call(
    case: Case, kind: Kind, world: World, counted: dict[str, Counter[str]]
) -> None:
    client = kind.client(world.server.url)
    world.prepare(client, case)
    world.server.ignore_ended()
    before = world.effects()
    world.server.plan.append(faults.keep_then_close)
    client.discover()
    world.server.wait_ended()
    case.make(client, world)
    happened = {k: v - before[k] for k, v in world.effects().items() if v != before[k]}
    assert happened == ({case.effect: 1} if case.effect else {})
    counted["closed_while_idle"].update(["cases", "value"])
    counted["closed_while_idle"]["effects"] += sum(happened.values())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_kept_connection_that_breaks_under_a_call_is_a_lost_reply(
    case: Case, kind: Kind, world: World, counted: dict[str, Counter[str]]
) -> None:
    client = kind.client(world.server.url)
    world.prepare(client, case)
    world.server.requests.clear()
    before = world.effects()
    world.server.plan += [faults.forward_and_keep, faults.reset_after_request]
    client.discover()
    repeated = repeats(case, "lost")
    outcome = "value"
    try:
        case.make(client, world)
    except ATHError as error:
        outcome = error.code
    assert outcome == ("value" if repeated else error_code(case, "lost"))
    kept, broken = world.server.requests[:2]
    assert kept.connection == broken.connection
    happened = {k: v - before[k] for k, v in world.effects().items() if v != before[k]}
    assert happened == ({case.effect: 1} if case.effect and repeated else {})
    client.discover()
    counted["kept_connection_breaks"].update(["cases", outcome])
    counted["kept_connection_breaks"]["repeated"] += repeated
    counted["kept_connection_breaks"]["effects"] += sum(happened.values())
