"""Gateway or service, put together: its settings, its origins, and what tests may ask of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from ._apis import APIS, SHOP
from ._attestation import Identities, PublicKey, Verifier
from ._consent import consent_routes
from ._core import Core
from ._errors import Refused, refusal
from ._handshake import handshake_routes
from ._oauth import AuthorizationServer
from ._providers import RestConverter, provider_routes
from ._proxy import Gate
from ._quirks import Quirks
from ._records import Operation, Record, recorded
from ._server import Origin
from ._state import Status
from ._web_safety import only_own_hosts
from ._wsgi import Mounts

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


class Implementor:
    """What gateway and service, sync and async, have in common."""

    # A native service's own id; None for a gateway.
    _app_id: str | None = None
    _separate_api = False
    _mounts = Mounts({})

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.time,
        token_lifetime: float = 3600,
        session_lifetime: float = 600,
        approval: Status = "approved",
        denied_scopes: Collection[str] = (),
        user_sessions: Mapping[str, str] | None = None,
        quirks: Quirks | None = None,
        path: str = "",
        port: int = 0,
    ) -> None:
        """Prepare a server; it begins to answer when it is entered or started.

        Args:
            clock: seconds since the epoch; `advance()` adds to it.
            token_lifetime: seconds until an access token expires.
            session_lifetime: seconds in which the user must consent.
            approval: what happens to an agent that registers; `decide()` changes it later.
            denied_scopes: scopes that no agent is approved for.
            user_sessions: header values of `X-ATH-User-Token` and the users they belong to; with
                them every call of an agent needs one, and each user has their own registrations,
                sessions and tokens. Without, the user is whoever consents.
            quirks: the ways in which it departs from the specification.
            path: put everything below this path, such as `/v1`.
            port: the port to listen on; 0 takes a free one.
        """
        self._clock = clock
        self._offset = 0.0
        self._path = path.rstrip("/")
        self._public_url: str | None = None
        self.requests: list[Record] = []
        self.provider_requests: list[Record] = []
        quirks = quirks or Quirks()
        identities = Identities(self._now)
        apis = APIS | self._mounts.apis if self._app_id is None else {self._app_id: SHOP}
        oauth = AuthorizationServer(
            lambda: f"{self._own_url()}/ath/callback",
            {scope: text for api in apis.values() for scope, text in api.scopes.items()},
            self._now,
        )
        self._core = core = Core(
            clock=self._now,
            quirks=quirks,
            token_lifetime=token_lifetime,
            session_lifetime=session_lifetime,
            approval=approval,
            denied_scopes=denied_scopes,
            user_sessions=user_sessions,
            providers=apis,
            app_id=self._app_id,
            identities=identities,
            verifier=Verifier(
                identities, self._now, keep_refused=quirks.refused_attestation_is_used
            ),
            oauth=oauth,
            url=lambda: self.url,
            browser_url=self._own_url,
            upstream_url=lambda: self._upstream.url,
            api_base=self._api_base,
        )
        self._gate = Gate(core)
        front = _flask(core)
        front.register_blueprint(handshake_routes(core), url_prefix=self._path or None)
        front.register_blueprint(consent_routes(core), url_prefix=self._path or None)
        api = front
        if self._app_id is None:
            routes = self._gate.proxy_routes()
        else:
            routes = self._gate.api_routes(self._app_id)
            api = _flask(core) if self._separate_api else front
        api.register_blueprint(routes, url_prefix=self._path or None)
        behind = _flask(core)
        oauth.install(behind)
        behind.register_blueprint(provider_routes(oauth, core.counts))

        self._front = self._origin(front.wsgi_app, self.requests, port)
        upstream = self._mounts.before(behind.wsgi_app, oauth)
        self._upstream = self._origin(upstream, self.provider_requests)
        self._api = self._front
        if api is not front:
            self._api = self._origin(api.wsgi_app, self.requests)

    @property
    def url(self) -> str:
        """The base URL for a client: what `url=` takes, without a trailing slash."""
        return self._public_url or self._own_url()

    @url.setter
    def url(self, value: str) -> None:
        """Say under which URL agents see it when something stands in front, such as a proxy.

        Attestations must name it as their audience; browsers go on to the true address.
        """
        self._public_url = value.rstrip("/")

    def publish_identity(self, agent_id: str, public_key: PublicKey) -> None:
        """Answer for an agent's identity document, so that it need not be reachable.

        `public_key` is an `AgentKey`, a JWK, a PEM as text or bytes, or a key object of
        cryptography; of a private key only the public half is kept. Publishing again replaces the
        key at once.
        """
        self._core.identities.publish(agent_id, public_key)

    def decide(self, client_id: str, decision: Status) -> None:
        """Approve or deny an agent, whatever it was before; KeyError if there is no such client."""
        with self._core.state.lock:
            self._core.state.registrations[client_id].decision = decision

    def advance(self, seconds: float) -> None:
        """Put its clock forward, or back with a negative number."""
        self._offset += seconds

    def count(self, operation: Operation) -> int:
        """How often a side effect happened.

        `registrations`, `sessions`, `tokens`, `revocations` (of tokens that were valid), and
        `provider_writes` (calls that changed something at a provider).
        """
        return self._core.counts.get(operation)

    def _origin(self, app: WSGIApplication, records: list[Record], port: int = 0) -> Origin:
        guarded = only_own_hosts(app, lambda: self.url)
        return Origin(recorded(guarded, records, self._now), port)

    def _start(self) -> None:
        for origin in dict.fromkeys((self._upstream, self._api, self._front)):
            origin.start()

    def _stop(self) -> None:
        # Side by side: each waits a while for its own threads.
        origins = dict.fromkeys((self._front, self._api, self._upstream))
        stops = [threading.Thread(target=origin.stop) for origin in origins]
        for stop in stops:
            stop.start()
        for stop in stops:
            stop.join()
        self._gate.close()

    def _now(self) -> float:
        return self._clock() + self._offset

    def _own_url(self) -> str:
        return f"{self._front.url}{self._path}"

    def _api_base(self) -> str:
        if self._api is self._front:
            return f"{self.url}/api"
        return f"{self._api.url}{self._path}/api"


def _flask(core: Core) -> Flask:
    app = Flask(__name__, static_folder=None, template_folder=None)
    # Slashes are the caller's: nothing is merged or redirected behind their back.
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = True
    app.url_map.converters["rest"] = RestConverter

    @app.url_value_preprocessor
    def forget_raw_parts(_: str | None, values: dict[str, object] | None) -> None:
        # The views that have them read the request line, where nothing has been decoded yet.
        for name in ("rest", "provider"):
            (values or {}).pop(name, None)

    @app.errorhandler(Refused)
    def refused(error: Refused) -> Response:
        return refusal(error, core.quirks)

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        status = error.code or 500
        code = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}.get(status, "INVALID_REQUEST")
        return refusal(Refused(code, f"{error.name}: {request.path}", status=status), core.quirks)

    @app.errorhandler(Exception)
    def broken(error: Exception) -> Response:
        return refusal(Refused("INTERNAL_ERROR", type(error).__name__), core.quirks)

    return app
