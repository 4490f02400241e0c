"""One registration for all who start at once, and calls under way while it is replaced."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ath import CredentialKey, MemoryStore, RetryPolicy
from tests.harness.clients import DEVELOPER, AnyClient, Kind, json_body, raises_code
from tests.harness.examples import AUTHORIZATION, REGISTRATION, TOKEN, refusal
from tests.harness.server import Answer, Server
from tests.harness.stores import STORES, MinimalStore, WatchedStore, opener
from tests.harness.worlds import World

Worlds = Callable[..., World]
GITHUB = [{"provider_id": "github", "scopes": ["read:user"]}]
WANTED: dict[str, Any] = {"developer": DEVELOPER, "providers": GITHUB}
ADA = {"X-ATH-User-Token": "session-of-ada"}


def numbered(number: int) -> dict[str, Any]:
    return {
        **REGISTRATION,
        "client_id": f"ath_client_{number}",
        "client_secret": f"ath_secret_{number}",
    }


def wanted_at(world: World) -> dict[str, Any]:
    return {"developer": DEVELOPER, "providers": [providers_of(world)]}


def providers_of(world: World) -> Mapping[str, Any]:
    return {"provider_id": world.provider, "scopes": world.scopes}


@pytest.mark.parametrize("store_name", [None, *STORES])
def test_the_first_call_registers_and_the_next_ones_send_nothing(
    world: World, tmp_path: Path, store_name: str | None
) -> None:
    open_store = opener(store_name, tmp_path) if store_name else lambda: None
    client = world.client(credentials=open_store())
    others_that_run = world.client(credentials=open_store()) if store_name else client
    assert client.ensure_registered(**wanted_at(world)) is None
    assert client.client_id is not None
    restarted = world.client(credentials=open_store()) if store_name else client
    for holder in (client, others_that_run, restarted):
        assert holder.ensure_registered(**wanted_at(world)) is None
        assert holder.client_id == client.client_id
    assert len(world.sent_to("/ath/agents/register")) == 1
    assert world.token(restarted)


def test_a_registration_that_is_held_is_enough_whatever_is_asked_for(
    client: AnyClient, server: Server
) -> None:
    client.ensure_registered(
        developer={"name": "Another", "id": "another"},
        providers=[{"provider_id": "another", "scopes": ["everything"]}],
        purpose="another",
        redirect_uris=["https://another.example/cb"],
    )
    assert client.client_id == "ath_client_0"
    assert server.requests == []


def test_all_arguments_of_register_are_passed_on(kind: Kind, server: Server) -> None:
    client = kind.client(server.url)
    server.answer_next(REGISTRATION, 201)
    client.ensure_registered(
        **WANTED, purpose="Tidying up", redirect_uris=["https://agent.example/cb"]
    )
    body = json_body(server.requests[0])
    assert body["developer"] == DEVELOPER
    assert body["requested_providers"] == GITHUB
    assert body["purpose"] == "Tidying up"
    assert body["redirect_uris"] == ["https://agent.example/cb"]
    server.answer_next(AUTHORIZATION)
    client.authorize("github", ["read:user"])
    assert json_body(server.requests[-1])["user_redirect_uri"] == "https://agent.example/cb"


def test_register_goes_on_to_register_again(kind: Kind, server: Server) -> None:
    client = kind.client(server.url, credentials=MemoryStore())
    for number in (1, 2):
        server.answer_next(numbered(number), 201)
        assert client.register(**WANTED).client_id == f"ath_client_{number}" == client.client_id


@pytest.mark.parametrize("headers", [None, ADA])
def test_a_view_registers_its_user_if_it_has_headers_and_the_agent_otherwise(
    worlds: Worlds, headers: dict[str, str] | None
) -> None:
    sessions = {"session-of-ada": "ada", "session-of-agent": "agent"}
    gateway = worlds("gateway", user_sessions=sessions)
    client = gateway.client(
        headers={"X-ATH-User-Token": "session-of-agent"}, credentials=MemoryStore()
    )
    view = client.for_user("ada", headers=headers)
    view.ensure_registered(**wanted_at(gateway))
    view.ensure_registered(**wanted_at(gateway))
    [seen] = gateway.sent_to("/ath/agents/register")
    user = "session-of-ada" if headers else "session-of-agent"
    assert seen.headers["x-ath-user-token"] == user
    client.load()
    assert view.client_id is not None
    assert client.client_id == (None if headers else view.client_id)


@pytest.mark.parametrize("store_name", [None, *STORES])
def test_threads_and_tasks_of_one_client_register_once(
    gateway: World, tmp_path: Path, store_name: str | None
) -> None:
    client = gateway.client(credentials=opener(store_name, tmp_path)() if store_name else None)
    results = client.together(*[lambda raw: raw.ensure_registered(**wanted_at(gateway))] * 6)
    assert results == [None] * 6
    assert gateway.server.count("registrations") == 1


@pytest.mark.parametrize("store_name", STORES)
def test_clients_that_start_at_once_on_one_store_keep_one_registration(
    gateway: World, tmp_path: Path, store_name: str
) -> None:
    open_store = opener(store_name, tmp_path)
    clients = [gateway.client(credentials=open_store()) for _ in range(4)]
    calls = [lambda _, raw=c.raw: raw.ensure_registered(**wanted_at(gateway)) for c in clients]
    assert clients[0].together(*calls) == [None] * 4
    assert len({client.client_id for client in clients}) == 1
    if store_name != "minimal":  # it has no lock
        assert gateway.server.count("registrations") == 1
    for client in clients:
        assert client.registration().client_id == client.client_id


def test_a_failed_registration_frees_the_lock_for_the_next_try(kind: Kind, server: Server) -> None:
    store = WatchedStore()
    clients = [kind.client(server.url, credentials=store, retry=None) for _ in range(2)]
    server.answer_next("Down", 503)
    with raises_code("HTTP_ERROR", 503):
        clients[0].ensure_registered(**WANTED)
    server.answer_next(REGISTRATION, 201)
    clients[1].ensure_registered(**WANTED)
    methods = [method for method, _ in store.calls if method in ("acquire", "release")]
    assert methods == ["acquire", "release"] * 2


def test_the_store_is_read_after_the_lock_was_taken(
    kind: Kind, elsewhere: Kind, server: Server
) -> None:
    store = WatchedStore()
    client = kind.client(server.url, credentials=store)
    client.load()
    other = elsewhere.client(server.url, credentials=store)

    def register_elsewhere(method: str, *_: Any) -> None:
        if method == "acquire":
            store.before = lambda *_: None
            server.answer_next(numbered(7), 201)
            other.register(**WANTED)

    store.before = register_elsewhere
    client.ensure_registered(**WANTED)
    assert client.client_id == "ath_client_7"
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("timeout", "retry", "least"),
    [(10, None, 10), (10, RetryPolicy(attempts=5, total=100), 110), (None, None, 60)],
)
def test_the_lock_is_asked_for_as_long_as_the_call_may_take(
    kind: Kind, server: Server, timeout: float | None, retry: RetryPolicy | None, least: float
) -> None:
    leases: list[float] = []

    class Noting(MemoryStore):
        def acquire(self, key: CredentialKey, owner: str, lease: float) -> bool:
            leases.append(lease)
            return super().acquire(key, owner, lease)

    client = kind.client(server.url, credentials=Noting(), timeout=timeout)
    server.answer_next(REGISTRATION, 201)
    client.ensure_registered(**WANTED, retry=retry)
    assert leases[0] >= least


def test_a_lock_that_is_never_freed_is_a_storage_error_that_says_what_is_locked(
    kind: Kind, server: Server
) -> None:
    class Locked(MemoryStore):
        def acquire(self, *_: Any) -> bool:
            return False

    client = kind.client(server.url, credentials=Locked(), timeout=0.2, retry=None)
    with raises_code("STORAGE_ERROR") as caught:
        client.ensure_registered(**WANTED)
    assert "https://agent.example/agent.json" in caught.value.message
    assert server.requests == []


def conflict() -> dict[str, Any]:
    return refusal("CONFLICT", client_id="ath_client_7")


@pytest.mark.parametrize("store_class", [WatchedStore, MinimalStore])
def test_a_conflict_is_no_error_if_the_registration_appears_in_the_store(
    kind: Kind, elsewhere: Kind, server: Server, store_class: Any
) -> None:
    store = store_class()
    client = kind.client(server.url, credentials=store)
    other = elsewhere.client(server.url, credentials=store)
    reads = 0
    read = store.load

    def load_after_a_while(key: Any) -> str | None:
        nonlocal reads
        reads += bool(server.requests)
        if reads == 3:
            reads += 1  # not again for the writer's own reads
            server.answer_next(numbered(7), 201)
            other.register(**WANTED)
        text: str | None = read(key)
        return text

    store.load = load_after_a_while
    server.answer_next(conflict(), 409)
    client.ensure_registered(**WANTED)
    assert client.client_id == "ath_client_7"
    assert len(server.requests) == 2


def test_a_conflict_is_raised_after_the_store_was_read_again(kind: Kind, server: Server) -> None:
    store = WatchedStore()
    client = kind.client(server.url, credentials=store)
    client.load()
    store.reads()
    server.answer_next(conflict(), 409)
    with raises_code("CONFLICT", 409) as caught:
        client.ensure_registered(**WANTED)
    assert caught.value.details["client_id"] == "ath_client_7"
    assert len(store.reads()) > 3
    assert store.acquire(client.raw._credentials.key, "somebody", 60)  # the lock is free


def replace_meanwhile(other: AnyClient, server: Server, number: int, answer: Any) -> None:
    """Plan an answer that is given only after the other client has registered."""

    def meanwhile(_: Any) -> Answer:
        other.register(**WANTED)
        return Answer(answer, 200)

    server.answer_next_with(meanwhile)
    server.answer_next(numbered(number), 201)


@pytest.fixture(params=[WatchedStore, MinimalStore])
def workers(
    request: pytest.FixtureRequest, kind: Kind, elsewhere: Kind, server: Server
) -> list[AnyClient]:
    """Two clients on one store: of each kind, and a sync one that acts in between."""
    store = request.param()
    return [make.client(server.url, credentials=store) for make in (kind, elsewhere)]


@pytest.mark.parametrize("user", [None, "alice"])
@pytest.mark.parametrize("held", [False, True])
def test_of_two_overlapping_registrations_the_first_to_be_stored_stays(
    workers: list[AnyClient], server: Server, user: str | None, held: bool
) -> None:
    client, other = workers
    view = client if user is None else client.for_user(user)
    if held:
        server.answer_next(numbered(0), 201)
        other.register(**WANTED)
    replace_meanwhile(other, server, 1, numbered(2))
    with raises_code("REGISTRATION_REPLACED") as caught:
        view.register(**WANTED)
    assert caught.value.details["client_id"] == "ath_client_2"
    assert view.client_id == client.client_id == other.client_id == "ath_client_1"
    server.answer_next(AUTHORIZATION)
    view.authorize("github", ["read:user"])
    assert json_body(server.requests[-1])["client_id"] == "ath_client_1"


def test_a_registration_after_anothers_takes_its_place(
    workers: list[AnyClient], server: Server
) -> None:
    client, other = workers
    client.load()
    for number, worker in ((1, other), (2, client), (3, other)):
        server.answer_next(numbered(number), 201)
        worker.register(**WANTED)
    client.load()
    assert client.client_id == "ath_client_3"


@pytest.mark.parametrize("user", [None, "alice"])
def test_authorize_says_that_the_registration_was_replaced_under_way(
    workers: list[AnyClient], server: Server, user: str | None
) -> None:
    client, other = workers
    view = client if user is None else client.for_user(user)
    server.answer_next(numbered(1), 201)
    client.register(**WANTED)
    replace_meanwhile(other, server, 2, AUTHORIZATION)
    with raises_code("REGISTRATION_REPLACED") as caught:
        view.authorize("github", ["read:user"])
    assert caught.value.details["client_id"] == "ath_client_1"
    server.answer_next(AUTHORIZATION)
    assert view.authorize("github", ["read:user"])  # as the error advises
    assert json_body(server.requests[-1])["client_id"] == "ath_client_2"


@pytest.mark.parametrize("user", [None, "alice"])
def test_a_token_granted_while_the_registration_was_replaced_is_kept(
    workers: list[AnyClient], server: Server, user: str | None
) -> None:
    client, other = workers
    view = client if user is None else client.for_user(user)
    server.answer_next(numbered(1), 201)
    client.register(**WANTED)
    server.answer_next(AUTHORIZATION)
    view.authorize("github", ["read:user"])
    replace_meanwhile(other, server, 2, TOKEN)
    with raises_code("REGISTRATION_REPLACED") as caught:
        view.exchange_token("exchange", AUTHORIZATION["ath_session_id"])
    assert caught.value.details["client_id"] == "ath_client_1"
    same_user = other if user is None else other.for_user(user)
    for holder in (view, same_user):
        server.answer_next({})
        holder.call("GET", "/x")
        assert server.requests[-1].headers["authorization"] == "Bearer ath_tk_1"
    server.answer_next({})
    view.revoke()
    assert json_body(server.requests[-1])["client_id"] == "ath_client_1"


def test_without_a_store_too_a_call_says_that_the_registration_was_replaced(
    kind: Kind, server: Server
) -> None:
    client = kind.client(server.url)
    client.set_credentials("ath_client_1", "ath_secret_1")

    def register_in_another_thread_or_task(_: Any) -> Answer:
        call = client.raw.register(**WANTED)
        if inspect.iscoroutine(call):
            asyncio.run_coroutine_threadsafe(call, kind.runner.get_loop()).result(10)
        return Answer(AUTHORIZATION)

    server.answer_next_with(register_in_another_thread_or_task)
    server.answer_next(numbered(2), 201)
    with raises_code("REGISTRATION_REPLACED"):
        client.authorize("github", ["read:user"])
    assert client.client_id == "ath_client_2"


@pytest.mark.parametrize("name", ["register", "ensure_registered"])
@pytest.mark.parametrize("arguments", [{}, {"developer": DEVELOPER}, {"providers": GITHUB}])
def test_the_required_arguments_are_required(
    client: AnyClient, name: str, arguments: dict[str, Any]
) -> None:
    with pytest.raises(TypeError):
        getattr(client, name)(**arguments)
