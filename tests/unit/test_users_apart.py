"""A token of one user is never given by another's vault: random interleavings, many processes.

The model is a plain dictionary: what each user may hold. The machine drives two processes on one
store, a registration that all users share, and users with a registration of their own.
"""

from __future__ import annotations

from itertools import count

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ath import CredentialKey, MemoryStore
from ath._client.credentials import Change, Vault
from ath.stores.record import Record, Registration, Session, Token

KEY = CredentialKey("https://gateway.example", "https://agent.example/agent.json")
USERS = [None, "alice", "bob", "carol"]
ALONE = frozenset({"carol"})  # has headers, and so a registration, of her own
PROVIDERS = ["shop", "code", None]

users = st.sampled_from(USERS)
providers = st.sampled_from(PROVIDERS)
processes = st.integers(0, 1)


class UsersApart(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.store = MemoryStore()
        self.numbers = count()
        self.owners: dict[str, str | None] = {}  # whose a token or session is
        self.clients: dict[str, str] = {}  # the registration that it was issued to
        self.processes: list[dict[str | None, Vault]] = []

    @initialize()
    def start(self) -> None:
        self.processes = [self.opened(), self.opened()]

    def opened(self) -> dict[str | None, Vault]:
        parent = Vault(KEY, self.store)
        vaults: dict[str | None, Vault] = {None: parent}
        for user in USERS[1:]:
            shared = None if user in ALONE else parent
            vaults[user] = Vault(KEY._replace(user=user), self.store, shared)
        for vault in vaults.values():
            vault.load()
        return vaults

    def keep(self, vault: Vault, change: Change) -> None:
        registration = vault.registration
        client_id = registration.client_id if registration else None
        vault.apply(change, client_id)
        if client_id is not None:
            vault.persist(change, client_id)

    def named(self, kind: str, user: str | None, vault: Vault) -> str:
        name = f"{kind}-{next(self.numbers)}-of-{user}"
        self.owners[name] = user
        registration = vault.registration
        self.clients[name] = registration.client_id if registration else ""
        return name

    @rule(process=processes, user=users, number=st.integers(0, 2))
    def register(self, process: int, user: str | None, number: int) -> None:
        vault = self.processes[process][user].owner
        who = user if user in ALONE else "agent"
        vault.enroll(Registration(f"{who}-{number}", "s"))
        vault.persist_registration(Registration(f"{who}-{number}", "s"))

    @rule(process=processes, user=users, provider=providers)
    def exchange(self, process: int, user: str | None, provider: str | None) -> None:
        vault = self.processes[process][user]
        token = Token(self.named("token", user, vault), provider)
        self.keep(vault, lambda record: record.keep_token(token))
        assert vault.latest_token() is token

    @rule(process=processes, user=users)
    def authorize(self, process: int, user: str | None) -> None:
        vault = self.processes[process][user]
        name = self.named("session", user, vault)
        self.keep(vault, lambda record: record.open_session(name, Session("shop", name, 0.0)))
        assert vault.session(name)

    @rule(process=processes, user=users)
    def revoke_all(self, process: int, user: str | None) -> None:
        vault = self.processes[process][user]
        for token in vault.tokens():
            self.keep(vault, lambda record, token=token: record.drop_token(token))  # type: ignore[misc]
        assert vault.latest_token() is None

    @rule(process=processes, user=users)
    def save_and_load(self, process: int, user: str | None) -> None:
        vault = self.processes[process][user]
        vault.replace(Record.from_text(vault.snapshot().to_text()))

    @rule(process=processes)
    def restart(self, process: int) -> None:
        self.processes[process] = self.opened()

    @precondition(lambda self: self.processes)
    @invariant()
    def every_vault_gives_only_its_users_own(self) -> None:
        for vaults in self.processes:
            for user, vault in vaults.items():
                given = [*vault.tokens(), vault.latest_token()]
                given += [vault.token_for(p) for p in ("shop", "code", "unknown")]
                registration = vault.registration
                for token in given:
                    if token is None:
                        continue
                    assert self.owners[token.access_token] == user
                    issued_to = self.clients[token.access_token]
                    # What was set before any registration was known may stay.
                    assert registration is None or issued_to in ("", registration.client_id)
                for name, owner in self.owners.items():
                    assert vault.session(name) is None or owner == user


TestUsersApart = UsersApart.TestCase
TestUsersApart.settings = settings(stateful_step_count=30)
