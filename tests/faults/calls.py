"""The calls that are tried under faults, and what each of them may do twice."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import trustme

from ath.testing import LocalGateway
from tests.harness.clients import AGENT_ID, KEY, AnyClient, Kind
from tests.harness.server import Server

REGISTRATION = {
    "developer": {"name": "Example", "id": "dev-1"},
    "providers": [{"provider_id": "github", "scopes": ["read:user", "repo"]}],
}
EFFECTS = ("registrations", "sessions", "tokens", "revocations", "provider_writes")


@dataclass(frozen=True)
class Case:
    """One call: what it needs, how it is made, and how it is to be judged."""

    name: str
    needs: str
    """``nothing``, ``registration``, ``consent`` (an open session with consent) or ``token``."""
    make: Callable[[AnyClient, FaultyGateway], Any]
    rule: str
    """The row of the retry table: ``read``, ``once`` (register, exchange), ``put`` or ``post``."""
    effect: str | None = None


def _exchange(client: AnyClient, gateway: FaultyGateway) -> Any:
    return client.exchange_token("exchange", gateway.session_id)


def _proxy(method: str, path: str) -> Callable[[AnyClient, FaultyGateway], Any]:
    return lambda client, _: client.proxy("github", method, path)


CASES = [
    Case("discover", "nothing", lambda c, _: c.discover(), "read"),
    Case("register", "nothing", lambda c, _: c.register(**REGISTRATION), "once", "registrations"),
    Case("registration", "registration", lambda c, _: c.registration(), "read"),
    Case(
        "authorize",
        "registration",
        lambda c, _: c.authorize("github", ["read:user"]),
        "read",
        "sessions",
    ),
    Case("exchange_token", "consent", _exchange, "once", "tokens"),
    Case("GET", "token", _proxy("GET", "/user"), "read"),
    Case("POST", "token", _proxy("POST", "/note"), "post", "provider_writes"),
    Case("PUT", "token", _proxy("PUT", "/note"), "put", "provider_writes"),
    Case("DELETE", "token", _proxy("DELETE", "/note"), "put", "provider_writes"),
    Case("revoke", "token", lambda c, _: c.revoke(), "read", "revocations"),
]


class FaultyGateway:
    """The local gateway, known to its agents by the fault server's URL.

    With an authority the fault server speaks TLS; what is behind it does not.
    """

    def __init__(self, authority: trustme.CA | None = None) -> None:
        self.local = LocalGateway()
        self.authority = authority
        self.session_id = ""
        self._credentials: tuple[str, str] | None = None
        self._token = ""

    def __enter__(self) -> FaultyGateway:
        self.local.start()
        server_side, client_side = None, None
        if self.authority is not None:
            server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.authority.issue_cert("127.0.0.1").configure_cert(server_side)
            client_side = ssl.create_default_context()
            self.authority.configure_trust(client_side)
        self.server = Server(self.local.url, tls=server_side)
        self.server.start()
        self.local.url = self.server.url
        self.local.publish_identity(AGENT_ID, KEY)
        kind = Kind("sync")
        client = kind.client(self.server.url, ssl_context=client_side)
        held = client.register(**REGISTRATION)
        self._credentials = held.client_id, held.client_secret
        self._token = self._obtain_token(client)
        kind.close()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()
        self.local.stop()

    def _obtain_token(self, client: AnyClient) -> str:
        auth = client.authorize("github", ["read:user", "repo"])
        self.local.approve(auth.authorization_url)
        token: str = client.exchange_token("exchange", auth.ath_session_id).access_token
        return token

    def prepare(self, client: AnyClient, case: Case, *, real: bool = True) -> None:
        """Give the client what the call needs; made up if no request will come through."""
        self.session_id = "ath_sess_made_up"
        if case.needs == "nothing":
            return
        client.set_credentials(*(self._credentials or ("", "")))
        if case.needs == "consent" and real:
            auth = client.authorize("github", ["read:user"])
            self.local.approve(auth.authorization_url)
            self.session_id = auth.ath_session_id
        if case.needs == "token":
            if case.name == "revoke" and real:
                self._obtain_token(client)
            else:
                client.set_token(self._token)

    def effects(self) -> dict[str, int]:
        return {name: self.local.count(name) for name in EFFECTS}

    def nonces(self) -> list[str]:
        """The ``jti`` of every attestation that arrived."""
        nonces = []
        for request in self.server.requests:
            if request.body:
                attestation = json.loads(request.body).get("agent_attestation")
                if attestation:
                    claims = attestation.split(".")[1]
                    padded = claims + "=" * (-len(claims) % 4)
                    nonces.append(json.loads(base64.urlsafe_b64decode(padded))["jti"])
        return nonces
