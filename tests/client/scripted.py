"""A loopback server that answers what a test tells it to, for what no honest gateway would say."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Seen:
    """A request as it arrived; header names are in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    port: int = 0
    """Of the client: the same for all requests on one connection."""


@dataclass
class Answer:
    """What is sent back; a dict or list goes out as JSON, ``lost`` breaks the connection."""

    body: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    lost: bool = False

    def encoded(self) -> tuple[bytes, dict[str, str]]:
        if isinstance(self.body, dict | list):
            return json.dumps(self.body).encode(), {"Content-Type": "application/json"}
        if isinstance(self.body, str):
            return self.body.encode(), {"Content-Type": "text/plain"}
        return self.body, {}


class Scripted:
    """Answers in the order told; a request that nobody expected gets 500 UNEXPECTED."""

    def __init__(self) -> None:
        self.requests: list[Seen] = []
        self._answers: deque[Answer | Callable[[Seen], Answer]] = deque()
        script = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except OSError:  # the client hung up
                    self.close_connection = True

            def _serve(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                seen = Seen(
                    self.command,
                    self.path,
                    {name.lower(): value for name, value in self.headers.items()},
                    self.rfile.read(length),
                    self.client_address[1],
                )
                answer = script._next(seen)
                if answer.lost:
                    self.close_connection = True
                    return
                body, headers = answer.encoded()
                self.send_response_only(answer.status)
                headers = {"Date": formatdate(usegmt=True), **headers, **answer.headers}
                if answer.status not in (204, 304):
                    headers["Content-Length"] = str(len(body))
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"):
            setattr(Handler, f"do_{method}", Handler._serve)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        self._thread.start()

    def _next(self, seen: Seen) -> Answer:
        self.requests.append(seen)
        if not self._answers:
            return Answer({"code": "UNEXPECTED", "message": "Nothing was told."}, 500)
        answer = self._answers.popleft()
        return answer(seen) if callable(answer) else answer

    def will(
        self, body: Any = b"", status: int = 200, *, lost: bool = False, **headers: str
    ) -> None:
        """Answer one request so; ``retry_after="0"`` becomes the header Retry-After."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._answers.append(Answer(body, status, named, lost))

    def will_do(self, function: Callable[[Seen], Answer]) -> None:
        """Answer one request with what the function makes of it."""
        self._answers.append(function)

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


REGISTRATION = {
    "client_id": "ath_client_1",
    "client_secret": "ath_secret_1",
    "agent_status": "approved",
    "approved_providers": [
        {"provider_id": "github", "approved_scopes": ["read:user"], "denied_scopes": []}
    ],
    "approval_expires": "2099-01-01T00:00:00Z",
}
AUTHORIZATION = {
    "authorization_url": "https://auth.example/go?code_challenge=abc&code_challenge_method=S256",
    "ath_session_id": "ath_sess_1",
}
TOKEN = {
    "access_token": "ath_tk_1",
    "token_type": "Bearer",
    "expires_in": 3600,
    "effective_scopes": ["read:user"],
    "provider_id": "github",
    "agent_id": "https://agent.example.com/.well-known/agent.json",
    "scope_intersection": {
        "agent_approved": ["read:user"],
        "user_consented": ["read:user"],
        "effective": ["read:user"],
    },
}


def refusal(code: str, message: str = "No.", **more: Any) -> dict[str, Any]:
    """An error body of the protocol."""
    return {"code": code, "message": message, **more}
