"""What goes over the wire, as plain values: the base of calls, a request, a reply."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from .errors import ATHError

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode

RawHeaders = list[tuple[bytes, bytes]]

_DEFAULT_PORTS = {"http": 80, "https": 443}
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")
_HOST = re.compile(r"[\w.:%~-]+", re.ASCII)  # IDNA makes spaces of wide ones
_URL_TEXT = re.compile(r"[^\x00-\x20\x7f]+")

# What belongs to the transport or proves who calls; neither a user nor a language model sets it.
_RESERVED = frozenset(
    {
        "accept-encoding",
        "authorization",
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-ath-agent-id",
    }
)


@dataclass(eq=False)
class Base:
    """An origin and a path on it; every call made from it stays below that path."""

    url: str
    scheme: str
    host: str
    port: int
    path: str

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port: who is spoken to."""
        return self.scheme, self.host, self.port

    @cached_property
    def host_header(self) -> bytes:
        """The Host header of requests to this origin."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = self.port == _DEFAULT_PORTS[self.scheme]
        return (host if default else f"{host}:{self.port}").encode("ascii")

    @cached_property
    def exposed(self) -> bool:
        """Whether others on the way can read what is sent."""
        return self.scheme == "http" and not self.loopback

    @property
    def loopback(self) -> bool:
        """Whether calls stay on this machine."""
        if self.host == "localhost" or self.host.endswith(".localhost"):
            return True
        from ipaddress import ip_address  # slow to import, and only plain http needs it

        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False


def parse_base(url: object, name: str, code: str = "INVALID_ARGUMENT") -> Base:
    """Read a base URL: http or https, with a host, without query, fragment and user info.

    Raises:
        ATHError: with ``code`` and a message that calls the URL by ``name``.
    """

    def refuse(reason: str) -> ATHError:
        return ATHError(code, f"{name} {reason}.")

    if not isinstance(url, str) or not _URL_TEXT.fullmatch(url) or "\\" in url:
        raise refuse("must be a URL as text, without spaces, control characters or backslashes")
    parts = _parts_of(url)
    if parts is None:
        raise refuse("is not a valid URL")
    scheme, netloc, host, port, path = parts
    if scheme not in _DEFAULT_PORTS or not _HOST.fullmatch(host):
        raise refuse("must begin with http:// or https:// and a host")
    if "@" in netloc:
        raise refuse("must not carry a user name or password")
    if "?" in url or "#" in url:
        raise refuse("must not carry a query or a fragment")
    port = _DEFAULT_PORTS[scheme] if port is None else port
    return Base(url.rstrip("/"), scheme, host, port, path.rstrip("/"))


def _parts_of(url: str) -> tuple[str, str, str, int | None, str] | None:
    """Scheme, netloc, host, port and path; None instead of an error that may quote a password."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode("ascii")
        path = parts.path.encode("ascii").decode("ascii")
        return parts.scheme, parts.netloc, host, parts.port, path
    except ValueError:
        return None


def encode_json(value: Any) -> bytes:
    """The JSON of a value; raises TypeError, ValueError or RecursionError if it has none."""
    return _encode(value).encode("utf-8")


@dataclass(slots=True, eq=False)
class Request:
    """One HTTP request, ready to be sent."""

    method: bytes
    base: Base
    target: bytes
    headers: RawHeaders = field(repr=False)
    content: bytes = field(default=b"", repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """What it carries that no error may repeat."""

    @property
    def place(self) -> str:
        """Method and origin, for messages: paths and queries are the user's own business."""
        base = self.base
        return f"{self.method.decode('ascii')} {base.scheme}://{base.host_header.decode('ascii')}"


@dataclass(slots=True, eq=False)
class Reply:
    """One HTTP answer, its body as it came."""

    status: int
    headers: RawHeaders = field(repr=False)
    body: bytes = field(repr=False)
    received_at: float = 0.0
    """When it came, by our clock, in seconds UTC."""

    @property
    def ok(self) -> bool:
        """Whether the request succeeded: any 2xx."""
        return 200 <= self.status < 300

    def header(self, name: bytes) -> str | None:
        """The first header of that (lower-case) name."""
        for key, value in self.headers:
            if key.lower() == name:
                return value.decode("latin-1")
        return None


def raw_headers(headers: object, *, per_call: bool = False) -> RawHeaders:
    """Check a user's headers and encode them.

    Raises:
        ATHError: INVALID_ARGUMENT for what cannot be sent, could split the request, or is set by
            the client itself; per call, the ``X-ATH-`` names are the client's too.
    """
    if headers is None:
        return []
    items = headers.items() if isinstance(headers, Mapping) else headers
    if isinstance(items, str | bytes) or not isinstance(items, Iterable):
        raise ATHError("INVALID_ARGUMENT", "headers must be a mapping of names to values.")
    raw: RawHeaders = []
    for item in items:
        try:
            name, value = item
        except (TypeError, ValueError):
            raise ATHError("INVALID_ARGUMENT", "headers must be pairs of name and value.") from None
        if not isinstance(name, str) or not _TOKEN.fullmatch(name):
            raise ATHError("INVALID_ARGUMENT", "A header's name holds characters it may not hold.")
        lower = name.lower()
        if lower in _RESERVED or (per_call and lower.startswith("x-ath-")):
            raise ATHError("INVALID_ARGUMENT", f"The header {name} is set by the client itself.")
        if not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
            raise ATHError(
                "INVALID_ARGUMENT",
                f"The header {name} must be printable ASCII text on one line.",
            )
        raw.append((name.encode("ascii"), value.strip(" \t").encode("ascii")))
    return raw


def merged(first: RawHeaders, second: RawHeaders) -> RawHeaders:
    """Both, where names of the second replace those of the first."""
    if not second:
        return first
    names = {name.lower() for name, _ in second}
    return [item for item in first if item[0].lower() not in names] + second
