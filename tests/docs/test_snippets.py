"""Each snippet of README and the guides runs, copied alone or after the one that it continues."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ath import ATHGatewayClient, ATHNativeClient
from ath.testing import LocalGateway, LocalService

from .guides import GUIDES, PAGES, ROOT, Snippet, read_snippets, snippets

# Guides whose snippets stand for a whole that only a test of their own can set up.
RUN_BY_A_TEST_OF_ITS_OWN = {"identity.md"}
LANGUAGES = {"python", "sh", "text"}

PYTHON = [item for item in snippets("python") if item.page.name not in RUN_BY_A_TEST_OF_ITS_OWN]
RUN_AS_A_WHOLE = sorted({item.page for item in PYTHON})


def by_name(snippet: Snippet) -> str:
    return snippet.name


def stop(namespace: dict[str, Any]) -> None:
    """End what a snippet left running, as the end of its process would."""
    for value in list(namespace.values()):
        if isinstance(value, ATHGatewayClient | ATHNativeClient):
            value.close()
    for value in list(namespace.values()):
        if isinstance(value, LocalGateway | LocalService):
            value.stop()


def run_as_program(arguments: list[str], folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=folder, capture_output=True, encoding="utf-8", check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "snippet", [item for item in PYTHON if "def test_" not in item.text], ids=by_name
)
def test_a_snippet_runs_with_only_what_its_page_sets_up(
    snippet: Snippet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {"__name__": "snippet"}
    try:
        for text in filter(None, (snippet.setup, snippet.text)):
            exec(compile(text, snippet.name, "exec"), namespace)
    finally:
        stop(namespace)


@pytest.mark.parametrize("page", RUN_AS_A_WHOLE, ids=lambda page: page.stem)
def test_the_snippets_of_a_page_run_one_after_the_other(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {"__name__": "page"}
    try:
        for snippet in PYTHON:
            if snippet.page == page and "def test_" not in snippet.text:
                exec(compile(snippet.text, snippet.name, "exec"), namespace)
    finally:
        stop(namespace)


@pytest.mark.parametrize(
    "snippet", [item for item in PYTHON if "def test_" in item.text], ids=by_name
)
def test_a_snippet_that_is_a_test_passes_under_pytest(snippet: Snippet, tmp_path: Path) -> None:
    (tmp_path / "test_snippet.py").write_text(f"{snippet.setup}\n{snippet.text}", encoding="utf-8")
    options = ["-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    printed = run_as_program(["-m", "pytest", *options, "test_snippet.py"], tmp_path)
    assert f"{snippet.text.count('def test_')} passed" in printed


@pytest.mark.parametrize("snippet", [PYTHON[0], PYTHON[2]], ids=by_name)
def test_what_a_reader_copies_from_readme_is_a_program_that_ends(
    snippet: Snippet, tmp_path: Path
) -> None:
    text = f"{snippet.setup}\n{snippet.text}"
    (tmp_path / "agent.py").write_text(text, encoding="utf-8")
    assert "'login': 'ada'" in run_as_program(["agent.py"], tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_no_block_of_code_is_in_a_language_that_nothing_checks(page: Path) -> None:
    assert {snippet.language for snippet in read_snippets(page)} <= LANGUAGES


def test_a_guide_that_is_not_run_here_has_a_test_of_its_own() -> None:
    tests = [path for path in (ROOT / "tests").rglob("test_*.py") if path != Path(__file__)]
    texts = [path.read_text(encoding="utf-8") for path in tests]
    for name in RUN_BY_A_TEST_OF_ITS_OWN & {guide.name for guide in GUIDES}:
        assert any(f'"{name}"' in text for text in texts), name
