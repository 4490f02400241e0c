"""Applications of the user's own behind the gateway, as if they were providers."""

from __future__ import annotations

import inspect
import json
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from ._apis import METHODS, Api, Route, normal_path, route
from ._oauth import AuthorizationServer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

DEFAULT_SCOPE = "access"

_PROVIDER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]*")
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")  # RFC 6749 section 3.3
_ROUTE = re.compile(r"(\*|[A-Z]+(?:,[A-Z]+)*) (/\S*)", re.ASCII)


class Provider:
    """A WSGI application behind the gateway, and what each of its scopes opens."""

    def __init__(
        self,
        app: WSGIApplication,
        *,
        scopes: Iterable[str] | Mapping[str, str] | None = None,
        routes: Mapping[str, Iterable[str]] | None = None,
        name: str | None = None,
    ) -> None:
        """Describe a provider.

        Args:
            app: Any WSGI application: of Flask, Django, or a function. It is called with the paths
                below the provider; `REMOTE_USER` in its environ is the account that consented.
            scopes: The scopes' names, or what each means to people; by default those of `routes`,
                and without these the one scope `access`.
            routes: What each scope opens: `{"chat:write": ["POST /chat.postMessage"]}`. A route is
                methods and a path: `"GET,POST /files"`, `"* /admin/*"`, where `*` stands for every
                method and for any text, and GET includes HEAD. A path of no route is not there:
                404. By default any one scope opens everything.
            name: The provider's name for people, by default its id.

        Raises:
            ValueError: A route or a scope is malformed, or a route's scope is none of `scopes`.
            TypeError: The application is not a WSGI one.
        """
        if not callable(app) or _is_asgi(app):
            raise TypeError(f"{type(app).__name__} is not a WSGI application")
        if isinstance(scopes, str):
            raise TypeError("scopes must be a list of scopes")
        if scopes is None:
            scopes = {DEFAULT_SCOPE: "Everything"} if routes is None else list(routes)
        if not isinstance(scopes, Mapping):
            scopes = {scope: scope for scope in scopes}
        self.app = app
        self.name = name
        self.scopes = dict(scopes)
        for scope in self.scopes:
            if not _SCOPE.fullmatch(scope):
                raise ValueError(f"{scope!r} is not the name of a scope")
        if routes is None:
            self.routes: tuple[Route, ...] = (route(METHODS, "*", *self.scopes),)
        else:
            self.routes = tuple(
                _parse_route(text, scope) for scope, texts in routes.items() for text in texts
            )
            if unknown := set(routes) - set(self.scopes):
                raise ValueError(f"routes of scopes that are not among scopes: {sorted(unknown)}")

    def __repr__(self) -> str:
        return f"<Provider {' '.join(self.scopes)}>"


def _is_asgi(app: object) -> bool:
    call = getattr(app, "__call__", None)  # noqa: B004  # it is looked at, not whether it is there
    return inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(call)


def _parse_route(text: str, scope: str) -> Route:
    found = _ROUTE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no route, such as 'GET /users' or 'GET,POST /files/*'")
    return route(found[1].split(","), found[2], scope)


class Mounts:
    """The user's own providers by id, and the door to each."""

    def __init__(self, providers: Mapping[str, Provider | WSGIApplication]) -> None:
        self._apps: dict[str, WSGIApplication] = {}
        self.apis: dict[str, Api] = {}
        for provider_id, given in providers.items():
            if not _PROVIDER_ID.fullmatch(provider_id) or provider_id == "oauth":
                raise ValueError(f"{provider_id!r} cannot be the id of a provider")
            provider = given if isinstance(given, Provider) else Provider(given)
            self._apps[provider_id] = provider.app
            name = provider.name or provider_id
            self.apis[provider_id] = Api(
                provider_id, name, "other", provider.scopes, provider.routes
            )

    def before(self, behind: WSGIApplication, oauth: AuthorizationServer) -> WSGIApplication:
        """The applications, each for its paths and for tokens of its scopes; `behind` the rest."""

        def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            target: str = environ["REQUEST_URI"]
            path, mark, query = target.partition("?")
            provider_id, slash, rest = path.removeprefix("/").partition("/")
            if provider_id not in self._apps:
                return behind(environ, start_response)
            api = self.apis[provider_id]
            account = oauth.account(environ.get("HTTP_AUTHORIZATION", ""), api.scopes)
            if account is None:
                return _answer(start_response, "401 Unauthorized", "Bad credentials")
            if api.scopes_for(environ["REQUEST_METHOD"], normal_path(f"/{rest}")) is None:
                return _answer(start_response, "404 Not Found", "Not Found")
            inside = {
                **environ,
                "PATH_INFO": environ["PATH_INFO"].removeprefix(f"/{provider_id}"),
                "REQUEST_URI": f"{slash}{rest}{mark}{query}",
                "REMOTE_USER": account,
            }
            return _run(self._apps[provider_id], inside, start_response)

        return serve


def _run(
    app: WSGIApplication, environ: WSGIEnvironment, start_response: StartResponse
) -> Iterator[bytes]:
    body: Iterable[bytes] = ()
    try:
        body = app(environ, start_response)
        yield from body
    except Exception:
        # Shown to whoever runs the tests: it is their application.
        traceback.print_exc(file=environ["wsgi.errors"])
        yield from _answer(
            start_response, "500 Internal Server Error", "Internal Server Error", sys.exc_info()
        )
    finally:
        close: Callable[[], object] | None = getattr(body, "close", None)
        if close is not None:
            close()


def _answer(
    start_response: StartResponse, status: str, message: str, *exc_info: object
) -> list[bytes]:
    body = json.dumps({"message": message}).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response(status, headers, *exc_info)  # type: ignore[arg-type]
    return [body]
