"""What can go wrong: one exception, one table of codes, two warnings.

A server's code is passed on as it came, known or not. The codes in :data:`CODES` come with advice.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .response import Response

__all__ = ["CODES", "ATHError", "ATHSecurityWarning", "ATHWarning"]


class Delivery(Enum):
    """How far a failed call got: what may be repeated depends on it."""

    LOCAL = "refused here, before anything was sent"
    UNSENT = "no connection: nothing was sent"
    LOST = "the connection broke: the request may have been carried out"
    TIMED_OUT = "no answer in time: the request may have been carried out"
    ANSWERED = "the server answered"


CODES: Final[Mapping[str, str]] = MappingProxyType(
    {
        # The protocol's own (ATH 0.1, error codes).
        "INVALID_ATTESTATION": "Check that the agent's identity document carries this key and that "
        "the url is the implementor's own name for itself (else pass audience=).",
        "AGENT_NOT_REGISTERED": "Call register() first, or load the right credentials.",
        "AGENT_UNAPPROVED": "Wait for the implementor's approval; registration() shows the status.",
        "PROVIDER_NOT_APPROVED": "Register again and request this provider.",
        "SCOPE_NOT_APPROVED": "Ask for fewer scopes, or register again and request these.",
        "SESSION_NOT_FOUND": "If the user has not consented yet, try again after they have; "
        "otherwise call authorize() again.",
        "SESSION_EXPIRED": "Call authorize() again: a session lives 10 minutes at most.",
        "STATE_MISMATCH": "Call authorize() again and use the new authorization URL.",
        "TOKEN_INVALID": "Call authorize() again to get a new token.",
        "TOKEN_EXPIRED": "Call authorize() again: ATH tokens are not refreshed.",
        "TOKEN_REVOKED": "Call authorize() again if the user still wants this.",
        "AGENT_IDENTITY_MISMATCH": "Use the token with the agent_id it was issued to.",
        "PROVIDER_MISMATCH": "Use the token with the provider it was issued for.",
        "USER_DENIED": "Respect the user's answer; ask again only when they wish it.",
        "OAUTH_ERROR": "The provider's OAuth server failed; try authorize() again later.",
        "INTERNAL_ERROR": "The implementor failed; try again later.",
        # Those of OAuth servers (RFC 6749), passed on by implementors.
        "INVALID_GRANT": "Call authorize() again: the session or code is not valid any more.",
        "INVALID_CLIENT": "Check the client_id and client_secret; if lost, register() again.",
        "INVALID_SCOPE": "Ask for scopes that the provider knows.",
        "SERVER_ERROR": "The OAuth server failed; try again later.",
        "TEMPORARILY_UNAVAILABLE": "The OAuth server is overloaded; try again later.",
        # Seen from real servers.
        "CONFLICT": "This agent is registered already. Load the saved credentials, or pass the "
        "client_id and secret to set_credentials(); the server does not show the secret again.",
        "AUTH_REQUIRED": "Pass the user's session at this gateway in headers=.",
        "FORBIDDEN": "Check which user's session and which client_id the call carries.",
        "PROVIDER_NOT_CONFIGURED": "Ask whoever runs the gateway to configure this provider.",
        "PROVIDER_TOKEN_MISSING": "Call authorize() again: the gateway lost the user's consent.",
        "UPSTREAM_ERROR": "The gateway could not reach the provider. Check whether the call took "
        "effect before you repeat it.",
        # Raised by this library.
        "NOT_REGISTERED": "Call register(), load_credentials() or set_credentials() first.",
        "NOT_LOADED": "Use the client in 'async with', or await client.load() first.",
        "REGISTRATION_REPLACED": "Call again: later calls use the registration in the store.",
        "NO_TOKEN": "Call authorize(), let the user consent, then exchange_token().",
        "NOT_DISCOVERED": "Call discover() first: it tells where the service's API is.",
        "INVALID_RESPONSE": "The server's answer does not fit the protocol; report it to whoever "
        "runs the server.",
        "HTTP_ERROR": "Check that the url is an ATH implementor's base URL.",
        "PROVIDER_ERROR": "This is the provider's own answer; see details['body'].",
        "OUTCOME_UNKNOWN": "Check whether it took effect (for example with registration()) "
        "before calling again.",
        "PKCE_REQUIRED": "Do not send the user there; require_pkce=False accepts it for a demo.",
        "INVALID_KEY": "Pass a P-256 private key: PEM, a path, a key object or a signer.",
        "SIGNING_FAILED": "Check the signer that was passed as private_key.",
        "CLOCK_SKEW": "Set this machine's clock.",
        "INVALID_PATH": "Pass a plain path below the provider, such as /user/repos.",
        "INVALID_ARGUMENT": "Correct the argument that the message names.",
        "INVALID_CREDENTIALS": "Use the file that this agent saved for this implementor.",
        "STORAGE_ERROR": "Check the path, its permissions and the free space.",
        "NETWORK_ERROR": "Check the network and the server's address.",
        "TIMEOUT": "Try again later, or pass a longer timeout.",
        "RESPONSE_TOO_LARGE": "Ask for less at a time, or raise max_response_bytes.",
        "WRONG_EVENT_LOOP": "Make one async client per event loop.",
        "CLIENT_CLOSED": "Make a new client; this one was closed.",
        "NOT_PICKLABLE": "Make it anew in each process; credentials= shares what clients know.",
    }
)
"""Every code with advice: what to do when it is met. Servers may send further codes."""


class ATHWarning(UserWarning):
    """Something worked, but a person should look at it."""


class ATHSecurityWarning(ATHWarning):
    """Something worked, but less safely than it should."""


_LONGEST_CODE = 100
_LONGEST_MESSAGE = 1_500


def _on_one_line(text: str, longest: int) -> str:
    """Printable text of at most that many characters."""
    cut = text[:longest]
    if not cut.isprintable():
        cut = "".join(character if character.isprintable() else " " for character in cut)
    return cut if len(text) <= longest else f"{cut}…"


class ATHError(Exception):
    """A call that did not succeed.

    Attributes:
        code: A stable word to branch on: the server's own, or one of :data:`CODES`.
        message: What happened, as a sentence on one printable line. Never contains a secret.
        status: The HTTP status of the answer; None when the error was raised here.
        details: What else the server said, such as the existing ``client_id`` of a CONFLICT. Of a
            PROVIDER_ERROR, the provider's ``status`` and parsed ``body``.
        source: Whose word the error is: ``client`` (raised here, nothing else was said),
            ``implementor`` (the gateway or service) or ``provider`` (the API behind a gateway).
        retry_after: Seconds that the server asks to wait, or None.
        headers: Of the answer: ``retry-after``, ``x-request-id`` and rate limits, in lower case.
        response: The provider's answer, of a PROVIDER_ERROR and of an INVALID_RESPONSE in a call to
            a provider; else None.
        retryable: True if repeating the same call is safe and may help.
    """

    def __init__(
        self,
        code: str,
        message: str,
        status: int | None = None,
        details: Mapping[str, Any] | None = None,
        *,
        source: str | None = None,
        retry_after: float | None = None,
        retryable: bool = False,
        headers: Mapping[str, str] | None = None,
        response: Response | None = None,
    ) -> None:
        code, message = _on_one_line(code, _LONGEST_CODE), _on_one_line(message, _LONGEST_MESSAGE)
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.status = status
        self.details: dict[str, Any] = dict(details or {})
        self.source = source or ("client" if status is None else "implementor")
        self.retry_after = retry_after
        self.retryable = retryable
        self.headers: dict[str, str] = dict(headers or {})
        self.response = response
        self._delivery = Delivery.LOCAL if status is None else Delivery.ANSWERED

    @property
    def request_id(self) -> str | None:
        """The server's name for the failed call (``X-Request-Id``), or None."""
        return self.headers.get("x-request-id")

    @property
    def advice(self) -> str:
        """What to do next; empty for a server's code that is not in :data:`CODES`."""
        return CODES.get(self.code, "")

    def copy(self) -> ATHError:
        """The same error without its traceback, for another caller."""
        copied = type(self)(self.code, self.message)
        copied.__dict__.update(self.__dict__, details=dict(self.details))
        copied.__dict__.pop("__notes__", None)
        return copied

    def __str__(self) -> str:
        """Code, status, message and advice on one printable line of at most 2,000 characters."""
        status = "" if self.status is None else f" (HTTP {self.status})"
        stop = "" if self.message.endswith((".", "!", "?")) else "."
        return f"{self.code}{status}: {self.message}{stop} {self.advice}".rstrip()

    def __repr__(self) -> str:
        """Without details, which may be long."""
        return f"ATHError(code={self.code!r}, message={self.message!r}, status={self.status!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by value: the state carries the rest, notes included."""
        return type(self), (self.code, self.message), self.__dict__
