"""What is optional says which packages to install."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("missing", ["flask", "cheroot", "authlib"])
def test_the_local_gateway_without_its_packages_says_which_to_install(missing: str) -> None:
    program = f"import sys; sys.modules[{missing!r}] = None; import ath.testing"
    result = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True, encoding="utf-8", check=False, timeout=60,
    )  # fmt: skip
    assert result.returncode == 1
    last = result.stderr.strip().splitlines()[-1]
    assert "pip install flask cheroot authlib" in last
    assert missing in last
