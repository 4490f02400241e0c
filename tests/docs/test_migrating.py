"""What docs/migrating.md says of this library holds, against what the official SDK offers.

official_0_1_0.json lists the names, methods and arguments of the official release 0.1.0, as its own
inspect.signature tells them. What it does was seen by running it against the local gateway.
"""

from __future__ import annotations

import inspect
import json
import re
import stat
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ath
from ath import ATHError, ATHGatewayClient
from ath.testing import LocalGateway, Quirks
from tests.harness.clients import raises_code

from .conftest import AGENT_ID
from .guides import ROOT, read

GUIDE = read(ROOT / "docs" / "migrating.md")
OFFICIAL = json.loads(Path(__file__).with_name("official_0_1_0.json").read_text(encoding="utf-8"))
NAMES = OFFICIAL.pop("names")
OTHER = GUIDE.partition("## What has another name")[2].partition("\n## ")[0]
ACME: Any = {
    "developer": {"name": "Acme", "id": "acme"},
    "providers": [{"provider_id": "github", "scopes": ["read:user", "repo"]}],
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_the_official_sdk_is_here_or_the_guide_says_what_to_use(name: str) -> None:
    assert hasattr(ath, name) != (f"`{name}`" in OTHER)


@pytest.mark.parametrize("name", OFFICIAL)
def test_a_call_of_the_official_sdk_takes_the_same_arguments_here(name: str) -> None:
    owner, _, member = name.partition(".")
    found = getattr(ath, owner)
    if member:
        if not hasattr(found, member):
            replaced = {"get_client_id": "get_client_id()", "close": "await client.close()"}
            assert f"| `{replaced[member]}`" in OTHER
            return
        if OFFICIAL[name] is None:
            assert isinstance(inspect.getattr_static(found, member), property)
            return
        found = getattr(found, member)
    parameters = inspect.signature(found).parameters
    wanted = OFFICIAL[name]
    assert set(wanted) <= set(parameters)
    positional = [p.name for p in parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert [each for each in positional if each in wanted] == [
        each for each in wanted if each in positional
    ]
    new = set(parameters) - set(wanted) - {"self"}
    assert all(parameters[each].default is not inspect.Parameter.empty for each in new)


@pytest.fixture
def client(gateway: LocalGateway, private_key: Any) -> Iterator[ATHGatewayClient]:
    """A client whose user has consented."""
    with ATHGatewayClient(gateway.url, AGENT_ID, private_key, retry=None) as client:
        client.register(**ACME)
        auth = client.authorize("github", ["read:user", "repo"])
        gateway.approve(auth.authorization_url)
        client.exchange_token("exchange", auth.ath_session_id)
        yield client


def row(start: str) -> str:
    """The row of the guide's table; it must be there."""
    [found] = re.findall(rf"^\| {re.escape(start)}.*$", GUIDE, re.MULTILINE)
    return str(found).rpartition(" | ")[2]


def test_a_key_that_cannot_sign_is_refused_by_the_constructor() -> None:
    assert "`INVALID_KEY`" in row("a key that cannot sign")
    with raises_code("INVALID_KEY"):
        ATHGatewayClient("https://gateway.example", AGENT_ID, "no key")


def test_no_connection_is_a_network_error(private_key: Any) -> None:
    assert "`NETWORK_ERROR`" in row("no connection")
    with (
        ATHGatewayClient("http://127.0.0.1:1", AGENT_ID, private_key, retry=None) as client,
        raises_code("NETWORK_ERROR"),
    ):
        client.discover()


@pytest.mark.parametrize(
    ("start", "code", "call"),
    [
        ("an error of the API behind", "PROVIDER_ERROR", ("github", "POST", "/user/repos", {})),
        ("a path such as", "INVALID_PATH", ("github", "GET", "/../../agents/x")),
        ("tokens", "NO_TOKEN", ("mail", "GET", "/inbox")),
    ],
)
def test_a_call_ends_in_the_code_that_the_guide_names(
    start: str, code: str, call: tuple[Any, ...], client: ATHGatewayClient, gateway: LocalGateway
) -> None:
    assert f"`{code}`" in row(start)
    before = len(gateway.requests)
    sent = code == "PROVIDER_ERROR"
    with raises_code(code, 400 if sent else None):
        client.proxy(*call)
    assert len(gateway.requests) == before + sent


@pytest.mark.parametrize("style", ["html", "text"])
def test_an_implementors_error_without_a_code_is_an_http_error(
    style: Any, private_key: Any
) -> None:
    assert "`HTTP_ERROR`" in row("an error without a code")
    with (
        LocalGateway(quirks=Quirks(error_style=style)) as odd,
        ATHGatewayClient(odd.url, AGENT_ID, private_key) as stranger,
        raises_code("HTTP_ERROR", 401),
    ):
        stranger.register(**ACME)


def test_a_url_without_pkce_is_refused(private_key: Any) -> None:
    assert "`PKCE_REQUIRED`" in row("an authorization URL without PKCE")
    with LocalGateway(quirks=Quirks(pkce_in_url=False)) as odd:
        odd.publish_identity(AGENT_ID, private_key)
        with ATHGatewayClient(odd.url, AGENT_ID, private_key) as client:
            client.register(**ACME)
            with raises_code("PKCE_REQUIRED"):
                client.authorize("github", ["repo"])


def test_redirects_that_were_left_out_are_not_sent(
    client: ATHGatewayClient, gateway: LocalGateway
) -> None:
    assert "nothing is sent" in row("`redirect_uris`")
    sent = {key for request in gateway.requests if request.body.startswith(b"{")
            for key in json.loads(request.body)}  # fmt: skip
    assert "client_id" in sent
    assert sent & {"redirect_uris", "user_redirect_uri"} == set()


def test_an_attestation_lives_as_long_as_the_guide_says(client: ATHGatewayClient) -> None:
    assert "5 minutes, dated 30 seconds back" in row("attestations")
    claims = client.sign_attestation().split(".")[1]
    read_claims = json.loads(urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    assert read_claims["exp"] - read_claims["iat"] == 330  # backdated


def test_revoking_without_a_registration_is_an_error(
    gateway: LocalGateway, private_key: Any
) -> None:
    assert "`NOT_REGISTERED`" in row("`revoke()`")
    with (
        ATHGatewayClient(gateway.url, AGENT_ID, private_key) as client,
        raises_code("NOT_REGISTERED"),
    ):
        client.revoke()


def test_saved_credentials_are_for_their_owner_only(
    client: ATHGatewayClient, tmp_path: Path
) -> None:
    assert "mode 0600" in row("`save_credentials`")
    client.save_credentials(tmp_path / "saved.json")
    assert stat.S_IMODE((tmp_path / "saved.json").stat().st_mode) == 0o600


def test_the_message_of_an_error_is_an_attribute() -> None:
    error = ATHError("NO_TOKEN", "Nothing is held.")
    assert error.message == "Nothing is held."
    assert error.message in str(error)
    assert error.advice in str(error)
