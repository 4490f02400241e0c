"""What a client tells of itself without a call: url, agent_id, access_token, tokens."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import pytest

import ath
from ath import Grant, MemoryStore
from tests.harness.clients import AGENT_ID, CLASSES, KEY, AnyClient, Kind, raises_code
from tests.harness.examples import TOKEN, refusal
from tests.harness.server import Server
from tests.harness.worlds import World

Worlds = Callable[..., World]


def test_url_and_agent_id_are_those_of_the_implementor_and_the_agent(world: World) -> None:
    client = world.client(url=f"{world.server.url}/")
    assert client.url == world.server.url
    assert client.agent_id == AGENT_ID
    view = client.for_user("alice")
    assert (view.url, view.agent_id) == (client.url, AGENT_ID)


def test_a_grant_says_what_the_user_allowed_and_nothing_secret(world: World) -> None:
    client = world.client()
    assert (client.tokens, client.access_token) == ((), None)
    world.register(client)
    before = datetime.now(UTC)
    token = world.token(client, scopes=world.scopes[:1])
    (grant,) = client.tokens
    assert (grant.provider, grant.scopes, grant.user) == (world.provider, (world.scopes[0],), None)
    assert grant.expires_at.utcoffset() == timedelta(0)
    assert timedelta(0) <= grant.expires_at - before - timedelta(hours=1) < timedelta(minutes=1)
    assert client.access_token == token.access_token
    assert token.access_token not in repr(grant)
    with pytest.raises(AttributeError):
        grant.scopes = ()


def test_a_grant_of_a_view_names_its_user(world: World) -> None:
    client = world.client()
    world.register(client)
    world.token(client.for_user("alice"))
    assert [grant.user for grant in client.for_user("alice").tokens] == ["alice"]
    assert client.tokens == client.for_user("bob").tokens == ()
    assert client.access_token is client.for_user("bob").access_token is None


def test_the_token_that_came_last_is_the_access_token(client: AnyClient) -> None:
    client.set_token("ath_tk_a", "a")
    client.set_token("ath_tk_b", "b")
    assert client.access_token == "ath_tk_b"
    client.set_token("ath_tk_a2", "a")
    assert client.access_token == "ath_tk_a2"
    assert [grant.provider for grant in client.tokens] == [None, "b", "a"]


def test_a_token_set_by_hand_is_a_grant_of_which_little_is_known(client: AnyClient) -> None:
    assert client.tokens == (Grant(provider=None, scopes=(), expires_at=None, user=None),)


def test_a_revoked_token_is_gone(world: World) -> None:
    client = world.ready()
    assert client.tokens
    client.revoke()
    assert (client.tokens, client.access_token) == ((), None)


@pytest.mark.parametrize("code", ["TOKEN_INVALID", "TOKEN_REVOKED", "TOKEN_EXPIRED"])
def test_a_refused_token_is_no_grant(client: AnyClient, server: Server, code: str) -> None:
    server.answer_next(refusal(code), 401)
    with raises_code(code, 401):
        client.call("GET", "/x")
    assert client.tokens == ()


class Clock:
    """Seconds UTC, as the test wants them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_000_000.0
        monkeypatch.setattr(time, "time", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_a_token_counts_as_expired_ten_seconds_before_its_time(
    clock: Clock, kind: Kind, server: Server
) -> None:
    client = kind.client(server.url)
    client.set_credentials("ath_client_1", "ath_secret_1")
    server.answer_next({**TOKEN, "expires_in": 100})
    client.exchange_token("exchange", "ath_sess_1")
    server.answer_next({"n": 1})
    clock.now += 89.9
    (grant,) = client.tokens
    assert grant.expires_at == datetime.fromtimestamp(1_000_100, UTC)
    assert client.call("GET", "/x") == {"n": 1}
    clock.now += 0.1
    assert client.tokens == ()
    with raises_code("TOKEN_EXPIRED"):
        client.call("GET", "/x")
    assert client.access_token == "ath_tk_1"
    assert len(server.requests) == 2


@pytest.mark.parametrize("seconds", [1e11, 9e11, 10**12 - 1])
def test_a_token_that_outlives_the_calendar_expires_on_its_last_day(
    kind: Kind, server: Server, seconds: float
) -> None:
    client = kind.client(server.url)
    client.set_credentials("ath_client_1", "ath_secret_1")
    server.answer_next({**TOKEN, "expires_in": seconds})
    client.exchange_token("exchange", "ath_sess_1")
    (grant,) = client.tokens
    assert grant.expires_at.year > 5000
    assert grant.expires_at.tzinfo is UTC


def test_a_store_is_read_before_a_plain_member_answers_or_the_member_says_so(
    kind: Kind, server: Server
) -> None:
    store = MemoryStore()
    first = kind.client(server.url, credentials=store)
    first.set_credentials("ath_client_1", "ath_secret_1")
    server.answer_next(TOKEN)
    if kind.name == "async":
        first.load()
    first.exchange_token("exchange", "ath_sess_1")
    second = kind.client(server.url, credentials=store)
    view = second.for_user("alice")
    assert (second.url, second.agent_id) == (view.url, view.agent_id) == (server.url, AGENT_ID)
    if kind.name == "async":
        for member in ("tokens", "access_token"):
            for unread in (second.raw, view.raw):
                with raises_code("NOT_LOADED"):
                    getattr(unread, member)
        second.load()
        view.load()
    assert [grant.provider for grant in second.tokens] == ["github"]
    assert second.access_token == "ath_tk_1"
    assert (view.tokens, view.access_token) == ((), None)


def named(base: Any) -> Any:
    """A subclass with an ``__init__``, attributes and slots of its own."""

    class Slotted(base):  # type: ignore[misc]
        __slots__ = ("__private", "unset", "weight")

        def __init__(self, url: str, name: str, weight: int) -> None:
            super().__init__(url, AGENT_ID, KEY)
            self.__private = f"private {name}"
            self.weight = weight

        @property
        def private(self) -> str:
            return self.__private

    class Named(Slotted):
        def __init__(self, url: str, name: str, weight: int) -> None:
            super().__init__(url, name, weight)
            self.name = name
            self.seen: list[str] = []

        @cached_property
        def title(self) -> str:
            return self.name.title()

    return Named


@pytest.mark.parametrize("base", CLASSES.values())
def test_a_view_of_a_subclass_has_its_class_and_attributes(base: Any) -> None:
    kind = named(base)
    client = kind("http://127.0.0.1:9", "ada", 3)
    view = client.for_user("alice", headers={"X-ATH-User-Token": "t"}).for_user("bob")
    assert type(view) is kind
    assert (view.name, view.weight, view.private, view.title) == ("ada", 3, "private ada", "Ada")
    assert view.seen is client.seen
    assert not hasattr(view, "unset")
    view.name = "bob"
    view.weight = 4
    assert (client.name, client.weight) == ("ada", 3)
    client.set_token("ath_tk_agent")
    view.set_token("ath_tk_bob")
    assert (client.access_token, view.access_token) == ("ath_tk_agent", "ath_tk_bob")
    assert repr(view).startswith("<Named http://127.0.0.1:9 as")


def test_a_view_of_a_plain_client_carries_nothing_more() -> None:
    client = ath.ATHGatewayClient("http://127.0.0.1:9", AGENT_ID, KEY)
    assert not hasattr(client.for_user("alice"), "__dict__")
