"""For callers who send by themselves, without a client of this library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ._http.messages import parse_base
from ._protocol.provider_request import prepare_target, proxy_prefix

__all__ = ["proxy_url"]


def proxy_url(
    base_url: str, provider: str, path: str, params: Mapping[str, Any] | None = None
) -> str:
    """Make the URL at which a gateway passes a call on to a provider; nothing is sent.

    It is the URL that ``proxy()`` of the clients sends to, and is checked by the same rules:
    ``path`` and ``params`` may come from a language model, and the URL stays below
    ``…/ath/proxy/{provider}/``. An empty path without params gives a URL without a slash at its
    end, as other SDKs want their base URL; what they add to it is not checked.

    The call needs two headers: ``Authorization: Bearer …`` with the user's token (RFC 6750,
    section 2.1), and ``X-ATH-Agent-ID`` with the agent_id that the token was issued to. Follow no
    redirects with them.

    Args:
        base_url: The gateway's base URL, http or https.
        provider: The provider's id, as discover() lists it.
        path: Below the provider's API, with a query string or without.
        params: Added to the query; a list gives a name several values.

    Raises:
        ATHError: INVALID_PATH or INVALID_ARGUMENT for what cannot be sent safely; correct what the
            message names.
    """
    base = parse_base(base_url, "base_url")
    target = prepare_target(base, proxy_prefix(provider), path, params)
    return base.origin_url + (target if path else target.removesuffix("/"))
