"""What README shows runs as it stands, and its table of codes is the library's."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ath import CODES, ATHGatewayClient
from ath.testing import LocalGateway, LocalService

from .conftest import AGENT_ID

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def heading_of(block: str) -> str:
    return re.findall(r"^## (.*)$", README[: README.index(block)], re.MULTILINE)[-1]


@pytest.mark.parametrize("block", BLOCKS, ids=heading_of)
def test_a_snippet_of_the_readme_runs(
    block: str, gateway: LocalGateway, service: LocalService, private_key: Any, tmp_path: Path
) -> None:
    with ATHGatewayClient(gateway.url, AGENT_ID, private_key) as client:
        namespace = {
            "ATHGatewayClient": ATHGatewayClient,
            "LocalGateway": LocalGateway,
            "agent_id": AGENT_ID,
            "client": client,
            "folder": tmp_path,
            "gateway": gateway,
            "private_key": private_key,
            "service": service,
        }
        exec(compile(block, "README.md", "exec"), namespace)


def test_the_first_snippet_needs_nothing_that_the_reader_does_not_see() -> None:
    exec(compile(BLOCKS[0], "README.md", "exec"), {})


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


def test_the_table_of_codes_is_complete() -> None:
    table = re.search(r"<!-- codes: begin.*?-->\n(.*?)<!-- codes: end -->", README, re.DOTALL)
    assert table is not None
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", table[1], re.MULTILINE)
    assert dict(rows) == dict(CODES)


def test_the_files_that_the_readme_names_are_there() -> None:
    root = Path(__file__).parents[2]
    for name in re.findall(r"`((?:scripts|tests|spec)/[\w./-]+)", README):
        assert (root / name).exists(), name
