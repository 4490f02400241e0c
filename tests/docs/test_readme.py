"""README is short, and leads everywhere."""

from __future__ import annotations

import re

from .guides import GUIDES, PAGES, read, read_snippets

README = read(PAGES[0])
BLOCKS = [snippet.text for snippet in read_snippets(PAGES[0]) if snippet.language == "python"]


def test_readme_has_at_most_250_lines() -> None:
    assert len(README.splitlines()) <= 250


def test_the_handshake_takes_at_most_25_lines_of_code() -> None:
    lines = [line for block in BLOCKS[:2] for line in block.splitlines() if line.strip()]
    assert len(lines) <= 25
    assert "client.proxy" in BLOCKS[1]


def test_the_contents_name_every_section() -> None:
    contents = README.partition("## Contents\n")[2].partition("\n## ")[0]
    sections = re.findall(r"^## (.*)$", README, re.MULTILINE)
    assert [name for name in sections if name != "Contents" and f"[{name}](#" not in contents] == []


def test_readme_leads_to_every_guide() -> None:
    assert [guide.name for guide in GUIDES if f"](docs/{guide.name})" not in README] == []


def test_a_whole_test_takes_at_most_five_lines() -> None:
    [block] = [block for block in BLOCKS if block.startswith("pytest_plugins")]
    assert len([line for line in block.splitlines() if line.strip()]) <= 5
