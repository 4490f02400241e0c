"""Two small real APIs: a code host and a shop, in which each account has its own data."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, Response, g, request
from werkzeug.exceptions import BadRequest, HTTPException, NotFound
from werkzeug.routing import BaseConverter

from ._apis import APIS, METHODS, normal_path
from ._github import API, repository, user
from ._oauth import AuthorizationServer
from ._records import Counts, request_headers


class RestConverter(BaseConverter):
    """The rest of a path, slashes and all."""

    regex = "(?s:.*)"  # encoded line breaks too: they are to be refused, not to be missed
    part_isolating = False


PRODUCTS = [
    {"id": "tea", "name": "Green tea", "price": 4.5},
    {"id": "cup", "name": "Cup", "price": 9.0},
]


@dataclass
class _Account:
    repos: list[dict[str, Any]]
    cart: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    orders: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    notes: int = 0


def provider_routes(oauth: AuthorizationServer, counts: Counts) -> Blueprint:
    """The APIs' routes, at `/github/…` and `/shop/…`; each wants the provider's own token."""
    routes = Blueprint("providers", __name__)
    accounts: dict[str, _Account] = {}
    lock = threading.Lock()

    def route(rule: str, *methods: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        return routes.route(rule, methods=methods, provide_automatic_options=False)

    @routes.before_request
    def authenticate() -> Response | None:
        path: str = request.environ["REQUEST_URI"].partition("?")[0]
        _, mount, rest = path.split("/", 2)
        api = APIS[mount]
        login = oauth.account(request.headers.get("Authorization", ""), api.scopes)
        if login is None:
            return _json({"message": "Bad credentials"}, 401)
        # The gate forwards what is not on the map, so that this is the provider's own answer.
        if api.scopes_for(request.method, normal_path(f"/{rest}")) is None:
            return _json({"message": "Not Found"}, 404)
        g.login = login
        with lock:
            if login not in accounts:
                first = repository(login, 1, "hello-world", private=False)
                accounts[login] = _Account([first])
            g.account = accounts[login]
        return None

    @routes.errorhandler(HTTPException)
    def failed(error: HTTPException) -> Response:
        return _json({"message": error.name}, error.code or 500)

    @route("/github/user", "GET")
    def myself() -> Response:
        with lock:
            private = sum(repo["private"] for repo in g.account.repos)
            return _json(user(g.login, len(g.account.repos) - private, private))

    @route("/github/user/repos", "GET")
    def repos() -> Response:
        page = max(request.args.get("page", 1, int), 1)
        size = min(max(request.args.get("per_page", 30, int), 1), 100)
        with lock:
            response = _json(g.account.repos[(page - 1) * size : page * size])
            if len(g.account.repos) > page * size:
                following = f"{API}/user/repos?per_page={size}&page={page + 1}"
                response.headers["Link"] = f'<{following}>; rel="next"'
        return response

    @route("/github/repos/<owner>/<name>", "GET")
    def repo(owner: str, name: str) -> Response:
        with lock:
            for each in g.account.repos:
                if each["full_name"] == f"{owner}/{name}":
                    return _json(each)
        return _json({"message": "Not Found"}, 404)

    @route("/github/user/repos", "POST")
    def create_repo() -> Response:
        name = _field("name")
        with lock:
            if any(repo["name"] == name for repo in g.account.repos):
                return _json({"message": "name already exists on this account"}, 422)
            private = bool(_body().get("private", False))
            made = repository(g.login, len(g.account.repos) + 1, name, private=private)
            g.account.repos.append(made)
        counts.add("provider_writes")
        return _json(made, 201)

    @route("/shop/products", "GET")
    def products() -> Response:
        return _json(PRODUCTS)

    @route("/shop/cart/add", "POST")
    def add_to_cart() -> Response:
        product_id = _body().get("productId") or _body().get("product_id")
        if product_id not in {product["id"] for product in PRODUCTS}:
            return _json({"message": "no such product"}, 422)
        with lock:
            g.account.cart.append({"productId": product_id})
            counts.add("provider_writes")
            return _json({"items": g.account.cart})

    @route("/shop/orders", "GET")
    def orders() -> Response:
        with lock:
            return _json(g.account.orders)

    @route("/shop/orders", "POST")
    def order() -> Response:
        address = _field("shippingAddress")
        with lock:
            placed = {
                "id": f"order_{len(g.account.orders) + 1}",
                "shippingAddress": address,
                "items": g.account.cart,
                "status": "placed",
            }
            g.account.orders.append(placed)
            g.account.cart = []
        counts.add("provider_writes")
        return _json(placed, 201)

    _test_routes(routes, counts)
    return routes


def _test_routes(routes: Blueprint, counts: Counts) -> None:
    def route(rule: str) -> Callable[..., Any]:
        rule = f"/<any(github, shop):provider>{rule}"
        return routes.route(rule, methods=METHODS, provide_automatic_options=False)

    @route("/<rest:rest>")
    def unknown() -> Response:
        raise NotFound

    @route("/echo")
    @route("/echo<rest:rest>")
    def echo() -> Response:
        target = "/" + request.environ["REQUEST_URI"].split("/", 2)[2]
        headers = request_headers(request.environ)
        # The provider's token is the implementor's secret: an echo must not hand it to the agent.
        headers["authorization"] = "Bearer (the provider's token)"
        raw = request.get_data()
        return _json(
            {
                "method": request.method,
                "path": target.partition("?")[0],
                "query": target.partition("?")[2],
                "headers": headers,
                "body": raw.decode("utf-8", "replace"),
                "body_hex": raw.hex(),
                "json": request.get_json(silent=True),
            }
        )

    @route("/note")
    def note() -> Response:
        """Count a write and answer in plain text: what a proxy makes of it is another matter."""
        if request.method in ("POST", "PUT", "PATCH", "DELETE"):
            g.account.notes += 1
            counts.add("provider_writes")
        return Response(f"{g.account.notes} noted", mimetype="text/plain")

    @route("/text")
    def text() -> Response:
        return Response("plain text, ünïcode", mimetype="text/plain")

    @route("/bytes")
    def octets() -> Response:
        return Response(bytes(range(256)), mimetype="application/octet-stream")

    @route("/empty")
    def empty() -> Response:
        response = Response(status=204)
        del response.headers["Content-Type"]
        return response

    @route("/status/<int:status>")
    def with_status(status: int) -> Response:
        if not 200 <= status <= 599:
            raise BadRequest
        message = {"message": f"you asked for {status}", "documentation_url": "about:blank"}
        return _json(message, status)

    @route("/redirect")
    def redirect() -> Response:
        return Response(status=302, headers={"Location": "/echo"})

    @route("/gzip")
    def compressed() -> Response:
        response = _json({"compressed": "gzip" in request.headers.get("Accept-Encoding", "")})
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            response.set_data(gzip.compress(response.get_data()))
            response.headers["Content-Encoding"] = "gzip"
        return response


def _json(value: object, status: int = 200) -> Response:
    return Response(json.dumps(value), status, mimetype="application/json")


def _body() -> dict[str, Any]:
    value = request.get_json()
    if not isinstance(value, dict):
        raise BadRequest
    return value


def _field(name: str) -> str:
    value = _body().get(name)
    if not isinstance(value, str) or not value:
        raise BadRequest
    return value
