"""What the tests of the stores share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from .support import STORES

# The machines are shared and noisy: a slow example is no failure.
settings.register_profile(
    "stores", deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("unit-thorough", settings.get_profile("stores"), max_examples=5000)
settings.load_profile(os.environ.get("ATH_HYPOTHESIS_PROFILE", "stores"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "credentials.json"


@pytest.fixture(params=STORES)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "store"
