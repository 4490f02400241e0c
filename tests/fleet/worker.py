"""The program of a worker process; it imports little, so that many can start soon.

A worker holds one client, sync or async, and serves requests at the same time, each with a new
view of its user.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import ath

AGENT_ID = "https://agent.example/agent.json"
WANTED: dict[str, Any] = {
    "developer": {"name": "Acme", "id": "acme"},
    "providers": [{"provider_id": "github", "scopes": ["read:user", "repo"]}],
}
# Of eight processes together fewer than the hundred that a PostgreSQL serves.
POOL: dict[str, Any] = {"pool_size": 8, "max_overflow": 0}


class Counting:
    """A store that counts how often each record was read."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.reads: dict[str | None, int] = {}

    def load(self, key: ath.CredentialKey) -> str | None:
        self.reads[key.user] = self.reads.get(key.user, 0) + 1
        text: str | None = self._store.load(key)
        return text

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class CountingAsync(Counting):
    """The same for an async store."""

    async def load(self, key: ath.CredentialKey) -> str | None:  # type: ignore[override]
        self.reads[key.user] = self.reads.get(key.user, 0) + 1
        text: str | None = await self._store.load(key)
        return text


def open_store(name: str, place: str, runner: LoopThread | None) -> Counting:
    """The store of that class: in that file or folder, or on the server with that URL."""
    if name == "RedisStore":
        return Counting(ath.RedisStore.from_url(place))
    if name == "AsyncRedisStore":
        return CountingAsync(ath.AsyncRedisStore.from_url(place))
    if name == "SQLStore":
        import sqlalchemy

        store = ath.SQLStore(sqlalchemy.create_engine(place, **POOL))
        store.create_table()
        return Counting(store)
    if name == "AsyncSQLStore":
        from sqlalchemy.ext.asyncio import create_async_engine

        awaited = ath.AsyncSQLStore(create_async_engine(place, **POOL))
        assert runner is not None
        runner.wait_for(awaited.create_table())
        return CountingAsync(awaited)
    return Counting(getattr(ath, name)(place))


async def close_store(store: Any) -> None:
    """Close what would warn if it were not closed."""
    if isinstance(store, ath.AsyncRedisStore):
        await store.aclose()
    elif isinstance(store, ath.AsyncSQLStore):
        await store._engine.dispose()


def make_calls(client: Any) -> dict[str, Callable[..., Any]]:
    """What a worker can do: each is a call, or a coroutine function."""

    def view(user: str | None) -> Any:
        return client if user is None else client.for_user(user)

    return {
        "start": lambda user: {},
        "client_id": lambda user: {"client_id": view(user).client_id},
        "ensure_registered": lambda user: view(user).ensure_registered(**WANTED),
        "register": lambda user: view(user).register(**WANTED),
        "authorize": lambda user: view(user).authorize("github", ["read:user"]),
        "exchange": lambda user, session: view(user).exchange_token("exchange", session),
        "start_connect": lambda user: view(user).start_connect("github", ["read:user"]),
        "wait": lambda user, session: view(user).wait_for_token(session, timeout=60),
        "complete": lambda user, url: view(user).complete_authorization(url),
        "grant": lambda user: view(user).grant("github"),
        "pending": lambda user: view(user).pending_sessions(),
        "call": lambda user: view(user).proxy("github", "GET", "/user"),
        "write": lambda user: view(user).proxy("github", "POST", "/note", {"n": 1}),
        "revoke": lambda user: view(user).revoke(),
        "registration": lambda user: view(user).registration(),
        "load": lambda user: view(user).load(),
    }


class LoopThread:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        import asyncio

        self._asyncio = asyncio
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def wait_for(self, value: Any) -> Any:
        """The result of a coroutine; anything else is its own."""
        if not self._asyncio.iscoroutine(value):
            return value
        return self._asyncio.run_coroutine_threadsafe(value, self._loop).result()

    def close(self, client: Any) -> None:
        self.wait_for(client.aclose())
        self.wait_for(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def to_answer(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    if isinstance(value, ath.Grant):
        return {"scopes": list(value.scopes), "of": value.user}
    if isinstance(value, ath.Consent | ath.AsyncConsent):
        return {"session_id": value.session_id, "authorization_url": value.authorization_url}
    if isinstance(value, tuple):
        return {"session_ids": [pending.session_id for pending in value]}
    return dict(value.to_dict()) if hasattr(value, "to_dict") else {}


def say(number: int, answer: dict[str, Any]) -> None:
    # Last, since a user of the provider has an id as well.
    os.write(1, (json.dumps({**answer, "id": number}) + "\n").encode())


def serve(options: dict[str, str]) -> None:
    """Answer each line in a thread or task of its own, until there are no more."""
    runner = LoopThread() if options["kind"] == "async" else None
    store = open_store(options["store"], options["place"], runner)
    make = ath.ATHGatewayClient if options["kind"] == "sync" else ath.AsyncATHGatewayClient
    client = make(options["url"], AGENT_ID, options["pem"], credentials=store)
    calls = make_calls(client)

    def answer(request: dict[str, Any]) -> None:
        number, operation = request.pop("id"), request.pop("operation")
        try:
            value = calls[operation](**request)
            if runner is not None:
                value = runner.wait_for(value)
            reads = store.reads.get(request["user"], 0)
            say(number, {**to_answer(value), "reads": reads})
        except ath.ATHError as error:
            say(number, {"error": error.code, "status": error.status, "text": str(error)})
        except BaseException as error:
            say(number, {"error": repr(error)})

    with ThreadPoolExecutor(16) as pool:
        for line in sys.stdin:
            pool.submit(answer, json.loads(line))
    if runner is None:
        client.close()
    else:
        runner.wait_for(close_store(store._store))
        runner.close(client)


def shorten_pauses() -> None:
    """Waits for consent try again after milliseconds."""
    from ath._protocol import waiting

    waiting.FIRST_PAUSE = waiting.LONGEST_PAUSE = 0.05


if __name__ == "__main__":
    shorten_pauses()
    serve(json.loads(sys.argv[1]))
