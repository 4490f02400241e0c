"""The commands that README and the guides show are there, with their options."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from .guides import FOR_CONTRIBUTORS, PAGES, ROOT, prose, read, snippets

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]


def package(requirement: str) -> str:
    """The requirement's name, without extras and versions."""
    return re.split(r"[\[<>=; ]", requirement)[0]


REQUIRED = {
    package(line)
    for line in [*PROJECT["dependencies"], *(line for lines in EXTRAS.values() for line in lines)]
}
# Where a person who copies the text would look for a command to install.
INSTALLING = [
    *PAGES, *FOR_CONTRIBUTORS, *(ROOT / "ath").rglob("*.py"), *(ROOT / "scripts").rglob("*.py"),
]  # fmt: skip


def commands() -> Iterator[str]:
    """Lines of the blocks for a shell, and commands within sentences."""
    pages = [*PAGES, *FOR_CONTRIBUTORS]
    for snippet in snippets("sh", pages):
        lines = (line.partition(" #")[0].strip() for line in snippet.text.splitlines())
        yield from filter(None, lines)
    for page in pages:
        for span in re.findall(r"`([^`\n]+)`", prose(page)):
            if re.match(r"(scripts/[\w-]+( |$)|python -m |pip )", span):
                yield span


COMMANDS = sorted(set(commands()))


def check_script(name: str, arguments: list[str]) -> None:
    path = ROOT / name
    assert os.access(path, os.X_OK), name
    source = path.read_text(encoding="utf-8")
    own, _, for_pytest = " ".join(arguments).partition("-- ")
    for word in own.split():
        assert f'"{word}"' in source or word.isupper() or "," in word, word
    own_options = read(ROOT / "tests" / "conftest.py")
    for word in for_pytest.split():
        assert not word.startswith("tests/") or (ROOT / word).exists(), word
        assert not word.startswith("--") or f'"{word}"' in own_options, word


def check_pip(arguments: list[str]) -> None:
    verb, *words = arguments
    if verb == "uninstall":
        assert words == ["--yes", PROJECT["name"]]
        return
    assert verb in ("install", "wheel")
    for word in (word for word in words if not word.startswith("--")):
        place, _, extras = word.rstrip("]").partition("[")
        assert place == "." or package(word) in REQUIRED, word
        assert set(filter(None, extras.split(","))) <= EXTRAS.keys(), word


def check_module(name: str, options: list[str]) -> None:
    assert find_spec(name) is not None, name
    if options:
        shown = subprocess.run(
            [sys.executable, "-m", name, "--help"],
            cwd=ROOT, capture_output=True, encoding="utf-8", check=True, timeout=60,
        ).stdout  # fmt: skip
        known = re.findall(r"--\w+", shown)
        assert [word for word in options if word.startswith("--") and word not in known] == []


def test_there_are_commands_on_every_page_that_needs_them() -> None:
    assert {"scripts/demo", "scripts/test", "pip install ."} <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_a_page_shows_is_there(command: str) -> None:
    match shlex.split(command):
        case ["pip", *arguments]:
            check_pip(arguments)
        case ["python", "-m", module, *options]:
            check_module(module, options)
        case [script, *arguments]:
            check_script(script, arguments)


def test_the_command_that_installs_from_the_checkout_works() -> None:
    done = subprocess.run(
        [
            sys.executable, "-m", "pip", "install", "--dry-run", "--no-deps", "--no-index",
            "--no-build-isolation", "--disable-pip-version-check", ".[testing]",
        ],
        cwd=ROOT, capture_output=True, encoding="utf-8", check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "does not provide the extra" not in done.stderr


@pytest.mark.parametrize("path", INSTALLING, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_nothing_tells_to_install_the_other_release_of_that_name(path: Path) -> None:
    text = read(path)
    assert "pip install ath-sdk" not in text
    assert not re.search(r"(install|add) ['\"]?ath[-_]sdk", text)
    assert not re.search(r"ath[-_]sdk\[", text)


def test_readme_says_what_changes_with_an_official_release() -> None:
    said = "If this becomes the official release, `ath-sdk` takes the place of `.`"
    assert said in read(PAGES[0])


def test_the_demo_tells_its_story_to_the_end() -> None:
    program = "import runpy; runpy.run_path('scripts/demo')['main']()"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT, capture_output=True, encoding="utf-8", check=False, timeout=120,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "scripts"), *sys.path])},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("Everything went as it should.\n")
