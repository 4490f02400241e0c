"""From a reply to a value or an ATHError: the status first, then the body, then the fields.

Servers are not trusted here: whatever the bytes are, nothing but an ATHError comes out, in memory
bounded by the body's limit, and no error repeats a secret that the server echoed.
"""

from __future__ import annotations

import codecs
import json
import zlib
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

from .._http.messages import Reply, Request
from ..errors import ATHError

UNREADABLE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What json and the generated models raise at input that is not what it should be."""

_EXCERPT = 500  # characters of a server's words that a message quotes
_DEPTH = 50  # levels of a body that an error carries in its details

_NOT_FOR_TEXT = ("idna", "punycode", "raw_unicode_escape", "unicode_escape")
"""Codecs of Python's own, no charsets: they warn, or take time with the square of the length."""

T_co = TypeVar("T_co", covariant=True)


class Model(Protocol[T_co]):
    """A generated model class."""

    def from_dict(self, src_dict: Any, /) -> T_co:
        """Read the JSON object."""
        ...


def json_object(reply: Reply, request: Request, limit: int) -> dict[str, Any]:
    """The JSON object that a successful reply must carry.

    Raises:
        ATHError: INVALID_RESPONSE.
    """
    with suppress(*UNREADABLE):  # an error raised in their place would lead back to the body
        document = json.loads(_decoded(reply, limit))
        if isinstance(document, dict):
            return document
        raise _invalid(reply, request, "is not a JSON object")
    raise _invalid(reply, request, "is not JSON")


def model(kind: Model[T_co], document: dict[str, Any], reply: Reply, request: Request) -> T_co:
    """Read the object as a generated model, which checks its fields.

    Raises:
        ATHError: INVALID_RESPONSE, naming the field that is missing or of the wrong type.
    """
    try:
        return kind.from_dict(document)
    except UNREADABLE as error:
        raise _invalid(reply, request, f"does not fit: {error}") from None


def text_field(document: dict[str, Any], name: str, reply: Reply, request: Request) -> str:
    """A field without which the answer is worth nothing.

    Raises:
        ATHError: INVALID_RESPONSE.
    """
    value = document.get(name)
    if isinstance(value, str) and value:
        try:
            value.encode("utf-8")  # JSON can carry what no request could send back
        except UnicodeEncodeError:
            pass
        else:
            return value
    raise _invalid(reply, request, f"does not fit: {name} must be text that is not empty")


def _invalid(reply: Reply, request: Request, what: str) -> ATHError:
    message = f"The answer to {request.origin_label} {what}."
    return ATHError("INVALID_RESPONSE", message, reply.status)


def content(reply: Reply, request: Request, limit: int) -> Any:
    """What a provider answered: parsed JSON, str for text, bytes for the rest, None for no body.

    Raises:
        ATHError: INVALID_RESPONSE if the body is not what its headers say.
    """
    if not reply.body:
        return None
    kind, _, parameters = (reply.header(b"content-type") or "").lower().partition(";")
    kind = kind.strip()
    body = _decoded(reply, limit)
    with suppress(*UNREADABLE):
        if kind == "application/json" or kind.endswith("+json"):
            return json.loads(body)
        if kind.startswith("text/"):
            return body.decode(_charset(parameters))
        return body
    raise _invalid(reply, request, f"is not the {kind} that it claims to be") from None


def _charset(parameters: str) -> str:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip() == "charset":
            charset = value.strip(" \"'")
            if codecs.lookup(charset).name.replace("-", "_") in _NOT_FOR_TEXT:
                raise LookupError(charset)
            return charset
    return "utf-8"


def _decoded(reply: Reply, limit: int) -> bytes:
    """The body without its content encoding.

    We ask for none, but servers compress all the same; and one names gzip over a body that it has
    decoded already, which therefore is taken as it is.
    """
    encoding = (reply.header(b"content-encoding") or "identity").strip().lower()
    gzip = encoding in ("gzip", "x-gzip") and reply.body[:2] == b"\x1f\x8b"
    if not gzip and not (encoding == "deflate" and reply.body[:1] == b"\x78"):
        return reply.body
    damaged = ATHError("INVALID_RESPONSE", "The answer's compressed body is damaged.", reply.status)
    unzip = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # 32: header of gzip or zlib
    try:
        body = unzip.decompress(reply.body, limit + 1)
    except zlib.error:
        raise damaged from None
    if len(body) > limit:
        raise too_large(limit)
    # Cut short, or followed by another part, which no server is known to send: never half a text.
    if not unzip.eof or unzip.unused_data.startswith(b"\x1f\x8b"):
        raise damaged
    return body


def too_large(limit: int) -> ATHError:
    """The error for a body beyond the limit."""
    return ATHError("RESPONSE_TOO_LARGE", f"The answer is longer than {limit} bytes.")


def failure(
    reply: Reply, request: Request, fallback: str, secrets: Iterable[str], limit: int
) -> ATHError:
    """What a reply without success means.

    A body with a string ``code`` and ``message`` is taken at its word; anything else gets the
    ``fallback`` code and, in ``details``, the status and the body.
    """
    body = _error_body(reply, request, limit)
    # The longest first: one may be a part of another.
    hidden = sorted((secret for secret in secrets if secret), key=len, reverse=True)
    body = _scrubbed(body, hidden, _DEPTH)
    retry_after = _seconds_to_wait(reply)
    if isinstance(body, dict):
        code, message = body.get("code"), body.get("message")
        if isinstance(code, str) and isinstance(message, str):
            details = _details(body)
            return ATHError(code, message, reply.status, details, retry_after=retry_after)
    message, details = _description(reply, request, body, hidden)
    if fallback == "PROVIDER_ERROR":
        details["status"] = reply.status
    return ATHError(fallback, message, reply.status, details, retry_after=retry_after)


def _error_body(reply: Reply, request: Request, limit: int) -> Any:
    """The body of an error: JSON whatever its type says, since errors are often mislabelled."""
    with suppress(ATHError, *UNREADABLE):
        document = json.loads(_decoded(reply, limit))
        if isinstance(document, dict):
            return document
    try:
        return content(reply, request, limit)
    except ATHError:
        return reply.body.decode("utf-8", "replace")  # at least readable


def _details(body: dict[str, Any]) -> dict[str, Any]:
    """An ATH error's ``details``, together with its unknown fields."""
    rest = {name: v for name, v in body.items() if name not in ("code", "message", "details")}
    inner = body.get("details")
    if inner is not None and not isinstance(inner, dict):
        inner = {"details": inner}
    return {**rest, **(inner or {})}


def _description(
    reply: Reply, request: Request, body: Any, hidden: list[str]
) -> tuple[str, dict[str, Any]]:
    """A sentence and details for an error that is not in the protocol's form."""
    details: dict[str, Any] = {"body": body}
    message = f"{request.origin_label} was answered with HTTP status {reply.status}"
    if 300 <= reply.status < 400:
        place = _scrubbed(_place(reply.header(b"location") or ""), hidden, 1)[:_EXCERPT]
        details["location"] = place
        return f"{message}, a redirect to {place}, which is not followed.", details
    if isinstance(body, dict):
        words = [body.get(name) for name in ("error", "error_description", "message")]
        said = ": ".join(word for word in words if isinstance(word, str))
        if said:
            return f"{message}: {said[:_EXCERPT]}.", details
    return f"{message}.", details


def _place(location: str) -> str:
    """Where a redirect points, without user info and query, which may hold secrets."""
    try:
        target = urlsplit(location)
    except ValueError:
        return "what is not a URL"
    host = target.netloc.rpartition("@")[2]
    return f"{target.scheme}://{host}{target.path}" if host else target.path


def _scrubbed(value: Any, hidden: list[str], depth: int) -> Any:
    """The value without the secrets of the request, which some servers echo in their errors."""
    if depth == 0:
        return "..."
    match value:
        case str():
            for secret in hidden:
                value = value.replace(secret, "[hidden]")
            return value
        case dict():
            return {
                _scrubbed(key, hidden, depth): _scrubbed(item, hidden, depth - 1)
                for key, item in value.items()
            }
        case list():
            return [_scrubbed(item, hidden, depth - 1) for item in value]
        case bytes():
            for secret in hidden:
                value = value.replace(secret.encode(), b"[hidden]")
            return value
        case _:
            return value


def _seconds_to_wait(reply: Reply) -> float | None:
    """Retry-After as seconds from now (RFC 9110, section 10.2.3)."""
    value = (reply.header(b"retry-after") or "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    until = _date(value)
    if until is None:
        return None
    now = server_time(reply)  # the date is of the server's clock, so that is what tells the rest
    return max(0.0, until - (reply.received_at if now is None else now))


def server_time(reply: Reply) -> float | None:
    """The server's clock in seconds UTC, from the Date header."""
    return _date(reply.header(b"date") or "")


def _date(value: str) -> float | None:
    from datetime import UTC
    from email.utils import parsedate_to_datetime  # slow to import, and only failures need it

    try:
        date = parsedate_to_datetime(value)
        # Without a zone, as in asctime's form, HTTP means UTC and not this machine's own time.
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except UNREADABLE:
        return None
