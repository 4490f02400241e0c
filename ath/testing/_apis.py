"""What the implementor knows of the APIs behind it: their scopes, and what each scope opens."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, unquote

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def normal_path(path: str) -> str:
    """One spelling for equal paths, an encoded slash still apart from a plain one."""
    return "/".join(
        quote(unquote(part, "latin-1"), safe="", encoding="latin-1") for part in path.split("/")
    )


@dataclass(frozen=True)
class Route:
    """What some scopes open: the methods, and the paths, in which `*` stands for any text."""

    methods: frozenset[str]
    path: re.Pattern[str]
    scopes: tuple[str, ...]


def route(methods: Iterable[str], path: str, *scopes: str) -> Route:
    """A route that any one of the scopes opens; GET includes HEAD, and `*` is every method."""
    named = frozenset(methods)
    if "*" in named:
        named = frozenset(METHODS)
    if "GET" in named:
        named |= {"HEAD"}
    pattern = ".*".join(re.escape(normal_path(part)) for part in path.split("*"))
    return Route(named, re.compile(pattern, re.DOTALL), scopes)


@dataclass(frozen=True)
class Api:
    """An API and its scope-to-route map."""

    mount: str
    """The first segment of its paths on the upstream origin."""
    display_name: str
    category: str
    scopes: dict[str, str]
    """What each scope means, for people."""
    routes: tuple[Route, ...]

    def scopes_for(self, method: str, path: str) -> tuple[str, ...] | None:
        """The scopes of which one is needed; None if no scope opens anything at that path."""
        there = [route for route in self.routes if route.path.fullmatch(path)]
        if not there:
            return None
        return tuple(scope for each in there if method in each.methods for scope in each.scopes)


# Routes of the two APIs below that are there for tests; any one scope covers them.
TEST_ROUTES = ("echo", "text", "bytes", "empty", "status", "redirect", "gzip", "note")


def _api(
    mount: str, display_name: str, category: str, scopes: dict[str, str], *routes: Route
) -> Api:
    for name in TEST_ROUTES:
        routes += route("*", f"/{name}", *scopes), route("*", f"/{name}/*", *scopes)
    return Api(mount, display_name, category, scopes, routes)


CODE_HOST = _api(
    "github",
    "Code host",
    "developer-tools",
    {"read:user": "Read your profile", "repo": "Read and create your repositories"},
    route(["GET"], "/user", "read:user"),
    route(["GET"], "/user/repos", "repo", "read:user"),
    route(["POST"], "/user/repos", "repo"),
    route(["GET"], "/repos/*", "repo", "read:user"),
)
SHOP = _api(
    "shop",
    "Shop",
    "shopping",
    {
        "products:read": "See the products",
        "cart:write": "Put products into your cart",
        "orders:read": "See your orders",
        "orders:write": "Order what is in your cart",
    },
    route(["GET"], "/products", "products:read"),
    route(["POST"], "/cart/add", "cart:write"),
    route(["GET"], "/orders", "orders:read"),
    route(["POST"], "/orders", "orders:write"),
)
APIS = {api.mount: api for api in (CODE_HOST, SHOP)}
