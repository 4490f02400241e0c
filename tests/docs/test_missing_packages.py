"""What is optional says which packages to install, and never another release's name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


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


def test_no_message_or_docstring_names_an_extra_of_the_public_index() -> None:
    for path in [*(ROOT / "ath").rglob("*.py"), ROOT / "README.md"]:
        assert "ath-sdk[" not in path.read_text(encoding="utf-8"), path
