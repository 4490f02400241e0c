"""What stays in memory: the records used last and what no store has, and nothing of a view."""

from __future__ import annotations

import errno
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from ath import CredentialKey
from tests.harness.clients import AGENT_ID, PEM, AnyClient, Kind, raises_code
from tests.harness.examples import AUTHORIZATION, TOKEN
from tests.harness.server import Server
from tests.harness.stores import WatchedStore, document

KEPT = 10_000
"""Records that stay in memory though a store has them too."""


@pytest.fixture
def store() -> WatchedStore:
    return WatchedStore()


@pytest.fixture
def client(kind: Kind, server: Server, store: WatchedStore) -> AnyClient:
    client = kind.client(server.url, credentials=store)
    client.set_credentials("ath_client_1", "ath_secret_1")
    server.answer_next(AUTHORIZATION)
    client.authorize("github", ["read:user"])
    return client


def use(client: AnyClient, users: Iterable[int]) -> None:
    """Use each user's record once, with a view that is dropped at once."""

    def names() -> Iterable[str]:
        return (f"user-{number}" for number in users)

    if client.kind.name == "sync":
        for name in names():
            assert client.raw.for_user(name).client_id == "ath_client_1"
    else:

        async def use_all() -> None:
            for name in names():
                await client.raw.for_user(name).sign_attestation()

        client.kind.run(use_all())


def test_the_records_used_last_stay_in_memory(client: AnyClient, store: WatchedStore) -> None:
    use(client, range(KEPT - 1))
    assert len(store.reads()) >= KEPT - 1
    use(client, [0, KEPT // 2, KEPT - 2])
    assert store.reads() == []
    use(client, range(KEPT, 2 * KEPT))
    store.reads()
    use(client, [KEPT + 1, 2 * KEPT - 1])
    assert store.reads() == []
    use(client, [7])  # dropped meanwhile, and read again
    assert store.reads() == ["user-7"]


def test_a_record_stays_as_long_as_it_is_used_again(client: AnyClient, store: WatchedStore) -> None:
    use(client, [0])
    for start in range(1, 2 * KEPT, KEPT // 2):
        for number in range(start, start + KEPT // 2):
            client.raw.for_user(f"user-{number}")
        store.reads()
        use(client, [0])
        assert store.reads() == []


def test_a_view_keeps_its_record_however_many_others_are_used(
    client: AnyClient, server: Server, store: WatchedStore
) -> None:
    alice = client.for_user("alice")
    alice.load()
    for number in range(2 * KEPT):
        client.raw.for_user(f"user-{number}")
    store.reads()
    server.answer_next(AUTHORIZATION)
    alice.authorize("github", ["read:user"])
    server.answer_next(TOKEN)
    client.for_user("alice").exchange_token("exchange", AUTHORIZATION["ath_session_id"])
    server.answer_next({})
    alice.call("GET", "/x")  # what another view of the same user was granted
    assert server.requests[-1].headers["authorization"] == "Bearer ath_tk_1"


def test_what_the_store_has_not_acknowledged_stays_however_many_others_are_used(
    client: AnyClient, server: Server, store: WatchedStore
) -> None:
    client.for_user("alice").set_token("ath_tk_hand", "github")
    server.answer_next(AUTHORIZATION)
    client.for_user("bob").authorize("github", ["read:user"])
    store.failures = [OSError(errno.ENOSPC, "No space left on device")]
    server.answer_next(TOKEN)
    with raises_code("STORAGE_ERROR"):
        client.for_user("bob").exchange_token("exchange", AUTHORIZATION["ath_session_id"])
    for number in range(2 * KEPT):
        client.raw.for_user(f"user-{number}")
    for user, token in (("alice", "ath_tk_hand"), ("bob", "ath_tk_1")):
        server.answer_next({})
        client.for_user(user).call("GET", "/x")
        assert server.requests[-1].headers["authorization"] == f"Bearer {token}"
        server.answer_next(AUTHORIZATION)
        client.for_user(user).authorize("github", ["read:user"])
        record = document(store, CredentialKey(server.url, AGENT_ID, user))
        assert record is not None
        assert [one["access_token"] for one in record["tokens"]] == [token]


def test_without_a_store_what_is_held_is_held(kind: Kind, server: Server) -> None:
    client = kind.client(server.url)
    client.set_credentials("ath_client_1", "ath_secret_1")
    client.for_user("alice").set_token("ath_tk_alice")
    for number in range(2 * KEPT):
        client.raw.for_user(f"user-{number}").set_token(f"ath_tk_{number}")
    for user, token in (("alice", "ath_tk_alice"), ("user-7", "ath_tk_7")):
        server.answer_next({})
        client.for_user(user).call("GET", "/x")
        assert server.requests[-1].headers["authorization"] == f"Bearer {token}"


MEASURE = """
import gc, json, sys
import ath

def resident():
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

token = {
    "access_token": "ath_tk_" + "x" * 43, "provider": "github", "expires_at": 4e9,
    "scopes": ["read:user"], "client_id": "ath_client_" + "x" * 43, "refused": False,
}
record = json.dumps({"tokens": [token], "sessions": [], "expires_at": 4e9})

class Connected:  # every user holds a token
    def load(self, key):
        return record

    def replace(self, key, old, new):
        return True

name, how, pem = sys.argv[1:]
client = getattr(ath, name)(
    "https://gateway.example", "https://agent.example/agent.json", pem,
    credentials=Connected() if "store" in how else None,
)
headers = {"X-ATH-User-Token": "session"} if "headers" in how else None
client.for_user("warm up", headers=headers)
before = resident()
for number in range(200_000):
    view = client.for_user(f"user-{number}", headers=headers)
    if "store" in how and number % 8 == 0:
        assert view.client_id is None  # it reads the store
print(resident() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is measured on Linux")
@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("ATHGatewayClient", "plain"),
        ("AsyncATHGatewayClient", "headers"),
        ("ATHGatewayClient", "store"),
    ],
)
def test_200_000_views_that_were_made_and_dropped_leave_under_30_mb(name: str, how: str) -> None:
    command: list[Any] = [sys.executable, "-c", MEASURE, name, how, PEM]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 30_000_000
