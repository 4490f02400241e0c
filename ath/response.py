"""A provider's answer as a value: status, headers and body, whatever the status is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from encodings.aliases import aliases
from typing import Any

from ._json import MALFORMED, parse_json
from .errors import ATHError, on_one_line

__all__ = ["Headers", "Response"]

_CHARSETS = {*aliases, *aliases.values(), "cp874", "koi8_u", "utf_8_sig"}
"""Those that may be looked up: Python remembers for ever each name that it was asked for. Python's
own codecs (idna, unicode_escape, ...) are not among them."""

_TOLD = re.compile(r"(retry-after|x-request-id)$|(x-)?rate-?limit(-|$)")
_LINK = re.compile(r'<([^<>]*)>((?:[^,"<]|"(?:[^"\\]|\\.)*")*)')
_PARAMETER = re.compile(r';\s*([\w!#$&+.^`|~*-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s;,"]*)')


class Headers(Mapping[str, str]):
    """An answer's headers by name, in any case; several values of a name are joined by commas."""

    __slots__ = ("_values",)

    def __init__(self, raw: list[tuple[bytes, bytes]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in raw:
            key = name.decode("latin-1").lower()
            self._values.setdefault(key, []).append(value.decode("latin-1"))

    def get_list(self, name: str) -> list[str]:
        """All values of that name, in their order."""
        return list(self._values.get(name.lower(), ()))

    def __getitem__(self, name: str) -> str:
        """The values of that name."""
        return ", ".join(self._values[name.lower()])

    def __iter__(self) -> Iterator[str]:
        """The names, in lower case."""
        return iter(self._values)

    def __len__(self) -> int:
        """How many names there are."""
        return len(self._values)

    def __repr__(self) -> str:
        """The names only: values may be secret."""
        return f"<Headers {', '.join(self)}>"


class Response:
    """What a provider answered.

    Attributes:
        status_code: The HTTP status.
        content: The body as bytes, without a content encoding (with it, if it is damaged).
        origin_label: Method and origin of the request, for messages.
    """

    __slots__ = (
        "_damaged", "_headers", "_limit", "_raw_headers", "_seconds", "content", "origin_label",
        "status_code",
    )  # fmt: skip

    def __init__(
        self,
        status_code: int,
        raw_headers: list[tuple[bytes, bytes]],
        content: bytes,
        origin_label: str = "",
        seconds: float = 0.0,
        damaged: bool = False,
        limit: int = 64 * 1024 * 1024,
    ) -> None:
        self.status_code = status_code
        self.content = content
        self.origin_label = origin_label
        self._raw_headers = raw_headers
        self._headers: Headers | None = None
        self._seconds = seconds
        self._damaged = damaged
        self._limit = limit

    @property
    def headers(self) -> Headers:
        """The headers, by name in any case."""
        if self._headers is None:
            self._headers = Headers(self._raw_headers)
        return self._headers

    @property
    def is_success(self) -> bool:
        """Whether the status is a 2xx."""
        return 200 <= self.status_code < 300

    @property
    def elapsed(self) -> timedelta:
        """How long the last attempt took, from sending to the end of the body."""
        return timedelta(seconds=self._seconds)

    @property
    def request_id(self) -> str | None:
        """The provider's name for this call (``X-Request-Id``), or None."""
        return self.headers.get("x-request-id")

    @property
    def text(self) -> str:
        """The body as text: in its charset, otherwise UTF-8; what cannot be decoded is replaced."""
        with suppress(*MALFORMED):
            return self.content.decode(self.charset, "replace")
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            ATHError: INVALID_RESPONSE with the body in ``details``; the call itself succeeded if
                :attr:`is_success` says so. RESPONSE_TOO_LARGE if it would take too much memory.
        """
        with suppress(*MALFORMED):  # an error raised in their place would lead back to the body
            return parse_json(self.content, self._limit)
        raise self._undecodable("as JSON")

    @property
    def links(self) -> dict[str, str]:
        """The targets of the ``Link`` header by their ``rel`` (RFC 8288): ``links["next"]``."""
        found: dict[str, str] = {}
        for target, parameters in _LINK.findall(", ".join(self.headers.get_list("link"))):
            for name, value in _PARAMETER.findall(parameters):
                if name.lower() == "rel":
                    for rel in re.sub(r"\\(.)", r"\1", value.strip('"')).lower().split():
                        found.setdefault(rel, target)
                    break
        return found

    def raise_for_status(self) -> Response:
        """Return the response itself if it is a success.

        Raises:
            ATHError: PROVIDER_ERROR with :attr:`ATHError.response` otherwise.
        """
        if self.is_success:
            return self
        try:
            body = self.value()
        except ATHError:
            body = self.text
        raise ATHError(
            "PROVIDER_ERROR",
            f"{self.origin_label} was answered with HTTP status {self.status_code}.",
            self.status_code,
            {"status": self.status_code, "body": body},
            source="provider",
            headers=told_headers(self._raw_headers),
            response=self,
        )

    def value(self) -> Any:
        """The body by its content type: parsed JSON, str for text, bytes for the rest, or None.

        Raises:
            ATHError: INVALID_RESPONSE if the body is not what its type says.
        """
        if not self.content:
            return None
        if self._damaged:
            raise self._undecodable("from its content encoding")
        media_type = self._content_type().partition(";")[0].strip().lower()
        if media_type == "application/json" or media_type.endswith("+json"):
            return self.json()
        return self.text if media_type.startswith("text/") else self.content

    def __repr__(self) -> str:
        """The status and the size of the body."""
        return f"<Response {self.status_code}, {len(self.content)} bytes>"

    @property
    def charset(self) -> str:
        """The charset of a text: that of ``Content-Type`` if it is known, otherwise UTF-8."""
        for parameter in self._content_type().split(";")[1:]:
            name, _, value = parameter.partition("=")
            charset = value.strip(" \"'").lower().replace("-", "_")
            if name.strip().lower() == "charset" and _is_charset(charset):
                return charset
        return "utf-8"

    def _content_type(self) -> str:
        for name, value in self._raw_headers:
            if name.lower() == b"content-type":
                return value.decode("latin-1")
        return ""

    def _undecodable(self, how: str) -> ATHError:
        done = " The call itself succeeded." if self.is_success else ""
        return ATHError(
            "INVALID_RESPONSE",
            f"The body of the answer to {self.origin_label} could not be decoded {how}.{done}",
            self.status_code,
            {"status": self.status_code, "body": self.content},
            source="provider",
            headers=told_headers(self._raw_headers),
            response=self,
        )


def _is_charset(name: str) -> bool:
    """Whether Python has this charset here: some of its names are no text, or only on Windows."""
    with suppress(LookupError):
        return name in _CHARSETS and bool(b" ".decode(name, "replace"))
    return False


def told_headers(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """The few headers that errors tell, on one line each."""
    told: dict[str, str] = {}
    for raw_name, value in raw:
        name = raw_name.decode("latin-1").lower()
        if _TOLD.match(name):
            told.setdefault(name, on_one_line(value.decode("latin-1"), 500))
    return told


def rewrite(response: Response, change: Callable[[bytes], bytes]) -> Response:
    """The same answer with another body and other values of its headers."""
    return Response(
        response.status_code,
        [(name, change(value)) for name, value in response._raw_headers],
        change(response.content),
        response.origin_label,
        response._seconds,
        response._damaged,
    )
