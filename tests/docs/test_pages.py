"""Links and names on README's and the guides' pages lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ath import AsyncATHGatewayClient, AsyncATHNativeClient, ATHGatewayClient, ATHNativeClient

from .guides import (
    FOR_CONTRIBUTORS,
    GUIDES,
    PAGES,
    ROOT,
    anchors,
    links,
    prose,
    read,
    read_snippets,
)

CLIENTS = (ATHGatewayClient, ATHNativeClient, AsyncATHGatewayClient, AsyncATHNativeClient)

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def spans(page: Path) -> list[str]:
    """What stands in code style within the page's sentences."""
    return re.findall(r"`([^`\n]+)`", prose(page))


@pytest.mark.parametrize("page", [*PAGES, *FOR_CONTRIBUTORS], ids=lambda page: page.stem)
def test_every_link_within_the_project_leads_to_a_file_and_a_heading(page: Path) -> None:
    for link in links(page):
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.is_file(), link
        assert not anchor or anchor in anchors(target), link


@each_page
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    for name in re.findall(
        r"(?<![\w/.])(?:(?:scripts|tests|spec|docs|ath)/[\w./-]*\w)", " ".join(spans(page))
    ):
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize("guide", GUIDES, ids=lambda page: page.stem)
def test_a_guide_starts_with_what_the_reader_can_do_after_it(guide: Path) -> None:
    title, empty, first, *_ = read(guide).splitlines()
    assert title.startswith("# ")
    assert not empty
    assert first.startswith(("After this page you ", "读完本页，你可以"))  # noqa: RUF001


@each_page
def test_every_call_that_a_page_names_is_there(page: Path) -> None:
    """In the form `client.call(...)`, in sentences."""
    for name in re.findall(r"\bclient\.(\w+)", " ".join(spans(page))):
        assert any(hasattr(client, name) for client in CLIENTS), name


def test_every_member_of_the_clients_is_on_some_page() -> None:
    text = "\n".join(read(page) for page in PAGES)
    members = {name for client in CLIENTS for name in dir(client) if not name.startswith("_")}
    assert [name for name in sorted(members) if not re.search(rf"\b{name}\b", text)] == []


def read_picture() -> str:
    guide = next(page for page in GUIDES if page.name == "architecture.md")
    return read_snippets(guide)[0].text


def test_the_layout_of_the_code_shows_every_module_and_every_folder_of_tests() -> None:
    picture = read_picture()
    shown = re.findall(r"[\w*]+\.py", picture)
    for path in (ROOT / "ath").rglob("*.py"):
        if path.name != "__init__.py" and not {"stores", "testing"} & set(path.parts):
            assert any(path.match(pattern) for pattern in shown), path
    for folder in (ROOT / "tests").iterdir():
        if folder.joinpath("__init__.py").is_file() or folder.name == "spec":
            assert re.search(rf"\b{folder.name}\b", picture), folder


def test_the_layout_of_the_code_shows_files_that_are_there() -> None:
    picture = read_picture()
    folder, shown = "", []
    for line in picture.splitlines():
        names, _, _ = line.strip().partition("   ")
        if line.startswith("    ") and names.endswith("/"):
            folder = names
        elif line.startswith("    "):
            inner = folder if line.startswith("        ") else ""
            shown += [f"{inner}{name}" for name in re.findall(r"\w+\.py", names)]
    assert len(shown) > 30
    assert [name for name in shown if not (ROOT / "ath" / name).is_file()] == []
