"""What a client is made of: every wrong argument is named, and no key is ever shown."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from ath import ATHError, ATHSecurityWarning, MemoryStore
from tests.harness.clients import AGENT_ID, KEY, PEM, Kind, claims, raises_code
from tests.harness.worlds import World

URL = "https://gateway.example"


def make_client(kind: Kind, mode: str = "gateway", url: Any = URL, **options: Any) -> Any:
    return kind.client(url, mode, **options)


def failure_message(kind: Kind, code: str, **options: Any) -> str:
    with raises_code(code) as caught:
        make_client(kind, **options)
    return caught.value.message


@pytest.mark.parametrize(
    "url",
    [
        "gateway.example", "ftp://gateway.example", "https://", "https:///path", "", None, 7,
        b"https://gateway.example", "https://u:p@gateway.example", "https://gateway.example?x=1",
        "https://gateway.example?", "https://gateway.example#top", "https://gateway.example/#",
        "https://gateway.example/a b", "https://gateway.example\n", "https://gateway.example:99999",
        "https://gateway.example:port", "https:\\\\gateway.example", "https://[::1", "//gateway",
    ],
)  # fmt: skip
def test_a_url_that_cannot_be_called_is_refused(kind: Kind, url: Any) -> None:
    message = failure_message(kind, "INVALID_ARGUMENT", url=url)
    assert message.startswith("url ")
    assert "u:p" not in message


@pytest.mark.parametrize("url", ["https://g.example", "https://g.example/", "https://g.example//"])
def test_a_trailing_slash_of_the_url_makes_no_difference(kind: Kind, url: str) -> None:
    assert claims(make_client(kind, url=url).sign_attestation())["aud"] == "https://g.example"


@pytest.mark.parametrize(
    "agent_id",
    [
        "agent.example.com", "http://agent.example.com/agent.json", "ftp://agent.example.com", "",
        None, 7, "https://u:p@agent.example.com", "https://agent.example.com/#me",
        "https://agent.example.com/é", "https://agent.example.com/?x",
    ],
)  # fmt: skip
def test_an_agent_id_that_is_no_https_url_is_refused(kind: Kind, agent_id: Any) -> None:
    assert failure_message(kind, "INVALID_ARGUMENT", agent_id=agent_id).startswith("agent_id ")


@pytest.mark.parametrize(
    "agent_id",
    [
        "https://a.example",
        "http://localhost:8000/agent.json",
        "http://127.0.0.1/a",
        "http://[::1]/",
    ],
)
def test_an_agent_id_on_loopback_may_be_plain_http(kind: Kind, agent_id: str) -> None:
    client = make_client(kind, agent_id=agent_id)
    assert claims(client.sign_attestation())["sub"] == agent_id


@pytest.mark.parametrize(
    "timeout",
    [
        *(0, -1, float("nan"), "60", True, object()),
        *(httpx.Timeout(5, pool=-1), httpx.Timeout(5, read=float("nan")), httpx.Timeout("60")),  # type: ignore[arg-type]
    ],
)
def test_a_timeout_that_is_none_is_refused(kind: Kind, timeout: Any) -> None:
    assert "timeout" in failure_message(kind, "INVALID_ARGUMENT", timeout=timeout)


@pytest.mark.parametrize("timeout", [5, 0.5, None, float("inf"), httpx.Timeout(5, read=1)])
def test_seconds_an_httpx_timeout_or_none_are_timeouts(gateway: World, timeout: Any) -> None:
    client = gateway.client(timeout=timeout)
    assert client.discover()
    client.set_token("ath_tk_none")
    with raises_code("TOKEN_INVALID", 401):
        client.call("GET", "/user", timeout=timeout)


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"X-A": "1\r\nX-B: 2"}, "X-A"),
        ({"X-A": "é"}, "X-A"),
        ({"X-A": 7}, "X-A"),
        ({"X A": "1"}, "name"),
        ({"": "1"}, "name"),
        ({7: "1"}, "name"),
        ({"Authorization": "Bearer x"}, "Authorization"),
        ({"host": "evil.example"}, "host"),
        ({"X-ATH-Agent-ID": "https://other.example"}, "X-ATH-Agent-ID"),
        ({"Content-Length": "7"}, "Content-Length"),
        ("X-A: 1", "headers"),
        (7, "headers"),
        ([7], "headers"),
    ],
)
def test_headers_that_cannot_be_sent_are_refused(kind: Kind, headers: Any, said: str) -> None:
    message = failure_message(kind, "INVALID_ARGUMENT", headers=headers)
    assert said in message
    assert "Bearer x" not in message
    with raises_code("INVALID_ARGUMENT"):
        make_client(kind).for_user("alice", headers=headers)


@pytest.mark.parametrize("key_id", ["", None, 7, "a\nb"])
def test_a_key_id_is_text_on_one_line(kind: Kind, key_id: Any) -> None:
    assert "key_id" in failure_message(kind, "INVALID_ARGUMENT", key_id=key_id)


@pytest.mark.parametrize("audience", ["", 7, "a\nb"])
def test_an_audience_is_text_on_one_line(kind: Kind, audience: Any) -> None:
    assert "audience" in failure_message(kind, "INVALID_ARGUMENT", audience=audience)


@pytest.mark.parametrize("capabilities", [[""], [7], [None], "pay", 7])
def test_capabilities_are_a_list_of_texts(kind: Kind, capabilities: Any) -> None:
    assert "capabilities" in failure_message(kind, "INVALID_ARGUMENT", capabilities=capabilities)


def test_an_http_client_of_the_wrong_kind_is_refused(kind: Kind, mode: str) -> None:
    right, wrong = "Client", "AsyncClient"
    if kind.name == "async":
        right, wrong = wrong, right
    other = getattr(httpx, wrong)()
    try:
        for given in (other, object(), "client"):
            with raises_code("INVALID_ARGUMENT") as caught:
                make_client(kind, mode, http_client=given)
            assert f"httpx.{right}." in caught.value.message
    finally:
        other.close() if wrong == "Client" else kind.run(other.aclose())


def encrypt(password: bytes) -> str:
    return KEY.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(password),
    ).decode()


class Vendor:
    """A key that never leaves its vault."""

    def __init__(self, fail: bool = False, answer: Any = None) -> None:
        self.fail, self.answer = fail, answer

    def sign(self, data: bytes) -> Any:
        if self.fail:
            raise RuntimeError("vault-password")
        if self.answer is not None:
            return self.answer
        return KEY.sign(data, ec.ECDSA(hashes.SHA256()))


class Later:
    """What a coroutine function returns, but without a complaint if nobody awaits it."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __await__(self) -> Any:
        yield from ()
        return self.value


class AsyncVendor(Vendor):
    def sign(self, data: bytes) -> Any:
        return Later(super().sign(data))


@pytest.mark.parametrize(
    "form",
    [
        "text", "bytes", "escaped", "escaped and quoted", "windows", "path", "object", "signer",
        "encrypted text", "encrypted path", "sec1",
    ],
)  # fmt: skip
def test_a_private_key_comes_in_many_forms(gateway: World, tmp_path: Path, form: str) -> None:
    options: dict[str, Any] = {}
    key: Any = PEM
    match form:
        case "bytes":
            key = PEM.encode()
        case "escaped":
            key = PEM.replace("\n", "\\n")
        case "escaped and quoted":
            key = '"' + PEM.replace("\n", "\\n") + '"'
        case "windows":
            key = PEM.replace("\n", "\r\n")
        case "path":
            key = tmp_path / "key.pem"
            key.write_text(PEM)
        case "object":
            key = KEY
        case "signer":
            key = Vendor()
        case "encrypted text":
            key, options = encrypt(b"pw"), {"private_key_password": "pw"}
        case "encrypted path":
            key, options = tmp_path / "key.pem", {"private_key_password": b"pw"}
            key.write_text(encrypt(b"pw"))
        case "sec1":
            key = KEY.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption(),
            )
    gateway.register(gateway.client(private_key=key, **options))
    assert gateway.server.count("registrations") == 1


def test_an_async_client_takes_a_signer_with_a_coroutine(gateway: World, kind: Kind) -> None:
    client = gateway.client(private_key=AsyncVendor())
    if kind.name == "async":
        gateway.register(client)
        assert gateway.server.count("registrations") == 1
        return
    with raises_code("SIGNING_FAILED") as caught:
        gateway.register(client)
    assert "async client" in caught.value.message
    assert gateway.requests == []


@pytest.mark.parametrize("answer", [b"", b"\x00" * 63, "signature", 7])
def test_a_signer_that_returns_no_signature_is_named(kind: Kind, answer: Any) -> None:
    with raises_code("SIGNING_FAILED"):
        make_client(kind, private_key=Vendor(answer=answer)).sign_attestation()


def test_an_exception_of_a_signer_is_named_but_not_chained(kind: Kind) -> None:
    with raises_code("SIGNING_FAILED") as caught:
        make_client(kind, private_key=Vendor(fail=True)).sign_attestation()
    assert "RuntimeError" in caught.value.message
    assert "vault-password" not in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None


def pem(key: Any) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


PUBLIC = KEY.public_key()
PUBLIC_PEM = PUBLIC.public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)
MIDDLE = PEM.splitlines()[1]
RSA = rsa.generate_private_key(65537, 2048)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (ec.generate_private_key(ec.SECP384R1()), "secp384r1"),
        (pem(ec.generate_private_key(ec.SECP256K1())), "secp256k1"),
        (RSA, "RSA"),
        (pem(RSA), "RSA"),
        (pem(ed25519.Ed25519PrivateKey.generate()), "P-256"),
        (PUBLIC, "public"),
        (PUBLIC_PEM, "public"),
        (PUBLIC_PEM.decode(), "public"),
        ("garbage", "BEGIN"),
        ("", "BEGIN"),
        (PEM.replace(MIDDLE, MIDDLE[:-8]), "damaged"),
        (Path("/no/such/folder/key.pem"), "/no/such/folder/key.pem"),
        (None, "NoneType"),
        (7, "int"),
        ({"kty": "EC"}, "dict"),
    ],
)
def test_a_key_that_cannot_sign_is_refused_at_construction(kind: Kind, key: Any, said: str) -> None:
    message = failure_message(kind, "INVALID_KEY", private_key=key)
    assert said in message
    assert MIDDLE[:20] not in message


@pytest.mark.parametrize(
    ("key", "password", "said"),
    [
        (encrypt(b"right"), None, "private_key_password="),
        (encrypt(b"right"), "wrong-pass", "password is wrong"),
        (PEM, "wrong-pass", "not encrypted"),
        (KEY, "wrong-pass", "PEM"),
        (Vendor(), "wrong-pass", "PEM"),
    ],
)
def test_a_wrong_key_password_is_reported_without_showing_it(
    kind: Kind, key: Any, password: str | None, said: str
) -> None:
    message = failure_message(kind, "INVALID_KEY", private_key=key, private_key_password=password)
    assert said in message
    assert "wrong-pass" not in message


def test_an_error_at_construction_does_not_contain_the_key(kind: Kind) -> None:
    damaged = PEM.replace(MIDDLE, MIDDLE[:-8])
    with raises_code("INVALID_KEY") as caught:
        make_client(kind, private_key=damaged)
    error: BaseException | None = caught.value
    while error is not None:
        assert MIDDLE[:20] not in f"{error!r} {error} {error.args}"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def make_httpx_client(kind: Kind) -> Any:
    """Make an httpx client of the right kind that answers discovery without a network."""
    body = {"ath_version": "0.1", "gateway_id": "g", "agent_registration_endpoint": "x",
            "supported_providers": []}  # fmt: skip
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json=body))
    return kind.httpx_client(transport=transport)


def test_plain_http_beyond_loopback_warns_at_the_first_request_only(kind: Kind) -> None:
    client = make_client(kind, url="http://gateway.example", http_client=make_httpx_client(kind))
    with pytest.warns(ATHSecurityWarning, match=r"http://gateway\.example unencrypted") as caught:
        client.discover()
    assert len(caught) == 1
    client.discover()  # a warning would be an error here
    client.for_user("alice").discover()
    client.set_token("ath_tk_1")
    client.call("GET", "/user")


def test_a_call_to_a_provider_over_plain_http_warns_too(kind: Kind) -> None:
    client = make_client(kind, url="http://gateway.example", http_client=make_httpx_client(kind))
    client.set_token("ath_tk_1")
    with pytest.warns(ATHSecurityWarning):
        client.call("GET", "/user")
    client.discover()


@pytest.mark.parametrize(
    "url", ["https://gateway.example", "http://localhost", "http://127.0.0.1:8", "http://[::1]:8"]
)
def test_https_and_loopback_do_not_warn(kind: Kind, url: str) -> None:
    make_client(kind, url=url, http_client=make_httpx_client(kind)).discover()


def test_a_client_is_made_without_a_request_and_without_httpx() -> None:
    program = f"""
import sys
from ath import ATHGatewayClient
ATHGatewayClient({URL!r}, {AGENT_ID!r}, {PEM!r}).close()
assert "httpx" not in sys.modules and "tenacity" not in sys.modules, "imported too early"
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def test_credentials_of_the_wrong_kind_are_refused(kind: Kind) -> None:
    for given in (7, object(), {}, b"credentials.json"):
        assert "credentials" in failure_message(kind, "INVALID_ARGUMENT", credentials=given)
    client = make_client(kind, credentials=MemoryStore())
    client.load()
    assert client.client_id is None


@pytest.mark.parametrize("given", [0, -1, "1", 1.5, None])
def test_a_limit_that_is_no_number_of_bytes_is_refused(kind: Kind, given: object) -> None:
    assert "max_response_bytes" in failure_message(
        kind, "INVALID_ARGUMENT", max_response_bytes=given
    )


@pytest.mark.parametrize("given", [3, "3", True, {"attempts": 3}])
def test_a_retry_that_is_no_policy_is_refused_before_anything_is_sent(
    kind: Kind, given: object
) -> None:
    assert "RetryPolicy" in failure_message(kind, "INVALID_ARGUMENT", retry=given)
    client = make_client(kind, url="https://gateway.example", http_client=make_httpx_client(kind))
    with pytest.raises(ATHError, match="RetryPolicy"):
        client.discover(retry=given)
