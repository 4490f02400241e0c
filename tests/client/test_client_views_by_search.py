"""A search over random interleavings: no user's view ever uses what belongs to another's."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
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

from ath import ATHError, CredentialKey, MemoryStore
from tests.harness.clients import AGENT_ID, DEVELOPER, AnyClient, Kind
from tests.harness.examples import AUTHORIZATION, REGISTRATION, TOKEN, refusal

URL = "https://gateway.example"
# Two users of the client's registration, one with a session and registration of their own, and
# the client itself.
USERS = ("alice", "bob", "carol", "")
OWN = {"carol": {"X-ATH-User-Token": "carols-session"}}
PROVIDERS = ("github", "shop")
EARLIER = 3  # registrations before the present one that are remembered


def s256(verifier: str) -> str:
    """The code_challenge of a code_verifier (RFC 7636, section 4.2)."""
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()


class Implementor:
    """Enough of a gateway: it believes everything and notes what it was shown.

    Only a token that it granted can be revoked by nobody but the client_id that it was granted to.
    """

    def __init__(self) -> None:
        self.issued = 0
        self.challenges: dict[str, str] = {}
        self.owners: dict[str, str] = {}
        self.seen: list[tuple[str, Any]] = []

    def make(self, kind: str) -> str:
        self.issued += 1
        return f"ath_{kind}_{self.issued}"

    def answer(self, request: httpx.Request) -> httpx.Response:
        name = request.url.path.removeprefix("/ath/")
        body = json.loads(request.content) if request.content else {}
        self.seen.append((name, {**body, "headers": dict(request.headers)}))
        match name:
            case "agents/register":
                made = {"client_id": self.make("client"), "client_secret": self.make("secret")}
                return httpx.Response(201, json={**REGISTRATION, **made})
            case "authorize":
                session = self.make("sess")
                self.challenges[session] = body["code_challenge"]
                return httpx.Response(200, json={**AUTHORIZATION, "ath_session_id": session})
            case "token":
                # The test says by the code for which provider.
                made = {"access_token": self.make("tk"), "provider_id": body["code"]}
                self.owners[made["access_token"]] = body["client_id"]
                return httpx.Response(200, json={**TOKEN, **made})
            case "revoke" if self.owners.get(body["token"], body["client_id"]) != body["client_id"]:
                return httpx.Response(403, json=refusal("AGENT_IDENTITY_MISMATCH"))
        return httpx.Response(200, json={})


@dataclass
class Held:
    """What a record should hold: registrations, the present one first; tokens, the latest last."""

    registrations: list[tuple[str, str]] = field(default_factory=list)
    registered: bool = False
    """Whether the first registration is the present one."""
    tokens: OrderedDict[str | None, str] = field(default_factory=OrderedDict)
    sessions: OrderedDict[str, tuple[str, str]] = field(default_factory=OrderedDict)
    """The provider and the client_id of each open session."""

    def register(self, client_id: str, client_secret: str) -> None:
        self.registrations = [(client_id, client_secret), *self.registrations][: EARLIER + 1]
        self.registered = True

    def keep_token(self, token: str, provider: str | None) -> None:
        if provider is None:
            self.tokens.clear()
        self.tokens.pop(provider, None)
        self.tokens[provider] = token

    def drop_token(self, token: str) -> None:
        (provider,) = [provider for provider, held in self.tokens.items() if held == token]
        del self.tokens[provider]


class FragileStore(MemoryStore):
    """Refuses every change while it is broken."""

    broken = False

    def replace(self, key: CredentialKey, old: str | None, new: str) -> bool:
        if self.broken:
            raise OSError("No space left on device")
        return super().replace(key, old, new)

    def delete(self, key: CredentialKey, old: str | None = None) -> bool:
        if self.broken:
            raise OSError("No space left on device")
        return super().delete(key, old)


class Views(RuleBasedStateMachine):
    """Compares what goes out with a plain model of who holds what, in memory and in the store."""

    kind_name = "sync"
    sessions = Bundle("sessions")

    def __init__(self) -> None:
        super().__init__()
        self.kind = Kind(self.kind_name)
        self.store = FragileStore()
        self.implementor = Implementor()
        self.http = self.kind.httpx_client(transport=httpx.MockTransport(self.implementor.answer))
        self.held = {user: Held() for user in USERS}
        self.stored = deepcopy(self.held)
        self.restart()

    def teardown(self) -> None:
        self.kind.close()

    @rule()
    def restart(self) -> None:
        """A new process with the same store: what no later change has saved is gone."""
        self.client = self.kind.client(URL, credentials=self.store, http_client=self.http)
        self.held = deepcopy(self.stored)

    @rule(broken=st.booleans())
    def break_or_mend_the_store(self, broken: bool) -> None:
        self.store.broken = broken

    def save(self, user: str) -> str | None:
        """A call has made a change, which writes all that is not stored; returns its error."""
        names = {user, self.owner_name(user)}
        new = any(self.held[name] != self.stored[name] for name in names)
        if self.held[user] == Held():  # nothing is made of nothing; else the text tells the time
            new |= any((key.user or "") == user for key in self.store.keys())  # noqa: SIM118
        if self.store.broken and new:
            return "STORAGE_ERROR"
        for name in names:
            self.stored[name] = deepcopy(self.held[name])
        return None

    def view(self, user: str) -> AnyClient:
        return self.client.for_user(user, headers=OWN.get(user)) if user else self.client

    def owner_name(self, user: str) -> str:
        """Whose record has the registration that the user's view uses."""
        return user if user in OWN else ""

    def owner(self, user: str) -> Held:
        return self.held[self.owner_name(user)]

    def registration(self, user: str) -> tuple[str, str] | None:
        owner = self.owner(user)
        return owner.registrations[0] if owner.registered else None

    def refused_here(self, code: str, call: Callable[[], Any]) -> None:
        """The call fails with that code, and nothing is sent."""
        before = len(self.implementor.seen)
        assert self.attempt(call) == code
        assert len(self.implementor.seen) == before

    def latest(self, *kinds: str) -> tuple[str, ...]:
        """What the implementor issued last."""
        first = self.implementor.issued + 1 - len(kinds)
        return tuple(f"ath_{kind}_{first + n}" for n, kind in enumerate(kinds))

    def attempt(self, call: Callable[[], Any]) -> str | None:
        """Make the call; returns the code of its error."""
        try:
            call()
        except ATHError as error:
            return error.code
        return None

    @rule(owner=st.sampled_from(["", "carol"]))
    def register(self, owner: str) -> None:
        view = self.view(owner)
        error = self.attempt(lambda: view.register(developer=DEVELOPER, providers=[]))
        self.held[owner].register(*self.latest("client", "secret"))
        assert error == self.save(owner)

    @rule(user=st.sampled_from(USERS))
    def ensure_registered(self, user: str) -> None:
        view, before = self.view(user), len(self.implementor.seen)
        error = self.attempt(lambda: view.ensure_registered(developer=DEVELOPER, providers=[]))
        if self.registration(user) is not None:
            assert error is None
            assert len(self.implementor.seen) == before
            return
        ((name, body),) = self.implementor.seen[before:]
        assert name == "agents/register"
        self.check_session(user, body["headers"])
        self.owner(user).register(*self.latest("client", "secret"))
        assert error == self.save(user)

    @rule(owner=st.sampled_from(["", "carol"]))
    def set_credentials(self, owner: str) -> None:
        made = (self.implementor.make("client"), self.implementor.make("secret"))
        self.view(owner).set_credentials(*made)
        self.held[owner].register(*made)

    @rule(target=sessions, user=st.sampled_from(USERS), provider=st.sampled_from(PROVIDERS))
    def authorize(self, user: str, provider: str) -> Any:
        view, registration = self.view(user), self.registration(user)
        if registration is None:
            self.refused_here("NOT_REGISTERED", lambda: view.authorize(provider, ["repo"]))
            return multiple()
        error = self.attempt(lambda: view.authorize(provider, ["repo"]))
        self.check_client(user)
        (session,) = self.latest("sess")
        self.held[user].sessions[session] = (provider, registration[0])
        assert error == self.save(user)
        return session

    @rule(user=st.sampled_from(USERS), session=sessions, provider=st.sampled_from(PROVIDERS))
    def exchange(self, user: str, session: str, provider: str) -> None:
        view, registration = self.view(user), self.registration(user)
        if registration is None:
            self.refused_here("NOT_REGISTERED", lambda: view.exchange_token(provider, session))
            return
        asked, client_id = self.held[user].sessions.get(session, ("", ""))
        opened = client_id == registration[0]
        if user and not opened:
            self.refused_here("SESSION_NOT_FOUND", lambda: view.exchange_token(provider, session))
            return
        error = self.attempt(lambda: view.exchange_token(provider, session))
        verifier = self.check_client(user).get("code_verifier")
        if opened:
            assert s256(verifier) == self.implementor.challenges[session]
        else:
            assert verifier is None
        self.held[user].sessions.pop(session, None)
        if opened and asked != provider:
            assert error == (self.save(user) or "INVALID_RESPONSE")
        else:
            self.held[user].keep_token(*self.latest("tk"), provider)
            assert error == self.save(user)

    @rule(user=st.sampled_from(USERS), provider=st.sampled_from(PROVIDERS))
    def connect(self, user: str, provider: str) -> None:
        """The whole consent at once: chance puts its steps together too seldom."""
        if self.registration(user) is not None:
            session = self.authorize(user=user, provider=provider)
            self.exchange(user=user, session=session, provider=provider)

    @rule(user=st.sampled_from(USERS), provider=st.sampled_from([*PROVIDERS, None]))
    def set_token(self, user: str, provider: str | None) -> None:
        token = self.implementor.make("tk")
        self.view(user).set_token(token, provider)
        self.held[user].keep_token(token, provider)

    @rule(user=st.sampled_from(USERS), provider=st.sampled_from(PROVIDERS))
    def call(self, user: str, provider: str) -> None:
        view, tokens = self.view(user), self.held[user].tokens
        expected = tokens.get(provider) or tokens.get(None)
        if expected is None:
            missing = "NOT_REGISTERED" if self.registration(user) is None else "NO_TOKEN"
            self.refused_here(missing, lambda: view.proxy(provider, "GET", "/x"))
            return
        view.proxy(provider, "GET", "/x")
        headers = self.implementor.seen[-1][1]["headers"]
        assert headers["authorization"] == f"Bearer {expected}"
        self.check_session(user, headers)

    @rule(user=st.sampled_from(USERS))
    def revoke(self, user: str) -> None:
        view, registration = self.view(user), self.registration(user)
        if registration is None:
            self.refused_here("NOT_REGISTERED", view.revoke)
            return
        before = len(self.implementor.seen)
        error = self.attempt(view.revoke)
        sent = [body for _, body in self.implementor.seen[before:]]
        assert [body["token"] for body in sent] == list(self.held[user].tokens.values())
        known = dict(self.owner(user).registrations)
        expected = None
        for body in sent:
            # The registration that the token was granted to; set by hand or forgotten: the present.
            granted_to = self.implementor.owners.get(body["token"])
            client_id = granted_to if granted_to in known else registration[0]
            assert (body["client_id"], body["client_secret"]) == (client_id, known[client_id])
            self.check_session(user, body["headers"])
            self.held[user].drop_token(body["token"])
            refused = "AGENT_IDENTITY_MISMATCH" if granted_to not in (None, client_id) else None
            failed = self.save(user)
            expected = expected or failed or refused
        assert error == expected

    @rule(user=st.sampled_from(USERS))
    def forget(self, user: str) -> None:
        if self.store.broken:
            self.refused_here("STORAGE_ERROR", self.view(user).forget)
            return
        before = len(self.implementor.seen)
        self.view(user).forget()
        assert len(self.implementor.seen) == before
        self.held[user] = Held()
        self.stored[user] = Held()

    @rule(user=st.sampled_from(USERS))
    def load(self, user: str) -> None:
        """Reading again what this process wrote changes nothing."""
        view = self.view(user)
        view.load()
        registration = self.registration(user)
        assert view.client_id == (None if registration is None else registration[0])

    @rule(user=st.sampled_from(USERS))
    def close_a_view(self, user: str) -> None:
        if user:
            self.view(user).close()

    def check_client(self, user: str) -> dict[str, Any]:
        """The last request came from the user's own registration and session."""
        _, body = self.implementor.seen[-1]
        registration = self.registration(user)
        assert registration is not None
        assert body["client_id"] == registration[0]
        assert body.get("client_secret", registration[1]) == registration[1]
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


MACHINES = pytest.mark.parametrize("machine", [Views, AsyncViews])


@MACHINES
def test_a_view_only_uses_its_own_users_credentials(machine: type[Views]) -> None:
    run_state_machine_as_test(machine, settings=settings(stateful_step_count=60))


@MACHINES
def test_tokens_granted_before_and_after_a_new_registration_are_revoked_after_a_restart(
    machine: type[Views],
) -> None:
    state = machine()
    try:
        state.register(owner="")
        state.connect(user="alice", provider="shop")
        session = state.authorize(user="alice", provider="github")
        state.register(owner="")
        state.exchange(user="alice", session=session, provider="github")
        state.connect(user="alice", provider="github")
        state.restart()
        for provider in PROVIDERS:
            state.call(user="alice", provider=provider)
        state.revoke(user="alice")
        assert [name for name, _ in state.implementor.seen[-2:]] == ["revoke", "revoke"]
    finally:
        state.teardown()


@MACHINES
def test_a_token_that_was_never_stored_is_revoked_without_the_store(
    machine: type[Views],
) -> None:
    state = machine()
    try:
        state.register(owner="")
        state.set_token(user="alice", provider="github")
        state.break_or_mend_the_store(broken=True)
        state.revoke(user="alice")
    finally:
        state.teardown()
