"""For callers who send by themselves, without a client of this library."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

from . import _protocol
from ._client.options import random_text
from ._client.run import sign
from ._http.messages import parse_base
from ._lazy import ec
from ._protocol.arguments import check_agent_id, require_text, require_texts
from ._protocol.provider_request import prepare_target, proxy_prefix
from ._secret import hide
from .errors import ATHError
from .keys import AgentKey, Signer, load_signer

__all__ = ["proxy_url", "sign_attestation"]


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


def sign_attestation(
    key: AgentKey | str | bytes | Path | ec.EllipticCurvePrivateKey | Signer,
    *,
    agent_id: str,
    audience: str | Sequence[str],
    key_id: str = "default",
    private_key_password: str | bytes | None = None,
    capabilities: Sequence[str] = (),
) -> str:
    """Sign a fresh attestation without a client; nothing is sent.

    It is the JWT that the clients sign, in compact form (RFC 7515, section 7.1), with ES256
    (RFC 7518, section 3.4). Its claims (RFC 7519, section 4.1) are ``iss`` and ``sub``, the
    agent_id; ``aud``; ``iat``, 30 seconds ago by this machine's clock, for servers whose clock is
    behind; ``exp``, in 300 seconds; ``jti``, of 192 random bits. It serves one request: sign
    another one for the next.

    Args:
        key: The agent's P-256 key: an :class:`AgentKey`, PEM text or bytes, a ``pathlib.Path`` to
            such a file, a key of ``cryptography``, or a :class:`Signer` for a key kept elsewhere.
        agent_id: The https URL of the agent's identity document (http on loopback).
        audience: For whom: the implementor's base URL as it names itself, for the token endpoint
            that endpoint's own URL; or a list of them.
        key_id: The ``kid`` (RFC 7515, section 4.1.4).
        private_key_password: Of an encrypted PEM.
        capabilities: Listed in the attestation.

    Raises:
        ATHError: INVALID_KEY or INVALID_ARGUMENT, saying what is wrong, also for an async signer,
            which only the async clients can use; SIGNING_FAILED if the signer failed.
    """
    signer = load_signer(hide(key), hide(private_key_password))
    message = _protocol.attestation.signing_input(
        agent_id=check_agent_id(agent_id),
        key_id=require_text(key_id, "key_id"),
        audience=_protocol.attestation.check_audiences(audience),
        now=int(time.time()),
        nonce=random_text(_protocol.attestation.NONCE_SIZE),
        capabilities=require_texts(capabilities, "capabilities"),
    )
    signature = sign(signer, message)
    if isinstance(signature, Awaitable):
        if isinstance(signature, Coroutine):
            signature.close()  # nobody is going to await it
        raise ATHError(
            "INVALID_ARGUMENT",
            "This signer is async, and ath.sign_attestation() awaits nothing. "
            "Use that method of an async client: AsyncATHGatewayClient or AsyncATHNativeClient.",
        )
    return str.__str__(_protocol.attestation.compact(message, signature))
