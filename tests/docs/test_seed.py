"""The user documentation's snippets, re-indented in seed/, run as they are written.

Only its placeholders are filled in (url, code, session id, `...`), and the user consents.
"""

from __future__ import annotations

from pathlib import Path
from textwrap import indent
from typing import Any

import pytest

import ath
from ath import ATHGatewayClient, ATHNativeClient
from ath.testing import LocalGateway, LocalService

from .conftest import AGENT_ID

SNIPPETS = Path(__file__).with_name("seed")
SEED = Path(__file__).parents[3] / "shared" / "seed" / "python-sdk.zh.md"


def snippet(name: str, **placeholders: str) -> str:
    """A snippet with its placeholders filled in; each must be there."""
    text = (SNIPPETS / f"{name}.py").read_text(encoding="utf-8")
    for old, new in placeholders.items():
        place = PLACES[old]
        assert place in text
        text = text.replace(place, new)
    return text


PLACES = {
    "url": '"http://gateway.example.com"',
    "body": "    ...\n",
    "code": '"auth-code"',
    "session": '"ath_sess_..."',
    "provider": '"github"',
    "scopes": '["read:user", "repo"]',
    "wanted": '["read:user"]',
    "async_url": "url=...",
    "async_agent_id": "agent_id=...",
    "async_registration": "client.register(...)",
}


def run(text: str, namespace: dict[str, Any]) -> dict[str, Any]:
    exec(compile(text, "seed", "exec"), namespace)
    return namespace


@pytest.mark.skipif(not SEED.exists(), reason="the documentation itself is not here")
@pytest.mark.parametrize("path", sorted(SNIPPETS.glob("*.py")), ids=lambda path: path.stem)
def test_each_line_of_a_snippet_stands_in_the_documentation_in_that_order(path: Path) -> None:
    documented = SEED.read_text(encoding="utf-8")
    found = 0
    for line in filter(None, map(str.strip, path.read_text(encoding="utf-8").splitlines())):
        position = documented.find(line, found)
        assert position >= 0, line
        found = position + len(line)


@pytest.mark.skipif(not SEED.exists(), reason="the documentation itself is not here")
def test_no_line_of_code_in_the_documentation_is_left_out() -> None:
    kept = {
        line.strip()
        for path in SNIPPETS.glob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
    }
    code = [
        line.strip()
        for line in SEED.read_text(encoding="utf-8").splitlines()
        if line.strip().startswith(
            ("from ", "import ", "client.", "await ", "async ", "with ", "def ", "for ", "print(")
        )
    ]
    assert code
    assert [line for line in code if line not in kept] == []


def test_the_gateway_snippets_run_one_after_the_other(
    gateway: LocalGateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    handshake = [
        "publish(key)",
        snippet("discover_gateway"),
        snippet("register"),
        snippet("authorize"),
        "approve(auth.authorization_url)",
        snippet("exchange_token", code='"any"', session="auth.ath_session_id"),
    ]
    text = snippet("create_client", url="gateway_url", body=indent("\n".join(handshake), "    "))
    namespace = {
        "gateway_url": gateway.url,
        "publish": lambda key: gateway.publish_identity(AGENT_ID, key),
        "approve": gateway.approve,
    }
    run(snippet("imports") + text, namespace)
    printed = capsys.readouterr().out
    assert "github ['read:user', 'repo']" in printed
    assert "Send user to: http://127.0.0.1" in printed
    assert "ath_tk_" in printed
    assert namespace["token"].effective_scopes == ["read:user"]


@pytest.fixture
def client(gateway: LocalGateway, private_key: Any) -> Any:
    """A client whose user has consented to both scopes."""
    with ATHGatewayClient(gateway.url, AGENT_ID, private_key) as client:
        client.register(
            developer={"name": "Acme", "id": "acme"},
            providers=[{"provider_id": "github", "scopes": ["read:user", "repo"]}],
        )
        auth = client.authorize("github", ["read:user", "repo"])
        gateway.approve(auth.authorization_url)
        client.exchange_token("exchange", auth.ath_session_id)
        yield client


def test_the_proxy_and_revoke_snippets_run(client: ATHGatewayClient) -> None:
    namespace = run(snippet("proxy"), {"client": client})
    assert namespace["user"]["login"] == "ada"
    assert namespace["repos"]["name"] == "new-repo"
    run(snippet("revoke"), namespace)
    with pytest.raises(ath.ATHError, match="NO_TOKEN"):
        client.proxy("github", "GET", "/user")


def test_the_native_snippets_run(service: LocalService, private_key: Any) -> None:
    scopes = '["products:read", "orders:write"]'
    named = f'"{service.app_id}"'
    text = [
        snippet("discover_native"),
        snippet("register", provider=named, scopes=scopes),
        snippet("authorize", provider=named, wanted=scopes),
        "approve(auth.authorization_url)",
        snippet("exchange_token", code='"any"', session="auth.ath_session_id"),
        snippet("api"),
        snippet("revoke"),
    ]
    with ATHNativeClient(service.url, AGENT_ID, private_key) as client:
        namespace = run("\n".join(text), {"client": client, "approve": service.approve})
    assert [product["id"] for product in namespace["products"]] == ["tea", "cup"]
    assert namespace["order"]["shippingAddress"] == "..."


def test_the_credential_snippets_run(
    client: ATHGatewayClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run(snippet("credentials"), {"client": client})
    assert client.client_id == "ath_abc"
    client.load_credentials("creds.json")
    assert client.proxy("github", "GET", "/user")["login"] == "ada"


def test_the_async_snippet_runs(gateway: LocalGateway, private_key: Any) -> None:
    from cryptography.hazmat.primitives import serialization

    pem = private_key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    text = snippet(
        "async_client",
        async_url="url=gateway_url",
        async_agent_id="agent_id=own_id",
        async_registration="client.register(**registration)",
    )
    line = 'auth = await client.authorize("github", ["read:user"])\n'
    assert line in text
    text = text.replace(line, f"{line}        approve(auth.authorization_url)\n")
    text = text.replace('"GET", "/user")\n', '"GET", "/user")\n        seen.append(data)\n')
    seen: list[Any] = []
    namespace = {
        "gateway_url": gateway.url,
        "own_id": AGENT_ID,
        "pem": pem,
        "registration": {
            "developer": {"name": "Acme", "id": "acme"},
            "providers": [{"provider_id": "github", "scopes": ["read:user"]}],
        },
        "approve": gateway.approve,
        "code": "exchange",
        "seen": seen,
    }
    run(text, namespace)
    assert [data["login"] for data in seen] == ["ada"]
    assert gateway.count("revocations") == 1


def test_the_error_snippet_runs_for_a_client_without_registration(
    gateway: LocalGateway, private_key: Any, capsys: Any
) -> None:
    with ATHGatewayClient(gateway.url, AGENT_ID, private_key) as client:
        run(snippet("errors"), {"client": client})
    assert capsys.readouterr().out.startswith("[NOT_REGISTERED] ")
