"""What a change of the spec does to ath: it is noticed, or ath follows it; see changes.yaml."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
import typing
from pathlib import Path
from typing import Any

import pytest
from promises import broken
from ruamel.yaml import YAML

ROWS: list[dict[str, Any]] = YAML(typ="safe").load(Path(__file__).with_name("changes.yaml"))
WORKERS = 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("changes")


@pytest.fixture(scope="module")
def results(folder: Path) -> dict[str, dict[str, Any]]:
    """What became of every row, by its name."""
    worker = Path(__file__).with_name("change_worker.py")
    runs = [
        subprocess.Popen(
            [sys.executable, "-W", "error", str(worker), str(folder), str(number), str(WORKERS)],
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        for number in range(WORKERS)
    ]
    lines = [line for run in runs for line in run.communicate(timeout=300)[0].splitlines()]
    return {result["name"]: result for result in map(json.loads, lines)}


@pytest.fixture(scope="module")
def type_errors(folder: Path, results: dict[str, Any]) -> dict[str, list[str]]:
    """What mypy says of each row's copy of ath, without line numbers."""
    packages = sorted(path.name for path in folder.iterdir() if path.is_dir())
    run = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--strict", "--config-file=", "--no-error-summary"),
            *("--python-version", "3.11", "--cache-dir", str(folder / ".mypy_cache")),
            "--untyped-calls-exclude=redis",  # the oldest that we allow has functions without types
            *(f"{name}/" for name in packages),
        ],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        timeout=600,
        check=False,
    )
    assert run.stderr == ""
    found: dict[str, list[str]] = {}
    for line in run.stdout.splitlines():
        if said := re.fullmatch(r"(\w+)/(?:\w+/)*(\w+\.py):\d+: error: (.*)", line):
            message = re.sub(r"\bapi_\d+\.", "", said[3])
            found.setdefault(said[1], []).append(f"{said[2]} {message}")
    return found


def test_every_row_has_a_name_of_its_own() -> None:
    assert len({row["name"] for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=[row["name"] for row in ROWS])
def test_a_change_of_the_spec_is_noticed_or_followed(
    row: dict[str, Any], results: dict[str, Any], type_errors: dict[str, list[str]]
) -> None:
    result = results[row["name"]]
    assert result["refusal"] == ""
    assert result["failure"] == ""
    errors = type_errors.get(result["ath"], [])
    if "mypy" in row:
        assert any(line.startswith(row["mypy"]) for line in errors), errors
    elif "promise" in row:
        assert any(line.startswith(row["promise"]) for line in result["promises"]), result
        assert all("spec/openapi.yaml" in line for line in result["promises"])
    else:
        assert errors == result["promises"] == []


def test_no_promise_is_broken() -> None:
    assert list(broken(importlib.import_module("ath_api.models"))) == []


@pytest.mark.parametrize(
    ("flow", "model"),
    [("registration", "AgentRegistrationResponse"), ("consent", "TokenResponse")],
)
def test_what_is_saved_first_is_a_required_field_of_that_type(flow: str, model: str) -> None:
    saved = importlib.import_module(f"ath._protocol.{flow}").SAVED_FIRST
    kind = getattr(importlib.import_module("ath_api.models"), model)
    for name, type_ in saved.items():
        written = (
            type_.__name__ if isinstance(type_, type) and not typing.get_args(type_) else str(type_)
        )
        assert kind.__annotations__[name] == written, f"{model}.{name} in spec/openapi.yaml"
