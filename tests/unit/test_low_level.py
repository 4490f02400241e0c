"""What callers use who send by themselves: URLs below a gateway's proxy, signed attestations."""

from __future__ import annotations

from typing import Any

import pytest

import ath

from .support import error_of

GATEWAY = "https://gateway.example/base"


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        ("https://g.example", "https://g.example/ath/proxy/shop/user"),
        ("https://g.example/", "https://g.example/ath/proxy/shop/user"),
        ("https://g.example/a/b//", "https://g.example/a/b/ath/proxy/shop/user"),
        ("HTTPS://G.Example:443/P", "https://g.example/P/ath/proxy/shop/user"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/ath/proxy/shop/user"),
        ("http://[::1]:8080/", "http://[::1]:8080/ath/proxy/shop/user"),
        ("https://bücher.example", "https://xn--bcher-kva.example/ath/proxy/shop/user"),
    ],
)
def test_a_proxied_call_is_made_below_the_gateways_base_url(base_url: str, url: str) -> None:
    assert ath.proxy_url(base_url, "shop", "/user") == url


@pytest.mark.parametrize(
    ("path", "params", "ending"),
    [
        ("", None, ""),
        ("", {}, ""),
        ("/", None, "/"),
        ("", {"page": 2}, "/?page=2"),
        ("?page=2", None, "/?page=2"),
        ("v1/users", {"tag": ["a b", "c"], "all": True}, "/v1/users?tag=a%20b&tag=c&all=true"),
        ("/users?page=2", {"per": 5}, "/users?page=2&per=5"),
    ],
)
def test_an_empty_path_gives_a_base_url_without_a_slash_at_its_end(
    path: str, params: Any, ending: str
) -> None:
    assert ath.proxy_url(GATEWAY, "notion", path, params) == (
        f"https://gateway.example/base/ath/proxy/notion{ending}"
    )


@pytest.mark.parametrize(
    "base_url",
    [
        "", "gateway.example", "ftp://g.example", "https://", "https://user:canary@g.example",
        "https://g.example?x=1", "https://g.example/#x", "https://g.example/a b", None, b"https://g",
    ],
)  # fmt: skip
def test_a_base_url_that_a_client_would_refuse_is_refused_in_the_same_words(base_url: Any) -> None:
    error = error_of(lambda: ath.proxy_url(base_url, "shop", "/user"))
    of_client = error_of(lambda: ath.ATHGatewayClient(base_url, "https://a.example/a.json", b""))
    assert error.code == "INVALID_ARGUMENT"
    assert error.message == of_client.message.replace("url ", "base_url ", 1)
    assert "canary" not in f"{error} {error.details}"
