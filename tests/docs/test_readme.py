"""README is short, and leads everywhere."""

from __future__ import annotations

import re

from .guides import GUIDES, PAGES, read, read_snippets

README = read(PAGES[0])
PYTHON = [snippet for snippet in read_snippets(PAGES[0]) if snippet.language == "python"]


def test_readme_has_at_most_250_lines() -> None:
    assert len(README.splitlines()) <= 250


def test_the_handshake_takes_at_most_25_lines_of_code() -> None:
    setup, handshake = (item for item in PYTHON if item.heading == "The whole handshake")
    lines = [line for item in (setup, handshake) for line in item.text.splitlines()]
    assert len(list(filter(str.strip, lines))) <= 25
    assert handshake.setup == setup.text


def test_a_users_data_takes_ten_lines_that_need_nothing_else() -> None:
    assert len(PYTHON[0].text.strip().splitlines()) <= 10
    assert not PYTHON[0].setup
    assert "client.proxy" in PYTHON[0].text


def test_the_contents_name_every_section() -> None:
    contents = README.partition("## Contents\n")[2].partition("\n## ")[0]
    sections = re.findall(r"^## (.*)$", README, re.MULTILINE)
    assert [name for name in sections if name != "Contents" and f"[{name}](#" not in contents] == []


def test_readme_leads_to_every_guide() -> None:
    assert [guide.name for guide in GUIDES if f"](docs/{guide.name})" not in README] == []


def test_a_whole_test_takes_at_most_five_lines() -> None:
    [snippet] = [snippet for snippet in PYTHON if snippet.text.startswith("pytest_plugins")]
    assert len(list(filter(str.strip, snippet.text.splitlines()))) <= 5
