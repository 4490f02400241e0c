"""How a URL is shown to a user: printed, or opened in a browser where there is one."""

from __future__ import annotations

import sys
import webbrowser
from pathlib import Path

import pytest

import ath

URL = "https://auth.example/go?session=1"
DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The URLs that a browser opened, on a machine without a display."""
    urls: list[str] = []
    monkeypatch.setattr(webbrowser, "open", urls.append)
    monkeypatch.setattr(sys, "platform", "linux")
    for name in DISPLAYS:
        monkeypatch.delenv(name, raising=False)
    return urls


def test_a_url_is_printed_to_stderr(capsys: pytest.CaptureFixture[str], opened: list[str]) -> None:
    ath.print_url(URL)
    assert capsys.readouterr() == ("", f"To allow this, open:\n{URL}\n")
    assert opened == []


def test_without_a_display_the_url_is_only_printed(
    capsys: pytest.CaptureFixture[str], opened: list[str]
) -> None:
    ath.open_browser(URL)
    assert URL in capsys.readouterr().err
    assert opened == []


@pytest.mark.parametrize("name", DISPLAYS)
def test_where_there_is_a_browser_it_is_opened(
    name: str,
    capsys: pytest.CaptureFixture[str],
    opened: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(name, "something")
    ath.open_browser(URL)
    assert URL in capsys.readouterr().err
    assert opened == [URL]


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_desktops_have_a_browser(
    platform: str, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    ath.open_browser(URL)
    assert opened == [URL]


def test_a_browser_that_does_not_start_is_no_error(
    capsys: pytest.CaptureFixture[str], opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: str) -> None:
        raise webbrowser.Error("could not locate runnable browser")

    monkeypatch.setattr(webbrowser, "open", fail)
    monkeypatch.setenv("BROWSER", str(Path("no", "such", "browser")))
    ath.open_browser(URL)
    assert URL in capsys.readouterr().err
