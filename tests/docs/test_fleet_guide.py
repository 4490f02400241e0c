"""README's way from one machine to many, and how all users of an agent are revoked."""

from __future__ import annotations

import os
import re
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ath import ATHGatewayClient, EncryptedStore, FolderStore, MemoryStore
from ath.testing import LocalGateway

from .conftest import AGENT_ID

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
GUIDE = (ROOT / "docs" / "fleet.md").read_text(encoding="utf-8")
SECTION = README.partition("## From one machine to many\n")[2].partition("\n## ")[0]
BLOCKS = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)
SETUP, OFFBOARDING = BLOCKS[0], BLOCKS[1].partition("of your workers\n")[2]


def lines_of(block: str) -> list[str]:
    return [line for line in block.splitlines() if line.strip()]


def test_the_blocks_are_as_short_as_they_are_said_to_be() -> None:
    assert len(lines_of(SETUP)) <= 10
    assert len(lines_of(OFFBOARDING)) == 5


class CountedStore:
    """A store that counts the calls of its methods."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.calls: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            self.calls[name] += 1
            return method(*args, **kwargs)

        return call

    def take(self) -> dict[str, int]:
        calls, self.calls = dict(self.calls), Counter()
        return calls


def test_the_table_of_store_calls_is_what_a_handshake_makes(
    gateway: LocalGateway, private_key: Any
) -> None:
    shared = MemoryStore()
    stores = CountedStore(shared), CountedStore(shared)
    wanted: dict[str, Any] = {
        "developer": {"name": "Acme", "id": "acme"},
        "providers": [{"provider_id": "github", "scopes": ["read:user"]}],
    }

    def consented(name: str) -> str:
        asked = first.for_user(name).authorize("github", ["read:user"])
        gateway.approve(asked.authorization_url)
        return asked.ath_session_id

    made = {}
    with ExitStack() as workers:

        def start(store: Any) -> ATHGatewayClient:
            client = ATHGatewayClient(gateway.url, AGENT_ID, private_key, credentials=store)
            return workers.enter_context(client)

        first = start(stores[0])
        made["start"] = [stores[0].take()]
        first.ensure_registered(**wanted)
        registering = stores[0].take()
        second = start(stores[1])
        second.ensure_registered(**wanted)
        made["start when registered"] = [stores[1].take()]
        session = consented("alice")
        made["authorize"] = [stores[0].take()]
        first.for_user("alice").exchange_token("exchange", session)
        made["exchange"] = [stores[0].take()]
        second.for_user("alice").proxy("github", "GET", "/user")
        made["first call"] = [stores[1].take()]
        second.for_user("alice").proxy("github", "GET", "/user")
        first.for_user("alice").proxy("github", "GET", "/user")
        made["further calls"] = [store.take() for store in stores]
        first.for_user("alice").revoke()
        made["revoke"] = [stores[0].take()]
        session = consented("bob")
        stores[0].take()
        second.for_user("bob").exchange_token("exchange", session)
        made["exchange elsewhere"] = [stores[1].take()]
        first.for_user("bob").proxy("github", "GET", "/user")
        made["first call after it"] = [stores[0].take()]
    assert sum(registering.values()) == 6
    assert made == {
        "start": [{"load": 1}],
        "start when registered": [{"load": 1}],
        "authorize": [{"load": 3, "replace": 1}],
        "exchange": [{"load": 2, "replace": 1}],
        "first call": [{"load": 1}],
        "further calls": [{}, {}],
        "revoke": [{"load": 3, "replace": 1}],
        "exchange elsewhere": [{"load": 3, "replace": 1}],
        "first call after it": [{"load": 2}],
    }
    rows = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", GUIDE, re.MULTILINE))
    assert rows["a worker starts"].startswith("1 `load`; 6 more if it registers the agent")
    assert rows["`authorize`"] == rows["`revoke`"] == "3 `load`, 1 `replace`"
    assert rows["`exchange_token`"] == "2 `load` (3 at another worker), 1 `replace`"
    assert rows["a user's first call at a worker"].startswith("1 `load` (2 if the worker knew")
    assert rows["every further call"] == "none"


def test_records_are_as_large_as_the_guide_says(gateway: LocalGateway, private_key: Any) -> None:
    plain, inner = MemoryStore(), MemoryStore()
    sizes = []
    for store, kept in ((plain, plain), (EncryptedStore(inner, [os.urandom(32)]), inner)):
        with ATHGatewayClient(gateway.url, AGENT_ID, private_key, credentials=store) as client:
            client.register(
                developer={"name": "Acme", "id": "acme"},
                providers=[{"provider_id": "github", "scopes": ["read:user"]}],
            )
            view = client.for_user("alice@mail.example.com")
            asked = view.authorize("github", ["read:user"])
            gateway.approve(asked.authorization_url)
            view.exchange_token("exchange", asked.ath_session_id)
            key = view._credentials.key
            token = len(kept.load(key) or "")
            view.authorize("github", ["read:user"])
            sizes.append((token, len(kept.load(key) or "") - token))
    (token, session), (encrypted, encrypted_session) = sizes
    said = re.search(
        r"`EncryptedStore` adds ([\d.]+) KB.*An open session is another ([\d.]+) KB,\s+([\d.]+) KB",
        GUIDE,
        re.DOTALL,
    )
    assert said is not None
    found = [encrypted - token, session, encrypted_session]
    assert [float(number) for number in said.groups()] == [round(n / 1000, 1) for n in found]


def test_every_user_of_the_agent_is_revoked_and_forgotten(
    gateway: LocalGateway, private_key: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {
        "ATHGatewayClient": ATHGatewayClient, "agent_id": AGENT_ID, "gateway": gateway,
        "private_key": private_key,
    }  # fmt: skip
    exec(compile(SETUP, "README.md", "exec"), namespace)
    store = namespace["store"]
    with ATHGatewayClient(gateway.url, AGENT_ID, private_key, credentials=store) as worker:
        for name in ("alice", "bob", "carol"):
            asked = worker.for_user(name).authorize("github", ["read:user"])
            gateway.approve(asked.authorization_url)
            worker.for_user(name).exchange_token("exchange", asked.ath_session_id)
        agent = worker._credentials.key
    of_another = agent._replace(agent_id="https://other.example/agent.json", user="dave")
    assert store.replace(of_another, None, "{}")
    files = [path.read_text() for path in (tmp_path / "credentials").glob("*.json")]
    assert not any("client_secret" in text or "access_token" in text for text in files)

    exec(compile(OFFBOARDING, "README.md", "exec"), namespace)
    assert gateway.count("tokens") == gateway.count("revocations") == 3
    kept = FolderStore(tmp_path / "credentials").keys()
    assert sorted(kept, key=repr) == sorted([agent, of_another], key=repr)
