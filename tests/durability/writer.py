"""A process that updates a credential file through the client's own flows, and says what is done.

Run as ``writer.py FILE NAME COUNT``. Each update's line is printed after the call has returned:
what stands there was acknowledged, and must be in the file for ever.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from ath import ATHGatewayClient

URL = "https://gateway.example"
AGENT_ID = "https://agent.example/agent.json"


class Signer:
    """No key is needed: nobody verifies."""

    def sign(self, data: bytes, /) -> bytes:
        return bytes(64)


class Answers:
    """Stands where the transport does: the store is what is tested, and no network."""

    def __init__(self, name: str) -> None:
        self.name, self.count = name, 0

    def send(self, request: Any, limits: Any) -> Any:
        from ath._http.messages import Reply

        self.count += 1
        one = f"{self.name}-{self.count}"
        if request.target.endswith(b"/register"):
            body: dict[str, Any] = {
                "client_id": f"id-{self.name}",
                "client_secret": f"secret-{self.name}",
                "agent_status": "approved",
                "approved_providers": [],
                "approval_expires": None,
            }
        else:
            body = {
                "access_token": f"token-{one}",
                "token_type": "Bearer",
                "expires_in": 3600,
                "effective_scopes": [],
                "provider_id": f"provider-{self.count % 7}",
                "agent_id": AGENT_ID,
                "scope_intersection": {
                    "agent_approved": [], "user_consented": [], "effective": [],
                },
            }  # fmt: skip
        return Reply(200, [], json.dumps(body).encode())

    def close(self) -> None:
        """Nothing is open."""


def user_client(file: str, name: str) -> Any:
    """A user with a registration of their own, so that every writer has something to register."""
    client = ATHGatewayClient(URL, AGENT_ID, Signer(), credentials=file)
    client._driver._transport = Answers(name)  # type: ignore[assignment]
    return client.for_user(name, headers={"X-Session": name})


def say(**update: str) -> None:
    """One write, so that a killed process leaves a whole line or none."""
    os.write(1, (json.dumps(update) + "\n").encode())


def main(file: str, name: str, count: int) -> None:
    client = user_client(file, name)
    answer = client.register(
        developer={"name": name, "id": name}, providers=[{"provider_id": "p", "scopes": []}]
    )
    say(name=name, client_id=answer.client_id)
    for _ in range(count - 1):
        token = client.exchange_token("exchange", "session")
        say(name=name, provider=token.provider_id, token=token.access_token)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
