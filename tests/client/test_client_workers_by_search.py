"""A search over workers that share a store: each serves what another one wrote, whatever it knew.

Workers take turns here, since what matters is how old the credentials in their memory are.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import httpx
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from ath import ATHError, CredentialKey, MemoryStore
from tests.harness.clients import AGENT_ID, DEVELOPER, AnyClient, Kind
from tests.harness.examples import AUTHORIZATION, REGISTRATION, TOKEN, refusal

URL = "https://gateway.example"
WORKERS = st.integers(0, 2)
USERS = ("alice", "bob")
PROVIDERS = ("github", "shop")
KNOWN_REGISTRATIONS = 4  # the present one and the last three before it


class Session(NamedTuple):
    """A session, and whose it is."""

    id: str
    user: str
    provider: str
    client_id: str


class Granted(NamedTuple):
    """A token that the implementor granted."""

    client_id: str
    provider: str


class Implementor:
    """Serves the present registration only, and revokes a token for its own registration only."""

    def __init__(self) -> None:
        self.issued = 0
        self.requests = 0
        self.secrets: dict[str, str] = {}
        self.sessions: dict[str, Granted] = {}
        self.tokens: dict[str, Granted] = {}
        self.revoked: set[str] = set()
        self.used: str | None = None
        """The token of the last call to a provider that succeeded."""

    @property
    def present(self) -> str | None:
        return next(reversed(self.secrets), None)

    def make(self, kind: str) -> str:
        self.issued += 1
        return f"ath_{kind}_{self.issued}"

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        name, _, rest = request.url.path.removeprefix("/ath/").partition("/")
        if name == "proxy":
            token = request.headers["authorization"].removeprefix("Bearer ")
            return self.serve(token, rest.partition("/")[0])
        body = json.loads(request.content)
        match name:
            case "agents":
                made = {"client_id": self.make("client"), "client_secret": self.make("secret")}
                self.secrets[made["client_id"]] = made["client_secret"]
                return httpx.Response(201, json={**REGISTRATION, **made})
            case "revoke":
                return self.revoke(body)
        if body["client_id"] != self.present:
            return httpx.Response(403, json=refusal("AGENT_NOT_REGISTERED"))
        granted = Granted(body["client_id"], body.get("provider_id", ""))
        if name == "authorize":
            session = self.make("sess")
            self.sessions[session] = granted
            return httpx.Response(200, json={**AUTHORIZATION, "ath_session_id": session})
        asked = self.sessions.get(body["ath_session_id"])
        if asked is None or asked.client_id != body["client_id"]:
            return httpx.Response(400, json=refusal("SESSION_NOT_FOUND"))
        del self.sessions[body["ath_session_id"]]
        token = self.make("tk")
        self.tokens[token] = asked
        made = {"access_token": token, "provider_id": asked.provider}
        return httpx.Response(200, json={**TOKEN, **made})

    def serve(self, token: str, provider: str) -> httpx.Response:
        assert self.tokens[token].provider == provider
        if token in self.revoked:
            return httpx.Response(401, json=refusal("TOKEN_REVOKED"))
        self.used = token
        return httpx.Response(200, json={})

    def revoke(self, body: dict[str, str]) -> httpx.Response:
        client_id = body["client_id"]
        assert self.secrets[client_id] == body["client_secret"]
        if self.tokens[body["token"]].client_id != client_id:
            return httpx.Response(403, json=refusal("AGENT_IDENTITY_MISMATCH"))
        self.revoked.add(body["token"])
        return httpx.Response(200, json={})


class Workers(RuleBasedStateMachine):
    """Compares what each worker does with what the store should hold."""

    kind_name = "sync"
    sessions = Bundle("sessions")

    def __init__(self) -> None:
        super().__init__()
        self.kind = Kind(self.kind_name)
        self.store = MemoryStore()
        self.implementor = Implementor()
        self.http = self.kind.httpx_client(transport=httpx.MockTransport(self.implementor.answer))
        self.tokens: dict[str, dict[str, str]] = {user: {} for user in USERS}
        self.granted: dict[tuple[str, str], set[str]] = {}
        self.workers = [self.start() for _ in range(3)]

    def teardown(self) -> None:
        self.kind.close()

    def start(self) -> AnyClient:
        return self.kind.client(URL, credentials=self.store, http_client=self.http)

    def outcome(self, call: Callable[[], Any]) -> str | None:
        """The code of the call's error, or None."""
        try:
            call()
        except ATHError as error:
            return error.code
        return None

    @rule(worker=WORKERS)
    def restart(self, worker: int) -> None:
        self.workers[worker] = self.start()

    @rule(worker=WORKERS)
    def register(self, worker: int) -> None:
        made = self.workers[worker].register(developer=DEVELOPER, providers=[])
        assert made.client_id == self.implementor.present

    @rule(worker=WORKERS)
    def ensure_registered(self, worker: int) -> None:
        registered, before = self.implementor.present is not None, self.implementor.requests
        self.workers[worker].ensure_registered(developer=DEVELOPER, providers=[])
        assert self.implementor.requests == before + (0 if registered else 1)

    @rule(
        target=sessions,
        worker=WORKERS,
        user=st.sampled_from(USERS),
        provider=st.sampled_from(PROVIDERS),
    )
    def authorize(self, worker: int, user: str, provider: str) -> Any:
        view, before = self.workers[worker].for_user(user), self.implementor.requests
        if self.implementor.present is None:
            assert self.outcome(lambda: view.authorize(provider, ["repo"])) == "NOT_REGISTERED"
            assert self.implementor.requests == before
            return multiple()
        session_id = view.authorize(provider, ["repo"]).ath_session_id
        return Session(session_id, user, provider, self.implementor.present)

    @rule(worker=WORKERS, user=st.sampled_from(USERS), session=sessions)
    def exchange(self, worker: int, user: str, session: Session) -> None:
        view = self.workers[worker].for_user(user)
        held = self.implementor.sessions.get(session.id)
        alive = held is not None and session.client_id == self.implementor.present
        error = self.outcome(lambda: view.exchange_token("exchange", session.id))
        if session.user != user or not alive:
            assert error == "SESSION_NOT_FOUND"
            assert self.implementor.sessions.get(session.id) == held
            return
        assert error is None
        token = next(reversed(self.implementor.tokens))
        self.tokens[user].pop(session.provider, None)
        self.tokens[user][session.provider] = token
        self.granted.setdefault((user, session.provider), set()).add(token)

    @rule(
        workers=st.tuples(WORKERS, WORKERS),
        user=st.sampled_from(USERS),
        provider=st.sampled_from(PROVIDERS),
    )
    def connect(self, workers: tuple[int, int], user: str, provider: str) -> None:
        """One worker opens the session, another one exchanges it."""
        if self.implementor.present is not None:
            session = self.authorize(worker=workers[0], user=user, provider=provider)
            self.exchange(worker=workers[1], user=user, session=session)

    @rule(worker=WORKERS, user=st.sampled_from(USERS), provider=st.sampled_from(PROVIDERS))
    def call(self, worker: int, user: str, provider: str) -> None:
        view = self.workers[worker].for_user(user)
        error = self.outcome(lambda: view.proxy(provider, "POST", "/x", retry=None))
        if provider in self.tokens[user]:
            assert error is None
        if error is None:  # a token that another worker has replaced is still the user's
            assert self.implementor.used in self.granted[user, provider]
        elif self.implementor.present is None:
            assert error == "NOT_REGISTERED"
        else:
            assert error in ("NO_TOKEN", "TOKEN_REVOKED")

    @rule(worker=WORKERS, user=st.sampled_from(USERS))
    def revoke(self, worker: int, user: str) -> None:
        view = self.workers[worker].for_user(user)
        error = self.outcome(view.revoke)
        if self.implementor.present is None:
            assert error == "NOT_REGISTERED"
            return
        known = list(self.implementor.secrets)[-KNOWN_REGISTRATIONS:]
        tokens = self.tokens[user].values()
        lost = {t for t in tokens if self.implementor.tokens[t].client_id not in known}
        assert error == ("AGENT_IDENTITY_MISMATCH" if lost else None)
        assert set(tokens) - lost <= self.implementor.revoked
        self.tokens[user].clear()

    @invariant()
    def what_was_acknowledged_is_in_the_store(self) -> None:
        agent = json.loads(self.store.load(CredentialKey(URL, AGENT_ID)) or "{}")
        assert agent.get("client_id") == self.implementor.present
        for user in USERS:
            record = json.loads(self.store.load(CredentialKey(URL, AGENT_ID, user)) or "{}")
            held = [(t["provider"], t["access_token"]) for t in record.get("tokens", [])]
            assert held == list(self.tokens[user].items())


class AsyncWorkers(Workers):
    kind_name = "async"


MACHINES = pytest.mark.parametrize("machine", [Workers, AsyncWorkers])


@MACHINES
def test_a_session_ends_when_another_worker_registers(machine: type[Workers]) -> None:
    state = machine()
    try:
        state.register(worker=0)
        session = state.authorize(worker=0, user="alice", provider="github")
        state.register(worker=1)
        state.exchange(worker=0, user="alice", session=session)
    finally:
        state.teardown()


@MACHINES
def test_each_worker_serves_what_another_one_wrote(machine: type[Workers]) -> None:
    run_state_machine_as_test(machine, settings=settings(stateful_step_count=60))
