"""HTTP to this machine: without TLS, and without a proxy that the environment may name."""

from __future__ import annotations

import ssl

import httpx

# Trusts nobody. Only plain http is spoken here, and the usual context, which reads every
# certificate authority, would take longer to make than a whole request.
NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def loopback_client(*, timeout: float = 10) -> httpx.Client:
    """A client for addresses on loopback that follows no redirects."""
    return httpx.Client(
        timeout=timeout, follow_redirects=False, trust_env=False, verify=NO_AUTHORITIES
    )
