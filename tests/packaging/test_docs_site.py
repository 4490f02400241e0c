"""scripts/docs builds a site without warnings, and its pages fetch nothing from elsewhere."""

from __future__ import annotations

import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

import ath
import ath.testing

from .conftest import RunScript

ROOT = Path(__file__).parents[2]


class Page(HTMLParser):
    """The anchors of a page, and what a browser loads for it without a click."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                self.anchors.add(value or "")
            elif tag == "a" and name == "href":
                self.links.append(value or "")
            elif name in ("src", "href", "srcset"):
                self.loaded.append(value or "")


@pytest.fixture(scope="module")
def site(run_script: RunScript, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, as scripts/docs builds it."""
    folder = tmp_path_factory.mktemp("site")
    run = run_script("docs", "--output", folder)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout == f"{folder / 'index.html'}\n"
    assert "WARNING" not in run.stderr
    return folder


def test_no_page_loads_anything_from_another_server(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert site / "index.html" in pages
    for path in pages:
        loaded = Page(path).loaded
        assert any(".css" in one for one in loaded), path
        assert [one for one in loaded if "//" in one] == [], path


def test_every_public_name_has_its_place_in_the_reference(site: Path) -> None:
    anchors = set().union(*(Page(path).anchors for path in site.glob("reference/*.html")))
    homes = {name: home for home, names in ath._HOMES.items() for name in names}
    for name in homes.keys() - set(ath._HOMES["ath_api.models"]):
        assert f"{homes[name]}.{name}" in anchors, name
    for name in ath._HOMES["ath_api.models"]:
        assert f"{getattr(ath, name).__module__}.{name}" in anchors, name
    for name in ath.testing.__all__:
        assert f"ath.testing.{name}" in anchors, name


def test_the_reference_shows_inherited_methods_and_no_private_ones(site: Path) -> None:
    anchors = Page(site / "reference" / "clients.html").anchors
    assert "ath.gateway.ATHGatewayClient.ensure_registered" in anchors
    assert not [name for name in anchors if "._" in name]


def test_no_reference_of_another_markup_is_left(site: Path) -> None:
    for path in site.glob("reference/*.html"):
        assert ":meth:" not in path.read_text(encoding="utf-8"), path


def test_guides_are_found_and_a_broken_link_fails_the_build(
    run_script: RunScript, tmp_path: Path
) -> None:
    root, output = tmp_path / "checkout", tmp_path / "site"
    for name in (".github", "ath", "docs", "generated", "spec"):
        shutil.copytree(ROOT / name, root / name)
    for name in ("CHANGELOG.md", "README.md", "pyproject.toml"):
        shutil.copy(ROOT / name, root)
    text = "# A new guide\n\n[spec](../spec/README.md#wire) [home](../README.md) [gone](gone.md)\n"
    root.joinpath("docs", "new-guide.md").write_text(text, encoding="utf-8")
    run = run_script("docs", "--root", root, "--output", output)
    assert run.returncode == 1
    warnings = [line for line in run.stderr.splitlines() if line.startswith("WARNING")]
    assert len(warnings) == 1, run.stderr
    assert "guides/new-guide.md" in warnings[0]
    assert "gone.md" in warnings[0]
    page = Page(output / "guides" / "new-guide.html")
    assert "../index.html" in page.links
    assert [link for link in page.links if link.endswith("/blob/main/spec/README.md#wire")]
