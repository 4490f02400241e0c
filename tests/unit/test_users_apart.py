"""Random interleavings of users, processes and a store that fails now and then.

The model is what each user was granted and what was taken away again. The machine drives two
processes on one store, a registration that all users share, and a user with one of their own.
"""

from __future__ import annotations

from functools import partial
from itertools import count

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ath import CredentialKey, MemoryStore
from ath._client.credentials import Credentials
from ath._client.held_record import HeldRecords
from ath._protocol.steps import Change
from ath.stores.record import Record, Registration, Session, Token

from .support import KEY, NOW, outcome, settle

USERS = [None, "alice", "bob", "carol"]
ALONE = frozenset({"carol"})  # has headers, and so a registration, of her own
users = st.sampled_from(USERS)
processes = st.integers(0, 1)


class FailingStore(MemoryStore):
    def __init__(self) -> None:
        super().__init__()
        self.fails = False

    def replace(self, key: CredentialKey, old: str | None, new: str) -> bool:
        if self.fails:
            raise OSError
        return super().replace(key, old, new)


class UsersApart(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.store = FailingStore()
        self.numbers = count()
        self.owners: dict[str, str | None] = {}  # whose a token or session is
        self.acknowledged: dict[str | None, set[str]] = {user: set() for user in USERS}
        self.processes: list[dict[str | None, Credentials]] = []

    @initialize()
    def start(self) -> None:
        self.processes = [self.opened(), self.opened()]

    def opened(self) -> dict[str | None, Credentials]:
        """A process that has just started."""
        records = HeldRecords(self.store, lambda: NOW)
        made = {}
        for user in USERS:
            key = KEY._replace(user=user, registered=user in ALONE)
            made[user] = Credentials(records, key, key if user in ALONE else KEY)
        return made

    def save(self, held: Credentials, change: Change) -> bool:
        """Whether the store acknowledged the change."""
        result = outcome(lambda: settle(held.save(change)))
        assert result is None or result.code == "STORAGE_ERROR"
        return result is None

    def named(self, kind: str, user: str | None) -> str:
        name = f"{kind}-{next(self.numbers)}-of-{user}"
        self.owners[name] = user
        return name

    @rule(fails=st.booleans())
    def the_store_fails_or_works(self, fails: bool) -> None:
        self.store.fails = fails

    @rule(process=processes, user=users, number=st.integers(0, 2))
    def register(self, process: int, user: str | None, number: int) -> None:
        held = self.processes[process][user]
        settle(held.load())
        former = held.registration
        made = Registration(f"{user if user in ALONE else 'agent'}-{number}", "s")
        instead_of = None if former is None else former.client_id
        outcome(lambda: settle(held.save_registration(made, instead_of)))
        assert held.registration == made

    @rule(process=processes, user=users)
    def exchange(self, process: int, user: str | None) -> None:
        held = self.processes[process][user]
        name = self.named("token", user)
        token = Token(name, provider=f"provider of {name}")  # so that no grant replaces another
        saved = self.save(held, partial(Record.keep_token, token=token))
        assert held.latest_token() == token
        if saved:
            self.acknowledged[user].add(name)

    @rule(process=processes, user=users)
    def authorize(self, process: int, user: str | None) -> None:
        held = self.processes[process][user]
        name = self.named("session", user)
        session = Session("shop", name, NOW, NOW + 600)
        self.save(held, partial(Record.open_session, session_id=name, session=session))
        assert held.session(name)

    @rule(process=processes, user=users)
    def revoke_all(self, process: int, user: str | None) -> None:
        held = self.processes[process][user]
        settle(held.load())
        for token in held.tokens():
            self.acknowledged[user].discard(token.access_token)
            self.save(held, partial(Record.drop_token, access_token=token.access_token))
        assert held.latest_token() is None

    @rule(process=processes)
    def restart(self, process: int) -> None:
        """What the process had not been told is stored may be gone."""
        self.processes[process] = self.opened()

    @invariant()
    def no_view_shows_what_is_another_users(self) -> None:
        for process in self.processes:
            for user, held in process.items():
                shown = [*held.tokens(), held.latest_token()]
                shown += [held.token_for(f"provider of {name}") for name in self.owners]
                assert {self.owners[token.access_token] for token in shown if token} <= {user}
                for name, owner in self.owners.items():
                    assert held.session(name) is None or owner == user

    @invariant()
    def what_was_acknowledged_is_in_the_store(self) -> None:
        for user, tokens in self.acknowledged.items():
            key = KEY._replace(user=user, registered=user in ALONE)
            record = Record.from_text(self.store.load(key))
            assert tokens <= {token.access_token for token in record.tokens.values()}


TestUsersApart = UsersApart.TestCase
TestUsersApart.settings = settings(stateful_step_count=30)
