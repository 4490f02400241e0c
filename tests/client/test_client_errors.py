"""ATHError: what is raised here before anything is sent, and what servers' errors become."""

from __future__ import annotations

import copy
import pickle
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ath import CODES, ATHError
from tests.harness.clients import DEVELOPER, AnyClient, Kind, raises_code
from tests.harness.examples import refusal, service_document
from tests.harness.server import Answer, Server
from tests.harness.worlds import World

Worlds = Callable[..., World]
UNUSED = "http://127.0.0.1:9"

NEED_A_REGISTRATION: dict[str, Callable[[AnyClient, Path], Any]] = {
    "authorize": lambda c, _: c.authorize("github", ["repo"]),
    "exchange_token": lambda c, _: c.exchange_token("exchange", "ath_sess_1"),
    "registration": lambda c, _: c.registration(),
    "revoke": lambda c, _: c.revoke(),
    "revoke of one": lambda c, _: c.revoke("github"),
    "save_credentials": lambda c, folder: c.save_credentials(folder / "c.json"),
    "call": lambda c, _: c.call("GET", "/user"),
}


@pytest.mark.parametrize("name", NEED_A_REGISTRATION)
def test_what_needs_a_registration_says_so_without_a_request(
    kind: Kind, mode: str, tmp_path: Path, name: str
) -> None:
    client = kind.client(UNUSED, mode)
    with raises_code("NOT_REGISTERED"):
        NEED_A_REGISTRATION[name](client, tmp_path)
    with raises_code("NOT_REGISTERED"):
        NEED_A_REGISTRATION[name](client.for_user("alice"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_call_without_a_token_says_so_once_registered(world: World) -> None:
    client = world.client()
    client.discover()
    world.register(client)
    before = len(world.requests)
    with raises_code("NO_TOKEN"):
        client.call("GET", "/echo")
    with raises_code("NO_TOKEN"):
        client.for_user("alice").call("GET", "/echo")
    assert len(world.requests) == before


def test_a_token_for_another_provider_is_no_token(kind: Kind) -> None:
    client = kind.client(UNUSED)
    client.set_token("ath_tk_shop", "shop")
    with raises_code("NOT_REGISTERED"):
        client.proxy("github", "GET", "/user")
    client.set_credentials("ath_client_0", "ath_secret_0")
    with raises_code("NO_TOKEN"):
        client.proxy("github", "GET", "/user")


def test_api_before_discover_says_so(service: World) -> None:
    client = service.client()
    service.register(client)
    client.set_token("ath_tk_0")
    with raises_code("NOT_DISCOVERED"):
        client.api("GET", "/products")
    assert client.api_base is None
    assert len(service.requests) == 1


@pytest.mark.parametrize(
    ("call", "code"),
    [("discover", "HTTP_ERROR"), ("proxy", "PROVIDER_ERROR")],
)
@pytest.mark.parametrize(
    ("body", "said", "details"),
    [
        ("<h1>Sorry</h1>", "HTTP status 418", {"body": "<h1>Sorry</h1>"}),
        (b"", "HTTP status 418", {"body": None}),
        (b"\x00\x01", "HTTP status 418", {"body": b"\x00\x01"}),
        ([1, 2], "HTTP status 418", {"body": [1, 2]}),
        (
            {"error": "invalid_thing", "error_description": "no such thing"},
            "invalid_thing: no such thing",
            {"body": {"error": "invalid_thing", "error_description": "no such thing"}},
        ),
        (
            {"error": "Proxy failed", "message": "not JSON"},
            "Proxy failed: not JSON",
            {"body": {"error": "Proxy failed", "message": "not JSON"}},
        ),
        ({"message": "Not Found"}, "Not Found", {"body": {"message": "Not Found"}}),
        ({"code": 404, "message": "Not Found"}, "Not Found", None),
        ({"code": "X"}, "HTTP status 418", None),
        ({"code": "X", "message": 7}, "HTTP status 418", None),
        ({"error": {"nested": True}}, "HTTP status 418", None),
    ],
)
def test_an_error_body_of_another_style_gets_our_code_and_its_message(
    client: AnyClient, server: Server, call: str, code: str, body: Any, said: str,
    details: dict[str, Any] | None,
) -> None:  # fmt: skip
    server.answer_next(body, 418)
    with raises_code(code, 418) as caught:
        client.discover() if call == "discover" else client.proxy("github", "GET", "/user")
    assert said in caught.value.message
    expected = {"body": body} if details is None else details
    status = {"status": 418} if code == "PROVIDER_ERROR" else {}
    assert caught.value.details == {**expected, **status}


@pytest.mark.parametrize("call", ["discover", "registration"])
def test_code_and_message_of_an_error_body_are_reported_unchanged(
    client: AnyClient, server: Server, call: str
) -> None:
    body = refusal(
        "QUITE_NEW", "Said by the server.", details={"hint": 1}, client_id="c", extra=[2]
    )
    server.answer_next(body, 499)
    with raises_code("QUITE_NEW", 499) as caught:
        getattr(client, call)()
    error = caught.value
    assert error.source == "implementor"
    assert error.message == "Said by the server."
    assert error.details == {"hint": 1, "client_id": "c", "extra": [2]}
    assert error.advice == ""


@pytest.mark.parametrize("mode", ["gateway", "native"])
def test_a_code_that_no_implementor_uses_is_the_providers(
    kind: Kind, server: Server, mode: str
) -> None:
    client = kind.client(server.url, mode)
    client.set_token("ath_tk_0")
    if mode == "native":
        server.answer_next(service_document(server.url))
        client.discover()
    body = refusal("object_not_found", "Could not find the page.", object="error", status=404)
    server.answer_next(body, 404)
    with raises_code("PROVIDER_ERROR", 404) as caught:
        client.call("GET", "/v1/pages/1")
    assert caught.value.source == "provider"
    assert caught.value.details == {"status": 404, "body": body}
    assert "Could not find the page." in caught.value.message


@pytest.mark.parametrize("details", ["text", ["a"], 7])
def test_details_that_are_no_object_are_kept_under_their_name(
    client: AnyClient, server: Server, details: Any
) -> None:
    server.answer_next(refusal("CODE", "Text.", details=details), 400)
    with raises_code("CODE", 400) as caught:
        client.discover()
    assert caught.value.details == {"details": details}


def test_every_code_of_the_protocol_comes_with_advice(client: AnyClient, server: Server) -> None:
    for code in ("INVALID_ATTESTATION", "SESSION_NOT_FOUND", "USER_DENIED", "OAUTH_ERROR"):
        server.answer_next(refusal(code), 400)
        with raises_code(code, 400) as caught:
            client.call("POST", "/x")
        assert caught.value.advice == CODES[code] != ""
        assert str(caught.value) == f"{code} (HTTP 400): No. {CODES[code]}"


def test_the_documented_way_to_print_an_error_works(kind: Kind) -> None:
    with pytest.raises(ATHError) as caught:
        kind.client(UNUSED).proxy("github", "GET", "/user")
    e = caught.value
    assert f"[{e.code}] {e.message}" == "[NOT_REGISTERED] This client holds no registration."


@pytest.mark.parametrize("call", ["register", "authorize", "exchange", "revoke", "registration"])
def test_no_error_repeats_a_secret_that_the_server_echoed(
    client: AnyClient, server: Server, call: str
) -> None:
    echoed: list[Any] = []

    def echo(seen: Any) -> Any:
        body = {"code": "ECHO", "message": "See details.", "request": seen.body.decode()}
        echoed.append(seen)
        return Answer({**body, "headers": [*seen.headers.values()]}, 400)

    server.answer_next_with(echo)
    with raises_code("ECHO", 400) as caught:
        match call:
            case "register":
                client.register(developer=DEVELOPER, providers=[])
            case "authorize":
                client.authorize("github", ["repo"])
            case "exchange":
                client.exchange_token("a-secret-code", "ath_sess_1")
            case "revoke":
                client.revoke()
            case "registration":
                client.registration()
    shown = repr(caught.value.details) + str(caught.value)
    assert "[hidden]" in shown
    for secret in ("ath_secret_0", "ath_tk_0", "a-secret-code", "eyJ", "YXRoX"):
        assert secret not in shown


def test_an_error_keeps_everything_when_pickled_or_copied(
    client: AnyClient, server: Server
) -> None:
    body = refusal("BUSY", details={"a": 1})
    server.answer_next(body, 429, Retry_After="99")
    with raises_code("PROVIDER_ERROR", 429) as caught:
        client.call("GET", "/x")
    error = caught.value
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert (other.code, other.message, other.status) == (error.code, error.message, 429)
        assert other.details == {"status": 429, "body": body}
        assert (other.retry_after, other.retryable, other.source) == (99.0, True, "provider")
        assert str(other) == str(error)


def test_an_error_of_the_gateway_and_one_of_the_provider_can_be_told_apart(
    gateway: World,
) -> None:
    client = gateway.ready()
    with raises_code("PROVIDER_ERROR", 404) as caught:
        client.call("GET", "/status/404")
    assert caught.value.details["status"] == 404
    assert caught.value.details["body"]["message"] == "you asked for 404"
    assert caught.value.source == "provider"
    client.set_token(client_token(gateway), "shop")
    with raises_code("PROVIDER_MISMATCH", 403) as caught:
        client.proxy("shop", "GET", "/products")
    assert caught.value.source == "implementor"


def client_token(world: World) -> str:
    return world.requests[-1].headers["authorization"].removeprefix("Bearer ")


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"<html>", {}),
        (b"", {}),
        (b"[]", {}),
        (b"null", {}),
        (b'{"a"', {}),
        (b"\xff", {"Content-Type": "application/json"}),
        (b"[" * 100_000, {"Content-Type": "application/json"}),
        (b"\x1f\x8bgarbage", {"Content-Encoding": "gzip"}),
        (b'{"ath_version": 7}', {"Content-Type": "application/json"}),
    ],
)
@pytest.mark.parametrize("call", ["discover", "registration", "authorize"])
def test_an_answer_that_does_not_fit_the_protocol_is_an_invalid_response(
    client: AnyClient, server: Server, call: str, body: bytes, headers: dict[str, str]
) -> None:
    server.answer_next(body, 200, **headers)
    with raises_code("INVALID_RESPONSE", 200):
        client.authorize("github", ["r"]) if call == "authorize" else getattr(client, call)()


def test_numbers_beyond_reason_are_an_invalid_response(client: AnyClient, server: Server) -> None:
    server.answer_next(b'{"access_token": "t", "expires_in": 1e999, "provider_id": "github"}')
    with raises_code("INVALID_RESPONSE", 200):
        client.exchange_token("exchange", "s")
    server.answer_next(b"9" * 10_000, Content_Type="application/json")
    with raises_code("INVALID_RESPONSE", 200):
        client.call("GET", "/x")


def test_a_name_that_does_not_resolve_is_a_network_error(kind: Kind) -> None:
    client = kind.client("https://no-such-host.invalid", retry=None)
    with raises_code("NETWORK_ERROR"):
        client.discover()


def test_a_server_that_does_not_answer_in_time_is_a_timeout(kind: Kind) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        client = kind.client(url, timeout=0.05, retry=None)
        with raises_code("TIMEOUT"):
            client.discover()
        client.set_token("ath_tk_0")
        with raises_code("TIMEOUT"):
            client.call("GET", "/x")
        with raises_code("OUTCOME_UNKNOWN"):
            client.register(developer=DEVELOPER, providers=[])
