"""Run a local gateway or service in the foreground, for play with a browser."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import threading
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ._local import LocalGateway, LocalService

AGENT_ID = "https://agent.example.com/.well-known/agent.json"

EXAMPLE = """\
{kind} at {url}
Ready for the agent {agent_id}, whose private key is in {key}

    from pathlib import Path
    from ath import {client}

    with {client}(
        url="{url}",
        agent_id="{agent_id}",
        private_key=Path("{key}"),
    ) as client:
        client.connect({wish}, developer={{"name": "Acme", "id": "acme"}})
        print(client.{call})

Ctrl-C ends it."""


def main(arguments: list[str] | None = None) -> int:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m ath.testing", description=__doc__)
    parser.add_argument("--native", action="store_true", help="a native service, not a gateway")
    parser.add_argument("--port", type=int, default=0, help="the port; by default a free one")
    options = parser.parse_args(arguments)

    ended = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: ended.set())
    server = LocalService(port=options.port) if options.native else LocalGateway(port=options.port)
    key = ec.generate_private_key(ec.SECP256R1())
    try:
        server.start()
    except (OSError, OverflowError):
        taken = "another program uses it, or it may not be used"
        reason = taken if 0 <= options.port <= 65535 else "ports go from 0 to 65535"
        parser.exit(2, f"Cannot listen at port {options.port} of 127.0.0.1: {reason}.\n")
    with tempfile.TemporaryDirectory(prefix="ath-") as folder, server:
        path = Path(folder, "agent.pem")
        path.touch(mode=0o600)
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        server.publish_identity(AGENT_ID, key)
        native = isinstance(server, LocalService)
        text = EXAMPLE.format(
            kind="A native service" if native else "A gateway",
            url=server.url,
            agent_id=AGENT_ID,
            key=path,
            client="ATHNativeClient" if native else "ATHGatewayClient",
            wish='["products:read"]' if native else '"github", ["read:user"]',
            call='api("GET", "/products")' if native else 'proxy("github", "GET", "/user")',
        )
        print(text, flush=True)  # noqa: T201  # this is a command
        # In steps, since some systems do not wake a waiting main thread for a signal.
        while not ended.wait(0.5):
            pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
