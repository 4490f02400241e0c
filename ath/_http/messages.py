"""What goes over the wire, as plain values: base URL, request, reply, limits."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from ..errors import ATHError

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode

RawHeaders = list[tuple[bytes, bytes]]

_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[\w.:%~-]+", re.ASCII)  # IDNA makes spaces of wide ones
_URL_TEXT = re.compile(r"[^\x00-\x20\x7f]+")


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
    def is_plaintext(self) -> bool:
        """Whether others on the way can read what is sent."""
        return self.scheme == "http" and not self.is_loopback

    @property
    def is_loopback(self) -> bool:
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
    def origin_label(self) -> str:
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


def merge_headers(first: RawHeaders, second: RawHeaders) -> RawHeaders:
    """Both, where names of the second replace those of the first."""
    if not second:
        return first
    names = {name.lower() for name, _ in second}
    return [item for item in first if item[0].lower() not in names] + second


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds for each phase of an attempt and for the whole of it, and bytes of a reply."""

    connect: float | None
    read: float | None
    write: float | None
    pool: float | None
    total: float | None
    max_response_bytes: int

    def phases(self) -> dict[str, float | None]:
        """The form that httpcore and httpx share."""
        return {
            "connect": self.connect,
            "read": self.read,
            "write": self.write,
            "pool": self.pool,
        }


def parse_timeout(timeout: object, max_response_bytes: object) -> Limits:
    """Read the user's timeout: seconds for a whole attempt, an httpx.Timeout, or None for none.

    Raises:
        ATHError: INVALID_ARGUMENT.
    """
    if not isinstance(max_response_bytes, int) or max_response_bytes < 1:
        raise ATHError("INVALID_ARGUMENT", "max_response_bytes must be a number of bytes.")
    if timeout is None:
        return Limits(None, None, None, None, None, max_response_bytes)
    if isinstance(timeout, int | float) and not isinstance(timeout, bool):
        if not timeout > 0:
            raise ATHError("INVALID_ARGUMENT", "timeout must be more than 0 seconds.")
        seconds = float(min(timeout, 1e9))  # infinity would overflow a socket's timer
        return Limits(seconds, seconds, seconds, seconds, seconds, max_response_bytes)
    try:
        phases = timeout.as_dict()  # type: ignore[attr-defined]  # of httpx.Timeout, not imported
        return Limits(**phases, total=None, max_response_bytes=max_response_bytes)
    except (AttributeError, TypeError):
        raise ATHError("INVALID_ARGUMENT", "timeout must be seconds or an httpx.Timeout.") from None


def too_large(limit: int) -> ATHError:
    """The error for a body beyond the limit."""
    return ATHError("RESPONSE_TOO_LARGE", f"The answer is longer than {limit} bytes.")
