"""Whose word an error is: the client's, the implementor's or the provider's."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import pytest
from ath_api.models import ATHErrorCode

import ath
from tests.harness.clients import DEVELOPER, AnyClient, Kind, raises_code
from tests.harness.examples import AUTHORIZATION, refusal
from tests.harness.faults import stall_after_connect
from tests.harness.server import Server
from tests.harness.worlds import World

WILD = ["CONFLICT", "AUTH_REQUIRED", "FORBIDDEN", "PROVIDER_NOT_CONFIGURED",
        "PROVIDER_TOKEN_MISSING", "UPSTREAM_ERROR", "INVALID_PATH"]  # fmt: skip
IMPLEMENTORS = sorted({*(code.value for code in ATHErrorCode), *WILD})
Call = Callable[[AnyClient], Any]

TOKEN_CODES = {"SCOPE_NOT_APPROVED", "TOKEN_EXPIRED", "TOKEN_INVALID", "TOKEN_REVOKED"}
"""Their errors say whose token they are about."""


@pytest.fixture(params=["gateway", "native"])
def client(request: pytest.FixtureRequest, kind: Kind, server: Server) -> AnyClient:
    """A client of either mode with a token, ready to call a provider."""
    client = kind.client(server.url, request.param, retry=None)
    client.set_credentials("ath_client_0", "ath_secret_0")
    client.set_token("ath_tk_0")
    if request.param == "native":
        server.answer_next(
            {"ath_version": "0.1", "app_id": "com.example.shop", "name": "Shop",
             "api_base": f"{server.url}/api", "auth": {
                 "type": "oauth2", "scopes_supported": [],
                 "authorization_endpoint": "https://shop.example/authorize",
                 "token_endpoint": "https://shop.example/token"}}
        )  # fmt: skip
        client.discover()
    return client


HANDSHAKE: dict[str, Call] = {
    "discover": lambda client: client.discover(),
    "register": lambda client: client.register(developer=DEVELOPER, providers=[]),
    "registration": lambda client: client.registration(),
    "authorize": lambda client: client.authorize("github", ["repo"]),
    "exchange_token": lambda client: client.exchange_token("exchange", "ath_sess_1"),
    "revoke": lambda client: client.revoke(),
}


@pytest.mark.parametrize("code", IMPLEMENTORS)
def test_in_provider_calls_a_known_code_in_the_protocols_form_is_the_implementors(
    client: AnyClient, server: Server, code: str
) -> None:
    for status in (400, 401, 403, 404, 409, 500, 502):
        server.answer_next(refusal(code, "No.", details={"n": 1}), status)
        with raises_code(code, status) as caught:
            client.call("POST", "/x")
        assert caught.value.source == "implementor"
        provider = client.provider if client.mode == "gateway" else None
        whose = {"provider": provider, "user": None, "scopes": []} if code in TOKEN_CODES else {}
        assert caught.value.details == {"n": 1, **whose}


@pytest.mark.parametrize(
    "body",
    [
        {"object": "error", "status": 404, "code": "object_not_found", "message": "Not there."},
        {"code": "token_invalid", "message": "Lower case is another word."},
        {"code": "NOT_REGISTERED", "message": "A code that only this library raises."},
        {"code": "RATE_LIMITED", "message": "A code that nobody knows."},
        {"code": "TOKEN_INVALID"},
        {"code": "TOKEN_INVALID", "message": None},
        {"code": 401, "message": "A number."},
        {"message": "Bad credentials"},
        {"error": "TOKEN_INVALID", "error_description": "OAuth's form."},
        [{"code": "TOKEN_INVALID", "message": "A list."}],
        "TOKEN_INVALID",
    ],
    ids=repr,
)
def test_in_provider_calls_anything_else_is_the_providers(
    client: AnyClient, server: Server, body: Any
) -> None:
    for status in (400, 401, 404, 429, 500):
        server.answer_next(body, status)
        with raises_code("PROVIDER_ERROR", status) as caught:
            client.call("POST", "/x")
        assert caught.value.source == "provider"
        assert caught.value.details["status"] == status
        assert caught.value.details["body"] == body


@pytest.mark.parametrize("status", [301, 302, 307, 399])
@pytest.mark.parametrize("body", ["Moved.", refusal("TOKEN_INVALID")], ids=["text", "ATH's form"])
def test_a_redirect_is_the_providers(
    client: AnyClient, server: Server, body: Any, status: int
) -> None:
    server.answer_next(body, status, location="https://elsewhere.example/")
    with raises_code("PROVIDER_ERROR", status) as caught:
        client.call("GET", "/x")
    assert caught.value.source == "provider"
    assert caught.value.details["status"] == status
    assert caught.value.details["location"] == "https://elsewhere.example/"
    assert caught.value.details["body"] == body


def test_a_providers_answer_that_cannot_be_read_is_the_providers(
    client: AnyClient, server: Server
) -> None:
    server.answer_next(b"{", content_type="application/json")
    with raises_code("INVALID_RESPONSE", 200) as caught:
        client.call("GET", "/x")
    assert caught.value.source == "provider"


def test_what_a_real_provider_says_comes_through_unchanged(world: World) -> None:
    client = world.ready()
    with raises_code("PROVIDER_ERROR", 404) as caught:
        client.call("GET", "/status/404")
    assert caught.value.source == "provider"
    assert caught.value.details["status"] == 404
    assert "body" in caught.value.details
    client.for_user("alice").set_token("ath_tk_nobodys")
    with raises_code("TOKEN_INVALID", 401) as caught:
        client.for_user("alice").call("GET", "/echo")
    assert caught.value.source == "implementor"


@pytest.mark.parametrize("code", ["TOKEN_EXPIRED", "FORBIDDEN", "object_not_found", "ANYTHING"])
@pytest.mark.parametrize("name", HANDSHAKE)
def test_in_handshake_calls_a_servers_code_is_passed_on_known_or_not(
    client: AnyClient, server: Server, name: str, code: str
) -> None:
    status = 400 if name == "revoke" and code == "TOKEN_EXPIRED" else 403
    server.answer_next(refusal(code), status)
    if name == "revoke" and code == "TOKEN_EXPIRED":
        HANDSHAKE[name](client)  # which is what revoking is for
        return
    with raises_code(code, status) as caught:
        HANDSHAKE[name](client)
    assert caught.value.source == "implementor"


@pytest.mark.parametrize("name", HANDSHAKE)
def test_in_handshake_calls_any_other_failure_is_the_implementors_http_error(
    client: AnyClient, server: Server, name: str
) -> None:
    server.answer_next("Overloaded", 503)
    with raises_code("HTTP_ERROR", 503) as caught:
        HANDSHAKE[name](client)
    assert caught.value.source == "implementor"


@pytest.mark.parametrize("name", [name for name in HANDSHAKE if name != "revoke"])
def test_in_handshake_calls_an_answer_that_does_not_fit_is_the_implementors(
    client: AnyClient, server: Server, name: str
) -> None:
    server.answer_next({"n": 1})
    with raises_code("INVALID_RESPONSE", 200) as caught:
        HANDSHAKE[name](client)
    assert caught.value.source == "implementor"


@pytest.mark.parametrize("name", [*HANDSHAKE, "call"])
def test_a_connection_that_breaks_is_the_clients_word(
    client: AnyClient, server: Server, name: str
) -> None:
    call = HANDSHAKE.get(name, lambda client: client.call("GET", "/x"))
    server.answer_next(lost=True)
    lost = {"register": "OUTCOME_UNKNOWN", "exchange_token": "OUTCOME_UNKNOWN"}
    with raises_code(lost.get(name, "NETWORK_ERROR")) as caught:
        call(client)
    assert caught.value.source == "client"


def test_a_timeout_is_the_clients_word(kind: Kind, server: Server) -> None:
    client = kind.client(server.url, timeout=0.05, retry=None)
    client.set_credentials("ath_client_0", "ath_secret_0")
    client.set_token("ath_tk_0")
    server.default = stall_after_connect
    for call in (client.discover, lambda: client.call("GET", "/x")):
        with raises_code("TIMEOUT") as caught:
            call()
        assert caught.value.source == "client"


LOCAL: dict[str, Call] = {
    "INVALID_ARGUMENT": lambda client: client.call("GET", "/x", {"a": 1}),
    "INVALID_PATH": lambda client: client.call("GET", "/../x"),
    "NO_TOKEN": lambda client: client.for_user("alice").call("GET", "/x"),
    "SESSION_NOT_FOUND": lambda client: client.for_user("a").exchange_token("exchange", "s"),
    "STORAGE_ERROR": lambda client: client.load_credentials("/nowhere/at/all"),
}


@pytest.mark.parametrize("code", LOCAL)
def test_what_is_raised_here_is_the_clients_word(client: AnyClient, code: str) -> None:
    with raises_code(code) as caught:
        LOCAL[code](client)
    assert caught.value.source == "client"


def test_an_authorization_url_without_pkce_is_refused_by_the_client(
    client: AnyClient, server: Server
) -> None:
    server.answer_next({**AUTHORIZATION, "authorization_url": "https://auth.example/go"})
    with raises_code("PKCE_REQUIRED") as caught:
        client.authorize("github", ["repo"])
    assert caught.value.source == "client"


def test_the_source_survives_pickling(client: AnyClient, server: Server) -> None:
    server.answer_next({"code": "object_not_found", "message": "Not there."}, 404)
    with raises_code("PROVIDER_ERROR", 404) as caught:
        client.call("GET", "/x")
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.source, again.details) == ("provider", caught.value.details)


@pytest.mark.parametrize("method", [ath.ATHGatewayClient.proxy, ath.ATHNativeClient.api])
def test_the_docstring_says_what_cannot_be_told_apart(method: Any) -> None:
    assert "cannot be told apart" in " ".join(method.__doc__.split())
