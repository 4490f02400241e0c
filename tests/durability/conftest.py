"""Short runs by default; ATH_TEST_FULL=1 makes the long ones of `scripts/test --full`."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(scope="session")
def full() -> bool:
    return os.environ.get("ATH_TEST_FULL") == "1"
