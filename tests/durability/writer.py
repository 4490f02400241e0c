"""A process that updates a credential file through a client, and says what is done.

Run as ``writer.py URL FILE NAME COUNT``. Each update's line is printed after the call has
returned: what it names was acknowledged, and must be in the file from then on.
"""

from __future__ import annotations

import json
import os
import sys

from ath import ATHGatewayClient

AGENT_ID = "https://agent.example/agent.json"


class Signer:
    """No key is needed: nobody verifies."""

    def sign(self, data: bytes, /) -> bytes:
        return bytes(64)


def say(**update: str) -> None:
    """One write, so that a killed process leaves a whole line or none."""
    os.write(1, (json.dumps(update) + "\n").encode())


def main(url: str, file: str, name: str, count: int) -> None:
    with ATHGatewayClient(url, AGENT_ID, Signer(), credentials=file) as client:
        # With headers, each user has a registration of their own, and so something to store.
        user = client.for_user(name, headers={"X-Session": name})
        answer = user.register(
            developer={"name": name, "id": name}, providers=[{"provider_id": "p", "scopes": []}]
        )
        say(name=name, client_id=answer.client_id)
        for number in range(1, count):
            asked = user.authorize(f"provider-{number % 7}", ["repo"])
            token = user.exchange_token("exchange", asked.ath_session_id)
            say(name=name, provider=token.provider_id, token=token.access_token)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
