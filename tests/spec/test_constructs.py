"""Each construct of a spec is generated right or refused by name: see construct_rows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from construct_rows import ROWS, Row

WORKER = Path(__file__).with_name("construct_worker.py")
WORKERS = 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("constructs")


@pytest.fixture(scope="module")
def results(folder: Path) -> dict[str, dict[str, Any]]:
    """What became of every row, by its name."""
    runs = [
        subprocess.Popen(
            [sys.executable, "-W", "error", str(WORKER), str(folder), str(number), str(WORKERS)],
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        for number in range(WORKERS)
    ]
    lines = [line for run in runs for line in run.communicate(timeout=300)[0].splitlines()]
    return {result["name"]: result for result in map(json.loads, lines)}


@pytest.fixture(scope="module")
def type_errors(folder: Path, results: dict[str, Any]) -> str:
    """What mypy says of all that was generated."""
    packages = sorted(path.name for path in folder.iterdir() if path.is_dir())
    run = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--strict", "--config-file=", "--no-error-summary"),
            *("--python-version", "3.11", "--cache-dir", str(folder / ".mypy_cache"), *packages),
        ],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    return run.stdout + run.stderr


def test_every_row_has_a_name_of_its_own() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_what_a_spec_says_is_generated_right_or_refused(row: Row, results: dict[str, Any]) -> None:
    result = results[row.name]
    assert result["failure"] == ""
    if row.right is not None:
        assert result["refusal"] == ""
    else:
        assert "Traceback" not in result["refusal"]
        assert "object at 0x" not in result["refusal"]
        for said in row.refused:
            assert any(said in line for line in result["refusal"].splitlines()), result["refusal"]


def test_all_that_is_generated_is_typed(type_errors: str) -> None:
    assert type_errors == ""
