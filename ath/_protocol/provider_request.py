"""Safe requests to providers: paths, headers and bodies that a language model may have chosen.

Either the request goes exactly below the given base, or an ATHError is raised before a byte is
sent. What another server on the way might read differently (dot segments in any disguise,
backslashes, control characters) is refused rather than repaired.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote_to_bytes, urlencode

from .._http.messages import Base, RawHeaders, Request, encode_json, merge_headers, raw_headers
from ..errors import ATHError

MAX_TARGET = 65_536
"""Bytes of path and query together; servers accept far less."""

# Nothing in these needs a second look: no escapes, no segment that begins with a dot, no "//".
_PLAIN_PATH = re.compile(r"(?:/[\w~!$&'()*+,=:@-][\w.~!$&'()*+,=:@-]*)*/?", re.ASCII)
_PLAIN_SEGMENT = re.compile(r"[\w~-][\w.~-]*", re.ASCII)
_PLAIN_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")

_DECODINGS = 8  # nobody means an escape of an escape of an escape
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ABSOLUTE = re.compile(r"/*[A-Za-z][A-Za-z0-9+.-]*://")
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_METHOD = re.compile(r"[A-Za-z]{1,32}")
_SAFE_IN_PATH = "/~!$&'()*+,;=:@%"
_SAFE_IN_QUERY = _SAFE_IN_PATH + "?[]|"


def prepare(
    base: Base,
    prefix: str,
    standard: RawHeaders,
    method: str,
    path: str,
    body: Any,
    params: Mapping[str, Any] | None,
    headers: Mapping[str, str] | None,
    content: bytes | str | None,
) -> Request:
    """Check everything and put it together; ``prefix`` is a path of our own below the base.

    Raises:
        ATHError: INVALID_PATH or INVALID_ARGUMENT.
    """
    verb = method if method in _PLAIN_METHODS else _checked_method(method)
    target = f"{base.path}{prefix}{_checked_path(path)}"
    if params:
        target += ("&" if "?" in target else "?") + _query(params)
    if len(target) > MAX_TARGET:
        raise ATHError("INVALID_PATH", f"The path and query are longer than {MAX_TARGET} bytes.")
    extra = raw_headers(headers, per_call=True) if headers else []
    data = b""
    if body is not None or content is not None:
        if verb in ("GET", "HEAD"):
            raise ATHError("INVALID_ARGUMENT", f"A {verb} request carries no body.")
        data, kind = _payload(body, content)
        if not any(name.lower() == b"content-type" for name, _ in extra):
            extra.append((b"Content-Type", kind))
    every = merge_headers(standard, extra)
    if data or verb in ("POST", "PUT", "PATCH"):
        every = [*every, (b"Content-Length", b"%d" % len(data))]
    return Request(verb.encode(), base, target.encode(), every, data)


def segment(provider: object) -> str:
    """A provider's id as one path segment.

    Raises:
        ATHError: INVALID_ARGUMENT.
    """
    if isinstance(provider, str):
        if _PLAIN_SEGMENT.fullmatch(provider):
            return provider
        plain = _plain_letters(provider)
        if plain and not re.search(r"[/\\%?#;\x00-\x20\x7f]", plain) and not _dots(plain):
            try:
                return quote(provider, safe="~!$&'()*+,=:@")
            except UnicodeEncodeError:
                pass
    raise ATHError(
        "INVALID_ARGUMENT", "The provider must be an id as discover() lists it: one path segment."
    )


def _checked_method(method: object) -> str:
    if not isinstance(method, str) or not _METHOD.fullmatch(method):
        raise ATHError("INVALID_ARGUMENT", "The method must be an HTTP method such as GET.")
    verb = method.upper()
    if verb in ("CONNECT", "TRACE"):
        raise ATHError("INVALID_ARGUMENT", f"The method {verb} is not for providers.")
    return verb


def _checked_path(path: object) -> str:
    if not isinstance(path, str):
        raise ATHError("INVALID_PATH", "The path must be text.")
    if _PLAIN_PATH.fullmatch(path):
        return path or "/"
    if len(path) > MAX_TARGET:
        raise ATHError("INVALID_PATH", f"The path and query are longer than {MAX_TARGET} bytes.")
    if _ABSOLUTE.match(path) or path.startswith("//"):
        raise ATHError("INVALID_PATH", "The path must not be a URL: it stays below the provider.")
    if _CONTROL.search(path) or "\\" in path or "#" in path:
        raise ATHError(
            "INVALID_PATH", "The path must not hold control characters, backslashes or fragments."
        )
    path = path if path.startswith("/") else f"/{path}"
    route, mark, query = path.partition("?")
    if _STRAY_PERCENT.search(route) or any(_climbs(part) for part in route.split("/")):
        raise ATHError(
            "INVALID_PATH", "The path must not hold dot segments or broken escapes, also encoded."
        )
    query = _STRAY_PERCENT.sub("%25", query)
    try:
        return quote(route, safe=_SAFE_IN_PATH) + mark + quote(query, safe=_SAFE_IN_QUERY)
    except UnicodeEncodeError:
        raise ATHError("INVALID_PATH", "The path is not valid Unicode text.") from None


def _climbs(part: str) -> bool:
    """Whether some server may read this segment as a step up, or as something else entirely."""
    for _ in range(_DECODINGS):
        part = _plain_letters(part)
        if _CONTROL.search(part) or "\\" in part:
            return True
        try:
            decoded = unquote_to_bytes(part).decode("utf-8")
        except UnicodeError:
            return True
        if decoded == part:
            return any(_dots(piece) for piece in part.split("/"))
        part = decoded
    return True


def _plain_letters(text: str) -> str:
    """The text as a server reads it that takes wide dots, slashes and the like for plain ones."""
    if text.isascii():
        return text
    from unicodedata import normalize  # slow to import, and few paths need it

    return normalize("NFKC", text)


def _dots(piece: str) -> bool:
    # Some servers cut path parameters (";…"), spaces and query marks off before they look.
    name = re.split(r"[;?#]", piece, maxsplit=1)[0].strip()
    return name in (".", "..")


def _query(params: object) -> str:
    if not isinstance(params, Mapping):
        raise ATHError("INVALID_ARGUMENT", "params must be a mapping of names to values.")
    try:
        pairs = [
            (name, _plain_text(item))
            for name, value in params.items()
            for item in (value if isinstance(value, list | tuple) else (value,))
        ]
        return urlencode(pairs, quote_via=quote)
    except (TypeError, ValueError):  # a lone surrogate, or a number with thousands of digits
        raise ATHError("INVALID_ARGUMENT", "params holds text that is not valid.") from None


def _plain_text(value: object) -> str:
    """A query value as most servers read it."""
    if value is None or isinstance(value, bool):
        return "" if value is None else str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    raise ATHError("INVALID_ARGUMENT", "params must hold text, numbers, or lists of them.")


def _payload(body: Any, content: object) -> tuple[bytes, bytes]:
    """The bytes to send and their media type."""
    if content is None:
        try:
            return encode_json(body), b"application/json"
        except (TypeError, ValueError, RecursionError):
            raise ATHError(
                "INVALID_ARGUMENT", "The body is not JSON data; pass bytes or text as content=."
            ) from None
    if body is not None:
        raise ATHError("INVALID_ARGUMENT", "Pass either body or content, not both.")
    if isinstance(content, str):
        try:
            return content.encode("utf-8"), b"text/plain; charset=utf-8"
        except UnicodeEncodeError:
            raise ATHError("INVALID_ARGUMENT", "The content is not valid Unicode text.") from None
    if isinstance(content, bytes | bytearray | memoryview):
        return bytes(content), b"application/octet-stream"
    raise ATHError("INVALID_ARGUMENT", "content must be bytes or text.")
