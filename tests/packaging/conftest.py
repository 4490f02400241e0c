"""What the tests of the scripts share."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

RunScript = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def run_script() -> RunScript:
    """Runs a script of the checkout with this Python."""

    def run(name: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, ROOT / "scripts" / name, *arguments],
            capture_output=True, encoding="utf-8", check=False, timeout=300,
        )  # fmt: skip

    return run


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The modules of the scripts can be imported."""
    monkeypatch.syspath_prepend(ROOT / "scripts")
