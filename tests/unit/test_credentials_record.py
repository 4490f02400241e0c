"""A record of credentials: as text and back, and whose tokens and sessions it holds."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ath.errors import ATHError
from ath.stores.base import CredentialKey
from ath.stores.record import SESSION_LIFETIME, Record, Registration, Session, Token

from .support import NOW, error_of, json_values, outcome

texts = st.text(st.characters(), max_size=12)  # lone surrogates included: servers send them
seconds = st.floats(allow_nan=False)
scopes = st.lists(texts, max_size=3).map(tuple)
registrations = st.builds(Registration, texts, texts, scopes)
tokens = st.builds(
    Token, texts, st.none() | texts, st.none() | seconds, scopes, st.none() | texts, st.booleans()
)
sessions = st.builds(
    Session, texts, texts, seconds, seconds, st.none() | texts, scopes, st.none() | texts,
    st.none() | texts, st.none() | texts,
)  # fmt: skip
unknown = st.dictionaries(st.sampled_from(["new", "newer"]), json_values, max_size=2)


@st.composite
def records(draw: st.DrawFn) -> Record:
    record = Record()
    for registration in draw(st.lists(registrations, max_size=5)):
        record.set_registration(registration)
    for token in draw(st.lists(tokens, max_size=4)):
        record.keep_token(replace(token, others=draw(unknown)))
    for name, session in draw(st.dictionaries(texts, sessions, max_size=4)).items():
        record.sessions[name] = replace(session, others=draw(unknown))
    record.others = draw(unknown)
    return record


def state_of(record: Record) -> tuple[Any, ...]:
    return (
        record.registration,
        record.earlier,
        [(provider, token, repr(token.others)) for provider, token in record.tokens.items()],
        [(name, session, repr(session.others)) for name, session in record.sessions.items()],
        repr(record.others),
    )


@given(records())
def test_a_record_comes_back_from_its_text_in_the_same_order(record: Record) -> None:
    text = record.to_text(NOW)
    assert state_of(Record.from_text(text)) == state_of(record)
    assert Record.from_text(text).to_text(NOW) == text
    assert text.encode("utf-8")  # any store can write it


def test_no_text_is_an_empty_record() -> None:
    assert state_of(Record.from_text(None)) == (None, (), [], [], "{}")


GOOD: dict[str, Any] = {
    "client_id": "c",
    "client_secret": "s",
    "redirect_uris": [],
    "earlier_registrations": [{"client_id": "b", "client_secret": "s", "redirect_uris": []}],
    "tokens": [{"access_token": "t", "provider": None, "expires_at": None, "scopes": []}],
    "sessions": [
        {
            "session_id": "s",
            "provider": "p",
            "code_verifier": "v",
            "opened_at": 1.0,
            "expires_at": 2.0,
        }
    ],
    "expires_at": None,
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
        changed("client_secret", value=None),
        changed("redirect_uris", value=[1]),
        changed("redirect_uris", value=None),
        changed("earlier_registrations", value=[7]),
        changed("earlier_registrations", 0, "client_secret", value=None),
        changed("tokens", value=None),
        changed("tokens", value={"a": 1}),
        changed("tokens", value=["x"]),
        changed("tokens", 0, "access_token", value=7),
        changed("tokens", 0, "provider", value=[]),
        changed("tokens", 0, "expires_at", value="soon"),
        changed("tokens", 0, "expires_at", value="1.5"),
        changed("tokens", 0, "expires_at", value=HUGE),
        changed("tokens", 0, "scopes", value=[None]),
        changed("tokens", 0, "client_id", value=7),
        changed("sessions", value={"s": 1}),
        changed("sessions", 0, value=None),
        changed("sessions", 0, "session_id", value=None),
        changed("sessions", 0, "opened_at", value="x"),
        changed("sessions", 0, "opened_at", value=-HUGE),
        changed("sessions", 0, "expires_at", value=None),
        changed("sessions", 0, "provider", value=None),
        changed("sessions", 0, "state", value=7),
    ],
    ids=lambda text: text[:40],
)  # fmt: skip
def test_a_damaged_text_is_an_error_that_quotes_nothing(text: str) -> None:
    error = error_of(lambda: Record.from_text(text))
    assert error.code == "INVALID_CREDENTIALS"
    assert error.__cause__ is error.__context__ is None


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
        assert Record.from_text(result.to_text(NOW)).to_text(NOW) == result.to_text(NOW)


def session(opened_at: float = 0.0) -> Session:
    return Session("shop", "v", opened_at, opened_at + SESSION_LIFETIME)


def test_tokens_and_sessions_stay_in_a_record_whose_registration_changes() -> None:
    record = Record()
    record.set_registration(Registration("c-1", "s"))
    record.keep_token(Token("t", "shop", client_id="c-1"))
    record.open_session("s", session())
    record.set_registration(Registration("c-2", "s"))
    assert list(record.tokens) == ["shop"]
    assert list(record.sessions) == ["s"]


def test_the_last_three_earlier_registrations_are_remembered() -> None:
    record = Record()
    made = [Registration(f"c-{number}", "s") for number in range(6)]
    for registration in made:
        record.set_registration(registration)
    assert record.earlier == (made[4], made[3], made[2])
    assert record.registration_of("c-5") is made[5]
    assert record.registration_of("c-3") is made[3]
    assert record.registration_of("c-1") is record.registration_of(None) is None


def test_a_renewed_secret_is_no_earlier_registration() -> None:
    record = Record()
    record.set_registration(Registration("c-1", "old"))
    record.set_registration(Registration("c-1", "new"))
    assert record.registration == Registration("c-1", "new")
    assert record.earlier == ()
    record.set_registration(Registration("c-2", "s"))
    record.set_registration(Registration("c-1", "newest"))
    assert record.earlier == (Registration("c-2", "s"),)


def test_credentials_set_by_hand_keep_the_redirect_uris_of_the_same_registration() -> None:
    record = Record()
    record.set_registration(Registration("c-1", "s", ("https://a/b",)))
    record.set_credentials("c-1", "rotated")
    assert record.registration == Registration("c-1", "rotated", ("https://a/b",))
    record.set_credentials("c-2", "s")
    assert record.registration == Registration("c-2", "s")


@pytest.mark.parametrize(
    ("held", "instead_of", "taken"),
    [(None, None, True), ("c-1", "c-1", True), ("c-1", None, False), ("c-1", "c-0", False)],
)
def test_a_registration_is_added_unless_another_came_first(
    held: str | None, instead_of: str | None, taken: bool
) -> None:
    record = Record()
    if held is not None:
        record.set_registration(Registration(held, "s"))
    record.add_registration(Registration("new", "s"), instead_of)
    assert (record.registration == Registration("new", "s")) is taken


def test_making_a_change_again_changes_nothing() -> None:
    changes = [
        lambda r: r.set_registration(Registration("c-1", "s")),
        lambda r: r.add_registration(Registration("c-2", "s"), "c-1"),
        lambda r: r.open_session("s", session()),
        lambda r: r.keep_token(Token("t", "shop"), "s"),
        lambda r: r.mark_refused("t"),
        lambda r: r.drop_token("t"),
    ]
    record = Record()
    for change in changes:
        change(record)
        once = record.to_text(NOW)
        change(record)
        assert record.to_text(NOW) == once


def test_a_refused_token_is_marked_by_its_own_text_and_still_known() -> None:
    record = Record()
    record.keep_token(Token("t-1", "shop"))
    record.keep_token(Token("t-2", "code"))
    record.mark_refused("t-1")
    record.mark_refused("unknown")
    assert [(t.access_token, t.refused) for t in record.tokens.values()] == [
        ("t-1", True),
        ("t-2", False),
    ]
    assert Record.from_text(record.to_text(NOW)).tokens["shop"].refused


DAY = 86_400.0


def test_what_expired_more_than_a_day_ago_is_pruned() -> None:
    record = Record()
    for name, expires_at in (("gone", NOW - DAY - 1), ("known", NOW - DAY + 1), ("ever", None)):
        record.keep_token(Token(name, name, expires_at))
    record.sessions["gone"] = session(NOW - DAY - SESSION_LIFETIME - 1)
    record.sessions["known"] = session(NOW - DAY)
    record.prune(NOW)
    assert (list(record.tokens), list(record.sessions)) == (["known", "ever"], ["known"])


@pytest.mark.parametrize(
    ("change", "expires_at"),
    [
        (lambda r: None, NOW),
        (lambda r: r.set_registration(Registration("c", "s")), None),
        (lambda r: r.keep_token(Token("t", "ever")), None),
        (lambda r: r.keep_token(Token("t", "shop", NOW + 5)), NOW + 5 + DAY),
        (lambda r: r.open_session("s", session(NOW)), NOW + SESSION_LIFETIME + DAY),
    ],
)
def test_a_record_says_until_when_it_must_be_kept(change: Any, expires_at: float | None) -> None:
    record = Record()
    change(record)
    assert json.loads(record.to_text(NOW))["expires_at"] == expires_at


def test_the_latest_expiry_counts() -> None:
    record = Record()
    record.keep_token(Token("t", "a", NOW + 5))
    record.keep_token(Token("t", "b", NOW + 9))
    record.open_session("s", session(NOW - SESSION_LIFETIME))
    assert record.expires_at(NOW) == NOW + 9 + DAY


def test_members_that_a_release_does_not_know_are_kept() -> None:
    document = json.loads(json.dumps(GOOD))
    for item in (document, document["tokens"][0], document["sessions"][0]):
        item["new in a later release"] = {"a": 1}
    record = Record.from_text(json.dumps(document))
    record.keep_token(Token("another", "shop"))
    written = json.loads(record.to_text(2.0))
    for item in (written, written["tokens"][0], written["sessions"][0]):
        assert item["new in a later release"] == {"a": 1}


def test_a_record_of_an_older_release_is_read() -> None:
    document = json.loads(json.dumps(GOOD))
    for name in ("state", "redirect_uri", "authorization_url", "denied"):
        document["sessions"][0].pop(name, None)
    document["tokens"][0].pop("session_id", None)
    record = Record.from_text(json.dumps(document))
    [held] = record.sessions.values()
    assert (held.state, held.authorization_url, held.denied) == (None, None, False)
    assert next(iter(record.tokens.values())).session_id is None


def test_the_end_of_a_session_is_kept_and_read_again() -> None:
    record = Record()
    for name in ("denied", "over", "open"):
        record.open_session(name, session(NOW))
    record.keep_token(Token("t", "shop", session_id="used"))
    for _ in "twice":
        record.deny_session("denied")
        record.end_session("over", NOW)
        record.end_session("over", NOW + 5)
        record.deny_session("unknown")
        record.end_session("unknown", NOW)
    again = Record.from_text(record.to_text(NOW))
    assert again.sessions == record.sessions
    assert {name: held.denied for name, held in again.sessions.items()} == {
        "denied": True, "over": False, "open": False,
    }  # fmt: skip
    assert again.sessions["over"].expires_at == NOW < again.sessions["open"].expires_at
    assert again.tokens["shop"].session_id == "used"


def test_the_latest_token_of_a_provider_wins_and_is_the_last() -> None:
    record = Record()
    for token in (Token("1", "shop"), Token("2", "code"), Token("3", "shop")):
        record.keep_token(token)
    assert list(record.tokens.values()) == [Token("2", "code"), Token("3", "shop")]


def test_a_token_closes_the_session_that_it_came_from_and_no_other() -> None:
    record = Record()
    record.open_session("s", session())
    record.open_session("other", session())
    record.keep_token(Token("t2", "shop"), "s")
    assert list(record.sessions) == ["other"]
    record.keep_token(Token("t3", "shop"), "unknown")
    record.keep_token(Token("t4", "shop"))
    assert list(record.sessions) == ["other"]


def test_a_token_is_dropped_only_while_it_is_the_one_held() -> None:
    record = Record()
    new = Token("new", "shop")
    record.keep_token(Token("old", "shop"))
    record.keep_token(new)
    record.drop_token("old")
    assert record.tokens == {"shop": new}
    record.drop_token("new")
    record.drop_token("new")
    assert record.tokens == {}


def test_sessions_that_are_long_over_are_forgotten_at_a_constant_cost() -> None:
    record = Record()
    for number in range(100):
        record.open_session(str(number), session(float(number)))
    later = 100 + SESSION_LIFETIME + DAY
    record.open_session("new", session(later))
    assert len(record.sessions) == 99  # two for each new one
    for number in range(100):
        record.open_session(f"new {number}", session(later))
    assert all(one.opened_at == later for one in record.sessions.values())


@pytest.mark.parametrize(
    "value",
    [
        Registration("c", "canary"),
        Token("canary", "shop"),
        Session("shop", "canary", 0.0, 1.0, state="canary", authorization_url="canary"),
    ],
)
def test_no_secret_shows_in_a_repr(value: object) -> None:
    assert "canary" not in f"{value!r} {value}"


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (Registration("c", "s"), "client_secret"),
        (Token("t", "shop"), "provider"),
        (session(), "code_verifier"),
    ],
)
def test_what_copies_of_a_record_share_cannot_be_changed(value: object, name: str) -> None:
    with pytest.raises(AttributeError):
        setattr(value, name, "other")


def test_a_key_is_the_agents_own_unless_it_says_otherwise() -> None:
    key = CredentialKey("https://gateway.example", "https://agent.example/agent.json")
    assert key[2:] == (None, False)
