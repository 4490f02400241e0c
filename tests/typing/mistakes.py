"""Mistakes that type checkers must find: each is marked, and a mark without an error is one."""

from __future__ import annotations

from ath import (
    AsyncATHGatewayClient,
    ATHGatewayClient,
    Developer,
    ErrorCode,
    Grant,
    ProviderScopes,
    proxy_url,
    sign_attestation,
)

GOOD: Developer = {"name": "Acme", "id": "acme"}
WANTED: list[ProviderScopes] = [{"provider_id": "github", "scopes": ["repo"]}]


def registrations(client: ATHGatewayClient, texts: dict[str, str]) -> None:
    # A typo can be found because no plain dict is accepted: annotate a variable as Developer.
    client.register(
        developer={"name": "Acme", "ident": "acme"},  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        providers=WANTED,
    )
    client.register(
        developer={"name": "Acme"},  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        providers=WANTED,
    )
    client.register(
        developer={"name": "Acme", "id": 7},  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        providers=WANTED,
    )
    client.register(
        developer=GOOD,
        providers=[{"provider": "github", "scopes": ["repo"]}],  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    )
    client.ensure_registered(
        developer=GOOD,
        providers=[{"provider_id": "github", "scopes": "repo"}],  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    )
    client.ensure_registered(
        developer={"name": "Acme", "id": "acme", "mail": "x"},  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        providers=WANTED,
    )
    client.register(developer=texts, providers=WANTED)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.register(GOOD, WANTED)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


async def registrations_of_an_async_client(client: AsyncATHGatewayClient) -> None:
    await client.register(
        developer={"name": "Acme", "ident": "acme"},  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        providers=WANTED,
    )
    await client.ensure_registered(
        developer=GOOD,
        providers=[{"provider": "github", "scopes": ["repo"]}],  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    )
    with client:  # type: ignore[attr-defined]  # pyright: ignore[reportGeneralTypeIssues]
        pass


def others(client: ATHGatewayClient, grant: Grant) -> None:
    code: ErrorCode = "TOKEN_EXPIRD"  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    print(code)
    client.url = "https://elsewhere.example"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    client.access_token = "ath_tk"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    grant.scopes = ("repo",)  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    client.proxy("github", "GET", "/user", timeout="5")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.proxy("github", "GET")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    ATHGatewayClient("https://gateway.example", "https://agent.example", 7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ATHGatewayClient("https://gateway.example", "https://agent.example", "key", retries=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


class AsyncKMS:
    async def sign(self, data: bytes, /) -> bytes:
        return data


def without_a_client() -> None:
    sign_attestation(AsyncKMS(), agent_id="https://agent.example", audience="https://g.example")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    sign_attestation(b"", agent_id="https://agent.example")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    proxy_url("https://gateway.example", "github", "/user", "a=b")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
