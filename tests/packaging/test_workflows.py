"""The workflows of .github are right, and run what a developer runs."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
FILES = sorted(ROOT.joinpath(".github", "workflows").glob("*.yml"))
TEXTS = [*FILES, ROOT / ".github" / "CONTRIBUTING.md", ROOT / ".github" / "SECURITY.md"]


def read(name: str) -> dict[str, Any]:
    workflow: dict[str, Any] = YAML(typ="safe").load(ROOT / ".github" / "workflows" / name)
    return workflow


def check(*files: Path) -> subprocess.CompletedProcess[str]:
    schema = ("--builtin-schema", "vendor.github-workflows")
    return subprocess.run(
        [sys.executable, "-m", "check_jsonschema", *schema, *files],
        capture_output=True, encoding="utf-8", check=False, timeout=120,
    )  # fmt: skip


def test_the_workflows_have_the_form_that_github_reads(tmp_path: Path) -> None:
    run = check(*FILES)
    assert run.returncode == 0, run.stdout + run.stderr
    text = FILES[0].read_text(encoding="utf-8")
    tmp_path.joinpath("wrong.yml").write_text(text.replace("steps:", "step:"), encoding="utf-8")
    assert check(tmp_path / "wrong.yml").returncode == 1


def test_the_tests_run_on_every_python_that_the_package_names() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = [
        line.removeprefix("Programming Language :: Python :: ")
        for line in project["classifiers"]
        if re.search(r":: 3\.\d+$", line)
    ]
    jobs = read("test.yml")["jobs"]
    matrix = jobs["test"]["strategy"]["matrix"]
    assert matrix["python"] == named
    assert {system.split("-")[0] for system in matrix["system"]} == {"ubuntu", "macos", "windows"}
    assert jobs["test"]["steps"][-1]["run"] == "python scripts/test"
    assert jobs["lowest"]["steps"][-1]["run"] == "python scripts/test --lowest"
    lowest = jobs["lowest"]["steps"][1]["with"]["python-version"]
    assert f">={lowest}" == project["requires-python"]


def test_what_is_published_is_what_was_tested_and_only_that_job_may_publish() -> None:
    workflow = read("release.yml")
    build, publish = workflow["jobs"]["build"], workflow["jobs"]["publish"]
    assert workflow["permissions"] == {"contents": "read"}
    assert "permissions" not in build
    assert publish["permissions"]["id-token"] == "write"
    assert publish["needs"] == "build"
    assert not [step for step in publish["steps"] if "run" in step]
    folders = [step["with"]["path"] for step in (build["steps"][-1], publish["steps"][0])]
    assert folders == ["dist", "dist"]
    assert "python scripts/test --dist dist" in [step.get("run") for step in build["steps"]]


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_the_scripts_that_are_named_are_there(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for name in re.findall(r"\b((?:scripts|tests|spec|ath|docs)/[\w./-]+)", text):
        assert (ROOT / name.rstrip(".")).exists(), name
