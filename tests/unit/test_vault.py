"""Credentials in use: which token serves, what a parent shares, what comes to the store."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from ath import CredentialKey, MemoryStore
from ath._client.credentials import Change, Vault
from ath._protocol.context import require_registration
from ath.errors import ATHError
from ath.stores.record import Record, Registration, Session, Token

from .support import error_of

KEY = CredentialKey("https://gateway.example", "https://agent.example/agent.json")
ALICE = KEY._replace(user="alice")
REGISTRATION = Registration("c-1", "s-1")
SHOP, CODE, ANY = Token("t-shop", "shop"), Token("t-code", "code"), Token("t-any")


def registered(client_id: str = "c-1") -> Change:
    return lambda record: record.keep_registration(Registration(client_id, "s"))


def with_token(token: Token) -> Change:
    return lambda record: record.keep_token(token)


def vault(store: Any = None, parent: Vault | None = None, key: CredentialKey = KEY) -> Vault:
    made = Vault(key, store, parent)
    made.load()
    return made


def test_a_vault_without_a_registration_says_so() -> None:
    assert vault().registration is None
    assert error_of(lambda: require_registration(vault())).code == "NOT_REGISTERED"


def test_a_providers_own_token_goes_before_one_for_any() -> None:
    one = vault()
    assert one.token_for("shop") is one.latest_token() is None
    one.apply(with_token(ANY))
    assert one.token_for("shop") is one.token_for("code") is ANY
    one.apply(with_token(SHOP))
    assert one.token_for("shop") is SHOP
    assert one.token_for("code") is ANY


def test_the_latest_token_is_the_one_that_came_last() -> None:
    one = vault()
    for token in (SHOP, CODE, SHOP):
        one.apply(with_token(token))
        assert one.latest_token() is token
    assert one.tokens() == [CODE, SHOP]


def test_a_users_vault_uses_the_parents_registration_and_its_own_tokens() -> None:
    parent = vault()
    parent.apply(registered())
    parent.apply(with_token(CODE))
    alice, bob = vault(parent=parent, key=ALICE), vault(parent=parent)
    alice.apply(with_token(SHOP))
    assert alice.registration is bob.registration is require_registration(parent)
    assert alice.owner is bob.owner is parent.owner is parent
    assert (alice.tokens(), bob.tokens(), parent.tokens()) == ([SHOP], [], [CODE])
    assert alice.token_for("code") is None


def test_a_new_registration_of_the_parent_ends_what_users_held() -> None:
    parent = vault()
    parent.apply(registered("c-1"))
    alice = vault(parent=parent, key=ALICE)
    alice.apply(with_token(SHOP))
    alice.apply(lambda record: record.open_session("s", Session("shop", "v", 0.0)))
    parent.apply(registered("c-1"))  # renewed: the same client
    assert alice.tokens() == [SHOP]
    parent.apply(registered("c-2"))
    assert alice.tokens() == []
    assert alice.session("s") is None


@pytest.mark.parametrize(
    "look",
    [lambda v: v.token_for("shop"), Vault.latest_token, Vault.tokens, lambda v: v.session("s")],
)
def test_no_way_of_looking_shows_what_a_former_registration_left(
    look: Callable[[Vault], Any],
) -> None:
    parent = vault()
    parent.apply(registered("c-1"))
    alice = vault(parent=parent, key=ALICE)
    alice.apply(with_token(SHOP))
    alice.apply(lambda record: record.open_session("s", Session("shop", "v", 0.0)))
    assert look(alice)
    parent.apply(registered("c-2"))
    assert not look(alice)


def test_a_token_set_before_any_registration_stays() -> None:
    one = vault()
    one.apply(with_token(SHOP))
    one.apply(registered())
    assert one.tokens() == [SHOP]


def test_what_is_persisted_is_there_for_the_next_process() -> None:
    store = MemoryStore()
    one = vault(store)
    for change in (registered(), with_token(SHOP)):
        one.apply(change)
        one.persist(change, "c-1")
    other = vault(store)
    assert other.registration == Registration("c-1", "s")
    assert other.tokens() == [SHOP]


def test_a_users_tokens_are_stored_without_the_registration() -> None:
    store = MemoryStore()
    parent = vault(store)
    parent.apply(registered())
    parent.persist(registered(), "c-1")
    alice = vault(store, parent, ALICE)
    alice.apply(with_token(SHOP))
    alice.persist(with_token(SHOP), "c-1")
    stored = Record.from_text(store.load(ALICE))
    assert stored.registration is None
    assert (stored.client_id, list(stored.tokens.values())) == ("c-1", [SHOP])
    assert Record.from_text(store.load(KEY)).tokens == {}


def test_a_change_is_made_on_top_of_what_others_wrote() -> None:
    store = MemoryStore()
    one = vault(store)
    one.apply(registered())
    one.persist(registered(), "c-1")
    other = vault(store)
    for a_vault, token in ((one, SHOP), (other, CODE)):
        a_vault.apply(with_token(token))
        a_vault.persist(with_token(token), "c-1")
    assert vault(store).tokens() == [SHOP, CODE]


class Busy(MemoryStore):
    """Others come first so many times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def replace(self, key: CredentialKey, old: str | None, new: str) -> bool:
        if self.times:
            self.times -= 1
            record = Record.from_text(old)
            record.keep_token(Token(f"other {self.times}", f"p{self.times}"))
            assert super().replace(key, old, record.to_text())
            return False
        return super().replace(key, old, new)


def test_other_writers_may_come_first_many_times() -> None:
    store = Busy(50)
    vault(store).persist(with_token(SHOP), "c-1")
    held = vault(store).tokens()
    assert len(held) == 51
    assert SHOP in held


def test_a_store_that_never_accepts_is_an_error() -> None:
    class Never(MemoryStore):
        def replace(self, *_: Any) -> bool:
            return False

    assert error_of(lambda: vault(Never()).persist(with_token(SHOP), "c-1")).code == "STORAGE_ERROR"


@pytest.mark.parametrize("method", ["load", "replace"])
@pytest.mark.parametrize(
    ("raised", "code"),
    [(ATHError("INVALID_CREDENTIALS", "m"), "INVALID_CREDENTIALS"), (KeyError("canary"), None)],
)
def test_a_failing_store_is_an_ath_error(method: str, raised: Exception, code: str | None) -> None:
    class Failing(MemoryStore):
        pass

    def fail(*_: Any) -> Any:
        raise raised

    store = Failing()
    one = vault(store)
    setattr(store, method, fail)
    error = error_of(lambda: one.persist(with_token(SHOP), "c-1"))
    assert error.code == (code or "STORAGE_ERROR")
    assert "canary" not in str(error)


@pytest.mark.parametrize("returned", ["{", "[]", b"{}", 7])
def test_a_store_that_returns_no_record_is_an_error(returned: Any) -> None:
    class Odd(MemoryStore):
        def load(self, key: CredentialKey) -> Any:
            return returned

    assert error_of(lambda: vault(Odd())).code == "INVALID_CREDENTIALS"


def test_a_snapshot_stands_alone() -> None:
    parent = vault()
    parent.apply(registered())
    alice = vault(parent=parent, key=ALICE)
    alice.apply(with_token(SHOP))
    copy = alice.snapshot()
    assert copy.registration == parent.registration
    alice.apply(with_token(CODE))
    assert list(copy.tokens.values()) == [SHOP]
    another = vault()
    another.replace(copy)
    assert another.registration == parent.registration
    assert another.tokens() == [SHOP]


def test_what_is_read_elsewhere_replaces_what_is_held() -> None:
    one = vault()
    one.apply(registered("c-1"))
    one.apply(with_token(SHOP))
    record = Record()
    record.keep_registration(Registration("c-2", "s-2"))
    record.keep_token(CODE)
    one.replace(record)
    assert one.registration == Registration("c-2", "s-2")
    assert one.tokens() == [CODE]


def test_threads_that_change_one_vault_lose_nothing() -> None:
    store = MemoryStore()
    one = vault(store)
    start = threading.Barrier(4)

    def work(name: int) -> None:
        start.wait()
        for number in range(50):
            change = with_token(Token(f"{name}.{number}", f"{name}.{number}"))
            one.apply(change)
            one.persist(change, "c-1")
            assert one.token_for(f"{name}.{number}")
            one.tokens()
            one.latest_token()

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(one.tokens()) == len(vault(store).tokens()) == 200


def test_what_was_set_on_a_users_view_before_any_registration_belongs_to_the_first() -> None:
    parent = vault()
    view = vault(parent=parent, key=ALICE)
    view.apply(with_token(SHOP))
    parent.apply(registered("c-1"))
    assert view.token_for("shop") is SHOP
    parent.apply(registered("c-2"))
    assert view.token_for("shop") is None


def test_a_users_stored_tokens_outlive_a_missing_registration_of_the_agent() -> None:
    store = MemoryStore()
    parent = vault(store)
    parent.apply(registered())
    view = vault(store, parent, ALICE)
    view.apply(with_token(SHOP))
    view.persist(with_token(SHOP), "c-1")
    restarted = vault(store, vault(), ALICE)
    restarted.apply(with_token(CODE))
    assert restarted.tokens() == [SHOP, CODE]


def test_a_change_of_a_former_registration_leaves_the_newer_one_of_another_process() -> None:
    store = MemoryStore()
    former, newer = vault(store), vault(store)
    for one, client_id in ((former, "c-1"), (newer, "c-2")):
        one.enroll(Registration(client_id, "s"))
        one.persist_registration(Registration(client_id, "s"))
    newer.persist(with_token(CODE), "c-2")
    former.apply(with_token(SHOP), "c-1")
    former.persist(with_token(SHOP), "c-1")
    assert former.tokens() == [SHOP]
    again = vault(store)
    assert again.registration == Registration("c-2", "s")
    assert again.tokens() == [CODE]


def test_a_token_of_a_registration_that_was_replaced_meanwhile_is_not_filed_under_the_new() -> None:
    one = vault()
    one.enroll(Registration("c-2", "s"))
    one.apply(with_token(SHOP), "c-1")
    assert one.tokens() == []
