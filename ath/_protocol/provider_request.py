"""Safe requests to providers: paths, headers and bodies that a language model may have chosen.

Either the request goes exactly below the given base, or an ATHError is raised before a byte is
sent. What another server on the way might read differently (dot segments in any disguise,
backslashes, control characters) is refused rather than repaired.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from unicodedata import normalize
from urllib.parse import quote, unquote_to_bytes, urlencode

from .._http.messages import Base, RawHeaders, Request, merge_headers
from ..errors import ATHError
from ..retry import Retry
from .arguments import encode_call_headers
from .requests import content_length, encode_document

if TYPE_CHECKING:
    from .._http.sources import Source

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


class CallOptions(NamedTuple):
    """What the user of ``proxy()`` or ``api()`` asked for; the public methods document it."""

    method: str
    path: str
    body: Any
    params: Mapping[str, Any] | None
    headers: Mapping[str, str] | list[tuple[str, str]] | None
    content: Any
    timeout: Any
    idempotent: bool | None
    retry: Retry
    data: Any = None
    files: Any = None
    streamed: bool = False
    """Whether content may be something that is read while it is sent."""


def prepare_request(
    base: Base, prefix: str, standard: RawHeaders, of_client: RawHeaders, options: CallOptions
) -> Request:
    """The checked request without its token; ``prefix`` is a path of our own below the base.

    The headers ``of_client`` are among the standard ones and must not be replaced.

    Raises:
        ATHError: INVALID_PATH or INVALID_ARGUMENT.
    """
    method, path = options.method, options.path
    verb = method if method in _PLAIN_METHODS else _check_method(method)
    target = prepare_target(base, prefix, path, options.params)
    extra = encode_call_headers(options.headers, of_client) if options.headers else []
    content, source = b"", None
    if not (options.body is options.content is options.data is options.files is None):
        if verb in ("GET", "HEAD"):
            raise ATHError("INVALID_ARGUMENT", f"A {verb} request carries no body.")
        content, source, media_type = _encode_content(options)
        if not any(name.lower() == b"content-type" for name, _ in extra):
            extra.append((b"Content-Type", media_type))
    headers = merge_headers(standard, extra)
    if source is not None:
        headers = [*headers, _framing(source)]
    elif content or verb in ("POST", "PUT", "PATCH"):
        headers = [*headers, content_length(len(content))]
    return Request(verb.encode(), base, target.encode(), headers, content, source=source)


def prepare_target(base: Base, prefix: str, path: object, params: object) -> str:
    """The checked path and query; ``prefix`` is a path of our own below the base.

    Raises:
        ATHError: INVALID_PATH or INVALID_ARGUMENT.
    """
    target = f"{base.path}{prefix}{_check_path(path)}"
    if params:
        target += ("&" if "?" in target else "?") + _encode_query(params)
    _check_length(target)
    return target


def proxy_prefix(provider: object) -> str:
    """The path of a gateway's proxy to that provider.

    Raises:
        ATHError: INVALID_ARGUMENT.
    """
    return f"/ath/proxy/{encode_provider(provider)}"


def encode_provider(provider: object) -> str:
    """A provider's id as one path segment.

    Raises:
        ATHError: INVALID_ARGUMENT.
    """
    if isinstance(provider, str):
        if _PLAIN_SEGMENT.fullmatch(provider):
            return provider
        plain = _normalize(provider)
        if plain and not re.search(r"[/\\%?#;\x00-\x20\x7f]", plain) and not _is_dot_segment(plain):
            try:
                return quote(provider, safe="~!$&'()*+,=:@")
            except UnicodeEncodeError:
                pass
    raise ATHError(
        "INVALID_ARGUMENT", "The provider must be an id as discover() lists it: one path segment."
    )


def _check_method(method: object) -> str:
    if not isinstance(method, str) or not _METHOD.fullmatch(method):
        raise ATHError("INVALID_ARGUMENT", "The method must be an HTTP method such as GET.")
    verb = method.upper()
    if verb in ("CONNECT", "TRACE"):
        raise ATHError("INVALID_ARGUMENT", f"The method {verb} is not for providers.")
    return verb


def _check_length(target: str) -> None:
    if len(target) > MAX_TARGET:
        raise ATHError("INVALID_PATH", f"The path and query are longer than {MAX_TARGET} bytes.")


def _check_path(path: object) -> str:
    if not isinstance(path, str):
        raise ATHError("INVALID_PATH", "The path must be text.")
    if _PLAIN_PATH.fullmatch(path):
        return path or "/"
    _check_length(path)  # before anything that takes time with the length
    if _ABSOLUTE.match(path) or path.startswith("//"):
        raise ATHError("INVALID_PATH", "The path must not be a URL: it stays below the provider.")
    if _CONTROL.search(path) or "\\" in path or "#" in path:
        raise ATHError(
            "INVALID_PATH", "The path must not hold control characters, backslashes or fragments."
        )
    path = path if path.startswith("/") else f"/{path}"
    route, mark, query = path.partition("?")
    if _STRAY_PERCENT.search(route) or any(_has_dot_segment(part) for part in route.split("/")):
        raise ATHError(
            "INVALID_PATH", "The path must not hold dot segments or broken escapes, also encoded."
        )
    query = _STRAY_PERCENT.sub("%25", query)
    try:
        return quote(route, safe=_SAFE_IN_PATH) + mark + quote(query, safe=_SAFE_IN_QUERY)
    except UnicodeEncodeError:
        raise ATHError("INVALID_PATH", "The path is not valid Unicode text.") from None


def _has_dot_segment(part: str) -> bool:
    """Whether some server may read this segment as a step up, or as something else entirely."""
    for _ in range(_DECODINGS):
        part = _normalize(part)
        if _CONTROL.search(part) or "\\" in part:
            return True
        try:
            decoded = unquote_to_bytes(part).decode("utf-8")
        except UnicodeError:
            return True
        if decoded == part:
            return any(_is_dot_segment(piece) for piece in part.split("/"))
        part = decoded
    return True


def _normalize(text: str) -> str:
    """The text as a server reads it that takes wide dots, slashes and the like for plain ones."""
    return text if text.isascii() else normalize("NFKC", text)


def _is_dot_segment(piece: str) -> bool:
    # Some servers cut path parameters (";…"), spaces and query marks off before they look.
    name = re.split(r"[;?#]", piece, maxsplit=1)[0].strip()
    return name in (".", "..")


def _encode_query(params: object) -> str:
    if not isinstance(params, Mapping):
        raise ATHError("INVALID_ARGUMENT", "params must be a mapping of names to values.")
    try:
        pairs = [
            (name, _query_value(item))
            for name, value in params.items()
            for item in (value if isinstance(value, list | tuple) else (value,))
        ]
        return urlencode(pairs, quote_via=quote)
    except (TypeError, ValueError):  # a lone surrogate, or a number with thousands of digits
        raise ATHError("INVALID_ARGUMENT", "params holds text that is not valid.") from None


def _query_value(value: object) -> str:
    """A query value as most servers read it."""
    if value is None or isinstance(value, bool):
        return "" if value is None else str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    raise ATHError("INVALID_ARGUMENT", "params must hold text, numbers, or lists of them.")


def _encode_content(options: CallOptions) -> tuple[bytes, Source | None, bytes]:
    """The bytes to send, or what is read while it is sent, and the media type."""
    content = options.content
    has_form = options.data is not None or options.files is not None
    if (options.body is not None) + (content is not None) + has_form > 1:
        raise ATHError("INVALID_ARGUMENT", "Pass only one of body, content, and data with files.")
    if has_form:
        from .._http.forms import encode_form  # few calls send forms

        source, media_type = encode_form(options.data, options.files)
        if options.streamed:
            return b"", source, media_type.encode()
        return source.read(), None, media_type.encode()
    if content is None:
        refusal = "The body is not JSON data; pass bytes or text as content=."
        return encode_document(options.body, refusal), None, b"application/json"
    if isinstance(content, str):
        try:
            return content.encode("utf-8"), None, b"text/plain; charset=utf-8"
        except UnicodeEncodeError:
            raise ATHError("INVALID_ARGUMENT", "The content is not valid Unicode text.") from None
    if isinstance(content, bytes | bytearray | memoryview):
        return bytes(content), None, b"application/octet-stream"
    if options.streamed:
        from .._http.sources import make_source  # few calls stream

        return b"", make_source(content), b"application/octet-stream"
    raise ATHError("INVALID_ARGUMENT", "content must be bytes or text.")


def _framing(source: Source) -> tuple[bytes, bytes]:
    """The header that says where the content ends (RFC 9112, section 6)."""
    if source.length is None:
        return b"Transfer-Encoding", b"chunked"
    return content_length(source.length)
