"""README and the guides of docs/, as the tests read them: snippets, headings, links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
GUIDES = sorted((ROOT / "docs").glob("*.md"))
PAGES = [README, *GUIDES]
# What people who change the library read; it has commands and links, and nothing to run.
FOR_CONTRIBUTORS = [ROOT / "spec" / "README.md", *sorted((ROOT / ".github").glob("*.md"))]

# The sentence above the snippet that the later ones of the page continue.
CONTINUED = ("The snippets below continue this one:", "后面的代码都接着这一段运行：")  # noqa: RUF001

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Snippet:
    """A block of code on a page, and what the page says has run before it."""

    page: Path
    line: int
    heading: str
    language: str
    text: str
    setup: str

    @property
    def name(self) -> str:
        """For the test's id."""
        return f"{self.page.stem}:{self.line}:{self.heading.replace(' ', '_')}"


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def read_snippets(page: Path) -> list[Snippet]:
    """All blocks of code of a page, in order."""
    text = read(page)
    found, setup = [], ""
    for fence in _FENCE.finditer(text):
        before = text[: fence.start()]
        headings = _HEADING.findall(_FENCE.sub("", before))
        snippet = Snippet(
            page, before.count("\n") + 1, headings[-1], fence[1], fence[2], setup
        )  # fmt: skip
        found.append(snippet)
        if before.rstrip().endswith(CONTINUED):
            setup = snippet.text
    return found


def snippets(language: str, pages: list[Path] = PAGES) -> list[Snippet]:
    """The blocks in that language on the pages."""
    return [
        snippet for page in pages for snippet in read_snippets(page) if snippet.language == language
    ]


def prose(page: Path) -> str:
    """The page without its blocks of code."""
    return _FENCE.sub("", read(page))


def links(page: Path) -> Iterator[str]:
    """Where the page's links lead."""
    yield from _LINK.findall(re.sub(r"`[^`\n]*`", "", prose(page)))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub names them."""
    headings = _HEADING.findall(prose(page))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
