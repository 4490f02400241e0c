"""The codes of errors: what each means to do, and who says it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

__all__ = ["CODES", "ErrorCode"]

ErrorCode = Literal[
    "INVALID_ATTESTATION",
    "AGENT_NOT_REGISTERED",
    "AGENT_UNAPPROVED",
    "PROVIDER_NOT_APPROVED",
    "SCOPE_NOT_APPROVED",
    "SESSION_NOT_FOUND",
    "SESSION_EXPIRED",
    "STATE_MISMATCH",
    "TOKEN_INVALID",
    "TOKEN_EXPIRED",
    "TOKEN_REVOKED",
    "AGENT_IDENTITY_MISMATCH",
    "PROVIDER_MISMATCH",
    "USER_DENIED",
    "OAUTH_ERROR",
    "INTERNAL_ERROR",
    "INVALID_GRANT",
    "INVALID_CLIENT",
    "INVALID_SCOPE",
    "SERVER_ERROR",
    "TEMPORARILY_UNAVAILABLE",
    "CONFLICT",
    "AUTH_REQUIRED",
    "FORBIDDEN",
    "PROVIDER_NOT_CONFIGURED",
    "PROVIDER_TOKEN_MISSING",
    "UPSTREAM_ERROR",
    "NOT_REGISTERED",
    "NOT_LOADED",
    "REGISTRATION_REPLACED",
    "NO_TOKEN",
    "NOT_DISCOVERED",
    "INVALID_RESPONSE",
    "HTTP_ERROR",
    "PROVIDER_ERROR",
    "OUTCOME_UNKNOWN",
    "CONSENT_TIMEOUT",
    "APPROVAL_TIMEOUT",
    "RECEIVER_UNAVAILABLE",
    "PKCE_REQUIRED",
    "INVALID_KEY",
    "SIGNING_FAILED",
    "CLOCK_SKEW",
    "INVALID_PATH",
    "INVALID_ARGUMENT",
    "INVALID_CREDENTIALS",
    "STORAGE_ERROR",
    "NETWORK_ERROR",
    "TIMEOUT",
    "RESPONSE_TOO_LARGE",
    "STREAM_CLOSED",
    "WRONG_EVENT_LOOP",
    "CLIENT_CLOSED",
    "NOT_PICKLABLE",
]
"""Every code of :data:`CODES`. ``error.code`` is a str all the same: servers may send others."""

_TABLE: Final[dict[ErrorCode, tuple[str, str]]] = {
    # The protocol's own (ATH 0.1, error codes).
    "INVALID_ATTESTATION": (
        "implementor",
        "Check that the agent's identity document carries this key and that the url is the "
        "implementor's own name for itself (else pass audience=).",
    ),
    "AGENT_NOT_REGISTERED": (
        "implementor",
        "Call register() first, or load the right credentials.",
    ),
    "AGENT_UNAPPROVED": (
        "client, implementor",
        "Wait for the implementor's approval: wait_for_approval(), or registration() for the "
        "status.",
    ),
    "PROVIDER_NOT_APPROVED": ("implementor", "Register again and request this provider."),
    "SCOPE_NOT_APPROVED": (
        "client, implementor",
        "Ask the user for these with connect(), or ask for fewer scopes; if the agent is not "
        "approved for them, register again.",
    ),
    "SESSION_NOT_FOUND": (
        "client, implementor",
        "If the user has not consented yet, try again after they have; otherwise call "
        "authorize() again.",
    ),
    "SESSION_EXPIRED": (
        "client, implementor",
        "Call connect() or authorize() again: a session lives 10 minutes at most.",
    ),
    "STATE_MISMATCH": (
        "client, implementor",
        "Call authorize() again and use the new authorization URL.",
    ),
    "TOKEN_INVALID": (
        "implementor",
        "Call connect(); or authorize() again, to get a new token.",
    ),
    "TOKEN_EXPIRED": (
        "client, implementor",
        "Call connect(); or authorize() again: ATH tokens are not refreshed.",
    ),
    "TOKEN_REVOKED": (
        "implementor",
        "Call connect(); or authorize() again, if the user still wants this.",
    ),
    "AGENT_IDENTITY_MISMATCH": ("implementor", "Use the token with the agent_id it was issued to."),
    "PROVIDER_MISMATCH": ("implementor", "Use the token with the provider it was issued for."),
    "USER_DENIED": (
        "client, implementor",
        "Respect the user's answer; ask again only when they wish it.",
    ),
    "OAUTH_ERROR": (
        "client, implementor",
        "The provider's OAuth server failed; try authorize() again later.",
    ),
    "INTERNAL_ERROR": ("implementor", "The implementor failed; try again later."),
    # Those of OAuth servers (RFC 6749), passed on by implementors.
    "INVALID_GRANT": (
        "implementor",
        "Call authorize() again: the session or code is not valid any more.",
    ),
    "INVALID_CLIENT": (
        "implementor",
        "Check the client_id and client_secret; if lost, register() again.",
    ),
    "INVALID_SCOPE": ("implementor", "Ask for scopes that the provider knows."),
    "SERVER_ERROR": ("implementor", "The OAuth server failed; try again later."),
    "TEMPORARILY_UNAVAILABLE": ("implementor", "The OAuth server is overloaded; try again later."),
    # Seen from real servers.
    "CONFLICT": (
        "implementor",
        "This agent is registered already. Load the saved credentials, or pass the client_id "
        "and secret to set_credentials(); the server does not show the secret again.",
    ),
    "AUTH_REQUIRED": ("implementor", "Pass the user's session at this gateway in headers=."),
    "FORBIDDEN": (
        "implementor",
        "Check which user's session and which client_id the call carries.",
    ),
    "PROVIDER_NOT_CONFIGURED": (
        "implementor",
        "Ask whoever runs the gateway to configure this provider.",
    ),
    "PROVIDER_TOKEN_MISSING": (
        "implementor",
        "Call authorize() again: the gateway lost the user's consent.",
    ),
    "UPSTREAM_ERROR": (
        "implementor",
        "The gateway could not reach the provider. Check whether the call took effect before "
        "you repeat it.",
    ),
    # Of this library.
    "NOT_REGISTERED": ("client", "Call register(), load_credentials() or set_credentials() first."),
    "NOT_LOADED": ("client", "Use the client in 'async with', or await client.load() first."),
    "REGISTRATION_REPLACED": (
        "client",
        "Call again: later calls use the registration in the store.",
    ),
    "NO_TOKEN": (
        "client",
        "Call connect(); or authorize(), let the user consent, then exchange_token().",
    ),
    "NOT_DISCOVERED": ("client", "Call discover() first: it tells where the service's API is."),
    "INVALID_RESPONSE": (
        "client, implementor, provider",
        "The server's answer does not fit the protocol; report it to whoever runs the server.",
    ),
    "HTTP_ERROR": ("implementor", "Check that the url is an ATH implementor's base URL."),
    "PROVIDER_ERROR": ("provider", "This is the provider's own answer; see details['body']."),
    "OUTCOME_UNKNOWN": (
        "client",
        "Check whether it took effect (for example with registration()) before calling again.",
    ),
    "CONSENT_TIMEOUT": (
        "client",
        "Wait again, with connect() or wait_for_token(): the session is still open.",
    ),
    "APPROVAL_TIMEOUT": ("client", "Wait again: the implementor has not decided yet."),
    "RECEIVER_UNAVAILABLE": (
        "client",
        "Free the port that the message names, or connect without a receiver.",
    ),
    "PKCE_REQUIRED": (
        "client",
        "Do not send the user there; require_pkce=False accepts it for a demo.",
    ),
    "INVALID_KEY": (
        "client",
        "Pass a P-256 key: to sign, a private one (PEM, a path, a key object or a signer); to "
        "publish or check, an AgentKey or the public key.",
    ),
    "SIGNING_FAILED": ("client", "Check the signer that was passed as private_key."),
    "CLOCK_SKEW": ("client", "Set this machine's clock."),
    "INVALID_PATH": (
        "client, implementor",
        "Pass a plain path below the provider, such as /user/repos.",
    ),
    "INVALID_ARGUMENT": ("client", "Correct the argument that the message names."),
    "INVALID_CREDENTIALS": (
        "client",
        "Use the file, or the store and its keys, that this agent saved for this implementor.",
    ),
    "STORAGE_ERROR": (
        "client",
        "Check that the store is there, its permissions and its free space.",
    ),
    "NETWORK_ERROR": ("client", "Check the network and the server's address."),
    "TIMEOUT": ("client", "Try again later, or pass a longer timeout."),
    "RESPONSE_TOO_LARGE": ("client", "Ask for less at a time, or raise max_response_bytes."),
    "STREAM_CLOSED": ("client", "Read the answer inside its with block, once."),
    "WRONG_EVENT_LOOP": ("client", "Make one async client per event loop."),
    "CLIENT_CLOSED": ("client", "Make a new client; this one was closed."),
    "NOT_PICKLABLE": (
        "client",
        "Make a client in each process; credentials= shares what they know.",
    ),
}

CODES: Final[Mapping[str, str]] = MappingProxyType(
    {code: advice for code, (_, advice) in _TABLE.items()}
)
"""Every code with advice: what to do when it is met. Servers may send further codes."""

SOURCES: Final[Mapping[str, str]] = MappingProxyType(
    {code: sources for code, (sources, _) in _TABLE.items()}
)
"""What ``error.source`` may be for each code."""
