"""How a user is sent to the consent page: ready functions for ``connect(show=...)``."""

from __future__ import annotations

import os
import sys

__all__ = ["open_browser", "print_url"]


def print_url(url: str) -> None:
    """Print the URL of the consent page to stderr, with a word about it."""
    print(f"To allow this, open:\n{url}", file=sys.stderr, flush=True)  # noqa: T201


def open_browser(url: str) -> None:
    """Open the consent page in this machine's browser, if there is one; print the URL anyway.

    A machine without a display, such as one reached over ssh, only prints. The environment
    variable BROWSER names a browser for it.
    """
    print_url(url)
    desktop = sys.platform in ("win32", "darwin")
    if desktop or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")):
        import webbrowser  # looks for browsers when it is imported

        try:
            webbrowser.open(url)
        except (OSError, webbrowser.Error):
            return  # the URL was printed
