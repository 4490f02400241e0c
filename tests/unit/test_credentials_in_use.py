"""Credentials in use: memory is what the store holds plus what the store has not acknowledged."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from ath import CredentialKey, Grant, MemoryStore
from ath._client.credentials import Credentials
from ath._client.held_record import KEPT_RECORDS, HeldRecords
from ath._client.run import use_store
from ath._protocol.context import require_registration
from ath._protocol.steps import Change
from ath.errors import ATHError
from ath.stores.record import Record, Registration, Session, Token

from .support import KEY, NOW, credentials, error_of, settle

ALICE = KEY._replace(user="alice")
SHOP, CODE, ANY = Token("t-shop", "shop"), Token("t-code", "code"), Token("t-any")
FIRST, SECOND = Registration("c-1", "s-1"), Registration("c-2", "s-2")
SESSION = Session("shop", "v", NOW, NOW + 600, "c-1")


def with_token(token: Token) -> Change:
    return partial(Record.keep_token, token=token)


def with_session(session: Session = SESSION) -> Change:
    return partial(Record.open_session, session_id="s", session=session)


def stored(store: MemoryStore, key: CredentialKey = KEY) -> Record:
    return Record.from_text(store.load(key))


def of_user(agent: Credentials, user: str = "alice") -> Credentials:
    """Another view of the same client."""
    return Credentials(agent._records, KEY._replace(user=user), KEY)


def test_without_a_registration_credentials_say_so() -> None:
    assert credentials().registration is None
    assert error_of(lambda: require_registration(credentials())).code == "NOT_REGISTERED"


def test_a_providers_own_token_goes_before_one_for_any() -> None:
    held = credentials()
    assert held.token_for("shop") is held.latest_token() is None
    held.change(with_token(ANY))
    assert held.token_for("shop") is held.token_for("code") is ANY
    held.change(with_token(SHOP))
    assert held.token_for("shop") is SHOP
    assert held.token_for("code") is ANY


def test_the_latest_token_is_the_one_that_came_last() -> None:
    held = credentials()
    for token in (SHOP, CODE, SHOP):
        held.change(with_token(token))
        assert held.latest_token() is token
    assert held.tokens() == [CODE, SHOP]
    assert held.tokens("shop") == [SHOP]
    assert held.tokens("unknown") == []


def test_a_user_uses_the_agents_registration_and_tokens_of_their_own() -> None:
    agent = credentials()
    agent.set_registration("c-1", "s-1")
    agent.change(with_token(CODE))
    alice, bob = of_user(agent), of_user(agent, "bob")
    alice.change(with_token(SHOP))
    assert alice.registration == bob.registration == agent.registration == FIRST
    assert (alice.tokens(), bob.tokens(), agent.tokens()) == ([SHOP], [], [CODE])
    assert alice.token_for("code") is None


def test_tokens_outlive_a_new_registration_and_sessions_do_not() -> None:
    agent = credentials()
    agent.set_registration("c-1", "s-1")
    alice = of_user(agent)
    for held in (agent, alice):
        held.change(with_token(SHOP))
        held.change(with_session())
        assert held.session("s") == SESSION
    agent.set_registration("c-2", "s-2")
    for held in (agent, alice):
        assert held.tokens() == [SHOP]
        assert held.session("s") is None
    assert agent.registration_of("c-1") == FIRST


def test_what_is_saved_is_there_for_the_next_process() -> None:
    store = MemoryStore()
    held = credentials(store)
    settle(held.save_registration(FIRST, None))
    settle(held.save(with_token(SHOP)))
    other = credentials(store)
    assert not other.loaded
    settle(other.load())
    assert (other.loaded, other.registration, other.tokens()) == (True, FIRST, [SHOP])


def test_a_users_tokens_are_stored_without_the_registration() -> None:
    store = MemoryStore()
    agent = credentials(store)
    settle(agent.save_registration(FIRST, None))
    settle(of_user(agent).save(with_token(SHOP)))
    assert stored(store, ALICE).registration is None
    assert list(stored(store, ALICE).tokens.values()) == [SHOP]
    assert stored(store).tokens == {}


def test_a_change_is_made_on_top_of_what_others_wrote() -> None:
    store = MemoryStore()
    one, other = credentials(store), credentials(store)
    settle(one.save(with_token(SHOP)))
    settle(other.save(with_token(CODE)))
    assert list(stored(store).tokens.values()) == [SHOP, CODE]
    assert other.tokens() == [SHOP, CODE]  # a write shows what others wrote before


def test_what_was_only_loaded_is_never_written_back() -> None:
    store = MemoryStore()
    one, other = credentials(store), credentials(store)
    settle(one.save(with_token(SHOP)))
    settle(other.load())
    settle(one.save(partial(Record.drop_token, access_token=SHOP.access_token)))
    settle(other.save(with_token(CODE)))
    assert list(stored(store).tokens.values()) == [CODE]
    assert other.tokens() == [CODE]


def test_what_is_set_by_hand_is_stored_with_the_next_change() -> None:
    store = MemoryStore()
    first = credentials(store)
    settle(first.save_registration(FIRST, None))
    held = credentials(store)
    held.set_registration("c-2", "s-2")
    held.change(partial(Record.set_token, token=ANY))
    assert stored(store).registration == FIRST
    settle(held.load())
    assert (held.registration, held.tokens()) == (SECOND, [ANY])
    settle(held.save(with_session(Session("shop", "v", NOW, NOW + 600))))
    assert stored(store).registration == SECOND
    assert list(stored(store).tokens.values()) == [ANY]


class Failing(MemoryStore):
    """Refuses to be written while it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.full = False

    def replace(self, key: CredentialKey, old: str | None, new: str) -> bool:
        if self.full:
            raise OSError(28, "No space left on device")
        return super().replace(key, old, new)


def test_a_change_whose_saving_failed_is_saved_with_the_next_one() -> None:
    store = Failing()
    held = credentials(store)
    store.full = True
    assert error_of(lambda: settle(held.save(with_token(SHOP)))).code == "STORAGE_ERROR"
    assert held.tokens() == [SHOP]
    store.full = False
    settle(held.load())
    assert held.tokens() == [SHOP]
    assert stored(store).tokens == {}
    settle(held.save(with_token(CODE)))
    assert list(stored(store).tokens.values()) == [SHOP, CODE]


def test_a_token_that_was_dropped_while_the_store_was_full_does_not_come_back() -> None:
    store = Failing()
    held = credentials(store)
    settle(held.save(with_token(SHOP)))
    store.full = True
    drop = partial(Record.drop_token, access_token=SHOP.access_token)
    error_of(lambda: settle(held.save(drop)))
    settle(held.load())
    assert held.tokens() == []


def test_of_two_registrations_at_once_the_first_to_be_stored_stays() -> None:
    store = MemoryStore()
    one, other = credentials(store), credentials(store)
    settle(one.load())
    settle(other.load())
    settle(one.save_registration(FIRST, instead_of=None))
    settle(other.save_registration(SECOND, instead_of=None))
    assert one.registration == other.registration == stored(store).registration == FIRST


def test_a_registration_that_was_asked_for_takes_the_place_of_the_former() -> None:
    store = MemoryStore()
    held = credentials(store)
    settle(held.save_registration(FIRST, None))
    settle(held.save_registration(SECOND, instead_of="c-1"))
    assert stored(store).registration == SECOND
    assert stored(store).earlier == (FIRST,)


class Busy(MemoryStore):
    """Other writers come first so many times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def replace(self, key: CredentialKey, old: str | None, new: str) -> bool:
        if self.times:
            self.times -= 1
            record = Record.from_text(old)
            record.keep_token(Token(f"other {self.times}", f"p{self.times}"))
            assert super().replace(key, old, record.to_text(NOW))
            return False
        return super().replace(key, old, new)


def test_other_writers_may_come_first_many_times() -> None:
    store = Busy(50)
    settle(credentials(store).save(with_token(SHOP)))
    tokens = list(stored(store).tokens.values())
    assert len(tokens) == 51
    assert SHOP in tokens


@pytest.mark.parametrize("forget", [False, True])
def test_a_store_that_never_accepts_is_an_error_after_a_minute(
    forget: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Never:
        def load(self, key: CredentialKey) -> None:
            return None

        def replace(self, *_: Any) -> bool:
            return False

    now = iter(range(0, 10_000, 5))
    monkeypatch.setattr("ath._client.operations.time.monotonic", lambda: next(now))
    held = credentials(Never())
    work = held.forget() if forget else held.save(with_token(SHOP))
    assert error_of(lambda: settle(work)).code == "STORAGE_ERROR"
    assert 60 < next(now) < 80


@pytest.mark.parametrize("method", ["load", "replace"])
@pytest.mark.parametrize(
    ("raised", "code"),
    [(ATHError("INVALID_CREDENTIALS", "m"), "INVALID_CREDENTIALS"), (KeyError("canary"), None)],
)
def test_a_failing_store_is_an_ath_error(method: str, raised: Exception, code: str | None) -> None:
    def fail(*_: Any) -> Any:
        raise raised

    store = MemoryStore()
    setattr(store, method, fail)
    error = error_of(lambda: settle(credentials(store).save(with_token(SHOP))))
    assert error.code == (code or "STORAGE_ERROR")
    assert "canary" not in str(error)
    assert error.__cause__ is error.__context__ is None


@pytest.mark.parametrize("returned", ["{", "[]", b"{}", 7, "{}"])
def test_a_store_that_returns_no_record_is_an_error(returned: Any) -> None:
    class Odd(MemoryStore):
        def load(self, key: CredentialKey) -> Any:
            return returned

    assert error_of(lambda: settle(credentials(Odd()).load())).code == "INVALID_CREDENTIALS"


def test_a_read_that_began_before_a_write_does_not_undo_it_in_memory() -> None:
    store = MemoryStore()
    held = credentials(store)
    reading = held.load()
    next(reading)  # the store is being read
    settle(held.save(with_token(SHOP)))
    again = reading.send(None)  # what the store held then: nothing
    with pytest.raises(StopIteration):
        reading.send(use_store(again))
    assert held.tokens() == [SHOP]


def test_a_snapshot_stands_alone() -> None:
    agent = credentials()
    agent.set_registration("c-1", "s-1")
    alice = of_user(agent)
    alice.change(with_token(SHOP))
    alice.change(with_session())
    copy = alice.snapshot()
    assert copy.registration == FIRST
    alice.change(with_token(CODE))
    assert list(copy.tokens.values()) == [SHOP]
    other = credentials()
    other.replace_all(copy)
    assert (other.registration, other.tokens()) == (FIRST, [SHOP])
    assert other.session("s") == SESSION


def test_what_is_read_elsewhere_replaces_what_is_held() -> None:
    held = credentials()
    held.set_registration("c-1", "s-1")
    held.change(with_token(SHOP))
    record = Record()
    record.set_registration(SECOND)
    record.keep_token(CODE)
    held.replace_all(record)
    assert (held.registration, held.tokens()) == (SECOND, [CODE])


def test_a_user_cannot_bring_another_registration_than_the_agents() -> None:
    agent = credentials()
    agent.set_registration("c-1", "s-1")
    record = Record()
    record.set_registration(SECOND)
    assert error_of(lambda: of_user(agent).replace_all(record)).code == "INVALID_CREDENTIALS"


def test_forgetting_removes_the_users_own_record_only() -> None:
    store = MemoryStore()
    agent = credentials(store)
    settle(agent.save_registration(FIRST, None))
    alice = of_user(agent)
    settle(alice.save(with_token(SHOP)))
    settle(alice.forget())
    assert alice.tokens() == []
    assert store.load(ALICE) is None
    assert agent.registration == FIRST
    settle(agent.forget())
    assert agent.registration is None
    assert list(store.keys()) == []


def test_a_store_that_cannot_delete_is_left_with_an_empty_record() -> None:
    class Plain:
        def __init__(self) -> None:
            self._store = MemoryStore()
            self.load, self.replace = self._store.load, self._store.replace

    store = Plain()
    held = credentials(store)
    settle(held.save(with_token(SHOP)))
    settle(held.forget())
    text = store.load(KEY)
    assert text is not None
    assert SHOP.access_token not in text


def test_views_of_one_user_share_what_they_hold_while_one_of_them_lives() -> None:
    agent = credentials()
    one, other = of_user(agent), of_user(agent)
    one.change(with_token(SHOP))
    assert other.tokens() == [SHOP]
    del one, other
    assert of_user(agent).tokens() == [SHOP]  # without a store, what is held is held


def test_the_records_used_last_stay_in_memory_and_unsaved_ones_always() -> None:
    store = Failing()
    records = HeldRecords(store, lambda: NOW)
    store.full = True
    unsaved = records.get(KEY._replace(user="unsaved"))
    unsaved.change(with_token(SHOP))
    del unsaved
    for number in range(KEPT_RECORDS + 5):
        settle(records.get(KEY._replace(user=f"u{number}")).load())
    assert not records.get(KEY._replace(user="u0")).loaded
    assert records.get(KEY._replace(user=f"u{KEPT_RECORDS + 4}")).loaded
    assert records.get(KEY._replace(user="unsaved")).record.tokens == {"shop": SHOP}


def test_threads_that_change_one_record_lose_nothing() -> None:
    store = MemoryStore()
    held = credentials(store)
    start = threading.Barrier(4)

    def work(name: int) -> None:
        start.wait()
        for number in range(50):
            token = Token(f"{name}.{number}", f"{name}.{number}")
            settle(held.save(with_token(token)))
            assert held.token_for(f"{name}.{number}")
            held.tokens()
            held.latest_token()

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(held.tokens()) == len(stored(store).tokens) == 200


@pytest.mark.parametrize("seconds", [float("inf"), float("nan"), 1e300, 253402300800.0])
def test_an_expiry_that_is_no_date_is_told_as_the_last_second_that_is_one(seconds: float) -> None:
    held = credentials()
    held.change(with_token(Token("t", "shop", seconds)))
    (grant,) = held.grants(NOW)
    assert grant.expires_at == datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def test_only_tokens_that_can_be_used_are_grants() -> None:
    held = credentials(user="alice")
    for token in (
        Token("t-1", "a", NOW + 10),
        Token("t-2", "b", NOW + 10.5, ("read",)),
        Token("t-3", "c", refused=True),
        Token("t-4", "d"),
    ):
        held.change(with_token(token))
    soon = datetime.fromtimestamp(NOW + 10.5, UTC)
    assert held.grants(NOW) == (
        Grant("b", ("read",), soon, "alice"),
        Grant("d", (), None, "alice"),
    )
