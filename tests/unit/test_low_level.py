"""What callers use who send by themselves: URLs below a gateway's proxy, signed attestations."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

import ath

from .support import error_of

GATEWAY = "https://gateway.example/base"
AGENT = "https://agent.example/agent.json"
KEY = ec.generate_private_key(ec.SECP256R1())


def pem(password: bytes | None = None) -> bytes:
    return KEY.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(password)
        if password
        else serialization.NoEncryption(),
    )


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


def sign(key: Any = KEY, **options: Any) -> str:
    return ath.sign_attestation(key, **{"agent_id": AGENT, "audience": GATEWAY, **options})


@pytest.mark.parametrize("password", [None, b"opensesame"], ids=["plain", "encrypted"])
@pytest.mark.parametrize("form", ["bytes", "text", "path"])
def test_every_form_of_the_key_signs(form: str, password: bytes | None, tmp_path: Path) -> None:
    key: Any = pem(password)
    if form == "text":
        key = key.decode()
    if form == "path":
        tmp_path.joinpath("agent.pem").write_bytes(key)
        key = tmp_path / "agent.pem"
    token = sign(key, private_key_password=password)
    claims = jwt.decode(token, KEY.public_key(), algorithms=["ES256"], audience=GATEWAY)
    assert claims["iss"] == claims["sub"] == AGENT


def test_the_key_id_is_the_one_that_clients_use_unless_one_is_given() -> None:
    with ath.ATHGatewayClient(GATEWAY, AGENT, KEY) as client:
        of_client = client.sign_attestation()
    assert jwt.get_unverified_header(sign()) == jwt.get_unverified_header(of_client)
    assert jwt.get_unverified_header(sign(key_id="k-7"))["kid"] == "k-7"


@pytest.mark.parametrize(
    "options",
    [
        {"agent_id": "http://agent.example/a.json"}, {"agent_id": None}, {"key_id": ""},
        {"key_id": None}, {"capabilities": "pay"}, {"capabilities": [7]},
    ],
)  # fmt: skip
def test_what_a_client_would_refuse_is_refused_in_the_same_words(options: Any) -> None:
    arguments = {"agent_id": AGENT, "private_key": KEY, **options}
    of_client = error_of(lambda: ath.ATHGatewayClient(GATEWAY, **arguments))
    error = error_of(lambda: sign(**options))
    assert (error.code, error.message) == ("INVALID_ARGUMENT", of_client.message)


@pytest.mark.parametrize("key", [None, 7, "no PEM", KEY.public_key(), b"", Path("nowhere.pem")])
def test_what_is_no_private_key_is_refused(key: Any) -> None:
    assert error_of(lambda: sign(key)).code == "INVALID_KEY"


class AsyncKMS:
    async def sign(self, data: bytes, /) -> bytes:
        raise AssertionError("nobody awaits this")


class Wrapped:
    """Its ``sign`` is no coroutine function, but what it returns must be awaited all the same."""

    def sign(self, data: bytes, /) -> Any:
        return AsyncKMS().sign(data)


@pytest.mark.parametrize("signer", [AsyncKMS, Wrapped])
def test_an_async_signer_is_refused_and_told_what_to_use(signer: Callable[[], Any]) -> None:
    error = error_of(lambda: sign(signer()))
    gc.collect()  # a coroutine that was left open would warn here, and a warning is an error
    assert error.code == "INVALID_ARGUMENT"
    assert "AsyncATHGatewayClient" in error.message


def test_it_signs_within_a_running_event_loop_as_well() -> None:
    async def use() -> str:
        return sign()

    assert asyncio.run(use()).count(".") == 2
