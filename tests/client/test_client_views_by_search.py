"""A search over random interleavings: no user's view ever uses what belongs to another's."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any

import httpx
import jwt
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    multiple,
    rule,
    run_state_machine_as_test,
)

from ath import ATHError, MemoryStore
from tests.harness.clients import AGENT_ID, DEVELOPER, AnyClient, Kind
from tests.harness.examples import AUTHORIZATION, REGISTRATION, TOKEN

URL = "https://gateway.example"
# Two users of the client's registration, one with a session and registration of their own, and
# the client itself.
USERS = ("alice", "bob", "carol", "")
OWN = {"carol": {"X-ATH-User-Token": "carols-session"}}
PROVIDERS = ("github", "shop")


def s256(verifier: str) -> str:
    """The code_challenge of a code_verifier (RFC 7636, section 4.2)."""
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()


class Implementor:
    """Enough of a gateway: it believes everything and notes what it was shown."""

    def __init__(self) -> None:
        self.issued = 0
        self.challenges: dict[str, str] = {}
        self.seen: list[tuple[str, Any]] = []

    def _new(self, kind: str) -> str:
        self.issued += 1
        return f"ath_{kind}_{self.issued}"

    def answer(self, request: httpx.Request) -> httpx.Response:
        name = request.url.path.removeprefix("/ath/")
        body = json.loads(request.content) if request.content else {}
        self.seen.append((name, {**body, "headers": dict(request.headers)}))
        match name:
            case "agents/register":
                made = {"client_id": self._new("client"), "client_secret": self._new("secret")}
                return httpx.Response(201, json={**REGISTRATION, **made})
            case "authorize":
                session = self._new("sess")
                self.challenges[session] = body["code_challenge"]
                return httpx.Response(200, json={**AUTHORIZATION, "ath_session_id": session})
            case "token":
                provider = body["code"]  # the test says by the code for which provider
                made = {"access_token": self._new("tk"), "provider_id": provider}
                return httpx.Response(200, json={**TOKEN, **made})
        return httpx.Response(200, json={})


class Views(RuleBasedStateMachine):
    """Compares what goes out with a plain model of who holds what."""

    kind_name = "sync"
    sessions = Bundle("sessions")

    def __init__(self) -> None:
        super().__init__()
        self.kind = Kind(self.kind_name)
        self.store = MemoryStore()
        self.implementor = Implementor()
        self.http = self.kind.httpx_client(transport=httpx.MockTransport(self.implementor.answer))
        self.registered: dict[str, tuple[str, str] | None] = {"": None, "carol": None}
        self.held: dict[str, dict[str | None, str]] = {user: {} for user in USERS}
        self.stored: dict[str, dict[str | None, str]] = {user: {} for user in USERS}
        self.opened: dict[str, str] = {}
        self.restart()

    def teardown(self) -> None:
        self.kind.close()

    @rule()
    def restart(self) -> None:
        """A new process with the same store: what was only set by hand is gone."""
        self.client = self.kind.client(URL, credentials=self.store, http_client=self.http)
        self.held = {user: dict(tokens) for user, tokens in self.stored.items()}

    def view(self, user: str) -> AnyClient:
        return self.client.for_user(user, headers=OWN.get(user)) if user else self.client

    def owner(self, user: str) -> str:
        return user if user in OWN else ""

    def attempt(self, call: Any) -> ATHError | None:
        try:
            call()
        except ATHError as error:
            return error
        return None

    @rule(owner=st.sampled_from(["", "carol"]))
    def register(self, owner: str) -> None:
        registered = self.view(owner).register(developer=DEVELOPER, providers=[])
        self.registered[owner] = (registered.client_id, registered.client_secret)
        for user in USERS:
            if self.owner(user) == owner:
                self.held[user].clear()
                self.stored[user].clear()
                self.opened = {s: o for s, o in self.opened.items() if o != user}

    @rule(target=sessions, user=st.sampled_from(USERS))
    def authorize(self, user: str) -> Any:
        view, before = self.view(user), len(self.implementor.seen)
        if self.registered[self.owner(user)] is None:
            error = self.attempt(lambda: view.authorize("github", ["repo"]))
            assert error is not None
            assert error.code == "NOT_REGISTERED"
            assert len(self.implementor.seen) == before
            return multiple()
        session = view.authorize("github", ["repo"]).ath_session_id
        self.check_client(user)
        self.opened[session] = user
        return session

    @rule(user=st.sampled_from(USERS), session=sessions, provider=st.sampled_from(PROVIDERS))
    def exchange(self, user: str, session: str, provider: str) -> None:
        view = self.view(user)
        if self.registered[self.owner(user)] is None:
            error = self.attempt(lambda: view.exchange_token(provider, session))
            assert error is not None
            assert error.code == "NOT_REGISTERED"
            return
        token = view.exchange_token(provider, session).access_token
        verifier = self.check_client(user).get("code_verifier")
        if self.opened.get(session) == user:
            assert s256(verifier) == self.implementor.challenges[session]
            del self.opened[session]
        else:
            assert verifier is None
        for tokens in (self.held[user], self.stored[user]):
            tokens.pop(provider, None)
            tokens[provider] = token

    @rule(user=st.sampled_from(USERS), provider=st.sampled_from([*PROVIDERS, None]))
    def set_token(self, user: str, provider: str | None) -> None:
        if self.registered[self.owner(user)] is None:
            return
        token = self.implementor._new("tk")
        self.view(user).set_token(token, provider)
        if provider is None:
            self.held[user].clear()
        self.held[user][provider] = token

    @rule(user=st.sampled_from(USERS), provider=st.sampled_from(PROVIDERS))
    def call(self, user: str, provider: str) -> None:
        view, before = self.view(user), len(self.implementor.seen)
        expected = self.held[user].get(provider) or self.held[user].get(None)
        error = self.attempt(lambda: view.proxy(provider, "GET", "/x"))
        if expected is None:
            assert error is not None
            known = self.registered[self.owner(user)] is not None
            assert error.code == ("NO_TOKEN" if known else "NOT_REGISTERED")
            assert len(self.implementor.seen) == before
            return
        assert error is None
        headers = self.implementor.seen[-1][1]["headers"]
        assert headers["authorization"] == f"Bearer {expected}"
        self.check_session(user, headers)

    @rule(user=st.sampled_from(USERS))
    def revoke(self, user: str) -> None:
        view, before = self.view(user), len(self.implementor.seen)
        if self.registered[self.owner(user)] is None:
            error = self.attempt(view.revoke)
            assert error is not None
            assert error.code == "NOT_REGISTERED"
            return
        view.revoke()
        sent = self.implementor.seen[before:]
        assert {body["token"] for _, body in sent} == set(self.held[user].values())
        for _, body in sent:
            assert (body["client_id"], body["client_secret"]) == self.registered[self.owner(user)]
            self.check_session(user, body["headers"])
        gone = set(self.held[user].values())
        self.held[user].clear()
        self.stored[user] = {p: t for p, t in self.stored[user].items() if t not in gone}

    @rule(user=st.sampled_from(USERS))
    def close_a_view(self, user: str) -> None:
        if user:
            self.view(user).close()

    def check_client(self, user: str) -> dict[str, Any]:
        """The last request came from the user's own registration and session."""
        _, body = self.implementor.seen[-1]
        registered = self.registered[self.owner(user)]
        assert registered is not None
        assert body["client_id"] == registered[0]
        assert body.get("client_secret", registered[1]) == registered[1]
        claims = jwt.decode(body["agent_attestation"], options={"verify_signature": False})
        assert claims["sub"] == AGENT_ID
        self.check_session(user, body["headers"])
        found: dict[str, Any] = body
        return found

    def check_session(self, user: str, headers: dict[str, str]) -> None:
        expected = "carols-session" if user == "carol" else None
        assert headers.get("x-ath-user-token") == expected


class AsyncViews(Views):
    kind_name = "async"


@pytest.mark.parametrize("machine", [Views, AsyncViews])
def test_a_view_only_uses_its_own_users_credentials(machine: type[Views]) -> None:
    run_state_machine_as_test(machine, settings=settings(stateful_step_count=40))
