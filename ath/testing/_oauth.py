"""The providers' OAuth server: authorization code with PKCE S256, and a consent page for people."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from authlib.integrations.flask_oauth2 import (  # type: ignore[import-untyped]  # ships no types
    AuthorizationServer as FlaskServer,
)
from authlib.oauth2 import OAuth2Error  # type: ignore[import-untyped]  # ships no types
from authlib.oauth2.rfc6749 import ClientMixin  # type: ignore[import-untyped]  # ships no types
from authlib.oauth2.rfc6749.errors import (  # type: ignore[import-untyped]  # ships no types
    InvalidRequestError,
)
from authlib.oauth2.rfc6749.grants import (  # type: ignore[import-untyped]  # ships no types
    AuthorizationCodeGrant,
)
from authlib.oauth2.rfc7636 import CodeChallenge  # type: ignore[import-untyped]  # ships no types
from flask import Flask, Response, abort, make_response, render_template_string, request

from ._pages import CONSENT_PAGE
from ._state import digest, same_secret
from ._web_safety import forbid_frames

CODE_SECONDS = 60
DEFAULT_ACCOUNT = "ada"


@dataclass(frozen=True)
class Grant:
    """What a user granted: the provider's own token stands for it."""

    account: str
    scopes: tuple[str, ...]


@dataclass
class _Code:
    client_id: str
    redirect_uri: str
    grant: Grant
    expires: float
    code_challenge: str
    code_challenge_method: str = "S256"

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return " ".join(self.grant.scopes)


@dataclass
class _Client(ClientMixin):  # type: ignore[misc]  # an untyped base class
    """The gateway, as the OAuth server knows it."""

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: Callable[[], str]
    scopes: frozenset[str]

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> str:
        return self.redirect_uri()

    def get_allowed_scope(self, scope: Collection[str] | str) -> str:
        words = scope.split() if isinstance(scope, str) else scope or ()
        return " ".join(word for word in words if word in self.scopes)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri == self.redirect_uri()

    def check_client_secret(self, client_secret: str) -> bool:
        return same_secret(client_secret, self.client_secret)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:  # noqa: ARG002  # the base class calls it so
        return method == "client_secret_basic"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


class _RequiredS256(CodeChallenge):  # type: ignore[misc]  # an untyped base class
    """PKCE that must be there and must be S256; the library also lets it be absent or plain."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]  # noqa: RUF012  # as the base class has it

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        data = grant.request.payload.data
        if not data.get("code_challenge") or data.get("code_challenge_method") != "S256":
            raise InvalidRequestError("PKCE with code_challenge_method=S256 is required")
        super().validate_code_challenge(grant, redirect_uri)


class AuthorizationServer:
    """Codes and tokens of the OAuth server, and its three pages."""

    def __init__(
        self,
        client_redirect: Callable[[], str],
        scopes: Mapping[str, str],
        clock: Callable[[], float],
    ) -> None:
        self.client_id = "ath-gateway"
        self.client_secret = secrets.token_urlsafe(32)
        self.clock = clock
        self.scopes = scopes
        self.lock = threading.Lock()
        self.codes: dict[bytes, _Code] = {}
        self._grants: dict[bytes, Grant] = {}
        self._client = _Client(
            self.client_id, self.client_secret, client_redirect, frozenset(scopes)
        )

    def grant(self, token: str) -> Grant | None:
        """What a token of this server stands for."""
        with self.lock:
            return self._grants.get(digest(token))

    def account(self, authorization: str, scopes: Collection[str]) -> str | None:
        """Whose account a request is for: its bearer token must have one of the scopes."""
        scheme, _, token = authorization.partition(" ")
        grant = self.grant(token) if scheme.lower() == "bearer" else None
        if grant is None or not set(grant.scopes) & set(scopes):
            return None
        return grant.account

    def install(self, app: Flask) -> None:
        """Add the pages to an application."""
        server = FlaskServer(app, query_client=self._query_client, save_token=self._save_token)
        server.register_grant(_code_grant(self), [_RequiredS256()])

        @app.after_request
        def protect(response: Response) -> Response:
            return forbid_frames(response) if request.path.startswith("/oauth/") else response

        @app.get("/oauth/authorize")
        def ask() -> Response:
            self._consent_grant(server)
            return self._page()

        @app.post("/oauth/authorize")
        def decide() -> Response:
            grant = self._consent_grant(server)
            sent, cookie = request.form.get("csrf", ""), request.cookies.get("csrf", "")
            if not cookie or not same_secret(sent, cookie):
                abort(403, "this form was not opened in this browser")
            account = request.form.get("account", "").strip()
            granted = None
            if request.form.get("decision") == "allow" and account:
                asked = request.args.get("scope", "").split()
                ticked = set(request.form.getlist("granted"))
                granted = Grant(account, tuple(scope for scope in asked if scope in ticked))
            return cast(
                "Response", server.create_authorization_response(grant_user=granted, grant=grant)
            )

        @app.post("/oauth/token")
        def token() -> Response:
            return cast("Response", server.create_token_response())

    def _query_client(self, client_id: str) -> _Client | None:
        return self._client if client_id == self.client_id else None

    def _save_token(self, token: dict[str, Any], oauth_request: Any) -> None:
        with self.lock:
            self._grants[digest(token["access_token"])] = oauth_request.user
        # The gateway learns from the token's answer whose account it was.
        token["account"] = oauth_request.user.account

    def _consent_grant(self, server: Any) -> Any:
        try:
            return server.get_consent_grant()
        except OAuth2Error as error:
            # Nothing is sent to a redirect URI: the one who made this request is to see it.
            abort(400, f"{error.error}: {error.description}")

    def _page(self) -> Response:
        # Kept if there is one, so that two open consent pages do not lock each other out.
        csrf = request.cookies.get("csrf") or secrets.token_urlsafe(32)
        asked = request.args.get("scope", "").split()
        response = make_response(
            render_template_string(
                CONSENT_PAGE,
                agent=request.args.get("agent_name", "An agent"),
                agent_id=request.args.get("agent_id", ""),
                purpose=request.args.get("agent_purpose", ""),
                provider=request.args.get("provider_name", "your account"),
                account=request.args.get("login_hint", DEFAULT_ACCOUNT),
                scopes=[(scope, self.scopes.get(scope, scope)) for scope in asked],
                csrf=csrf,
            )
        )
        response.set_cookie("csrf", csrf, httponly=True, samesite="Lax", path="/oauth")
        response.headers["Cache-Control"] = "no-store"
        response.headers["Content-Security-Policy"] = (
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
        )
        return response


def _code_grant(store: AuthorizationServer) -> type[Any]:
    class CodeGrant(AuthorizationCodeGrant):  # type: ignore[misc]  # an untyped base class
        TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic",)

        def save_authorization_code(self, code: str, request: Any) -> None:
            entry = _Code(
                client_id=request.client.client_id,
                redirect_uri=request.payload.redirect_uri,
                grant=request.user,
                expires=store.clock() + CODE_SECONDS,
                code_challenge=request.payload.data["code_challenge"],
            )
            with store.lock:
                store.codes[digest(code)] = entry

        def query_authorization_code(self, code: str, client: Any) -> _Code | None:
            # Taken out at the first attempt: a code is single use whether it succeeds or not.
            with store.lock:
                entry = store.codes.pop(digest(code), None)
            if entry is None or entry.client_id != client.client_id:
                return None
            return entry if store.clock() < entry.expires else None

        def delete_authorization_code(self, authorization_code: _Code) -> None:
            """Nothing is left to delete: reading the code took it out."""

        def authenticate_user(self, authorization_code: _Code) -> Grant:
            return authorization_code.grant

    return CodeGrant
