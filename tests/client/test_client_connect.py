"""connect() and its parts through the four clients, at local implementors."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

import ath
from ath import MemoryStore
from tests.harness.clients import DEVELOPER, AnyClient, Kind, attestation_claims, raises_code
from tests.harness.server import Connection, Server, forward
from tests.harness.worlds import World

pytestmark = pytest.mark.usefixtures("short_pauses")
Worlds = Callable[..., World]


class User:
    """Whom URLs are shown to, and who answers when the test says."""

    def __init__(self, world: World, decide: str = "approve", **options: Any) -> None:
        self.urls: list[str] = []
        self.ended: list[str] = []
        self._world = world
        self._decide = getattr(world.server, decide)
        self._options = options

    def answer(self, url: str) -> None:
        """Answer at once, before the agent goes on."""
        self.urls.append(url)
        self.ended.append(self._decide(url, **self._options))


def test_a_new_agent_gets_from_nothing_to_data(world: World) -> None:
    client, user = world.client(), User(world)
    granted = client.connect(world.scopes, developer=DEVELOPER, show=user.answer)
    assert granted.provider == world.provider
    assert list(granted.scopes) == world.scopes
    assert granted.expires_at > datetime.now(UTC)
    assert client.call("GET", "/echo")
    assert len(user.urls) == 1


def test_what_is_granted_is_not_asked_for_again(world: World) -> None:
    client, user = world.client(), User(world)
    first = client.connect(world.scopes, developer=DEVELOPER, show=user.answer)
    world.requests.clear()
    assert client.connect(world.scopes, show=user.answer) == first == client.grant(world.scopes)
    assert client.grant() == first
    assert world.requests == []
    assert len(user.urls) == 1


def test_a_grant_that_is_not_held_is_none(world: World) -> None:
    client = world.client()
    assert client.grant() is client.grant(world.scopes) is None
    assert world.requests == []


def test_a_user_who_answers_late_is_waited_for(worlds: Worlds, mode: str) -> None:
    world = worlds(mode, tries_before_consent=3)
    client, user = world.client(), User(world)
    granted = client.connect(world.scopes, developer=DEVELOPER, show=user.answer)
    assert list(granted.scopes) == world.scopes
    tries = world.sent_to("/ath/token")
    assert [request.status for request in tries] == [400, 400, 400, 200]
    assert len({attestation_claims(request)["jti"] for request in tries}) == 4


def test_a_coroutine_function_shows_the_url_on_async_clients_only(gateway: World) -> None:
    shown: list[str] = []

    async def show(url: str) -> None:
        await asyncio.sleep(0)
        shown.append(url)
        await asyncio.to_thread(gateway.server.approve, url)

    client = gateway.client()
    if gateway.kind.name == "async":
        assert client.connect(gateway.scopes, developer=DEVELOPER, show=show)
        assert len(shown) == 1
    else:
        with raises_code("INVALID_ARGUMENT"):
            client.connect(gateway.scopes, developer=DEVELOPER, show=show)
        assert shown == []
        assert len(client.pending_sessions()) == 1


def test_what_show_raises_is_raised_unchanged_and_the_session_is_kept(world: World) -> None:
    error = ZeroDivisionError("of the user")

    def show(url: str) -> None:
        raise error

    client = world.client()
    with pytest.raises(ZeroDivisionError) as caught:
        client.connect(world.scopes, developer=DEVELOPER, show=show)
    assert caught.value is error
    user = User(world)
    client.connect(world.scopes, show=user.answer)
    assert world.server.count("sessions") == 1


@pytest.mark.parametrize("wrong", [{"show": None}, {"show": "browser"}, {"receiver": object()}])
def test_what_cannot_show_or_listen_is_refused_before_anything_is_sent(
    world: World, wrong: dict[str, Any]
) -> None:
    client = world.client()
    with raises_code("INVALID_ARGUMENT"):
        client.connect(world.scopes, developer=DEVELOPER, **{"show": ath.print_url, **wrong})
    assert world.requests == []


def test_a_wait_refuses_what_cannot_listen_or_is_no_session(world: World) -> None:
    client = world.client()
    consent = client.start_connect(world.scopes, developer=DEVELOPER)
    world.requests.clear()
    with raises_code("INVALID_ARGUMENT"):
        client.kind.run(consent.wait(receiver=object()))
    with raises_code("INVALID_ARGUMENT"):
        client.wait_for_token([consent.session_id])
    assert world.requests == []


def test_start_connect_comes_back_at_once_and_consent_waits(world: World) -> None:
    client = world.client()
    consent = client.start_connect(world.scopes, developer=DEVELOPER)
    assert (consent.connected, consent.grant) == (False, None)
    assert world.sent_to("/ath/token") == []
    [pending] = client.pending_sessions()
    assert pending.session_id == consent.session_id
    assert pending.authorization_url == consent.authorization_url
    assert pending.expires_at == consent.expires_at
    assert (pending.provider, list(pending.scopes)) == (world.provider, world.scopes)
    world.server.approve(consent.authorization_url)
    granted = client.kind.run(consent.wait())
    assert list(granted.scopes) == world.scopes
    assert client.pending_sessions() == ()
    again = client.start_connect(world.scopes)
    assert (again.connected, again.grant) == (True, granted)
    assert client.kind.run(again.wait()) == client.kind.run(consent.wait()) == granted


def test_what_start_connect_returns_is_the_clients_kind(world: World) -> None:
    consent = world.client().start_connect(world.scopes, developer=DEVELOPER)
    kind = ath.Consent if world.kind.name == "sync" else ath.AsyncConsent
    assert type(consent) is kind


def test_each_turn_of_a_chat_hands_out_the_same_session(world: World) -> None:
    store = MemoryStore()
    turns = [
        world.client(credentials=store).start_connect(world.scopes, developer=DEVELOPER)
        for _ in range(3)
    ]
    assert len({(turn.session_id, turn.authorization_url) for turn in turns}) == 1
    assert world.server.count("sessions") == world.server.count("registrations") == 1


def test_the_union_with_the_live_grant_is_asked_for(world: World) -> None:
    client, user = world.client(), User(world)
    world.register(client)
    one, other = world.scopes
    client.connect([one], show=user.answer)
    granted = client.connect([other], show=user.answer)
    assert set(granted.scopes) == {one, other}


def test_a_refused_union_leaves_what_is_wanted_alone(worlds: Worlds) -> None:
    world = worlds("gateway")
    client, user = world.client(), User(world)
    client.connect(["read:user"], developer=DEVELOPER, show=user.answer)
    world.register(client, providers=[{"provider_id": "github", "scopes": ["repo"]}])
    granted = client.connect(["repo"], show=user.answer)
    assert granted.scopes == ("repo",)


def test_a_refusal_says_what_was_asked_for(worlds: Worlds, mode: str) -> None:
    world = worlds(mode)
    client = world.client()
    one, other = world.scopes
    client.start_connect([one], developer=DEVELOPER)
    with raises_code("SCOPE_NOT_APPROVED", 403) as caught:
        client.start_connect([one, other], developer=DEVELOPER)
    assert caught.value.details["scopes"] == [one, other]
    assert world.server.count("registrations") == 1


def test_less_than_asked_for_is_returned_unless_all_is_required(world: World) -> None:
    client, user = world.client(), User(world, scopes=world.scopes[:1])
    granted = client.connect(world.scopes, developer=DEVELOPER, show=user.answer)
    assert list(granted.scopes) == world.scopes[:1]
    with raises_code("SCOPE_NOT_APPROVED") as caught:
        client.connect(world.scopes, show=user.answer, require_all=True)
    assert caught.value.details["granted"] == world.scopes[:1]
    assert client.call("GET", "/echo")


@pytest.mark.parametrize("code", ["USER_DENIED", "SESSION_NOT_FOUND"])
def test_a_denial_ends_the_wait_where_the_server_tells(
    worlds: Worlds, mode: str, code: str
) -> None:
    world = worlds(mode, after_denial=code)
    client, user = world.client(), User(world, "deny")
    expected = ("USER_DENIED", 400) if code == "USER_DENIED" else ("CONSENT_TIMEOUT", None)
    with raises_code(*expected) as caught:
        client.connect(world.scopes, developer=DEVELOPER, show=user.answer, timeout=0.05)
    assert caught.value.details["scopes"] == world.scopes
    asked_again = User(world)
    if code == "USER_DENIED":
        assert client.pending_sessions() == ()
        assert client.connect(world.scopes, show=asked_again.answer)


@pytest.mark.parametrize("held", [False, True])
def test_an_empty_intersection_of_scopes_ends_the_wait(world: World, held: bool) -> None:
    client, user = world.client(), User(world, scopes=[])
    world.register(client)
    if held:
        client.connect(world.scopes[:1], show=User(world).answer)
    with raises_code("SCOPE_NOT_APPROVED", 403) as caught:
        client.connect(world.scopes, show=user.answer)
    details = caught.value.details
    assert (details["provider"], details["user"]) == (world.provider, None)
    assert set(details["scopes"]) == set(world.scopes)  # those asked for, not those held
    assert "session_id" in details
    assert client.pending_sessions() == ()
    assert client.connect(world.scopes, show=User(world).answer)


def test_an_agent_that_is_pending_shows_nothing(worlds: Worlds, mode: str) -> None:
    world = worlds(mode, approval="pending")
    client, user = world.client(), User(world)
    for status in (None, 403):  # just registered; registered before
        with raises_code("AGENT_UNAPPROVED", status):
            client.connect(world.scopes, developer=DEVELOPER, show=user.answer)
    assert user.urls == []


@pytest.mark.parametrize("decision", ["approved", "denied"])
def test_the_approval_is_waited_for(
    worlds: Worlds, mode: str, new_server: Callable[..., Server], decision: Any
) -> None:
    world = worlds(mode, approval="pending")
    front = new_server(world.server.url)
    world.server.url = front.url
    client, user = world.client(), User(world)
    client_id = world.register(client).client_id

    def decide_first(connection: Connection) -> None:
        world.server.decide(client_id, decision)
        forward(connection)

    if decision == "approved":
        front.plan += [forward, forward, decide_first]  # authorize; the status, twice
        assert client.connect(world.scopes, show=user.answer, wait_for_approval=True)
        assert client.wait_for_approval().agent_status == "approved"
    else:
        front.plan += [forward, decide_first]
        with raises_code("AGENT_UNAPPROVED") as caught:
            client.wait_for_approval()
        assert caught.value.details["client_id"] == client_id
        with raises_code("AGENT_UNAPPROVED"):
            client.connect(world.scopes, show=user.answer, wait_for_approval=True)
    assert len(user.urls) == (decision == "approved")


def test_an_approval_that_does_not_come_in_time(worlds: Worlds, mode: str) -> None:
    world = worlds(mode, approval="pending")
    client = world.client()
    world.register(client)
    with raises_code("APPROVAL_TIMEOUT"):
        client.wait_for_approval(timeout=0.02)
    with raises_code("APPROVAL_TIMEOUT"):
        client.connect(world.scopes, timeout=0.02, show=print, wait_for_approval=True)


def test_a_session_ends_with_its_life(worlds: Worlds, mode: str) -> None:
    world = worlds(mode, session_lifetime=60)
    client = world.client()
    consent = client.start_connect(world.scopes, developer=DEVELOPER)
    world.server.advance(61)
    with raises_code("SESSION_EXPIRED", 400) as caught:
        client.kind.run(consent.wait())
    assert caught.value.details["session_id"] == consent.session_id
    assert client.pending_sessions() == ()
    assert client.start_connect(world.scopes).session_id != consent.session_id


def test_views_wait_for_their_own_sessions(world: World) -> None:
    client, user = world.client(), User(world)
    world.register(client)
    alice, bob = client.for_user("alice"), client.for_user("bob")
    consent = alice.start_connect(world.scopes)
    world.requests.clear()
    for other in (bob, client):
        assert other.pending_sessions() == ()
        with raises_code("SESSION_NOT_FOUND"):
            other.wait_for_token(consent.session_id)
    assert world.requests == []
    user.answer(consent.authorization_url)
    assert alice.wait_for_token(consent.session_id).user == "alice"
    assert bob.grant() is client.grant() is None
    assert alice.grant().user == "alice"


def test_two_calls_that_wait_for_one_session_get_the_same_grant(worlds: Worlds, mode: str) -> None:
    world = worlds(mode, tries_before_consent=2)
    client, user = world.client(), User(world)
    consent = client.start_connect(world.scopes, developer=DEVELOPER)
    user.answer(consent.authorization_url)
    wait = lambda raw: raw.wait_for_token(consent.session_id)  # noqa: E731
    one, other = client.together(wait, wait)
    assert one == other
    assert list(one.scopes) == world.scopes
    assert world.server.count("tokens") == 1


def test_another_worker_on_the_store_exchanges_once_for_all(world: World, kind: Kind) -> None:
    store, user = MemoryStore(), User(world)
    clients = [world.client(credentials=store) for _ in range(2)]
    consent = clients[0].start_connect(world.scopes, developer=DEVELOPER)
    user.answer(consent.authorization_url)
    granted = [client.wait_for_token(consent.session_id) for client in clients]
    assert granted[0] == granted[1]
    assert world.server.count("tokens") == 1
    assert len(world.sent_to("/ath/token")) == 1


def test_a_grant_that_another_worker_has_revoked_is_not_told_or_reused(world: World) -> None:
    store, user = MemoryStore(), User(world)
    one, other = [world.client(credentials=store) for _ in range(2)]
    one.connect(world.scopes, developer=DEVELOPER, show=user.answer)
    assert other.grant(world.scopes) is not None
    one.revoke()
    assert other.grant(world.scopes) is None
    one.connect(world.scopes, show=user.answer)
    assert other.grant(world.scopes) is not None
    one.revoke()
    assert not other.start_connect(world.scopes).connected


def test_a_call_of_the_provider_never_shows_anything(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    client = world.client()
    client.discover()
    world.register(client)
    with raises_code("NO_TOKEN"):
        client.call("GET", "/echo")
    assert capsys.readouterr() == ("", "")


@pytest.fixture
def waiting_client(world: World) -> AnyClient:
    client = world.client()
    world.register(client)
    return client


@pytest.mark.parametrize("kind", [pytest.param("async")], indirect=True)
def test_cancelling_leaves_at_once_and_keeps_the_session(
    waiting_client: AnyClient, world: World
) -> None:
    shown = asyncio.Event()

    async def cancel() -> None:
        asked = waiting_client._asked(world.scopes)
        task = asyncio.ensure_future(waiting_client.raw.connect(*asked, show=lambda _: shown.set()))
        await shown.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    world.kind.runner.run(cancel())
    [pending] = waiting_client.pending_sessions()
    world.server.approve(pending.authorization_url)
    assert waiting_client.wait_for_token(pending.session_id)


@pytest.mark.parametrize("kind", [pytest.param("sync")], indirect=True)
def test_ctrl_c_leaves_at_once_and_keeps_the_session(
    waiting_client: AnyClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("time.sleep", interrupt)
        with pytest.raises(KeyboardInterrupt):
            waiting_client.connect(world.scopes, show=lambda _: None)
    assert len(world.sent_to("/ath/token")) == 1
    [pending] = waiting_client.pending_sessions()
    world.server.approve(pending.authorization_url)
    assert waiting_client.connect(world.scopes, show=lambda _: None)
    assert world.server.count("sessions") == 1
