"""A person at the consent page, over HTTP: cookies, redirects, and the form as it stands."""

from __future__ import annotations

from collections.abc import Collection
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import httpx

from ._loopback import loopback_client

REDIRECTS = 10


class ConsentError(Exception):
    """The consent page could not be reached or answered; the text says what was met instead."""


class _Form(HTMLParser):
    """The fields of a page's form as a browser would send them."""

    def __init__(self) -> None:
        super().__init__()
        self.found = False
        self.action = ""
        self.fields: dict[str, str] = {}
        self.scopes: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag == "form":
            self.found = True
            self.action = attributes.get("action") or ""
        name, value = attributes.get("name"), attributes.get("value") or ""
        if tag != "input" or name is None:
            return
        if attributes.get("type") != "checkbox":
            self.fields[name] = value
        elif "checked" in attributes:
            self.scopes.append(value)


def consent(
    authorization_url: str,
    *,
    allow: bool,
    scopes: Collection[str] | None = None,
    account: str | None = None,
) -> str:
    """Walk from the authorization URL through the consent page; return where the browser ended.

    That is the last URL it was sent to. A redirect off this pair of servers, to the agent's own
    page, is not fetched: the agent need not run a server for it.
    """
    with loopback_client() as browser:
        browser.headers["Accept"] = "text/html"
        start = urlsplit(authorization_url).netloc
        page = browser.get(authorization_url)
        for _ in range(REDIRECTS):
            if not page.has_redirect_location:
                break
            page = browser.get(urljoin(str(page.url), page.headers["location"]))
        form = _Form()
        form.feed(page.text)
        if page.status_code != 200 or not form.found:
            raise ConsentError(f"no consent page, but {page.status_code}: {_gist(page)}")
        if scopes is not None and not set(scopes) <= set(form.scopes):
            offered = ", ".join(form.scopes)
            raise ConsentError(f"the consent page offers {offered}, so not all of {scopes!r}")
        ticked = form.scopes if scopes is None else [s for s in form.scopes if s in scopes]
        fields: dict[str, str | list[str]] = {**form.fields, "granted": ticked}
        fields["decision"] = "allow" if allow else "deny"
        if account is not None:
            fields["account"] = account
        page = browser.post(urljoin(str(page.url), form.action), data=fields)
        ours = {start, urlsplit(str(page.url)).netloc}
        for _ in range(REDIRECTS):
            if not page.has_redirect_location:
                break
            url = urljoin(str(page.url), page.headers["location"])
            if urlsplit(url).netloc not in ours:
                return url
            page = browser.get(url)
        if page.status_code != 200:
            raise ConsentError(f"consent ended with {page.status_code}: {_gist(page)}")
        return str(page.url)


def _gist(page: httpx.Response) -> str:
    parser = _Text()
    parser.feed(page.text)
    return " ".join(" ".join(parser.words).split())[:200]


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []

    def handle_data(self, data: str) -> None:
        if self.cdata_elem is None:  # neither style nor script
            self.words.append(data)
