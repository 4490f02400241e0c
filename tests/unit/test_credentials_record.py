"""A record of credentials: as text and back, and whose tokens and sessions it holds."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ath.errors import ATHError
from ath.stores.base import CredentialKey
from ath.stores.record import SESSION_KEPT, Record, Registration, Session, Token

from .support import error_of, json_values, outcome

texts = st.text(st.characters(), max_size=12)  # lone surrogates included: servers send them
seconds = st.floats(allow_nan=False)
registrations = st.builds(Registration, texts, texts, st.lists(texts, max_size=3).map(tuple))
tokens = st.builds(
    Token, texts, st.none() | texts, st.none() | seconds, st.lists(texts, max_size=3).map(tuple)
)
sessions = st.builds(Session, texts, texts, seconds)


@st.composite
def records(draw: st.DrawFn) -> Record:
    record = Record()
    if draw(st.booleans()):
        record.keep_registration(draw(registrations))
    else:
        record.belong_to(draw(st.none() | texts))
    for token in draw(st.lists(tokens, max_size=4)):
        record.keep_token(token)
    record.sessions.update(draw(st.dictionaries(texts, sessions, max_size=4)))
    return record


def state_of(record: Record) -> tuple[Any, ...]:
    return (
        record.client_id,
        record.registration,
        list(record.tokens.items()),
        list(record.sessions.items()),
    )


@given(records())
def test_a_record_comes_back_from_its_text_in_the_same_order(record: Record) -> None:
    text = record.to_text()
    assert state_of(Record.from_text(text)) == state_of(record)
    assert Record.from_text(text).to_text() == text
    assert text.encode("utf-8")  # any store can write it


def test_no_text_is_an_empty_record() -> None:
    assert state_of(Record.from_text(None)) == (None, None, [], [])


GOOD: dict[str, Any] = {
    "client_id": "c",
    "registration": {"client_id": "c", "client_secret": "s", "redirect_uris": []},
    "tokens": [{"access_token": "t", "provider": None, "expires_at": None, "scopes": []}],
    "sessions": {"s": {"provider": "p", "code_verifier": "v", "opened_at": 1.0}},
}
HUGE = 10**400


def changed(*path: Any, value: Any) -> str:
    document = json.loads(json.dumps(GOOD))
    inner = document
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return json.dumps(document)


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "null", "7", '"x"', "{}", '{"client_id": null}', "[" * 100_000,
        changed("client_id", value=7),
        changed("registration", value=None),
        changed("registration", value=[]),
        changed("registration", "client_secret", value=None),
        changed("registration", "redirect_uris", value=[1]),
        changed("registration", "redirect_uris", value=None),
        changed("tokens", value=None),
        changed("tokens", value={"a": 1}),
        changed("tokens", value=["x"]),
        changed("tokens", 0, "access_token", value=7),
        changed("tokens", 0, "provider", value=[]),
        changed("tokens", 0, "expires_at", value="soon"),
        changed("tokens", 0, "expires_at", value="1.5"),
        changed("tokens", 0, "expires_at", value=HUGE),
        changed("tokens", 0, "scopes", value=[None]),
        changed("sessions", value=[]),
        changed("sessions", "s", value=None),
        changed("sessions", "s", "opened_at", value="x"),
        changed("sessions", "s", "opened_at", value=-HUGE),
        changed("sessions", "s", "provider", value=None),
    ],
    ids=lambda text: text[:40],
)  # fmt: skip
def test_a_damaged_text_is_an_error_that_quotes_nothing(text: str) -> None:
    error = error_of(lambda: Record.from_text(text))
    assert error.code == "INVALID_CREDENTIALS"
    assert error.__suppress_context__


@pytest.mark.parametrize("text", [b"{}", 7, object()])
def test_what_a_store_returns_that_is_no_record_is_an_error(text: Any) -> None:
    assert error_of(lambda: Record.from_text(text)).code == "INVALID_CREDENTIALS"


@given(json_values | st.fixed_dictionaries(dict.fromkeys(GOOD, json_values)))
def test_any_json_is_a_record_or_an_error(value: Any) -> None:
    result = outcome(lambda: Record.from_text(json.dumps(value)))
    assert isinstance(result, Record) or result.code == "INVALID_CREDENTIALS"


@given(st.text())
def test_any_text_is_a_record_or_an_error(text: str) -> None:
    result = outcome(lambda: Record.from_text(text))
    assert isinstance(result, Record) or result.code == "INVALID_CREDENTIALS"


@given(st.data())
def test_any_wrong_field_is_an_error_or_a_record(data: st.DataObject) -> None:
    path: list[Any] = []
    inner: Any = GOOD
    while isinstance(inner, dict | list) and inner and (not path or data.draw(st.booleans())):
        path.append(data.draw(st.sampled_from(list(inner) if isinstance(inner, dict) else [0])))
        inner = inner[path[-1]]
    text = changed(*path, value=data.draw(json_values | st.just(HUGE)))
    result = outcome(lambda: Record.from_text(text))
    if isinstance(result, ATHError):
        assert result.code == "INVALID_CREDENTIALS"
    else:
        assert Record.from_text(result.to_text()).to_text() == result.to_text()


def held(client_id: str | None) -> Record:
    record = Record()
    record.belong_to(client_id)
    record.keep_token(Token("t", "shop"))
    record.open_session("s", Session("shop", "v", 0.0))
    return record


@pytest.mark.parametrize(
    ("of", "to", "stays"),
    [
        ("c-1", "c-1", True),
        ("c-1", "c-2", False),
        (None, "c-1", True),  # set by hand before any registration
        (None, None, True),
    ],
)
def test_tokens_and_sessions_stay_with_their_registration(
    of: str | None, to: str | None, stays: bool
) -> None:
    record = held(of)
    record.belong_to(to)
    assert bool(record.tokens) is bool(record.sessions) is stays
    assert record.client_id == to


@pytest.mark.parametrize(("client_id", "stays"), [("c-1", True), ("c-2", False)])
def test_a_registration_drops_what_another_left(client_id: str, stays: bool) -> None:
    record = held("c-1")
    record.keep_registration(Registration(client_id, "new secret"))
    assert record.registration == Registration(client_id, "new secret")
    assert bool(record.tokens) is bool(record.sessions) is stays


def test_the_latest_token_of_a_provider_wins_and_is_the_last() -> None:
    record = Record()
    for token in (Token("1", "shop"), Token("2", "code"), Token("3", "shop")):
        record.keep_token(token)
    assert list(record.tokens.values()) == [Token("2", "code"), Token("3", "shop")]


def test_a_token_closes_the_session_that_it_came_from_and_no_other() -> None:
    record = held(None)
    record.open_session("other", Session("shop", "v", 0.0))
    record.keep_token(Token("t2", "shop"), "s")
    assert list(record.sessions) == ["other"]
    record.keep_token(Token("t3", "shop"), "unknown")
    record.keep_token(Token("t4", "shop"))
    assert list(record.sessions) == ["other"]


def test_a_token_is_dropped_only_while_it_is_the_one_held() -> None:
    record = Record()
    old, new = Token("old", "shop"), Token("new", "shop")
    record.keep_token(old)
    record.keep_token(new)
    record.drop_token(old)
    assert record.tokens == {"shop": new}
    record.drop_token(Token("new", "code"))
    assert record.tokens == {"shop": new}
    record.drop_token(new)
    record.drop_token(new)
    assert record.tokens == {}


def test_sessions_that_are_long_over_are_forgotten_at_a_constant_cost() -> None:
    record = Record()
    for number in range(100):
        record.open_session(str(number), Session("shop", "v", float(number)))
    later = 99 + SESSION_KEPT + 1
    record.open_session("new", Session("shop", "v", later))
    assert len(record.sessions) == 99  # two for each new one
    for number in range(100):
        record.open_session(f"new {number}", Session("shop", "v", later))
    assert all(session.opened_at == later for session in record.sessions.values())


def test_a_session_within_its_time_stays() -> None:
    record = Record()
    record.open_session("old", Session("shop", "v", 0.0))
    record.open_session("new", Session("shop", "v", SESSION_KEPT))
    assert list(record.sessions) == ["old", "new"]


@pytest.mark.parametrize(
    "value",
    [Registration("c", "canary"), Token("canary", "shop"), Session("shop", "canary", 0.0)],
)
def test_no_secret_shows_in_a_repr(value: object) -> None:
    assert "canary" not in f"{value!r} {value}"


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (Registration("c", "s"), "client_secret"),
        (Token("t", "shop"), "provider"),
        (Session("shop", "v", 0.0), "code_verifier"),
    ],
)
def test_what_copies_of_a_record_share_cannot_be_changed(value: object, name: str) -> None:
    with pytest.raises(AttributeError):
        setattr(value, name, "other")


def test_a_key_is_the_agents_own_unless_it_says_otherwise() -> None:
    key = CredentialKey("https://gateway.example", "https://agent.example/agent.json")
    assert key[2:] == (None, False)
