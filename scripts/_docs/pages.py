"""Lay out the pages of the site: README, the guides, and the reference of the public names."""

from __future__ import annotations

import posixpath
import re
import shutil
from pathlib import Path
from urllib.parse import urlsplit

Navigation = list["str | dict[str, Navigation | str]"]

# Where a module's names are listed: in the first part that begins its path.
REFERENCE = {
    "Clients": ("ath.gateway", "ath.native"),
    "Errors": ("ath.errors", "ath.codes"),
    "Stores": ("ath.stores",),
    "Testing": ("ath.testing",),
    "Values": ("ath",),
    "Wire models": ("ath_api.models",),
    "Low-level calls": ("ath_api",),
}
LINK = re.compile(r"(?<=\]\()[^)\s]+(?=\))")


def find_pages(root: Path) -> dict[str, str]:
    """Where each text of the checkout goes in the site, in the order of the menu."""
    guides = sorted(path.name for path in root.joinpath("docs").glob("*.md"))
    return {
        "README.md": "index.md",
        **{f"docs/{name}": f"guides/{name}" for name in guides},
        "CHANGELOG.md": "changelog.md",
        ".github/CONTRIBUTING.md": "contributing.md",
        ".github/SECURITY.md": "security.md",
    }


def write_pages(
    root: Path, homes: dict[str, list[str]], repository: str, folder: Path
) -> Navigation:
    """Write all pages into the folder.

    Args:
        root: The checkout.
        homes: The public names by the module that defines them.
        repository: The URL of the checkout's files, for links to what is no page.
        folder: Where the pages go.

    Returns:
        The menu, as mkdocs wants it.
    """
    pages = find_pages(root)
    for source, page in pages.items():
        text = root.joinpath(source).read_text(encoding="utf-8")
        _write(folder / page, _point_links(text, source, pages, root, repository))
    for path in root.joinpath("docs").rglob("*"):
        if path.suffix in (".png", ".svg"):
            target = folder / "guides" / path.relative_to(root / "docs")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    reference = _write_reference(homes, folder)
    guides = [page for page in pages.values() if page.startswith("guides/")]
    return [
        {"Overview": "index.md"},
        {"Guides": guides},
        {"Reference": reference},
        {"Project": ["changelog.md", "contributing.md", "security.md"]},
    ]


def _write_reference(homes: dict[str, list[str]], folder: Path) -> list[str]:
    texts = {title: f"# {title}\n" for title in REFERENCE}
    for module, names in homes.items():
        title = next(
            title
            for title, parts in REFERENCE.items()
            if any(f"{module}.".startswith(f"{part}.") for part in parts)
        )
        # Endpoints have the same names each, so their module must be seen.
        path = "true" if title == "Low-level calls" else "false"
        for name in names:
            texts[title] += (
                f"\n::: {module}.{name}\n    options:\n      show_root_full_path: {path}\n"
            )
    files = {title: f"reference/{title.lower().replace(' ', '-')}.md" for title in texts}
    for title, text in texts.items():
        _write(folder / files[title], text)
    return list(files.values())


def _point_links(text: str, source: str, pages: dict[str, str], root: Path, repository: str) -> str:
    """Point the links to the site's pages, or to the repository if they lead to another file."""

    def point(found: re.Match[str]) -> str:
        link = urlsplit(found[0])
        if link.scheme or not link.path:
            return found[0]
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), link.path))
        if target in pages:
            path = posixpath.relpath(pages[target], posixpath.dirname(pages[source]) or ".")
        elif target.startswith("docs/") or not root.joinpath(target).exists():
            return found[0]  # an image, or a mistake that mkdocs names
        else:
            path = f"{repository}/{target}"
        return path + (f"#{link.fragment}" if link.fragment else "")

    return LINK.sub(point, text)


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8", newline="\n")
