"""Timeouts: seconds for a whole attempt, phases of httpx, or none."""

from __future__ import annotations

import math
from typing import Any

import httpx
import pytest

from ath._http.limits import parse_timeout

from .support import error_of


@pytest.mark.parametrize(
    ("timeout", "seconds"),
    [
        (60.0, 60.0),
        (1, 1.0),
        (0.001, 0.001),
        (math.inf, 1e9),
        (1e300, 1e9),
        pytest.param(10**400, 1e9, id="a very long time"),
    ],
)
def test_seconds_bound_every_phase_and_the_whole(timeout: float, seconds: float) -> None:
    limits = parse_timeout(timeout, 7)
    assert set(limits.phases().values()) == {limits.total} == {seconds}
    assert limits.max_response_bytes == 7


def test_none_waits_for_ever() -> None:
    limits = parse_timeout(None, 7)
    assert set(limits.phases().values()) == {limits.total} == {None}


def test_a_timeout_of_httpx_bounds_each_phase_on_its_own() -> None:
    limits = parse_timeout(httpx.Timeout(5, connect=1, pool=None), 7)
    assert limits.phases() == {"connect": 1, "read": 5, "write": 5, "pool": None}
    assert limits.total is None


@pytest.mark.parametrize(
    "timeout", [0, -1, 0.0, math.nan, -math.inf, True, False, "60", [1], (1, 2), {}, object()]
)
def test_what_is_no_time_is_refused(timeout: Any) -> None:
    assert error_of(lambda: parse_timeout(timeout, 7)).code == "INVALID_ARGUMENT"
