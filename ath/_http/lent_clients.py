"""Clients of httpx over the transports of lent.py."""

from __future__ import annotations

import httpx

from .limits import Limits


def sync_client(transport: httpx.BaseTransport, base_url: str, limits: Limits) -> httpx.Client:
    """A client over that transport, with these bounds of each wait."""
    timeout = httpx.Timeout(**limits.phases())
    return httpx.Client(transport=transport, base_url=base_url, timeout=timeout)


def async_client(
    transport: httpx.AsyncBaseTransport, base_url: str, limits: Limits
) -> httpx.AsyncClient:
    """As :func:`sync_client`."""
    timeout = httpx.Timeout(**limits.phases())
    return httpx.AsyncClient(transport=transport, base_url=base_url, timeout=timeout)
