"""A local implementor with clients at it, and the steps of the handshake."""

from __future__ import annotations

from typing import Any

from ath.testing import LocalGateway, LocalService, Record

from .clients import AGENT_ID, DEVELOPER, KEY, AnyClient, Kind


class World:
    """A local implementor and clients of one kind at it."""

    def __init__(self, kind: Kind, server: LocalGateway | LocalService) -> None:
        self.kind = kind
        self.server = server
        if isinstance(server, LocalService):
            self.mode, self.provider = "native", server.app_id
            self.scopes = ["products:read", "orders:write"]
        else:
            self.mode, self.provider, self.scopes = "gateway", "github", ["read:user", "repo"]
        server.publish_identity(AGENT_ID, KEY)

    @property
    def requests(self) -> list[Record]:
        return self.server.requests

    def client(self, **options: Any) -> AnyClient:
        url = options.pop("url", self.server.url)
        return self.kind.client(url, self.mode, self.provider, **options)

    def register(self, client: AnyClient, **options: Any) -> Any:
        wanted = [{"provider_id": self.provider, "scopes": self.scopes}]
        return client.register(**{"developer": DEVELOPER, "providers": wanted, **options})

    def consented(self, client: AnyClient, scopes: list[str] | None = None, **options: Any) -> Any:
        """Open a session and consent to it."""
        asked = client.authorize(self.provider, scopes or self.scopes)
        self.server.approve(asked.authorization_url, **options)
        return asked

    def token(self, client: AnyClient, **options: Any) -> Any:
        """Ask, consent and exchange."""
        asked = self.consented(client, **options)
        return client.exchange_token("exchange", asked.ath_session_id)

    def ready(self, **options: Any) -> AnyClient:
        """A client that has been through the whole handshake."""
        client = self.client(**options)
        client.discover()
        self.register(client)
        self.token(client)
        return client

    def sent_to(self, path: str) -> list[Record]:
        return [record for record in self.requests if record.path == path]
