"""The error that a reply without success means. It repeats no secret that the server echoed."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Any, NoReturn
from urllib.parse import urlsplit

from .._http.messages import Reply, Request
from ..errors import ATHError, Delivery
from .bodies import UNREADABLE, decompress, read_content
from .context import Context

WILD_CODES = frozenset(
    {
        "AUTH_REQUIRED",
        "CONFLICT",
        "FORBIDDEN",
        "INVALID_PATH",
        "PROVIDER_NOT_CONFIGURED",
        "PROVIDER_TOKEN_MISSING",
        "UPSTREAM_ERROR",
    }
)
"""Codes that implementors send besides those of the specification."""

_EXCERPT = 500  # characters of a server's words that a message quotes
_DEPTH = 50  # levels of a body that an error carries in its details
_TOO_SHORT_TO_HIDE = 8  # such a word is no secret, and replacing it would garble the text
_PLACEHOLDER_CODE = "exchange"  # what documents pass as the code where none reaches the agent


def to_error(context: Context, request: Request, reply: Reply) -> ATHError:
    """The error that the implementor's reply without success means.

    A body with a string ``code`` and ``message`` is taken at its word; anything else is an
    HTTP_ERROR with the body in ``details``.
    """
    hidden = _secrets_of(context, request)
    body = _scrub(_read_error_body(reply, request, context.settings.max_response_bytes), hidden)
    return _protocol_error(reply, body) or _other_error(request, reply, body, hidden, "HTTP_ERROR")


def to_provider_error(context: Context, request: Request, reply: Reply) -> ATHError:
    """The error that a reply without success to a call to a provider means.

    It is the implementor's if it is a 4xx or 5xx in the protocol's form with a code that is known
    to come from implementors; otherwise the provider's. A provider that answers in that form with
    one of those codes cannot be told apart.
    """
    hidden = _secrets_of(context, request)
    body = _scrub(_read_error_body(reply, request, context.settings.max_response_bytes), hidden)
    error = _protocol_error(reply, body)
    if error is not None and 400 <= reply.status < 600 and _is_implementors(error.code):
        return error
    error = _other_error(request, reply, body, hidden, "PROVIDER_ERROR")
    error.source = "provider"
    error.details["status"] = reply.status
    return error


def _is_implementors(code: str) -> bool:
    from ath_api.models import ATHErrorCode  # calls to providers need no model until they fail

    return code in WILD_CODES or code in ATHErrorCode.__members__.values()


def _protocol_error(reply: Reply, body: Any) -> ATHError | None:
    """The error of a body in the protocol's form."""
    if isinstance(body, dict):
        code, message = body.get("code"), body.get("message")
        if isinstance(code, str) and isinstance(message, str):
            retry_after = _seconds_to_wait(reply)
            return ATHError(code, message, reply.status, _details_of(body), retry_after=retry_after)
    return None


def _other_error(
    request: Request, reply: Reply, body: Any, hidden: list[str], code: str
) -> ATHError:
    message, details = _describe(reply, request, body, hidden)
    return ATHError(code, message, reply.status, details, retry_after=_seconds_to_wait(reply))


def explain_lost_reply(error: ATHError, done: str) -> NoReturn:
    """Raise the error, or OUTCOME_UNKNOWN if the call may have succeeded unseen."""
    if error._delivery not in (Delivery.LOST, Delivery.TIMED_OUT):
        raise error
    raise ATHError(
        "OUTCOME_UNKNOWN", f"The reply was lost ({error.code}). The agent may have {done}."
    ) from error


def _secrets_of(context: Context, request: Request) -> list[str]:
    """What no error may repeat, the longest first: one may be a part of another."""
    secrets = list(request.secrets)
    for _, value in context.user_headers:
        text = value.decode("ascii")
        secrets += [text, *re.split(r"[\s=;,]+", text)]  # a cookie's value, a scheme's token
    hidden = [s for s in secrets if len(s) >= _TOO_SHORT_TO_HIDE and s != _PLACEHOLDER_CODE]
    return sorted(hidden, key=len, reverse=True)


def _read_error_body(reply: Reply, request: Request, limit: int) -> Any:
    """The body of an error: JSON whatever its type says, since errors are often mislabelled."""
    with suppress(ATHError, *UNREADABLE):
        document = json.loads(decompress(reply, limit))
        if isinstance(document, dict):
            return document
    try:
        return read_content(reply, request, limit)
    except ATHError:
        return reply.body.decode("utf-8", "replace")  # at least readable


def _details_of(body: dict[str, Any]) -> dict[str, Any]:
    """An ATH error's ``details``, together with its unknown fields."""
    rest = {name: v for name, v in body.items() if name not in ("code", "message", "details")}
    inner = body.get("details")
    if inner is not None and not isinstance(inner, dict):
        inner = {"details": inner}
    return {**rest, **(inner or {})}


def _describe(
    reply: Reply, request: Request, body: Any, hidden: list[str]
) -> tuple[str, dict[str, Any]]:
    """A sentence and details for an error that is not in the protocol's form."""
    details: dict[str, Any] = {"body": body}
    message = f"{request.origin_label} was answered with HTTP status {reply.status}"
    if 300 <= reply.status < 400:
        place = _scrub(_safe_location(reply.header(b"location") or ""), hidden)[:_EXCERPT]
        details["location"] = place
        return f"{message}, a redirect to {place}, which is not followed.", details
    if isinstance(body, dict):
        words = [body.get(name) for name in ("error", "error_description", "message")]
        said = ": ".join(word for word in words if isinstance(word, str))
        if said:
            return f"{message}: {said[:_EXCERPT]}.", details
    return f"{message}.", details


def _safe_location(location: str) -> str:
    """Where a redirect points, without user info and query, which may hold secrets."""
    try:
        target = urlsplit(location)
    except ValueError:
        return "what is not a URL"
    host = target.netloc.rpartition("@")[2]
    return f"{target.scheme}://{host}{target.path}" if host else target.path


def _scrub(value: Any, hidden: list[str], depth: int = _DEPTH) -> Any:
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
                _scrub(key, hidden, depth): _scrub(item, hidden, depth - 1)
                for key, item in value.items()
            }
        case list():
            return [_scrub(item, hidden, depth - 1) for item in value]
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
    until = _parse_date(value)
    if until is None:
        return None
    now = server_time(reply)  # the date is of the server's clock, so that is what tells the rest
    return max(0.0, until - (reply.received_at if now is None else now))


def server_time(reply: Reply) -> float | None:
    """The server's clock in seconds UTC, from the Date header."""
    return _parse_date(reply.header(b"date") or "")


def _parse_date(value: str) -> float | None:
    from datetime import UTC
    from email.utils import parsedate_to_datetime  # slow to import, and only failures need it

    try:
        date = parsedate_to_datetime(value)
        # Without a zone, as in asctime's form, HTTP means UTC and not this machine's own time.
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except UNREADABLE:
        return None
