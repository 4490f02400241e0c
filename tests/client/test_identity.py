"""An agent's identity document: made for publishing, and checked where it is published."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Callable
from typing import Any

import pytest
import trustme
from ath_api.models import DeveloperInfo
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st

from ath import AgentKey, ATHError, IdentityFinding, agent_identity_document, check_identity
from ath._http.messages import Reply
from ath.identity import _examine
from ath.testing import LocalGateway
from tests.harness.clients import Kind
from tests.harness.server import Answer, Request, Server

KEY = AgentKey.generate()
AGENT_ID = "https://agent.example/agent.json"
DEVELOPER = {"name": "Acme", "id": "acme"}
PUBLIC_PEM = (
    KEY._key.public_key()
    .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    .decode()
)


def kind_of(value: object) -> str:
    """Names a test whose values differ from process to process."""
    return type(value).__name__


def document(agent_id: str, /, **changed: Any) -> dict[str, Any]:
    """A good document, or one with something else in it; None leaves a field out."""
    made = agent_identity_document(agent_id, KEY, name="Agent", developer=DEVELOPER).to_dict()
    return {name: value for name, value in (made | changed).items() if value is not None}


def codes(findings: list[IdentityFinding]) -> list[str]:
    assert all(finding.message.endswith(".") for finding in findings)
    assert all(finding.message.isprintable() for finding in findings)
    return [code for code, _ in findings]


def test_the_document_says_who_the_agent_is() -> None:
    made = agent_identity_document(
        AGENT_ID, KEY, name="Agent", developer=DEVELOPER, capabilities=["summarise"]
    )
    assert json.loads(json.dumps(made.to_dict())) == {
        "ath_version": "0.1",
        "agent_id": AGENT_ID,
        "name": "Agent",
        "developer": DEVELOPER,
        "capabilities": ["summarise"],
        "public_key": KEY.public_jwk,
    }
    assert "capabilities" not in document(AGENT_ID)


@pytest.mark.parametrize("key", [KEY.public_jwk, PUBLIC_PEM, KEY._key.public_key()], ids=kind_of)
def test_a_key_kept_in_a_kms_is_published_by_its_public_half(key: Any) -> None:
    developer = DeveloperInfo(name="Acme", id="acme")
    made = agent_identity_document(AGENT_ID, key, name="Agent", developer=developer)
    assert made.public_key == KEY.public_jwk


@pytest.mark.parametrize(
    ("code", "changed"),
    [
        ("INVALID_ARGUMENT", {"agent_id": "http://agent.example/agent.json"}),
        ("INVALID_ARGUMENT", {"agent_id": "agent.example"}),
        ("INVALID_ARGUMENT", {"name": ""}),
        ("INVALID_ARGUMENT", {"developer": {"name": "Acme"}}),
        ("INVALID_ARGUMENT", {"developer": "Acme"}),
        ("INVALID_ARGUMENT", {"capabilities": "summarise"}),
        ("INVALID_ARGUMENT", {"capabilities": [1]}),
        ("INVALID_KEY", {"key": {"kty": "RSA"}}),
        ("INVALID_KEY", {"key": None}),
    ],
)
def test_a_document_that_would_not_work_is_not_made(code: str, changed: dict[str, Any]) -> None:
    arguments: dict[str, Any] = {"agent_id": AGENT_ID, "key": KEY, "name": "Agent"}
    with pytest.raises(ATHError) as caught:
        agent_identity_document(**{**arguments, "developer": DEVELOPER, **changed})
    assert caught.value.code == code


@pytest.fixture
def agent_id(server: Server) -> str:
    return f"{server.url}/~me/agent%20one/agent.json"


@pytest.mark.parametrize("key", [KEY, KEY.public_jwk, PUBLIC_PEM], ids=kind_of)
@pytest.mark.parametrize(
    "published", [KEY.public_jwk, {**KEY.public_jwk, "kid": "1"}, PUBLIC_PEM], ids=kind_of
)
def test_a_good_document_leaves_nothing_to_say(
    key: Any, published: Any, server: Server, agent_id: str
) -> None:
    server.answer_next(document(agent_id, public_key=published))
    assert check_identity(agent_id, key) == []
    [request] = server.requests
    assert (request.method, request.target) == ("GET", "/~me/agent%20one/agent.json")
    assert request.headers["accept"] == "application/json"


def test_a_good_document_over_https_leaves_nothing_to_say(
    authority: trustme.CA, new_server: Callable[..., Server]
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server = new_server(tls=context)
    agent_id = f"{server.url}/agent.json"
    server.answer_next(document(agent_id))
    assert check_identity(agent_id, KEY) == []


def test_a_document_under_a_certificate_that_nobody_trusts_is_unreachable(
    new_server: Callable[..., Server],
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    server = new_server(tls=context)
    assert codes(check_identity(f"{server.url}/agent.json", KEY)) == ["UNREACHABLE"]


OTHER = AgentKey.generate().public_jwk
PRIVATE_PEM = KEY._key.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()


@pytest.mark.parametrize(
    ("expected", "changed"),
    [
        (["WRONG_KEY"], {"public_key": OTHER}),
        (["WRONG_AGENT_ID"], {"agent_id": AGENT_ID}),
        (["WRONG_AGENT_ID", "WRONG_KEY"], {"agent_id": "\u202e\n", "public_key": OTHER}),
        (["INVALID_DOCUMENT"], {"name": None}),
        (["INVALID_DOCUMENT"], {"agent_id": None}),
        (["INVALID_DOCUMENT"], {"agent_id": 7}),
        (["INVALID_DOCUMENT"], {"public_key": None}),
        (["INVALID_DOCUMENT", "WRONG_KEY"], {"developer": "Acme", "public_key": OTHER}),
        (["INVALID_PUBLIC_KEY"], {"public_key": {"keys": [KEY.public_jwk]}}),
        (["INVALID_PUBLIC_KEY"], {"public_key": "-----BEGIN"}),
        (["PRIVATE_KEY"], {"public_key": {**KEY.public_jwk, "d": "AQ"}}),
        (["PRIVATE_KEY"], {"public_key": PRIVATE_PEM}),
    ],
)
def test_what_is_wrong_in_the_document_is_found(
    expected: list[str], changed: dict[str, Any], server: Server, agent_id: str
) -> None:
    server.answer_next(document(agent_id, **changed))
    findings = check_identity(agent_id, KEY)
    assert codes(findings) == expected
    assert not [line for line in PRIVATE_PEM.splitlines() if line in str(findings)]


def test_a_wrong_key_is_told_by_both_thumbprints(server: Server, agent_id: str) -> None:
    other = AgentKey.generate()
    server.answer_next(document(agent_id, public_key=other.public_jwk))
    [finding] = check_identity(agent_id, KEY)
    assert other.thumbprint in finding.message
    assert KEY.thumbprint in finding.message


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_found_and_not_followed(server: Server, agent_id: str, status: int) -> None:
    server.answer_next(status=status, location=f"{server.url}/elsewhere")
    server.answer_next(document(agent_id))
    assert codes(check_identity(agent_id, KEY)) == ["REDIRECT"]
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [204, 401, 404, 500, 503])
def test_another_status_is_found(server: Server, agent_id: str, status: int) -> None:
    server.answer_next(document(agent_id), status=status)
    [finding] = check_identity(agent_id, KEY)
    assert finding.code == "HTTP_STATUS"
    assert str(status) in finding.message
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("media_type", "expected"),
    [
        ("application/json; charset=utf-8", []),
        ("Application/JSON", []),
        ("application/ath+json", []),
        ("text/plain", ["CONTENT_TYPE"]),
        ("text/html\x00", ["CONTENT_TYPE"]),
        ("", ["CONTENT_TYPE"]),
    ],
)
def test_a_content_type_other_than_json_is_found(media_type: str, expected: list[str]) -> None:
    body = json.dumps(document(AGENT_ID)).encode()
    reply = Reply(200, [(b"Content-Type", media_type.encode())], body)
    assert codes(_examine(reply, AGENT_ID, KEY.public_jwk)) == expected


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"\xff\xfe\xff", b"[" * 100_000, b"NaN"])
def test_what_is_no_json_object_is_found(body: bytes) -> None:
    reply = Reply(200, [(b"Content-Type", b"application/json")], body)
    assert codes(_examine(reply, AGENT_ID, KEY.public_jwk)) == ["INVALID_DOCUMENT"]


def test_the_environments_proxy_is_used(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    agent_id = "http://agent.invalid/agent.json"
    monkeypatch.setenv("HTTP_PROXY", server.url)
    server.answer_next(document(AGENT_ID, agent_id=agent_id))
    assert codes(check_identity(agent_id, KEY)) == ["NOT_HTTPS"]
    assert [request.target for request in server.requests] == [agent_id]


def test_a_proxy_that_cannot_be_used_makes_the_host_unreachable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ALL_PROXY", "gopher://proxy.invalid")
    assert codes(check_identity(AGENT_ID, KEY)) == ["UNREACHABLE"]


def test_a_host_that_does_not_answer_is_found(server: Server, agent_id: str) -> None:
    server.stop()
    assert codes(check_identity(agent_id, KEY)) == ["UNREACHABLE"]
    assert codes(check_identity("https://agent.invalid/agent.json", KEY)) == ["UNREACHABLE"]


def test_a_host_that_never_answers_is_given_up_after_the_timeout(
    server: Server, agent_id: str
) -> None:
    server.answer_all(b"HTTP/1.1 200 OK\r\nX: ", endless=b"x")
    assert codes(check_identity(agent_id, KEY, timeout=0.3)) == ["UNREACHABLE"]
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/agent.json"
        assert codes(check_identity(url, KEY, timeout=0.3)) == ["UNREACHABLE"]


def test_a_document_without_end_is_not_read_to_it(server: Server, agent_id: str) -> None:
    server.answer_all(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n", endless=b" " * 4096
    )
    assert codes(check_identity(agent_id, KEY)) == ["TOO_LARGE"]


@pytest.mark.parametrize(
    ("agent_id", "expected"),
    [
        ("http://agent.invalid/agent.json", ["NOT_HTTPS", "UNREACHABLE"]),
        ("ftp://agent.example/agent.json", ["NOT_HTTPS"]),
        ("agent.example/agent.json", ["NOT_HTTPS"]),
        ("https://", ["INVALID_AGENT_ID"]),
        ("https://user:hunter2@agent.example/agent.json", ["INVALID_AGENT_ID"]),
        ("https://agent.example/agent.json?x=1", ["INVALID_AGENT_ID"]),
        ("https://agent.example/ägent.json", ["INVALID_AGENT_ID"]),
        ("https://agent.example:99999/agent.json", ["INVALID_AGENT_ID"]),
    ],
)
def test_an_agent_id_that_cannot_work_is_found(agent_id: str, expected: list[str]) -> None:
    findings = check_identity(agent_id, KEY)
    assert codes(findings) == expected
    assert "hunter2" not in str(findings)


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        ("INVALID_KEY", (AGENT_ID, None)),
        ("INVALID_KEY", (AGENT_ID, "agent.pem")),
        ("INVALID_ARGUMENT", (None, KEY)),
    ],
)
def test_wrong_arguments_are_errors(code: str, arguments: Any) -> None:
    with pytest.raises(ATHError) as caught:
        check_identity(*arguments)
    assert caught.value.code == code
    with pytest.raises(ATHError):
        check_identity(AGENT_ID, KEY, timeout=0)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "agent_id": JSON,
        "name": JSON,
        "public_key": JSON | st.fixed_dictionaries(dict.fromkeys(KEY.public_jwk, JSON)),
    },
)


@given(st.binary() | FIELDS.map(lambda changed: json.dumps(document(AGENT_ID) | changed).encode()))
def test_no_document_makes_it_raise(body: bytes) -> None:
    reply = Reply(200, [(b"Content-Type", b"application/json")], body)
    findings = _examine(reply, AGENT_ID, KEY.public_jwk)
    codes(findings)
    if not findings:
        assert json.loads(body)["agent_id"] == AGENT_ID


def test_an_agent_registers_with_the_document_that_it_published(server: Server, kind: Kind) -> None:
    """The verifier is the local gateway's own, which fetches the document."""
    agent_id = f"{server.url}/agent.json"

    def serve(_: Request) -> bytes:
        return Answer(document(agent_id)).to_bytes()

    server.answer_all_with(serve)
    with LocalGateway() as gateway:
        client = kind.client(gateway.url, agent_id=agent_id, private_key=KEY)
        providers = [{"provider_id": "github", "scopes": ["repo"]}]
        client.register(developer=DEVELOPER, providers=providers)
    assert len(server.requests) == 1
