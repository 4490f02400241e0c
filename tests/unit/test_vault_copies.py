"""A vault's copies and lists: sessions go the same way as tokens, and nothing is shared."""

from __future__ import annotations

from ath import CredentialKey
from ath._client.credentials import Vault
from ath._protocol.context import require_registration
from ath.stores.record import Registration, Session, Token

KEY = CredentialKey("https://gateway.example", "https://agent.example/agent.json")
SHOP, CODE, SESSION = Token("t-shop", "shop"), Token("t-code", "code"), Session("shop", "v", 0.0)


def held() -> Vault:
    vault = Vault(KEY, None)
    vault.apply(lambda record: record.keep_registration(Registration("c-1", "s-1")))
    vault.apply(lambda record: record.keep_token(SHOP))
    vault.apply(lambda record: record.open_session("s", SESSION))
    return vault


def test_the_tokens_of_a_provider_are_those_that_serve_it() -> None:
    vault = held()
    assert vault.tokens("shop") == [SHOP]
    assert vault.tokens("unknown") == []


def test_a_copy_holds_sessions_too_and_goes_its_own_way() -> None:
    vault = held()
    copy = vault.snapshot()
    assert copy.sessions == {"s": SESSION}
    vault.apply(lambda record: record.open_session("later", SESSION))
    vault.apply(lambda record: record.keep_token(CODE))
    assert list(copy.sessions) == ["s"]
    assert list(copy.tokens) == ["shop"]


def test_a_copy_takes_the_place_of_all_that_another_held() -> None:
    other = Vault(KEY, None)
    other.apply(lambda record: record.open_session("former", SESSION))
    other.apply(lambda record: record.keep_token(CODE))
    other.replace(held().snapshot())
    assert other.session("s") == SESSION
    assert other.session("former") is None
    assert other.tokens() == [SHOP]
    assert require_registration(other) == Registration("c-1", "s-1")
