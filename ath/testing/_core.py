"""What the endpoints share: the settings, the state, and the questions all of them ask."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from flask import Response, request

from ._apis import Api
from ._attestation import Identities, Verifier
from ._errors import Refused, answer
from ._oauth import AuthorizationServer
from ._quirks import Quirks
from ._records import Counts
from ._state import Registration, State, Status

APPROVAL_SECONDS = 365 * 24 * 3600
USER_HEADER = "X-ATH-User-Token"


@dataclass(kw_only=True)
class Core:
    """One implementor, apart from its HTTP endpoints."""

    clock: Callable[[], float]
    quirks: Quirks
    token_lifetime: float
    session_lifetime: float
    approval: Status
    denied_scopes: Collection[str]
    user_sessions: Mapping[str, str] | None
    providers: Mapping[str, Api]
    app_id: str | None
    """The native service's id; None for a gateway."""
    identities: Identities
    verifier: Verifier
    oauth: AuthorizationServer
    url: Callable[[], str]
    """What agents call: the audience of attestations."""
    browser_url: Callable[[], str]
    """Where the pages for people are."""
    upstream_url: Callable[[], str]
    """The origin of the OAuth server and of the providers."""
    api_base: Callable[[], str]
    counts: Counts = field(default_factory=Counts)
    state: State = field(default_factory=State)

    def answer(self, body: dict[str, Any], status: int = 200) -> Response:
        """A successful JSON answer."""
        return answer(body, status, self.quirks)

    def session_user(self) -> str | None:
        """The logged-in user of this request; None where nobody logs in."""
        if self.user_sessions is None:
            return None
        user = self.user_sessions.get(request.headers.get(USER_HEADER, ""))
        if user is None:
            raise Refused("AUTH_REQUIRED", f"a user's session is needed in {USER_HEADER}")
        return user

    def registration(self, client_id: str) -> Registration:
        """The registration of that name, as far as the current user may know of it."""
        user = self.session_user()
        found = self.state.registrations.get(client_id)
        if found is None or found.user != user:
            raise Refused("AGENT_NOT_REGISTERED", "no such client is registered here")
        return found

    def audience(self, endpoint: str) -> str:
        """The audience that attestations for an endpoint must name."""
        if endpoint == "token" and not self.quirks.one_audience:
            return f"{self.url()}/ath/token"
        return self.url()

    @contextmanager
    def attested(self, attestation: str, agent_id: str, endpoint: str) -> Generator[None]:
        """Go on with the request only if the agent attested it."""
        with self.verifier.attested(attestation, agent_id, self.audience(endpoint)):
            yield

    def approved_scopes(self, registration: Registration, provider_id: str) -> list[str]:
        """The scopes that the agent has for a provider, in the order it asked for them."""
        provider = self.providers.get(provider_id)
        if registration.decision != "approved" or provider is None:
            return []
        return [
            scope
            for scope in registration.requested.get(provider_id, [])
            if scope in provider.scopes and scope not in self.denied_scopes
        ]

    def agent_status(self, registration: Registration) -> Status:
        """Approved, pending or denied, all scopes taken together."""
        if registration.decision == "approved" and not any(
            self.approved_scopes(registration, provider_id)
            for provider_id in registration.requested
        ):
            return self.quirks.no_scope_status
        return registration.decision

    def check_approved(self, registration: Registration) -> None:
        """Refuse an agent that is pending, denied, or whose approval has run out."""
        status = self.agent_status(registration)
        if status != "approved":
            raise Refused("AGENT_UNAPPROVED", f"the agent is {status}")
        if self.clock() >= registration.approval_expires:
            raise Refused("AGENT_UNAPPROVED", "the agent's approval has expired")

    def describe(self, registration: Registration) -> dict[str, Any]:
        """The fields that say what was approved."""
        return {
            "client_id": registration.client_id,
            "agent_status": self.agent_status(registration),
            "approved_providers": [
                self._approval(registration, provider_id) for provider_id in registration.requested
            ],
            "approval_expires": None
            if self.quirks.null_side_fields
            else _timestamp(registration.approval_expires),
        }

    def _approval(self, registration: Registration, provider_id: str) -> dict[str, Any]:
        approved = self.approved_scopes(registration, provider_id)
        denied: list[str] = []
        if registration.decision != "pending":
            asked = registration.requested[provider_id]
            denied = [scope for scope in asked if scope not in approved]
        approval: dict[str, Any] = {
            "provider_id": provider_id,
            "approved_scopes": approved,
            "denied_scopes": denied,
        }
        if denied:
            known = provider_id in self.providers
            approval["denial_reason"] = "not by policy" if known else "there is no such provider"
        if self.quirks.null_side_fields:
            approval["denial_reason"] = None
        return approval


def _timestamp(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=0)
    return moment.isoformat().replace("+00:00", "Z")
