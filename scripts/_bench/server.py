"""A loopback ATH gateway with canned replies, which counts requests and keeps attestations.

    python server.py CERTIFICATE_AND_KEY

Prints its http and https URLs as a JSON line and serves until its standard input is closed.
``GET /bench/seen`` tells how many requests came since it was last asked, and the bodies of those
that carried an attestation. Below ``/providers-N`` the discovery lists N providers.
"""

import asyncio
import json
import re
import ssl
import sys

from subjects import AGENT_ID, SCOPES, TOKEN

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
REGISTER, AUTHORIZE, EXCHANGE = b"/ath/agents/register", b"/ath/authorize", b"/ath/token"
USER = {"id": 583231, "login": "octocat", "name": "The Octocat", "email": None, "followers": 9001}
APPROVED = {"provider_id": "github", "approved_scopes": SCOPES, "denied_scopes": []}
REGISTRATION = {
    "client_id": "ath_bench_client",
    "client_secret": "ath_bench_secret",
    "agent_status": "approved",
    "approved_providers": [APPROVED],
    "approval_expires": "2099-01-01T00:00:00Z",
}
SESSION = {
    "authorization_url": "https://login.example.com/authorize?response_type=code&client_id=gateway"
    "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256",
    "ath_session_id": "ath_sess_000000000000",
}
GRANT = {
    "access_token": TOKEN,
    "token_type": "Bearer",
    "expires_in": 3600,
    "effective_scopes": SCOPES,
    "provider_id": "github",
    "agent_id": AGENT_ID,
    "scope_intersection": {
        "agent_approved": SCOPES, "user_consented": SCOPES, "effective": SCOPES,
    },
}  # fmt: skip


def reply(document, status="200 OK"):
    body = json.dumps(document, separators=(",", ":")).encode()
    head = (
        f"HTTP/1.1 {status}\r\nServer: bench\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\nVary: Accept-Encoding\r\n"
        "X-Request-Id: 0f8fad5b-d9cb-469f-a165-70867728950e\r\nConnection: keep-alive\r\n\r\n"
    )
    return head.encode() + body


def padded(document, size):
    """The document with a text that makes its JSON that long."""
    missing = size - len(json.dumps({**document, "bio": ""}, separators=(",", ":")))
    return {**document, "bio": "x" * missing}


def discovery(count):
    return {
        "ath_version": "0.1",
        "gateway_id": "bench",
        "agent_registration_endpoint": "https://gateway.example.com/ath/agents/register",
        "supported_providers": [
            {
                "provider_id": f"provider-{i}",
                "display_name": f"Provider number {i}",
                "categories": ["code", "productivity"],
                "available_scopes": ["mail:read", "mail:send", "mail:delete"],
                "auth_mode": "OAUTH2",
                "agent_approval_required": True,
            }
            for i in range(count)
        ],
    }


class Gateway:
    """The replies, and what was asked."""

    def __init__(self):
        self.requests, self.sessions, self.attested = 0, 0, []
        item = padded(USER, 500)
        self.small, self.big = reply(padded(USER, 300)), reply({"items": [item] * 200})
        self.unknown = reply({"code": "INTERNAL_ERROR", "message": "no such path"}, "404 Not Found")
        self.fixed = {
            b"/.well-known/ath.json": reply(discovery(10)),
            REGISTER: reply(REGISTRATION, "201 Created"),
            AUTHORIZE: reply(SESSION),
            EXCHANGE: reply(GRANT),
            b"/ath/revoke": reply({}),
        }
        for count in (10, 1000, 10_000):
            path = b"/providers-%d/.well-known/ath.json" % count
            self.fixed[path] = reply(discovery(count))

    def answer(self, target, body):
        if target == b"/bench/seen":
            seen = {"requests": self.requests, "attested": self.attested}
            self.requests, self.attested = 0, []
            return reply(seen)
        self.requests += 1
        if b"/ath/proxy/" in target:
            return self.big if target.endswith(b"/big") else self.small
        if target in (REGISTER, AUTHORIZE, EXCHANGE):
            self.attested.append(body.decode())
        if target == AUTHORIZE:  # the same id twice would be the same session
            self.sessions += 1
            return self.fixed[AUTHORIZE].replace(b"_000000000000", b"_%012d" % self.sessions)
        return self.fixed.get(target, self.unknown)


class Connection(asyncio.Protocol):
    """Just enough HTTP/1.1 for clients that are known to speak it well."""

    def __init__(self, gateway):
        self.gateway, self.buffer = gateway, b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.buffer += data
        while True:
            head, end, rest = self.buffer.partition(b"\r\n\r\n")
            found = LENGTH.search(head)
            length = int(found[1]) if found else 0
            if not end or len(rest) < length:
                return
            self.buffer = rest[length:]
            self.transport.write(self.gateway.answer(head.split(b" ", 2)[1], rest[:length]))


async def serve(certificate):
    loop, gateway, closed = asyncio.get_running_loop(), Gateway(), asyncio.Event()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    urls = {}
    for scheme, security in (("http", None), ("https", context)):
        server = await loop.create_server(
            lambda: Connection(gateway), "127.0.0.1", 0, ssl=security, backlog=1024
        )
        urls[scheme] = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    print(json.dumps(urls), flush=True)
    loop.add_reader(sys.stdin, closed.set)
    await closed.wait()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
