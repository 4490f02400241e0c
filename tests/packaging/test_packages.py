"""What scripts/test demands of the packages, and which versions it calls the lowest."""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from trove_classifiers import classifiers

ROOT = Path(__file__).parents[2]
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
PROJECT: dict[str, Any] = tomllib.loads(PYPROJECT)["project"]
HOME = "ath_sdk-1.0.dist-info"


@pytest.fixture
def packages(scripts: None) -> Any:
    return importlib.import_module("_packages")


@pytest.fixture
def environment(scripts: None) -> Any:
    return importlib.import_module("_environment")


def right_wheel() -> dict[str, bytes]:
    return {
        "ath/py.typed": b"",
        "ath_api/py.typed": b"",
        "ath_api/openapi.yaml": (ROOT / "spec" / "openapi.yaml").read_bytes(),
        f"{HOME}/METADATA": b"",
        f"{HOME}/licenses/LICENSE": (ROOT / "LICENSE").read_bytes(),
    }


def test_a_wheel_that_has_all_is_right(packages: Any) -> None:
    assert packages.find_mistakes(right_wheel()) == []


@pytest.mark.parametrize(
    "name", ["ath/py.typed", "ath_api/openapi.yaml", f"{HOME}/licenses/LICENSE"]
)
def test_a_file_that_the_wheel_lacks_or_changed_is_named(packages: Any, name: str) -> None:
    wheel = right_wheel()
    changed = packages.find_mistakes({**wheel, name: b"other"})
    del wheel[name]
    missing = packages.find_mistakes(wheel)
    assert missing == changed
    assert [line.partition(":")[0] for line in missing] == [name]


def test_a_file_that_does_not_belong_into_the_wheel_is_named(packages: Any) -> None:
    lines = packages.find_mistakes({**right_wheel(), "tests/conftest.py": b""})
    assert lines == ["tests/conftest.py: does not belong there"]


def test_wheels_that_differ_are_told_apart_by_names_and_contents(packages: Any) -> None:
    one = {"a": b"1", "b": b"2", "c": b"3"}
    assert packages.find_differences(one, dict(one)) == []
    assert packages.find_differences(one, {"a": b"1", "b": b"x", "d": b"4"}) == ["b", "c", "d"]


def test_the_tests_of_the_wheel_are_there(packages: Any) -> None:
    for name in (*packages.QUICK, *packages.ABOUT_SOURCES):
        assert (ROOT / name).exists(), name


def test_each_dependency_of_users_is_tested_in_its_lowest_version(environment: Any) -> None:
    extras = PROJECT["optional-dependencies"]
    theirs = [extras[name] for name in extras if name not in ("dev", "docs")]
    wanted = [Requirement(line) for line in sum(theirs, list(PROJECT["dependencies"]))]
    pins = [Requirement(line) for line in environment.lowest_versions(PYPROJECT)]
    assert {pin.name for pin in pins} == {one.name for one in wanted} - {PROJECT["name"]}
    for pin in pins:
        (exact,) = pin.specifier
        assert exact.operator == "=="
        assert any(
            one.name == pin.name and f">={exact.version}" in str(one.specifier).split(",")
            for one in wanted
        )


def test_the_lowest_version_keeps_the_marker_and_ignores_upper_bounds(environment: Any) -> None:
    text = """
[project]
name = "ours"
dependencies = ["a[x] <3, >=1.2; sys_platform != 'win32'", "b~=2.0"]
[project.optional-dependencies]
more = ["ours[other]", "C.d==4.5"]
dev = ["ours[more]", "tool"]
"""
    assert environment.lowest_versions(text) == [
        "C.d==4.5",
        "a==1.2; sys_platform != 'win32'",
        "b==2.0",
    ]


def test_a_dependency_without_a_lowest_version_is_refused(environment: Any) -> None:
    text = '[project]\nname = "ours"\ndependencies = ["a<3"]\n[project.optional-dependencies]\n'
    with pytest.raises(SystemExit, match=re.escape("'a<3' has no lowest version")):
        environment.lowest_versions(text)


def test_the_index_knows_the_classifiers() -> None:
    assert set(PROJECT["classifiers"]) - classifiers == set()
    assert "Typing :: Typed" in PROJECT["classifiers"]
    assert PROJECT["urls"].keys() >= {"Repository", "Changelog", "Issues", "Specification"}


def test_an_installation_that_was_interrupted_is_made_anew(
    environment: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    made = tmp_path / ".venv-testing"
    started: list[Path] = []
    monkeypatch.setattr(environment, "_start_again_in", started.append)
    run, interrupted = subprocess.run, True

    def stand_in(command: list[str], **options: Any) -> Any:
        if "--editable" not in command:
            return run(command, **options)  # of the module venv
        run([command[0], "-m", "pip", "--version"], check=True, stdout=subprocess.DEVNULL)
        if interrupted:
            (made / "half-made").touch()
            shutil.rmtree(next(made.rglob("site-packages")) / "pip")
            raise KeyboardInterrupt
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", stand_in)
    with pytest.raises(SystemExit, match="was interrupted"):
        environment.ensure_project("testing")
    assert started == []
    interrupted = False
    environment.ensure_project("testing")
    assert started == [made]
    assert not (made / "half-made").exists()
