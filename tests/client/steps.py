"""Steps of the handshake at a server that answers what the step needs; all take its examples."""

from __future__ import annotations

from typing import Any

from ath import CredentialKey
from tests.harness.clients import AGENT_ID, DEVELOPER, AnyClient
from tests.harness.examples import AUTHORIZATION, REGISTRATION, TOKEN
from tests.harness.server import Server
from tests.harness.stores import document

USERS = (None, "alice")
"""The agent itself, and a user of it."""


def register(client: AnyClient, server: Server, number: int = 1) -> None:
    client_id, client_secret = f"ath_client_{number}", f"ath_secret_{number}"
    server.answer_next(
        {**REGISTRATION, "client_id": client_id, "client_secret": client_secret}, 201
    )
    client.register(developer=DEVELOPER, providers=[])


def authorize(client: AnyClient, server: Server, provider: str = "github") -> str:
    session_id = f"ath_sess_{provider}"
    server.answer_next({**AUTHORIZATION, "ath_session_id": session_id})
    client.authorize(provider, ["read:user"])
    return session_id


def exchange(client: AnyClient, server: Server, provider: str = "github") -> None:
    token = {**TOKEN, "provider_id": provider, "access_token": f"ath_tk_{provider}"}
    server.answer_next(token)
    client.exchange_token("exchange", f"ath_sess_{provider}")


def grant(client: AnyClient, server: Server, provider: str = "github") -> None:
    authorize(client, server, provider)
    exchange(client, server, provider)


def sent_token(client: AnyClient, server: Server, provider: str = "github") -> str:
    server.answer_next({})
    client.proxy(provider, "GET", "/x")
    return server.requests[-1].headers["authorization"].removeprefix("Bearer ")


def as_user(client: AnyClient, user: str | None) -> AnyClient:
    return client if user is None else client.for_user(user)


def key(server: Server, user: str | None = None) -> CredentialKey:
    return CredentialKey(server.url, AGENT_ID, user)


def tokens_in(store: Any, server: Server, user: str | None = None) -> list[str]:
    record = document(store, key(server, user))
    return [] if record is None else [token["access_token"] for token in record["tokens"]]
