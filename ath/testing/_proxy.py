"""The gate before the APIs: checks the ATH token, then calls on with the provider's own."""

from __future__ import annotations

import json
from http import HTTPStatus
from urllib.parse import unquote

import httpx
from flask import Blueprint, Response, request

from ._apis import METHODS, normal_path
from ._core import Core
from ._errors import Refused
from ._loopback import NO_AUTHORITIES
from ._records import request_headers
from ._state import Token

# RFC 9110 section 7.6.1, and what else belongs to one connection or to the implementor alone.
HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}
NOT_FORWARDED = HOP_BY_HOP | {"authorization", "content-length", "cookie", "expect", "host"}
NOT_RETURNED = HOP_BY_HOP | {"content-length", "date", "server", "set-cookie"}
TIMEOUT = 30.0


class Gate:
    """Forwards checked calls over its own connections to the providers."""

    def __init__(self, core: Core) -> None:
        self._core = core
        # The bare transport: a client of httpx would add headers and decode bodies.
        self._transport = httpx.HTTPTransport(
            trust_env=False,
            verify=NO_AUTHORITIES,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=16),
        )

    def close(self) -> None:
        """Close the connections to the providers."""
        self._transport.close()

    def proxy_routes(self) -> Blueprint:
        """`/ath/proxy/{provider_id}/{path}`."""
        routes = Blueprint("proxy", __name__)

        @routes.route("/ath/proxy/<rest:rest>", methods=METHODS, provide_automatic_options=False)
        def proxy() -> Response:
            raw = _raw_below("/ath/proxy/")
            provider_id, _, path = raw.partition("/")
            return self._serve(unquote(provider_id), f"/{path}")

        return routes

    def api_routes(self, app_id: str) -> Blueprint:
        """The API of a native service, at `/api/{path}`."""
        routes = Blueprint("api", __name__)

        @routes.route("/api/<rest:rest>", methods=METHODS, provide_automatic_options=False)
        def api() -> Response:
            return self._serve(app_id, f"/{_raw_below('/api/')}")

        return routes

    def _serve(self, provider_id: str, target: str) -> Response:
        core = self._core
        token = self._token()
        if token.provider_id != provider_id:
            raise Refused("PROVIDER_MISMATCH", "the token is for another provider")
        path, mark, query = target.partition("?")
        _check_path(path)
        core.check_approved(token.registration)
        provider = core.providers[provider_id]
        needed = provider.scopes_for(request.method, normal_path(path))
        # Where nothing is, there is nothing to allow: the provider says so itself.
        if needed is not None and not set(needed) & set(token.scopes):
            wanted = " or ".join(needed) or "a scope that exists"
            raise Refused("SCOPE_NOT_APPROVED", f"{request.method} {path} needs {wanted}")
        if core.quirks.proxy_drops_query:
            mark = query = ""
        return self._forward(token, f"/{provider.mount}{path}{mark}{query}")

    def _token(self) -> Token:
        core = self._core
        user = core.session_user()
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        token = core.state.token(text.strip()) if scheme.lower() == "bearer" else None
        if token is None or token.session_user != user:
            raise Refused("TOKEN_INVALID", "an access token of this implementor is needed")
        if token.revoked:
            raise Refused("TOKEN_REVOKED", "the token has been revoked")
        if core.clock() >= token.expires:
            raise Refused("TOKEN_EXPIRED", "the token has expired")
        agent_id = request.headers.get("X-ATH-Agent-ID")
        if agent_id is None and core.quirks.agent_id_header_optional:
            return token
        if agent_id != token.registration.agent_id:
            raise Refused("AGENT_IDENTITY_MISMATCH", "X-ATH-Agent-ID is not the token's agent")
        return token

    def _forward(self, token: Token, target: str) -> Response:
        headers = _forwarded_headers()
        if self._core.quirks.proxy_drops_headers:
            headers = {name: value for name, value in headers.items() if name == "content-type"}
        headers["authorization"] = f"Bearer {token.provider_token}"
        outgoing = httpx.Request(
            request.method,
            self._core.upstream_url(),
            headers=headers,
            content=request.get_data() or None,
            # The target byte for byte: a URL would be normalised on its way.
            extensions={
                "target": target.encode("latin-1"),
                "timeout": httpx.Timeout(TIMEOUT).as_dict(),
            },
        )
        try:
            reply = self._transport.handle_request(outgoing)
            try:
                stream = reply.stream
                assert isinstance(stream, httpx.SyncByteStream)  # noqa: S101  # a sync transport's
                body = b"".join(stream)
            finally:
                reply.close()
        except httpx.HTTPError as error:
            raise Refused("UPSTREAM_ERROR", "the provider could not be reached") from error
        return self._returned(reply, body)

    def _returned(self, reply: httpx.Response, body: bytes) -> Response:
        quirks = self._core.quirks
        if quirks.proxy_empty_is_500 and reply.status_code == HTTPStatus.NO_CONTENT:
            raise Refused("INTERNAL_ERROR", "the proxy could not answer")
        if quirks.proxy_json_only:
            try:
                parsed = json.loads(_decoded(reply, body))
            except ValueError:
                failed = json.dumps({"error": "Proxy failed"})
                return Response(failed, 502, mimetype="application/json")
            return Response(json.dumps(parsed), reply.status_code, mimetype="application/json")
        if quirks.proxy_stale_encoding:
            body = _decoded(reply, body)
        response = Response(body, reply.status_code)
        del response.headers["Content-Type"]
        if request.method == "HEAD" and "content-length" in reply.headers:
            response.headers["Content-Length"] = reply.headers["content-length"]
        for name, value in reply.headers.multi_items():
            dropped = quirks.proxy_drops_headers and name != "content-type"
            if name not in NOT_RETURNED and not dropped:
                response.headers.add(name, value)
        return response


def _raw_below(prefix: str) -> str:
    # Taken from the request line: everything else has been decoded on the way here.
    target: str = request.environ["REQUEST_URI"]
    path, mark, query = target.partition("?")
    before, found, rest = path.partition(prefix)
    if not found or "%" in before:
        raise Refused("INVALID_PATH", "the path is written in an unusual way")
    return f"{rest}{mark}{query}"


def _check_path(path: str) -> None:
    decoded = path
    # More often than anybody honest encodes: what is behind may decode again.
    for _ in range(3):
        if any(character < " " or character == "\x7f" for character in decoded):
            raise Refused("INVALID_PATH", "the path holds control characters")
        if "\\" in decoded or any(part in (".", "..") for part in decoded.split("/")):
            raise Refused("INVALID_PATH", "the path holds dot segments or backslashes")
        decoded = unquote(decoded, "latin-1")
    if not path.isascii():
        raise Refused("INVALID_PATH", "the path holds characters that must be percent-encoded")


def _forwarded_headers() -> dict[str, str]:
    headers = request_headers(request.environ)
    named = {name.strip().lower() for name in headers.get("connection", "").split(",")}
    return {
        name: value
        for name, value in headers.items()
        if name not in NOT_FORWARDED | named and not name.startswith("x-ath-")
    }


def _decoded(reply: httpx.Response, body: bytes) -> bytes:
    return httpx.Response(reply.status_code, headers=reply.headers, content=body).content
