"""The error that a reply without success means. It repeats no secret that the server echoed."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from datetime import UTC
from typing import Any, NoReturn
from urllib.parse import urlsplit

from ath_api import models

from .._http.messages import Reply, Request
from .._json import MALFORMED
from ..errors import ATHError, Delivery, on_one_line
from ..response import Response, rewrite, told_headers
from ..stores.record import Token
from .bodies import read_beginning, to_response
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

_OAUTH_CODES = {
    "access_denied": "USER_DENIED",
    "invalid_client": "INVALID_CLIENT",
    "invalid_grant": "INVALID_GRANT",
    "invalid_scope": "INVALID_SCOPE",
    "server_error": "SERVER_ERROR",
    "temporarily_unavailable": "TEMPORARILY_UNAVAILABLE",
}

MAX_ERROR_BODY = 65_536  # bytes, decompressed, that are parsed, scrubbed and kept
_EXCERPT = 500  # characters of a server's words that a message quotes
_DEPTH = 50  # levels of a body that an error carries in its details
_TOO_SHORT_TO_HIDE = 8  # such a word is no secret, and replacing it would garble the text
PLACEHOLDER_CODE = "exchange"  # what documents pass as the code where none reaches the agent


def to_error(context: Context, request: Request, reply: Reply) -> ATHError:
    """The error that the implementor's reply without success means.

    A body with a string ``code`` and ``message`` is taken at its word, and so are the errors of
    OAuth (RFC 6749, section 5.2); anything else is an HTTP_ERROR with the body in ``details``. Of
    a body that is larger than MAX_ERROR_BODY only the beginning is looked at; ``details`` says
    ``truncated`` then.
    """
    hidden = _secrets_of(context, request)
    body, truncated = _read_body(request, reply, hidden)
    error = _protocol_error(body, reply) or _oauth_error(body, reply)
    if error is None:
        error = _other_error("HTTP_ERROR", body, request, reply, hidden)
    return _complete(error, reply, hidden, truncated)


def to_provider_error(context: Context, request: Request, reply: Reply) -> ATHError:
    """The error that a reply without success to a call to a provider means.

    It is the implementor's if it is a 4xx or 5xx in the protocol's form with a code that is known
    to come from implementors; otherwise the provider's. A provider that answers in that form with
    one of those codes cannot be told apart.
    """
    hidden = _secrets_of(context, request)
    body, truncated = _read_body(request, reply, hidden)
    error = _protocol_error(body, reply)
    if error is None or not (400 <= reply.status < 600) or not _is_implementors(error.code):
        error = _other_error("PROVIDER_ERROR", body, request, reply, hidden)
        error.source = "provider"
        error.details["status"] = reply.status
        error.response = to_response(request, reply, context.settings.max_response_bytes)
    return _complete(error, reply, hidden, truncated)


def _is_implementors(code: str) -> bool:
    return code in WILD_CODES or code in models.ATHErrorCode.__members__.values()


def _protocol_error(body: Any, reply: Reply) -> ATHError | None:
    """The error of a body in the protocol's form."""
    match body:
        case {"code": str(code), "message": str(message)}:
            return ATHError(code, message, reply.status, _details_of(body))
        case _:
            return None


def _oauth_error(body: Any, reply: Reply) -> ATHError | None:
    """The error of a body in OAuth's form."""
    match body:
        case {"error": str(error)} if error in _OAUTH_CODES:
            said = body.get("error_description")
            message = said if isinstance(said, str) else f"The OAuth server said {error}"
            return ATHError(_OAUTH_CODES[error], message, reply.status, {"body": body})
        case _:
            return None


def _other_error(
    code: str, body: Any, request: Request, reply: Reply, hidden: list[str]
) -> ATHError:
    """An error in no known form: a sentence, and the body in ``details``."""
    details: dict[str, Any] = {"body": body}
    message = f"{request.origin_label} was answered with HTTP status {reply.status}"
    if 300 <= reply.status < 400:
        place = _scrub(_safe_location(reply.header(b"location") or ""), hidden)[:_EXCERPT]
        details["location"] = place
        message += f", a redirect to {place}, which is not followed"
    elif isinstance(body, dict):
        words = [body.get(name) for name in ("error", "error_description", "message")]
        said = ": ".join(word for word in words if isinstance(word, str))
        message += f": {said[:_EXCERPT]}" if said else ""
    return ATHError(code, f"{message}.", reply.status, details)


def _complete(error: ATHError, reply: Reply, hidden: list[str], truncated: bool) -> ATHError:
    """Add what the reply's headers say, and that the body was cut."""
    if truncated:
        error.details["truncated"] = True
    error.retry_after = _seconds_to_wait(reply)
    error.headers = _scrub(told_headers(reply.headers), hidden)
    return error


def headers_to_tell(context: Context, request: Request, reply: Reply) -> dict[str, str]:
    """What an error about this reply tells of its headers."""
    told = told_headers(reply.headers)
    return _scrub(told, _secrets_of(context, request)) if told else told


def explain_lost_reply(error: ATHError, done: str) -> NoReturn:
    """Raise the error, or OUTCOME_UNKNOWN if the call may have succeeded unseen.

    A 502 or 504 without a code of the protocol's or OAuth's is a gateway's word that the reply was
    lost behind it.
    """
    lost = error._delivery in (Delivery.LOST, Delivery.TIMED_OUT)
    if not lost and not (error.code == "HTTP_ERROR" and error.status in (502, 504)):
        raise error
    raise ATHError(
        "OUTCOME_UNKNOWN",
        f"The reply was lost ({error.code}). The agent may have {done}.",
        retry_after=error.retry_after,
        headers=error.headers,
    ) from error


def name_token(
    error: ATHError, provider: str | None, user: str | None, token: Token | None
) -> None:
    """Say in an error whose token it is about."""
    if provider is None and token is not None:
        provider = token.provider
    whose = f"the user {user!r}" if user is not None else "the agent itself"
    at = "" if provider is None else f" of the provider {provider!r}"
    said = error.message.rstrip(".")[:_EXCERPT]
    error.message = on_one_line(f"{said} (the token{at} for {whose}).")
    error.details |= {"provider": provider, "user": user}
    if token is not None:
        error.details["scopes"] = list(token.scopes)


def hide_secrets(context: Context, request: Request, error: ATHError) -> None:
    """Take out of the answer that an error carries what the server echoed of the request."""
    if error.response is not None:
        hidden = _secrets_of(context, request)
        error.response = rewrite(error.response, lambda value: _scrub(value, hidden))
        error.details = _scrub(error.details, hidden)
        error.headers = _scrub(error.headers, hidden)


def _secrets_of(context: Context, request: Request) -> list[str]:
    """What no error may repeat, the longest first: one may be a part of another."""
    secrets = list(request.secrets)
    for _, value in context.user_headers:
        text = value.decode("ascii")
        secrets += [text, *re.split(r"[\s=;,]+", text)]  # a cookie's value, a scheme's token
    hidden = [s for s in secrets if len(s) >= _TOO_SHORT_TO_HIDE and s != PLACEHOLDER_CODE]
    return sorted(hidden, key=len, reverse=True)


def _read_body(request: Request, reply: Reply, hidden: list[str]) -> tuple[Any, bool]:
    """The body of an error, and whether it was cut.

    JSON is read whatever its type says, since errors are often mislabelled.
    """
    data, truncated = read_beginning(reply, MAX_ERROR_BODY)
    body: Any = data.decode("utf-8", "replace")  # at least readable
    with suppress(ATHError):
        body = Response(reply.status, reply.headers, data, request.origin_label).value()
    with suppress(*MALFORMED):
        document = json.loads(data)
        body = document if isinstance(document, dict) else body
    return _scrub(body, hidden), truncated


def _details_of(body: dict[str, Any]) -> dict[str, Any]:
    """An ATH error's ``details``, together with its unknown fields."""
    rest = {name: v for name, v in body.items() if name not in ("code", "message", "details")}
    inner = body.get("details")
    if inner is not None and not isinstance(inner, dict):
        inner = {"details": inner}
    return {**rest, **(inner or {})}


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
    from email.utils import parsedate_to_datetime  # slow to import, and only failures need it

    try:
        date = parsedate_to_datetime(value)
        # Without a zone, as in asctime's form, HTTP means UTC and not this machine's own time.
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except MALFORMED:
        return None


def is_refusal(error: ATHError, codes: frozenset[str]) -> bool:
    """Whether the implementor itself refused with one of these codes, and so did nothing."""
    return error.source == "implementor" and error.status in (400, 401, 403) and error.code in codes
