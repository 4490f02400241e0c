"""The generated calls, through httpx and a transport in the same process."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable
from importlib import import_module
from typing import Any

import httpx
import pytest
from ath_api import AuthenticatedClient, Client
from ath_api.api.discovery import discover_gateway
from ath_api.api.registration import get_registration, register_agent
from ath_api.api.token import exchange_token, revoke_token
from ath_api.errors import ResponseError
from ath_api.models import (
    AgentRegistration,
    ATHErrorCode,
    DiscoveryDocument,
    ErrorBody,
    TokenRevocationRequest,
)
from ath_api.types import Response
from openapi_python_client.strings import PythonIdentifier
from spec_support import generated_operations, model, read_spec, samples

CANARY = "canary-5f0c"
OPERATIONS = {
    operation["operationId"]: (
        import_module(f"ath_api.api.{operation['tags'][0]}.{operation['operationId']}"),
        operation,
    )
    for operation in generated_operations()
}
BODIES = [
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
]


def answering(status: int, body: bytes, **options: Any) -> Client:
    """A client whose server always gives this answer."""

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, content=body, headers={"x-canary": CANARY})

    return recording(answer, **options)


def recording(
    answer: Callable[[httpx.Request], httpx.Response], kind: type[Client] = Client, **options: Any
) -> Any:
    transport = httpx.MockTransport(answer)
    httpx_args = {"transport": transport, **options.pop("httpx_args", {})}
    return kind(base_url="https://ath.example.com", httpx_args=httpx_args, **options)


def arguments(operation: dict[str, Any]) -> dict[str, Any]:
    given = {
        str(PythonIdentifier(part["name"], "")): part["example"]
        for part in operation.get("parameters", ())
        if part.get("required")
    }
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        name = schema.rpartition("/")[2]
        given["body"] = model(name).from_dict(samples()[name])
    return given


def call(name: str, status: int, content: bytes) -> Response[Any, Any]:
    """Call the operation both ways; the answers have to be the same."""
    module, operation = OPERATIONS[name]
    given = arguments(operation)
    response: Response[Any, Any] = module.sync_detailed(client=answering(status, content), **given)
    again = asyncio.run(module.asyncio_detailed(client=answering(status, content), **given))
    assert response == again
    return response


def failure(name: str, status: int, content: bytes) -> ResponseError:
    """The error that the short calls raise, both ways."""
    module, operation = OPERATIONS[name]
    given = arguments(operation)
    errors = []
    with pytest.raises(ResponseError) as caught:
        module.sync(client=answering(status, content), **given)
    errors.append(caught.value)
    with pytest.raises(ResponseError) as caught:
        asyncio.run(module.asyncio(client=answering(status, content), **given))
    errors.append(caught.value)
    assert errors[0].response == errors[1].response
    return errors[0]


def has_body(name: str, status: int) -> bool:
    """Whether the spec describes a body for the answer."""
    _, operation = OPERATIONS[name]
    return status >= 400 or bool(operation["responses"].get(str(status), {}).get("content"))


def described(name: str, status: int) -> bool:
    return status >= 400 or str(status) in OPERATIONS[name][1]["responses"]


@pytest.mark.parametrize("status", [200, 201, 204, 302, 400, 404, 418, 500, 502, 520, 599])
@pytest.mark.parametrize("content", BODIES, ids=lambda content: repr(content[:12]))
def test_no_body_costs_the_status(status: int, content: bytes) -> None:
    for name in OPERATIONS:
        response = call(name, status, content)
        assert (response.status_code, response.content) == (status, content)
        assert type(response.status_code) is int
        assert response.parsed is None
        assert response.headers["x-canary"] == CANARY
        assert CANARY not in repr(response)
        fine = described(name, status) and not has_body(name, status)
        assert response.is_success is fine
        assert (response.problem is None) is fine


@pytest.mark.parametrize(
    ("status", "content", "problem"),
    [
        (200, b"", "the body is empty"),
        (200, b"<html>", "the body is not application/json"),
        (200, b"[]", "the body does not fit: expected an object, not an array"),
        (
            200,
            b'{"ath_version": 1}',
            "the body does not fit: ath_version: expected a string, not a",
        ),
        (204, b"", "the spec describes no answer with status 204"),
        (502, b"<html>", "the body is not application/json"),
        (500, b"{}", "the body does not fit: code: missing"),
    ],
)
def test_an_answer_says_what_is_wrong_with_it(status: int, content: bytes, problem: str) -> None:
    response = call("discover_gateway", status, content)
    assert not response.is_success
    assert response.problem is not None
    assert response.problem.startswith(problem)
    error = failure("discover_gateway", status, content)
    assert error.problem == response.problem
    assert str(error) == f"the answer has status {status}: {response.problem}"


@pytest.mark.parametrize("status", [400, 401, 403, 409, 418, 500, 502, 520, 599])
def test_an_error_is_read_at_every_error_status_and_raised_by_the_short_calls(status: int) -> None:
    content = b'{"code": "USER_DENIED", "message": "canary-5f0c"}'
    for name in OPERATIONS:
        response = call(name, status, content)
        assert isinstance(response.parsed, ErrorBody)
        assert response.parsed.code is ATHErrorCode.USER_DENIED
        assert (response.is_success, response.problem) == (False, None)
        error = failure(name, status, content)
        assert (error.status_code, error.problem) == (status, None)
        assert error.headers["x-canary"] == CANARY
        assert error.error == response.parsed
        assert str(error) == f"the answer has status {status}"
        assert CANARY not in str(error) + repr(error)


@pytest.mark.parametrize("status", [200, 201, 204, 302, 404, 500, 502, 520])
@pytest.mark.parametrize("content", BODIES, ids=lambda content: repr(content[:12]))
def test_the_short_calls_return_a_success_or_raise(status: int, content: bytes) -> None:
    for name in OPERATIONS:
        if call(name, status, content).is_success:
            assert OPERATIONS[name][0].sync(
                client=answering(status, content), **arguments(OPERATIONS[name][1])
            ) is None  # fmt: skip
        else:
            error = failure(name, status, content)
            assert CANARY not in str(error) + repr(error)


def test_an_error_survives_a_pickle() -> None:
    error = failure("revoke_token", 403, b'{"code": "USER_DENIED", "message": "m"}')
    copied = pickle.loads(pickle.dumps(error))
    assert copied.response == error.response
    assert (copied.status_code, copied.error, str(copied)) == (403, error.error, str(error))


def test_the_names_are_not_those_of_the_layer_above() -> None:
    import ath_api.errors
    import ath_api.models

    assert "ATHError" not in ath_api.models.__all__
    assert not hasattr(ath_api.errors, "ATHError")


@pytest.mark.parametrize("name", OPERATIONS)
def test_what_is_sent_is_what_prepare_says(name: str) -> None:
    module, operation = OPERATIONS[name]
    given = arguments(operation)
    prepared = module.prepare(**given)
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(500)

    module.sync_detailed(client=recording(answer), **given)
    asyncio.run(module.asyncio_detailed(client=recording(answer), **given))
    for request in seen:
        assert request.method == prepared.method
        assert request.url.raw_path.decode() == prepared.path
        assert request.content == (prepared.content or b"")
        for header, value in prepared.headers.items():
            assert request.headers[header] == value
    assert len(seen) == 2


def test_requests_carry_their_method_path_and_json() -> None:
    found = {}
    for path, item in read_spec()["paths"].items():
        for method, operation in item.items():
            if isinstance(operation, dict) and operation.get("operationId") in OPERATIONS:
                name = operation["operationId"]
                call = OPERATIONS[name][0].prepare(**arguments(operation))
                assert (call.method, OPERATIONS[name][0].PATH) == (method.upper(), path)
                found[name] = (call.path, call.body)
    assert found.keys() == OPERATIONS.keys()
    assert found["get_registration"] == ("/ath/agents/ath_client_1", None)
    assert found["authorize"] == ("/ath/authorize", samples()["AuthorizationRequest"])
    least = revoke_token.prepare(body=TokenRevocationRequest(token="t"))
    assert least.content == b'{"token":"t"}'
    assert least.headers == {"Content-Type": "application/json"}


def test_no_secret_is_in_the_repr_of_a_call() -> None:
    body = TokenRevocationRequest(token=CANARY, client_secret=CANARY)
    assert CANARY not in repr(revoke_token.prepare(body=body))


def test_a_body_without_json_is_refused_when_it_is_sent() -> None:
    body = TokenRevocationRequest(token=float("nan"))  # type: ignore[arg-type] # pyright: ignore
    with pytest.raises(ValueError, match="JSON compliant"):
        revoke_token.sync(client=answering(200, b""), body=body)


@pytest.mark.parametrize("name", ["", ".", "..", "%2e", "%2E%2e", ".%2e", "%252e%252E"])
def test_a_path_parameter_cannot_address_another_endpoint(name: str) -> None:
    with pytest.raises(ValueError, match=r"^client_id: "):
        get_registration.sync(name, client=answering(200, b""))


@pytest.mark.parametrize(
    ("name", "path"),
    [("a/../b", "a%2F..%2Fb"), ("a?b#c", "a%3Fb%23c"), ("...", "..."), ("ü %", "%C3%BC%20%25")],
)
def test_a_path_parameter_is_one_segment(name: str, path: str) -> None:
    assert get_registration.prepare(name).path == f"/ath/agents/{path}"


def test_the_short_calls_give_the_success_value() -> None:
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
    detailed = discover_gateway.sync_detailed(client=answering(200, document))
    assert (detailed.is_success, detailed.value()) == (True, expected)
    state = b'{"client_id":"c","agent_status":"pending","approved_providers":[]}'
    found = get_registration.sync("c", client=answering(200, state))
    assert isinstance(found, AgentRegistration)
    revocation = TokenRevocationRequest(token="t")
    for body in (b"", b"{}", b"<html>"):
        assert revoke_token.sync(client=answering(200, body), body=revocation) is None  # type: ignore[func-returns-value]


def test_docstrings_tell_what_is_sent_returned_and_raised() -> None:
    for module in (get_registration, exchange_token):
        for function in (module.sync, module.asyncio):
            text = str(function.__doc__)
            assert "errors.ResponseError" in text
            assert "httpx.HTTPError" in text
            assert "None" not in text
            assert "unset" not in text.lower()
    assert "client_id: The client_id of the registration." in str(get_registration.sync.__doc__)
    assert "body: A token to be given up." in str(revoke_token.sync.__doc__)
    assert "ResponseError" not in str(get_registration.sync_detailed.__doc__)
    assert "when approved" not in str(register_agent.sync.__doc__)


# Clients.


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


def test_a_client_waits_thirty_seconds_unless_told_otherwise() -> None:
    for http in (
        Client("https://a").get_httpx_client(),
        Client("https://a").get_async_httpx_client(),
    ):
        assert http.timeout == httpx.Timeout(30)
    assert Client("https://a", timeout=None).get_httpx_client().timeout == httpx.Timeout(None)
    assert Client("https://a", timeout=5).get_httpx_client().timeout == httpx.Timeout(5)


@pytest.mark.parametrize("kind", [Client, AuthenticatedClient])
def test_a_changed_copy_leaves_its_original_as_it_was(kind: type[Client]) -> None:
    token = {"token": "t"} if kind is AuthenticatedClient else {}
    original = recording(
        lambda request: httpx.Response(500, headers=request.headers),
        kind,
        headers={"a": "1"},
        **token,
    )
    http, async_http = original.get_httpx_client(), original.get_async_httpx_client()
    others = [
        original.with_headers({"a": "2", "b": "3"}),
        original.with_cookies({"c": "4"}),
        original.with_timeout(httpx.Timeout(5)),
    ]
    assert {type(other) for other in others} == {kind}
    for client in (original, *others):
        client.get_httpx_client()
        client.get_async_httpx_client()
    assert original.get_httpx_client() is http
    assert original.get_async_httpx_client() is async_http
    for one in (http, async_http):
        assert (one.headers["a"], one.timeout, dict(one.cookies)) == ("1", httpx.Timeout(30), {})
        assert "b" not in one.headers
    for one in (others[0].get_httpx_client(), others[0].get_async_httpx_client()):
        assert (one.headers["a"], one.headers["b"]) == ("2", "3")
    assert dict(others[1].get_httpx_client().cookies) == {"c": "4"}
    assert others[2].get_httpx_client().timeout == httpx.Timeout(5)


def test_threads_that_race_share_one_connection_pool() -> None:
    from concurrent.futures import ThreadPoolExecutor

    client = Client("https://ath.example.com")
    with ThreadPoolExecutor(16) as threads:
        made = list(threads.map(lambda _: client.get_httpx_client(), range(64)))
    assert len(set(map(id, made))) == 1
    made[0].close()


@pytest.mark.parametrize("own_client", [False, True])
def test_a_registration_can_be_asked_for_with_client_authentication(own_client: bool) -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["authorization"])
        return httpx.Response(401)

    basic = recording(answer, AuthenticatedClient, token="YzpzZWNyZXQ=", prefix="Basic")
    plain = recording(answer, httpx_args={"auth": ("c", "secret")})
    if own_client:
        transport = httpx.MockTransport(answer)
        basic.set_httpx_client(httpx.Client(base_url="https://a", transport=transport))
    for client in (basic, plain):
        assert get_registration.sync_detailed("c", client=client).status_code == 401
    assert seen == ["Basic YzpzZWNyZXQ="] * 2


def test_redirects_are_not_followed() -> None:
    asked: list[httpx.URL] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        return httpx.Response(307, headers={"location": "https://elsewhere.example.com/"})

    body = TokenRevocationRequest(token="t", client_secret=CANARY)
    response = revoke_token.sync_detailed(client=recording(answer), body=body)
    assert response.status_code == 307
    assert len(asked) == 1


def test_clients_are_context_managers() -> None:
    with answering(200, b"") as client:
        http = client.get_httpx_client()
        assert not http.is_closed
    assert http.is_closed

    async def enter() -> httpx.AsyncClient:
        async with answering(200, b"") as client:
            return client.get_async_httpx_client()

    assert asyncio.run(enter()).is_closed
