"""The generated calls, through httpx and a transport in the same process."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from ath_api import AuthenticatedClient, Client
from ath_api.api.authorization import authorize
from ath_api.api.discovery import discover_gateway, discover_service
from ath_api.api.registration import get_registration, register_agent
from ath_api.api.token import exchange_token, revoke_token
from ath_api.errors import UnexpectedStatus
from ath_api.models import (
    AgentRegistration,
    ATHError,
    ATHErrorCode,
    DiscoveryDocument,
    TokenRevocationRequest,
)
from ath_api.types import Response
from spec_support import model, samples

CANARY = "canary-5f0c"
ENDPOINTS: list[tuple[Any, str | None]] = [
    (discover_gateway, None),
    (discover_service, None),
    (register_agent, "AgentRegistrationRequest"),
    (authorize, "AuthorizationRequest"),
    (exchange_token, "TokenExchangeRequest"),
    (revoke_token, "TokenRevocationRequest"),
    (get_registration, None),
]


def answering(status: int, body: bytes, **options: Any) -> Client:
    """A client whose server always gives this answer."""

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, content=body, headers={"x-canary": CANARY})

    return Client(
        base_url="https://ath.example.com",
        httpx_args={"transport": httpx.MockTransport(answer)},
        **options,
    )


def arguments(endpoint: Any, body: str | None) -> dict[str, Any]:
    if endpoint is get_registration:
        return {"client_id": "c"}
    return {"body": model(body).from_dict(samples()[body])} if body else {}


def call(endpoint: Any, body: str | None, status: int, content: bytes) -> Response[Any]:
    """Call the endpoint both ways; the answers have to be the same."""
    given = arguments(endpoint, body)
    response: Response[Any] = endpoint.sync_detailed(client=answering(status, content), **given)
    again = asyncio.run(endpoint.asyncio_detailed(client=answering(status, content), **given))
    assert response == again
    return response


@pytest.mark.parametrize("status", [200, 201, 204, 302, 400, 404, 418, 500, 502, 520, 599])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>canary-5f0c</html>",
        b"\xff\xfe\x00",
        b"null",
        b"[]",
        b'"canary-5f0c"',
        b'{"code": 7, "message": "canary-5f0c"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"code": 1e999, "message": ' + b"9" * 5000 + b"}",
    ],
    ids=lambda content: repr(content[:12]),
)
def test_no_body_costs_the_status(status: int, content: bytes) -> None:
    for endpoint, body in ENDPOINTS:
        response = call(endpoint, body, status, content)
        assert (response.status_code, response.content) == (status, content)
        assert type(response.status_code) is int
        assert response.parsed is None
        assert response.headers["x-canary"] == CANARY
        assert CANARY not in repr(response)


@pytest.mark.parametrize("status", [400, 401, 403, 409, 418, 500, 502, 520, 599])
def test_an_ath_error_is_read_at_every_error_status(status: int) -> None:
    for endpoint, body in ENDPOINTS:
        response = call(endpoint, body, status, b'{"code": "USER_DENIED", "message": "no"}')
        assert isinstance(response.parsed, ATHError)
        assert response.parsed.code is ATHErrorCode.USER_DENIED


def test_an_unexpected_status_is_raised_without_the_body_if_that_is_wanted() -> None:
    for endpoint, body in ENDPOINTS:
        client = answering(302, CANARY.encode(), raise_on_unexpected_status=True)
        with pytest.raises(UnexpectedStatus) as caught:
            endpoint.sync_detailed(client=client, **arguments(endpoint, body))
        assert caught.value.status_code == 302
        assert "302" in str(caught.value)
        assert CANARY not in repr(caught.value) + str(caught.value)


def test_requests_carry_their_method_path_and_json() -> None:
    seen = [
        (kwargs["method"], kwargs["url"], kwargs.get("json"))
        for endpoint, body in ENDPOINTS
        for kwargs in [endpoint._get_kwargs(**arguments(endpoint, body))]
    ]
    assert seen == [
        ("get", "/.well-known/ath.json", None),
        ("get", "/.well-known/ath-app.json", None),
        ("post", "/ath/agents/register", samples()["AgentRegistrationRequest"]),
        ("post", "/ath/authorize", samples()["AuthorizationRequest"]),
        ("post", "/ath/token", samples()["TokenExchangeRequest"]),
        ("post", "/ath/revoke", samples()["TokenRevocationRequest"]),
        ("get", "/ath/agents/c", None),
    ]
    least = revoke_token._get_kwargs(body=TokenRevocationRequest(token="t"))
    assert least["json"] == {"token": "t"}


@pytest.mark.parametrize("name", ["", ".", "..", "%2e", "%2E%2e", ".%2e", "%252e%252E"])
def test_a_path_parameter_cannot_address_another_endpoint(name: str) -> None:
    with pytest.raises(ValueError, match=r"^client_id: "):
        get_registration.sync(name, client=answering(200, b""))


@pytest.mark.parametrize(
    ("name", "path"),
    [("a/../b", "a%2F..%2Fb"), ("a?b#c", "a%3Fb%23c"), ("...", "..."), ("ü %", "%C3%BC%20%25")],
)
def test_a_path_parameter_is_one_segment(name: str, path: str) -> None:
    assert get_registration._get_kwargs(name)["url"] == f"/ath/agents/{path}"


def test_the_short_calls_give_the_parsed_answer() -> None:
    document = b'{"ath_version":"0.1","gateway_id":"g","agent_registration_endpoint":"u",'
    document += b'"supported_providers":[]}'
    expected = DiscoveryDocument(
        ath_version="0.1",
        gateway_id="g",
        agent_registration_endpoint="u",
        supported_providers=[],
    )
    assert discover_gateway.sync(client=answering(200, document)) == expected
    assert asyncio.run(discover_gateway.asyncio(client=answering(200, document))) == expected
    state = b'{"client_id":"c","agent_status":"pending","approved_providers":[]}'
    found = get_registration.sync("c", client=answering(200, state))
    assert isinstance(found, AgentRegistration)


def test_no_credential_is_in_the_repr_of_a_client() -> None:
    options: dict[str, Any] = {
        "base_url": "https://ath.example.com",
        "headers": {"X-ATH-User-Token": CANARY},
        "cookies": {"session": CANARY},
        "httpx_args": {"auth": ("c", CANARY)},
    }
    assert CANARY not in repr(Client(**options))
    client = AuthenticatedClient(token=CANARY, **options)
    assert CANARY not in repr(client)
    assert CANARY not in repr(client.with_headers({"Authorization": CANARY}))


def test_a_registration_can_be_asked_for_with_client_authentication() -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["authorization"])
        return httpx.Response(401)

    client = AuthenticatedClient(
        base_url="https://ath.example.com",
        token="YzpzZWNyZXQ=",
        prefix="Basic",
        httpx_args={"transport": httpx.MockTransport(answer)},
    )
    assert get_registration.sync_detailed("c", client=client).status_code == 401
    assert seen == ["Basic YzpzZWNyZXQ="]


def test_redirects_are_not_followed() -> None:
    asked: list[httpx.URL] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        return httpx.Response(307, headers={"location": "https://elsewhere.example.com/"})

    client = Client(
        base_url="https://ath.example.com",
        httpx_args={"transport": httpx.MockTransport(answer)},
    )
    body = TokenRevocationRequest(token="t", client_secret=CANARY)
    assert revoke_token.sync_detailed(client=client, body=body).status_code == 307
    assert len(asked) == 1
