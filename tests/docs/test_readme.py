"""What README and the guides show runs as it stands, and the table of codes is the library's."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ath import CODES, ATHErrorCode, ATHGatewayClient, FolderStore
from ath._protocol.failures import WILD_CODES
from ath.codes import SOURCES
from ath.testing import LocalGateway, LocalService

from . import table_of_codes
from .conftest import AGENT_ID

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
BLOCKS = PYTHON.findall(README)
# One story from its first snippet to its last, which a test of its own runs.
STORIES = {"identity.md": "test_identity_guide.py"}
GUIDES = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md")}
PAGES = {"README.md": README} | {
    name: text for name, text in sorted(GUIDES.items()) if name not in STORIES
}
SNIPPETS = [(name, block) for name, text in PAGES.items() for block in PYTHON.findall(text)]


def heading_of(value: str) -> str:
    """A short name for a snippet's test: its page, and the heading above it."""
    if value in PAGES:
        return value
    text = next(text for text in PAGES.values() if value in text)
    return re.findall(r"^##? (.*)$", text[: text.index(value)], re.MULTILINE)[-1]


@pytest.mark.parametrize(("page", "block"), SNIPPETS, ids=heading_of)
def test_a_snippet_of_the_readme_or_a_guide_runs(
    page: str,
    block: str,
    gateway: LocalGateway,
    service: LocalService,
    private_key: Any,
    tmp_path: Path,
) -> None:
    with ATHGatewayClient(gateway.url, AGENT_ID, private_key) as client:
        client.register(
            developer={"name": "Acme", "id": "acme"},
            providers=[{"provider_id": "github", "scopes": ["read:user"]}],
        )
        auth = client.authorize("github", ["read:user"])
        gateway.approve(auth.authorization_url)
        client.exchange_token("exchange", auth.ath_session_id)
        namespace = {
            "ATHGatewayClient": ATHGatewayClient,
            "LocalGateway": LocalGateway,
            "agent_id": AGENT_ID,
            "client": client,
            "folder": tmp_path,
            "gateway": gateway,
            "private_key": private_key,
            "service": service,
            "store": FolderStore(tmp_path / "store"),
        }
        exec(compile(block, page, "exec"), namespace)


def test_the_guides_that_are_stories_have_a_test() -> None:
    for guide, test in STORIES.items():
        assert guide in GUIDES
        assert f'"{guide}"' in (ROOT / "tests" / "docs" / test).read_text(encoding="utf-8")


def test_the_first_snippet_needs_nothing_that_the_reader_does_not_see() -> None:
    exec(compile(BLOCKS[0], "README.md", "exec"), {})


def test_the_table_of_codes_is_the_codes() -> None:
    assert README.count(table_of_codes.BEGIN) == README.count(table_of_codes.END) == 1
    assert table_of_codes.replace_table(README, table_of_codes.make_table()) == README, (
        "make it anew: python -m tests.docs.table_of_codes"
    )


def test_every_code_says_who_says_it() -> None:
    assert SOURCES.keys() == CODES.keys()
    for code, sources in SOURCES.items():
        words = sources.split(", ")
        assert words == sorted(set(words)), code
        assert set(words) <= {"client", "implementor", "provider"}, code


def test_what_the_client_says_is_what_the_code_raises() -> None:
    files = (path for path in (ROOT / "ath").rglob("*.py") if "testing" not in path.parts)
    raised = {
        node.args[0].value
        for path in files
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") == "ATHError"
        and isinstance(node.args[0], ast.Constant)
    }
    said = {code for code, sources in SOURCES.items() if "client" in sources}
    assert said <= raised
    assert raised - said == {"CONFLICT", "PROVIDER_ERROR"}  # those repeat what a server said


def test_what_implementors_say_includes_every_code_of_the_specification() -> None:
    for code in {*ATHErrorCode.__members__.values(), *WILD_CODES}:
        assert "implementor" in SOURCES[code], code


def test_the_snippet_for_pytest_is_a_whole_test(tmp_path: Path) -> None:
    [block] = [block for block in BLOCKS if block.startswith("pytest_plugins")]
    assert len([line for line in block.splitlines() if line.strip()]) <= 5
    (tmp_path / "test_agent.py").write_text(block)
    command = [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "--rootdir", str(tmp_path), "test_agent.py"],
        cwd=tmp_path, capture_output=True, encoding="utf-8", check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_the_files_that_the_readme_names_are_there() -> None:
    for name in re.findall(r"`((?:docs|scripts|tests|spec)/[\w./-]+)", README):
        assert (ROOT / name).exists(), name
    for page, text in {
        ROOT / "README.md": README,
        **{ROOT / "docs" / name: text for name, text in GUIDES.items()},
    }.items():
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", text):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
