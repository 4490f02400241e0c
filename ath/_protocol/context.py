"""What a call needs of its client: the agent's settings, what was learned, whose credentials."""

from __future__ import annotations

import os
import re
import time
import warnings
from base64 import urlsafe_b64encode
from collections.abc import Callable
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, field
from typing import Any

from .replies import UNREADABLE, failure, server_time
from .._client.credentials import Vault
from .._http.messages import Base, RawHeaders, Reply, Request, encode_json, merge_headers
from ..errors import ATHError, ATHSecurityWarning, ATHWarning
from ..retry import RetryPolicy

USER_AGENT = b"ath-sdk/0.2.0"

SKEW = 30.0
"""Seconds that a refused attestation's clock may differ before the clock is to blame."""
_DAY = 86_400.0

_SECRET_FIELDS = ("agent_attestation", "client_secret", "code", "code_verifier", "state", "token")
_TOO_SHORT_TO_HIDE = 8  # such a word is no secret, and replacing it would garble what is said
_PLACEHOLDER_CODE = "exchange"  # what is sent where the implementor has used the code itself


def random_text(size: int) -> str:
    """That many random bytes of a CSPRNG, as URL-safe text."""
    return urlsafe_b64encode(os.urandom(size)).rstrip(b"=").decode("ascii")


@dataclass(slots=True, eq=False)
class Agent:
    """What all users of one client share; settings first, then what is learned on the way."""

    base: Base
    agent_id: str
    key_id: str
    capabilities: tuple[str, ...]
    audience: str
    require_pkce: bool
    max_response_bytes: int
    retry: RetryPolicy | None
    clock: Callable[[], float] = time.time
    nonce: Callable[[int], str] = random_text

    clock_offset: float = 0.0
    lists_audiences: bool = False
    api_base: Base | None = None
    warned_of: set[tuple[str, str, int]] = field(default_factory=set)

    def warn_of(self, base: Base) -> None:
        """Say once that an origin beyond this machine is spoken to in the clear."""
        if base.origin not in self.warned_of:
            self.warned_of.add(base.origin)
            warnings.warn(
                f"Secrets go to {base.scheme}://{base.host} unencrypted; use https.",
                ATHSecurityWarning,
                stacklevel=3,
            )

    def corrects_clock(self, reply: Reply) -> bool:
        """After a refused attestation: whether the clock was to blame and is now corrected.

        Raises:
            ATHError: CLOCK_SKEW if the clocks are more than a day apart.
        """
        theirs = server_time(reply)
        if theirs is None:
            return False
        ahead = theirs - reply.received_at
        if abs(ahead - self.clock_offset) <= SKEW:
            return False
        difference = (
            f"{abs(ahead):.0f} seconds {'behind' if ahead > 0 else 'ahead of'} the server's"
        )
        if abs(ahead) > _DAY:
            raise ATHError("CLOCK_SKEW", f"This machine's clock is {difference}.", reply.status)
        self.clock_offset = ahead
        if abs(ahead) <= SKEW:  # the machine's clock was set meanwhile
            return True
        warnings.warn(
            f"This machine's clock is {difference}; attestations are signed with the server's "
            "time from now on. Set the clock.",
            ATHWarning,
            stacklevel=3,
        )
        return True


@dataclass(slots=True, eq=False)
class Context:
    """One user's view of the agent."""

    agent: Agent
    vault: Vault
    user_headers: RawHeaders = field(repr=False)
    own: RawHeaders = field(init=False, repr=False)
    """The headers of every request to the implementor's own origin."""
    provider: RawHeaders = field(init=False, repr=False)
    """The same for calls to providers there."""

    def __post_init__(self) -> None:
        """Encode once what every call sends."""
        self.own = merge_headers(_standard(self.agent.base), self.user_headers)
        self.provider = [*self.own, self._agent_header]

    @property
    def _agent_header(self) -> tuple[bytes, bytes]:
        return b"X-ATH-Agent-ID", self.agent.agent_id.encode("ascii")

    def provider_headers(self, base: Base) -> RawHeaders:
        """The headers of a call to a provider; a foreign origin sees none of the user's own."""
        if base.origin == self.agent.base.origin:
            return self.provider
        return [*_standard(base), self._agent_header]

    def request(
        self, kwargs: dict[str, Any], authorization: tuple[bytes, bytes] | None = None
    ) -> Request:
        """A generated endpoint's call as a request to the implementor."""
        base = self.agent.base
        if base.is_plaintext:
            self.agent.warn_of(base)
        headers, content, document = self.own, b"", kwargs.get("json")
        if document is not None:
            content = self.encoded(document)
            kind = (b"Content-Type", b"application/json")
            headers = merge_headers(headers, [kind, (b"Content-Length", b"%d" % len(content))])
        if authorization is not None:
            headers = [*headers, authorization]
        target = base.path + kwargs["url"]
        request = Request(
            kwargs["method"].upper().encode(), base, target.encode(), headers, content
        )
        found = [(document or {}).get(name) for name in _SECRET_FIELDS]
        request.secrets = tuple(secret for secret in found if secret)
        return request

    def encoded(self, document: dict[str, Any]) -> bytes:
        """The JSON of a request.

        Raises:
            ATHError: INVALID_ARGUMENT if what the user passed has none.
        """
        with suppress(*UNREADABLE):  # an error raised in their place would lead back to the secrets
            return encode_json(document)
        raise ATHError("INVALID_ARGUMENT", "An argument cannot be written as JSON.")

    def failure(self, reply: Reply, request: Request, fallback: str = "HTTP_ERROR") -> ATHError:
        """The error that a reply without success means; it repeats no secret of the request."""
        secrets = list(request.secrets)
        for _, value in self.user_headers:
            text = value.decode("ascii")
            secrets += [text, *re.split(r"[\s=;,]+", text)]  # a cookie's value, a scheme's token
        hidden = [s for s in secrets if len(s) >= _TOO_SHORT_TO_HIDE and s != _PLACEHOLDER_CODE]
        return failure(reply, request, fallback, hidden, self.agent.max_response_bytes)

    def for_user(self, vault: Vault, headers: RawHeaders) -> Context:
        """The view of one user, who may have headers of their own."""
        view = copy(self)
        view.vault = vault
        if headers:
            view.user_headers = merge_headers(self.user_headers, headers)
            view.__post_init__()
        return view


def _standard(base: Base) -> RawHeaders:
    # Identity: a gateway is known that names gzip over a body it has already decoded.
    return [
        (b"Host", base.host_header),
        (b"Accept", b"*/*"),
        (b"Accept-Encoding", b"identity"),
        (b"User-Agent", USER_AGENT),
    ]
