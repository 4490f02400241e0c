"""Refusals: the codes of the specification, their statuses, and the shapes they take."""

from __future__ import annotations

import json
from html import escape
from typing import Any

from flask import Response

from ._quirks import Quirks

STATUS = {
    "INVALID_ATTESTATION": 401,
    "AGENT_NOT_REGISTERED": 403,
    "AGENT_UNAPPROVED": 403,
    "PROVIDER_NOT_APPROVED": 403,
    "SCOPE_NOT_APPROVED": 403,
    "SESSION_NOT_FOUND": 400,
    "SESSION_EXPIRED": 400,
    "STATE_MISMATCH": 400,
    "TOKEN_INVALID": 401,
    "TOKEN_EXPIRED": 401,
    "TOKEN_REVOKED": 401,
    "AGENT_IDENTITY_MISMATCH": 403,
    "PROVIDER_MISMATCH": 403,
    "USER_DENIED": 403,
    "OAUTH_ERROR": 502,
    "INTERNAL_ERROR": 500,
    # Seen on real implementors, not in the specification's list.
    "CONFLICT": 409,
    "AUTH_REQUIRED": 401,
    "FORBIDDEN": 403,
    "INVALID_PATH": 400,
    "UPSTREAM_ERROR": 502,
    # For what the specification demands but gives no code: malformed requests and redirect URIs,
    # and a code_verifier that does not match (RFC 7636 section 4.6 names it invalid_grant).
    "INVALID_REQUEST": 400,
    "INVALID_GRANT": 400,
    "NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
}


class Refused(Exception):
    """The request is refused; `extra` are further top-level fields of the body."""

    def __init__(
        self, code: str, message: str, *, status: int | None = None, **extra: object
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = STATUS[code] if status is None else status
        self.extra = extra


def refusal(error: Refused, quirks: Quirks) -> Response:
    """The answer that a refusal becomes, in the style that the quirks ask for."""
    status = quirks.error_status.get(error.code, error.status)
    body: dict[str, Any]
    match quirks.error_style:
        case "html":
            page = f"<!doctype html><title>{status}</title><h1>{escape(error.message)}</h1>"
            return Response(page, status, mimetype="text/html")
        case "text":
            return Response(error.message, status, mimetype="text/plain")
        case "empty":
            return Response(b"", status)
        case "oauth":
            body = {"error": error.code.lower(), "error_description": error.message}
        case "proxy":
            body = {"error": error.code, "message": error.message}
        case "ath":
            body = {"code": error.code, "message": error.message, **error.extra}
    return answer(body, status, quirks)


def answer(body: dict[str, Any], status: int, quirks: Quirks) -> Response:
    """A JSON answer; it is never to be cached, since most of them hold secrets."""
    if quirks.extra_fields:
        body = {**body, "x_unknown": {"nested": [1, None, "two"]}, "x_version": 7}
    response = Response(json.dumps(body), status, mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response
