"""An agent that can be told to break each rule, and the implementor it is pointed at.

Nothing here knows the SDK's client: requests are plain HTTP, attestations are made with PyJWT.
"""

from __future__ import annotations

import base64
import hashlib
import time
import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ath.testing import LocalGateway, LocalService
from tests.harness.server import Answer, Request, Server

STATE = "c3RhdGUtb2YtMTI4LWJpdHMtYW5kLW1vcmU"
CALLBACK = "http://127.0.0.1:9/agent/callback"


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def jwk(key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
    numbers = key.public_key().public_numbers()

    def text(number: int) -> str:
        return base64.urlsafe_b64encode(number.to_bytes(32, "big")).rstrip(b"=").decode()

    return {"kty": "EC", "crv": "P-256", "x": text(numbers.x), "y": text(numbers.y)}


def pem(key: ec.EllipticCurvePrivateKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def s256(verifier: str) -> str:
    hashed = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(hashed).rstrip(b"=").decode()


class IdentityHost(Server):
    """Serves identity documents on loopback and counts how often each was fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.pages: dict[str, Answer] = {}
        self.answer_all_with(self._find_page)

    def _find_page(self, request: Request) -> bytes:
        return self.pages.get(request.target, Answer(status=404)).to_bytes()

    def fetched(self, path: str) -> int:
        """How often the document of that path was fetched."""
        return sum(request.target == path for request in self.requests)

    def publish(self, path: str, public_key: object, **changed: object) -> str:
        agent_id = f"{self.url}{path}"
        document = {
            "ath_version": "0.1",
            "agent_id": agent_id,
            "name": "Hostile",
            "developer": {"name": "Mallory", "id": "mallory"},
            "public_key": public_key,
        } | changed
        self.pages[path] = Answer(document)
        return agent_id


@dataclass
class Target:
    """An implementor under test, and what the tests need from its other side.

    For a foreign one only `url` is known; tests that need more are skipped with the reason.
    To point them at another server, subclass this and answer what it can answer.
    """

    url: str
    http: httpx.Client
    provider_id: str = ""
    scopes: list[str] = field(default_factory=list)
    local: LocalGateway | LocalService | None = None

    def discover(self) -> None:
        reply = self.http.get(f"{self.url}/.well-known/ath.json")
        if reply.status_code == 200:
            provider = reply.json()["supported_providers"][0]
            self.provider_id, self.scopes = provider["provider_id"], provider["available_scopes"]
        else:
            document = self.http.get(f"{self.url}/.well-known/ath-app.json").json()
            self.provider_id, self.scopes = document["app_id"], document["auth"]["scopes_supported"]
            self.api_base = document["api_base"]

    @property
    def token_url(self) -> str:
        return f"{self.url}/ath/token"

    def _server(self, need: str) -> LocalGateway | LocalService:
        if self.local is None:
            pytest.skip(f"a foreign implementor offers no way to {need}")
        return self.local

    def consent(self, url: str, scopes: Collection[str] | None = None) -> str:
        return self._server("consent without a person").approve(url, scopes)

    def deny(self, url: str) -> str:
        return self._server("deny without a person").deny(url)

    def advance(self, seconds: float) -> None:
        self._server("change its clock").advance(seconds)

    def decide(self, client_id: str, decision: Any) -> None:
        self._server("decide about an agent").decide(client_id, decision)

    def count(self, operation: Any) -> int:
        return self._server("count side effects").count(operation)

    def call(
        self, method: str, path: str, token: str | None, agent_id: str | None, **options: Any
    ) -> httpx.Response:
        """Call the API behind the implementor as its mode wants it."""
        base = getattr(self, "api_base", f"{self.url}/ath/proxy/{self.provider_id}")
        headers = dict(options.pop("headers", {}))
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if agent_id is not None:
            headers["X-ATH-Agent-ID"] = agent_id
        return self.http.request(method, f"{base}{path}", headers=headers, **options)


@dataclass
class Agent:
    """One agent with its key; every request can be altered by keyword, None leaves a field out."""

    target: Target
    agent_id: str
    key: ec.EllipticCurvePrivateKey
    headers: dict[str, str] = field(default_factory=dict)

    def attest(
        self,
        audience: object = None,
        *,
        key: Any = None,
        algorithm: str = "ES256",
        header: dict[str, Any] | None = None,
        **changed: object,
    ) -> str:
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.agent_id,
            "sub": self.agent_id,
            "aud": self.target.url if audience is None else audience,
            "iat": now,
            "exp": now + 300,
            "jti": uuid.uuid4().hex,
        } | changed
        claims = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(
            claims, key or self.key, algorithm, headers={"kid": "default"} | (header or {})
        )

    def post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        sent = {name: value for name, value in body.items() if value is not None}
        return self.target.http.post(f"{self.target.url}{path}", json=sent, headers=self.headers)

    def register(self, **changed: object) -> httpx.Response:
        body: dict[str, Any] = {
            "agent_id": self.agent_id,
            "developer": {"name": "Mallory", "id": "mallory"},
            "requested_providers": [
                {"provider_id": self.target.provider_id, "scopes": self.target.scopes}
            ],
            "redirect_uris": [CALLBACK],
        }
        return self.post("/ath/agents/register", self._attested(body, changed, self.target.url))

    def authorize(self, client: dict[str, Any], **changed: object) -> httpx.Response:
        body: dict[str, Any] = {
            "client_id": client["client_id"],
            "provider_id": self.target.provider_id,
            "scopes": self.target.scopes,
            "state": STATE,
        }
        return self.post("/ath/authorize", self._attested(body, changed, self.target.url))

    def exchange(
        self, client: dict[str, Any], session: dict[str, Any] | str, **changed: object
    ) -> httpx.Response:
        body: dict[str, Any] = {
            "grant_type": "authorization_code",
            "client_id": client["client_id"],
            "client_secret": client["client_secret"],
            "code": "exchange",
            "ath_session_id": session if isinstance(session, str) else session["ath_session_id"],
        }
        return self.post("/ath/token", self._attested(body, changed, self.target.token_url))

    def revoke(self, client: dict[str, Any], token: str, **changed: object) -> httpx.Response:
        body = {
            "token": token,
            "client_id": client["client_id"],
            "client_secret": client["client_secret"],
        }
        return self.post("/ath/revoke", body | changed)

    def registered(self, **changed: object) -> dict[str, Any]:
        return accepted(self.register(**changed))

    def session(self, client: dict[str, Any], **changed: object) -> dict[str, Any]:
        return accepted(self.authorize(client, **changed))

    def token(
        self, client: dict[str, Any], consented: Collection[str] | None = None, **changed: object
    ) -> dict[str, Any]:
        session = self.session(client, **changed)
        self.target.consent(session["authorization_url"], consented)
        return accepted(self.exchange(client, session))

    def _attested(
        self, body: dict[str, Any], changed: dict[str, Any], audience: str
    ) -> dict[str, Any]:
        if "agent_attestation" not in changed:
            body["agent_attestation"] = self.attest(audience)
        return body | changed


def accepted(reply: httpx.Response) -> dict[str, Any]:
    assert reply.status_code in (200, 201), reply.text
    body = reply.json()
    assert isinstance(body, dict)
    return body


def refused(reply: httpx.Response, status: int, code: str) -> None:
    assert (reply.status_code, reply.json().get("code")) == (status, code), reply.text
    assert isinstance(reply.json()["message"], str)


Attack = Callable[[Agent], str]
