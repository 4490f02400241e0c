"""Workers on one store see what the others wrote: before they give up, and after a refusal."""

from __future__ import annotations

from typing import Any

import pytest

from ath import CredentialKey
from tests.harness.clients import AGENT_ID, DEVELOPER, AnyClient, Kind, json_body, raises_code
from tests.harness.examples import AUTHORIZATION, REGISTRATION, TOKEN, refusal
from tests.harness.server import Server
from tests.harness.stores import WatchedStore, document
from tests.harness.worlds import World

WANTED: dict[str, Any] = {
    "developer": DEVELOPER,
    "providers": [{"provider_id": "github", "scopes": ["read:user"]}],
}
USERS = (None, "alice")
"""The agent itself, and a user of it."""
REFUSALS = ["TOKEN_INVALID", "TOKEN_REVOKED", "TOKEN_EXPIRED", "AGENT_NOT_REGISTERED",
            "SCOPE_NOT_APPROVED"]  # fmt: skip
UNUSABLE = REFUSALS[:3]


@pytest.fixture
def store() -> WatchedStore:
    return WatchedStore()


@pytest.fixture
def client(kind: Kind, server: Server, store: WatchedStore) -> AnyClient:
    """The worker under test; it has read the agent's record."""
    client = kind.client(server.url, credentials=store)
    client.load()
    return client


@pytest.fixture
def other(elsewhere: Kind, server: Server, store: WatchedStore) -> AnyClient:
    """Another worker on the same store."""
    return elsewhere.client(server.url, credentials=store)


def as_user(client: AnyClient, user: str | None) -> AnyClient:
    return client if user is None else client.for_user(user)


def register(client: AnyClient, server: Server, number: int, **options: Any) -> None:
    client_id, client_secret = f"ath_client_{number}", f"ath_secret_{number}"
    server.answer_next(
        {**REGISTRATION, "client_id": client_id, "client_secret": client_secret}, 201
    )
    client.register(**WANTED, **options)


def authorize(client: AnyClient, server: Server, session_id: str) -> None:
    server.answer_next({**AUTHORIZATION, "ath_session_id": session_id})
    client.authorize("github", ["read:user"])


def grant(client: AnyClient, server: Server, number: int, **more: Any) -> None:
    """Open a session and exchange it for the token of that number."""
    authorize(client, server, f"ath_sess_{number}")
    server.answer_next({**TOKEN, "access_token": f"ath_tk_{number}", **more})
    client.exchange_token("exchange", f"ath_sess_{number}")


def bearer(server: Server) -> str:
    return server.requests[-1].headers["authorization"].removeprefix("Bearer ")


def key(server: Server, user: str | None) -> CredentialKey:
    return CredentialKey(server.url, AGENT_ID, user)


def stored_tokens(store: WatchedStore, server: Server, user: str | None) -> dict[str, bool]:
    """The tokens in the store, and whether each is marked as refused."""
    record = document(store, key(server, user))
    assert record is not None
    return {token["access_token"]: token["refused"] for token in record["tokens"]}


@pytest.mark.parametrize("user", USERS)
def test_a_registration_that_another_worker_made_is_found(
    client: AnyClient, other: AnyClient, server: Server, user: str | None
) -> None:
    view = as_user(client, user)
    with raises_code("NOT_REGISTERED"):
        view.authorize("github", ["read:user"])
    register(other, server, 1)
    authorize(view, server, "ath_sess_1")
    assert json_body(server.requests[-1])["client_id"] == "ath_client_1"
    assert view.client_id == "ath_client_1"


def test_the_status_of_a_registration_that_another_worker_made_can_be_read(
    client: AnyClient, other: AnyClient, server: Server
) -> None:
    register(other, server, 1)
    server.answer_next({**REGISTRATION, "agent_id": AGENT_ID})
    assert client.registration().client_id == "ath_client_1"


@pytest.mark.parametrize("user", USERS)
def test_a_token_that_another_worker_got_is_found(
    client: AnyClient, other: AnyClient, server: Server, user: str | None
) -> None:
    view = as_user(client, user)
    with raises_code("NOT_REGISTERED"):
        view.call("GET", "/x")
    register(other, server, 1)
    with raises_code("NO_TOKEN"):
        view.call("GET", "/x")
    grant(as_user(other, user), server, 1)
    server.answer_next({"ok": True})
    assert view.call("GET", "/x") == {"ok": True}
    assert bearer(server) == "ath_tk_1"


@pytest.mark.parametrize("user", USERS)
def test_a_session_that_another_worker_opened_is_found(
    client: AnyClient, other: AnyClient, server: Server, user: str | None
) -> None:
    register(other, server, 1)
    view = as_user(client, user)
    view.load()
    authorize(as_user(other, user), server, "ath_sess_1")
    server.answer_next(TOKEN)
    view.exchange_token("exchange", "ath_sess_1")
    assert json_body(server.requests[-1])["code_verifier"]


@pytest.mark.parametrize("user", USERS)
def test_a_token_that_replaced_an_expired_one_is_found(
    client: AnyClient, other: AnyClient, server: Server, user: str | None
) -> None:
    register(other, server, 1)
    view = as_user(client, user)
    grant(view, server, 1, expires_in=-1)
    with raises_code("TOKEN_EXPIRED"):
        view.call("GET", "/x")
    grant(as_user(other, user), server, 2)
    server.answer_next({"ok": True})
    assert view.call("GET", "/x") == {"ok": True}
    assert bearer(server) == "ath_tk_2"


def test_a_native_service_finds_what_another_worker_wrote(service: World) -> None:
    store = WatchedStore()
    client, other = service.client(credentials=store), service.client(credentials=store)
    client.load()
    client.discover()
    service.register(other)
    service.token(other.for_user("alice"))
    assert client.for_user("alice").call("GET", "/echo")["method"] == "GET"


def test_what_is_missing_in_the_store_too_is_missing(
    client: AnyClient, server: Server, store: WatchedStore
) -> None:
    for call in (
        lambda: client.call("GET", "/x"),
        lambda: client.authorize("github", ["read:user"]),
        lambda: client.exchange_token("exchange", "ath_sess_1"),
        lambda: client.registration(),
        lambda: client.revoke(),
    ):
        store.reads()
        with raises_code("NOT_REGISTERED"):
            call()
        assert store.reads() == [None]  # once
    assert server.requests == []


def test_a_store_that_cannot_be_read_is_said_instead_of_that_something_is_missing(
    client: AnyClient, store: WatchedStore
) -> None:
    def fail(*_: Any) -> None:
        raise OSError("no such host")

    store.before = fail
    with raises_code("STORAGE_ERROR"):
        client.call("GET", "/x")


@pytest.mark.parametrize("user", USERS)
def test_a_successful_call_reads_no_store_after_the_records_first_use(
    client: AnyClient, other: AnyClient, server: Server, store: WatchedStore, user: str | None
) -> None:
    register(other, server, 1)
    grant(as_user(other, user), server, 1)
    client.load()
    store.reads()
    for _ in range(3):
        server.answer_next({})
        as_user(client, user).call("GET", "/x")
    assert store.reads() == ([user] if user else [])
    for call in (
        lambda: as_user(client, user).call("POST", "/x", {}),
        lambda: as_user(client, user).registration(),
        lambda: as_user(client, user).sign_attestation(),
    ):
        server.plan.clear()
        server.answer_next({**REGISTRATION, "agent_id": AGENT_ID})
        call()
        assert store.reads() == []


@pytest.fixture(params=["once", "with retries"])
def retry(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Without retries, or with the client's own."""
    return {"retry": None} if request.param == "once" else {}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("status", [400, 401, 403])
@pytest.mark.parametrize("code", REFUSALS)
def test_a_refused_call_is_made_once_more_with_what_the_store_holds_now(
    client: AnyClient, other: AnyClient, server: Server, retry: dict[str, Any],
    code: str, status: int, method: str,
) -> None:  # fmt: skip
    register(other, server, 1)
    alice = client.for_user("alice")
    grant(alice, server, 1)
    grant(other.for_user("alice"), server, 2)
    server.requests.clear()
    server.answer_next(refusal(code), status)
    server.answer_next({"ok": True})
    body = {"n": 1} if method == "POST" else None
    assert alice.call(method, "/x", body, **retry) == {"ok": True}
    used = [seen.headers["authorization"] for seen in server.requests]
    assert used == ["Bearer ath_tk_1", "Bearer ath_tk_2"]
    assert [seen.body for seen in server.requests] == [b'{"n":1}' if body else b""] * 2


def test_the_store_is_read_after_a_refusal_of_a_later_attempt_too(
    client: AnyClient, other: AnyClient, server: Server
) -> None:
    register(other, server, 1)
    grant(client, server, 1)
    grant(other, server, 2)
    server.answer_next("Overloaded", 503)
    server.answer_next(refusal("TOKEN_REVOKED"), 401)
    server.answer_next({"ok": True})
    assert client.call("GET", "/x") == {"ok": True}
    assert bearer(server) == "ath_tk_2"


def test_a_call_that_is_refused_again_is_not_made_a_third_time(
    client: AnyClient, other: AnyClient, server: Server, retry: dict[str, Any]
) -> None:
    register(other, server, 1)
    grant(client, server, 1)
    grant(other, server, 2)
    server.requests.clear()
    for message in ("First.", "Second."):
        server.answer_next(refusal("TOKEN_INVALID", message), 401)
    with raises_code("TOKEN_INVALID", 401) as caught:
        client.call("GET", "/x", **retry)
    assert caught.value.message.startswith("Second")
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("code", "status"),
    [("AGENT_UNAPPROVED", 403), ("PROVIDER_MISMATCH", 403), ("FORBIDDEN", 403),
     ("AUTH_REQUIRED", 401), ("TOKEN_INVALID", 404), ("TOKEN_INVALID", 409),
     ("TOKEN_EXPIRED", 500), ("token_invalid", 401)],
)  # fmt: skip
def test_any_other_refusal_is_passed_on_and_reads_no_store(
    client: AnyClient, other: AnyClient, server: Server, store: WatchedStore,
    code: str, status: int,
) -> None:  # fmt: skip
    register(other, server, 1)
    grant(client, server, 1)
    grant(other, server, 2)
    server.requests.clear()
    store.reads()
    server.answer_next(refusal(code), status)
    known = "PROVIDER_ERROR" if code.islower() else code
    with raises_code(known, status):
        client.call("GET", "/x")
    assert len(server.requests) == 1
    assert store.reads() == []
    assert stored_tokens(store, server, None) == {"ath_tk_2": False}


@pytest.mark.parametrize("code", REFUSALS)
def test_the_same_token_is_not_sent_twice(
    client: AnyClient, server: Server, retry: dict[str, Any], code: str
) -> None:
    register(client, server, 1)
    grant(client, server, 1)
    server.requests.clear()
    server.answer_next(refusal(code), 401)
    with raises_code(code, 401):
        client.call("GET", "/x", **retry)
    assert len(server.requests) == 1


def test_a_token_that_another_worker_revoked_is_not_sent_again(
    client: AnyClient, other: AnyClient, server: Server
) -> None:
    register(other, server, 1)
    alice = client.for_user("alice")
    grant(alice, server, 1)
    server.answer_next({})
    other.for_user("alice").revoke()
    server.answer_next(refusal("TOKEN_REVOKED"), 401)
    with raises_code("TOKEN_REVOKED", 401):
        alice.call("GET", "/x")
    with raises_code("NO_TOKEN"):
        alice.call("GET", "/x")


@pytest.mark.parametrize("user", USERS)
def test_authorize_is_made_once_more_with_the_registration_in_the_store(
    client: AnyClient, other: AnyClient, server: Server, retry: dict[str, Any], user: str | None
) -> None:
    register(client, server, 1, redirect_uris=["https://agent.example/old"])
    register(other, server, 2, redirect_uris=["https://agent.example/new"])
    server.requests.clear()
    server.answer_next(refusal("AGENT_NOT_REGISTERED"), 403)
    server.answer_next(AUTHORIZATION)
    as_user(client, user).authorize("github", ["read:user"], **retry)
    bodies = [json_body(seen) for seen in server.requests]
    assert [body["client_id"] for body in bodies] == ["ath_client_1", "ath_client_2"]
    assert [body["user_redirect_uri"][-3:] for body in bodies] == ["old", "new"]
    attestations = {body["agent_attestation"] for body in bodies}
    assert len(attestations) == 2
    server.answer_next(TOKEN)
    as_user(other, user).exchange_token("exchange", "ath_sess_1")  # the session is the new one's
    assert json_body(server.requests[-1])["client_id"] == "ath_client_2"


@pytest.mark.parametrize("uris", [[], ["https://agent.example/a", "https://agent.example/b"]])
def test_a_redirect_uri_of_the_replaced_registration_is_not_sent_with_the_new_one(
    client: AnyClient, other: AnyClient, server: Server, uris: list[str]
) -> None:
    register(client, server, 1, redirect_uris=["https://agent.example/old"])
    register(other, server, 2, redirect_uris=uris)
    server.answer_next(refusal("AGENT_NOT_REGISTERED"), 403)
    server.answer_next(AUTHORIZATION)
    client.authorize("github", ["read:user"])
    assert "user_redirect_uri" not in json_body(server.requests[-1])


def test_the_status_is_asked_once_more_with_the_registration_in_the_store(
    client: AnyClient, other: AnyClient, server: Server
) -> None:
    register(client, server, 1)
    register(other, server, 2)
    server.answer_next(refusal("AGENT_NOT_REGISTERED"), 403)
    server.answer_next({**REGISTRATION, "client_id": "ath_client_2", "agent_id": AGENT_ID})
    assert client.registration(retry=None).client_id == "ath_client_2"
    assert server.requests[-1].target == "/ath/agents/ath_client_2"


@pytest.mark.parametrize("user", USERS)
def test_a_session_of_a_replaced_registration_is_not_found_and_not_sent_again(
    client: AnyClient, other: AnyClient, server: Server, user: str | None
) -> None:
    register(client, server, 1)
    view = as_user(client, user)
    authorize(view, server, "ath_sess_1")
    register(other, server, 2)
    server.requests.clear()
    server.answer_next(refusal("AGENT_NOT_REGISTERED"), 403)
    with raises_code("SESSION_NOT_FOUND") as caught:
        view.exchange_token("exchange", "ath_sess_1")
    assert "authorize()" in caught.value.advice
    assert len(server.requests) == 1
    assert view.client_id == "ath_client_2"


@pytest.mark.parametrize("code", REFUSALS)
def test_a_refused_exchange_under_the_present_registration_is_passed_on(
    client: AnyClient, server: Server, code: str
) -> None:
    register(client, server, 1)
    authorize(client, server, "ath_sess_1")
    server.requests.clear()
    server.answer_next(refusal(code), 403)
    with raises_code(code, 403):
        client.exchange_token("exchange", "ath_sess_1")
    assert len(server.requests) == 1


@pytest.mark.parametrize("code", UNUSABLE)
@pytest.mark.parametrize("user", USERS)
def test_a_refused_token_is_marked_in_memory_and_store(
    client: AnyClient, server: Server, store: WatchedStore, tmp_path: Any,
    code: str, user: str | None,
) -> None:  # fmt: skip
    register(client, server, 1)
    view = as_user(client, user)
    grant(view, server, 1)
    server.answer_next(refusal(code), 401)
    with raises_code(code, 401):
        view.call("GET", "/x")
    assert stored_tokens(store, server, user) == {"ath_tk_1": True}
    view.save_credentials(tmp_path / "saved.json")
    assert '"refused": true' in (tmp_path / "saved.json").read_text()


@pytest.mark.parametrize("code", ["AGENT_NOT_REGISTERED", "SCOPE_NOT_APPROVED", "FORBIDDEN"])
def test_a_token_is_not_marked_for_other_refusals(
    client: AnyClient, server: Server, store: WatchedStore, code: str
) -> None:
    register(client, server, 1)
    grant(client, server, 1)
    server.answer_next(refusal(code), 403)
    with raises_code(code, 403):
        client.call("GET", "/x")
    assert stored_tokens(store, server, None) == {"ath_tk_1": False}


def test_the_token_that_replaced_a_refused_one_is_marked_if_it_is_refused_too(
    client: AnyClient, other: AnyClient, server: Server, store: WatchedStore
) -> None:
    register(other, server, 1)
    grant(client, server, 1)
    grant(other, server, 2)
    for _ in range(2):
        server.answer_next(refusal("TOKEN_REVOKED"), 401)
    with raises_code("TOKEN_REVOKED", 401):
        client.call("GET", "/x")
    assert stored_tokens(store, server, None) == {"ath_tk_2": True}


def test_a_token_that_another_worker_got_meanwhile_is_not_marked(
    client: AnyClient, other: AnyClient, server: Server, store: WatchedStore
) -> None:
    register(other, server, 1)
    grant(client, server, 1)

    def grant_before_the_mark_is_written(method: str, _: CredentialKey) -> None:
        if method == "replace":
            store.before = lambda *_: None
            grant(other, server, 2)

    server.answer_next(refusal("TOKEN_REVOKED"), 401)
    store.before = grant_before_the_mark_is_written
    with raises_code("TOKEN_REVOKED", 401):
        client.call("GET", "/x")
    assert stored_tokens(store, server, None) == {"ath_tk_2": False}
    server.answer_next({})
    client.call("GET", "/x")
    assert bearer(server) == "ath_tk_2"


def test_a_marked_token_is_sent_when_asked_and_revoked_when_asked(
    client: AnyClient, other: AnyClient, server: Server, store: WatchedStore
) -> None:
    register(client, server, 1)
    grant(client, server, 1)
    server.answer_next(refusal("TOKEN_INVALID"), 401)
    with raises_code("TOKEN_INVALID", 401):
        client.call("GET", "/x")
    for holder in (client, other):
        server.answer_next({"ok": True})
        assert holder.call("GET", "/x") == {"ok": True}
        assert bearer(server) == "ath_tk_1"
    server.answer_next({})
    other.revoke()
    assert json_body(server.requests[-1])["token"] == "ath_tk_1"
    assert stored_tokens(store, server, None) == {}


def test_a_new_grant_takes_the_marked_tokens_place(
    client: AnyClient, server: Server, store: WatchedStore
) -> None:
    register(client, server, 1)
    grant(client, server, 1)
    server.answer_next(refusal("TOKEN_EXPIRED"), 401)
    with raises_code("TOKEN_EXPIRED", 401):
        client.call("GET", "/x")
    grant(client, server, 2)
    assert stored_tokens(store, server, None) == {"ath_tk_2": False}


@pytest.mark.parametrize("operation", ["load", "replace"])
def test_what_the_server_said_counts_more_than_a_store_that_fails(
    client: AnyClient, server: Server, store: WatchedStore, operation: str
) -> None:
    register(client, server, 1)
    grant(client, server, 1)

    def fail(method: str, _: CredentialKey) -> None:
        if method == operation:
            raise OSError("no such host")

    store.before = fail
    server.answer_next(refusal("TOKEN_REVOKED"), 401)
    with raises_code("TOKEN_REVOKED", 401):
        client.call("GET", "/x")
