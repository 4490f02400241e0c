"""What goes over the wire, as plain values: base URL, request, reply, limits."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..errors import ATHError
from .hosts import normalize_host

if TYPE_CHECKING:
    from .sources import Source

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode

RawHeaders = list[tuple[bytes, bytes]]

Origin = tuple[str, str, int]
"""Scheme, host and port."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
_LOOPBACK = re.compile(
    r"(?:.+\.)?localhost|127(?:\.(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}", re.ASCII
)
_URL_TEXT = re.compile(r"[^\x00-\x20\x7f]+")


@dataclass(eq=False)
class Base:
    """An origin and a path on it; every call made from it stays below that path."""

    url: str
    scheme: str
    host: str
    port: int
    path: str

    @cached_property
    def origin(self) -> Origin:
        """Who is spoken to."""
        return self.scheme, self.host, self.port

    @cached_property
    def host_header(self) -> bytes:
        """The Host header of requests to this origin."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = self.port == _DEFAULT_PORTS[self.scheme]
        return (host if default else f"{host}:{self.port}").encode("ascii")

    @property
    def origin_url(self) -> str:
        """The origin as a URL, without a path."""
        return f"{self.scheme}://{self.host_header.decode('ascii')}"

    @cached_property
    def is_plaintext(self) -> bool:
        """Whether others on the way can read what is sent."""
        return self.scheme == "http" and not self.is_loopback

    @property
    def is_loopback(self) -> bool:
        """Whether calls stay on this machine."""
        return is_loopback_host(self.host)


def is_loopback_host(host: str) -> bool:
    """Whether a host's name or address is this machine's own."""
    if ":" not in host:
        return bool(_LOOPBACK.fullmatch(host))
    from ipaddress import ip_address  # slow to import, and few hosts are addresses of this kind

    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def parse_base(url: object, name: str) -> Base:
    """Read a base URL: http or https, with a host, without query, fragment and user info.

    Raises:
        ATHError: INVALID_ARGUMENT, whose message calls the URL by ``name``.
    """

    def refuse(reason: str) -> ATHError:
        return ATHError("INVALID_ARGUMENT", f"{name} {reason}.")

    if not isinstance(url, str) or not _URL_TEXT.fullmatch(url) or "\\" in url:
        raise refuse("must be a URL as text, without spaces, control characters or backslashes")
    parts = _parts_of(url)
    if parts is None:
        raise refuse("is not a valid URL")
    scheme, netloc, host, port, path = parts
    if scheme not in _DEFAULT_PORTS or host is None:
        raise refuse("must begin with http:// or https:// and a host")
    if "@" in netloc:
        raise refuse("must not carry a user name or password")
    if "?" in url or "#" in url:
        raise refuse("must not carry a query or a fragment")
    port = _DEFAULT_PORTS[scheme] if port is None else port
    return Base(url.rstrip("/"), scheme, host, port, path.rstrip("/"))


def _parts_of(url: str) -> tuple[str, str, str | None, int | None, str] | None:
    """Scheme, netloc, host, port and path; None instead of an error that may quote a password."""
    try:
        parts = urlsplit(url)
        host = normalize_host(parts.hostname or "")
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
    source: Source | None = field(default=None, repr=False)
    """What is sent piece by piece, instead of ``content``."""

    @property
    def origin_label(self) -> str:
        """Method and origin, for messages: paths and queries are the user's own business."""
        return f"{self.method.decode('ascii')} {self.base.origin_url}"


@dataclass(slots=True, eq=False)
class Reply:
    """One HTTP answer, its body as it came."""

    status: int
    headers: RawHeaders = field(repr=False)
    body: bytes = field(repr=False)
    received_at: float = 0.0
    """When it came, by our clock, in seconds UTC."""
    seconds: float = 0.0
    """From sending the request to the end of the body."""

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


def merge_headers(first: RawHeaders, second: RawHeaders) -> RawHeaders:
    """Both, where names of the second replace those of the first."""
    if not second:
        return first
    names = {name.lower() for name, _ in second}
    return [item for item in first if item[0].lower() not in names] + second
