"""Timeouts: seconds for a whole attempt, phases of httpx, or none."""

from __future__ import annotations

import math
from typing import Any

import httpx
import pytest

from ath._limits import Limits, limits_of

from .support import error_of


@pytest.mark.parametrize(
    ("timeout", "seconds"),
    [(60.0, 60.0), (1, 1.0), (0.001, 0.001), (math.inf, 1e9), (1e300, 1e9), (10**400, 1e9)],
)
def test_seconds_bound_every_phase_and_the_whole(timeout: float, seconds: float) -> None:
    assert limits_of(timeout, 7) == Limits(seconds, seconds, seconds, seconds, seconds, 7)


def test_none_waits_for_ever() -> None:
    assert limits_of(None, 7) == Limits(None, None, None, None, None, 7)


def test_a_timeout_of_httpx_bounds_each_phase_on_its_own() -> None:
    limits = limits_of(httpx.Timeout(5, connect=1, pool=None), 7)
    assert limits.phases() == {"connect": 1, "read": 5, "write": 5, "pool": None}
    assert limits.total is None


@pytest.mark.parametrize(
    "timeout", [0, -1, 0.0, math.nan, -math.inf, True, False, "60", [1], (1, 2), {}, object()]
)
def test_what_is_no_time_is_refused(timeout: Any) -> None:
    assert error_of(lambda: limits_of(timeout, 7)).code == "INVALID_ARGUMENT"
