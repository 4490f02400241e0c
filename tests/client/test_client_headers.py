"""Headers that a call cannot set, however their names are written; those that it may override."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.harness.clients import AnyClient, Kind, raises_code
from tests.harness.examples import service_document
from tests.harness.server import Server

RESERVED = [
    "Authorization", "Host", "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive",
    "TE", "Trailer", "Upgrade", "Expect", "Proxy-Authorization", "Proxy-Authenticate",
    "Proxy-Connection",
    "Accept-Encoding", "X-ATH-Agent-ID", "X-ATH-User-Token", "X-ATH-Anything",
]  # fmt: skip


def foldings(name: str) -> set[str]:
    """The spellings of a name that a WSGI or CGI server takes for it."""
    parts = name.split("-")
    joined = {mark.join(parts) for mark in ("-", "_", ".", "", "+", "--", "_-", "~", "'")}
    joined |= {f"{name}_", f"_{name}", f"-{name}", f"{name}-", f"!{name}#"}
    if len(parts) > 2:
        joined |= {"".join(pair) for pair in itertools.product(
            *([part] if last else [part + "-", part + "_"]
              for part, last in zip(parts, [False] * (len(parts) - 1) + [True], strict=True))
        )}  # fmt: skip
    return {cased for each in joined for cased in (each, each.lower(), each.upper(), each.title())}


@pytest.fixture
def at(kind: Kind, server: Server, mode: str) -> AnyClient:
    return client_at(kind, server, mode)


def client_at(
    kind: Kind, server: Server, mode: str, *, user: dict[str, str] | None = None, **options: Any
) -> AnyClient:
    """A client, or a view of it with headers, that holds a token."""
    client = kind.client(server.url, mode, **options)
    if mode == "native":
        server.answer_next(service_document(f"{server.url}/api"))
        client.discover()
    if user is not None:
        client = client.for_user("alice", headers=user)
    client.set_credentials("ath_client_0", "ath_secret_0")
    client.set_token("ath_tk_0")
    server.clear()
    return client


def ask(client: AnyClient, **options: Any) -> Any:
    where = [client.provider] if client.mode == "gateway" else []
    return client.request(*where, "GET", "/x", **options)


@pytest.mark.parametrize("name", RESERVED)
def test_a_call_cannot_name_a_reserved_header_in_any_spelling(
    at: AnyClient, server: Server, name: str
) -> None:
    for spelling in sorted(foldings(name)):
        for call in (lambda **o: at.call("GET", "/x", **o), lambda **o: ask(at, **o)):
            with raises_code("INVALID_ARGUMENT") as caught:
                call(headers={spelling: "forged-value"})
            assert "forged-value" not in str(caught.value)
    assert server.requests == []


@pytest.mark.parametrize("name", ["X_ATH_User_Token", "X-ATH_Agent-ID", "x_ath_agent_id"])
def test_the_spellings_that_passed_once_are_refused(
    at: AnyClient, server: Server, name: str
) -> None:
    with raises_code("INVALID_ARGUMENT"):
        at.call("GET", "/x", headers={name: "forged"})
    assert server.requests == []


@pytest.mark.parametrize("whose", ["client", "view"])
@pytest.mark.parametrize(
    "name", ["Cookie", "X-Session", "X-Tenant-Id", "X-Forwarded-For", "DNT", "Origin"]
)
@pytest.mark.parametrize("value", ["a=1", ""])
def test_a_call_cannot_replace_a_header_that_the_client_or_the_view_was_given(
    kind: Kind, server: Server, mode: str, whose: str, name: str, value: str
) -> None:
    given = {name.lower(): value}
    options: dict[str, Any] = {"headers": given} if whose == "client" else {"user": given}
    client = client_at(kind, server, mode, **options)
    for spelling in sorted(foldings(name)):
        for forged in ("b=2", "", value):
            with raises_code("INVALID_ARGUMENT"):
                ask(client, headers={spelling: forged})
    assert server.requests == []
    server.answer_next({})
    ask(client)
    assert server.requests[0].headers[name.lower()] == value


def test_a_view_guards_the_clients_headers_as_well_as_its_own(kind: Kind, server: Server) -> None:
    client = client_at(kind, server, "gateway", headers={"X-Tenant": "t"}, user={"Cookie": "c"})
    for name in ("x_tenant", "COOKIE"):
        with raises_code("INVALID_ARGUMENT"):
            ask(client, headers={name: "forged"})
    assert server.requests == []


def test_another_users_header_is_nobody_elses_to_guard(kind: Kind, server: Server) -> None:
    client = client_at(kind, server, "gateway")
    client.for_user("alice", headers={"X-Session": "a"})
    server.answer_next({})
    ask(client, headers={"X-Session": "mine"})
    assert server.requests[0].headers["x-session"] == "mine"


@pytest.mark.parametrize("whose", ["client", "view"])
@pytest.mark.parametrize(
    "name", ["Accept", "Accept-Language", "Accept-Charset", "User-Agent", "Content-Type"]
)
def test_a_call_may_override_what_says_how_to_talk(
    kind: Kind, server: Server, mode: str, whose: str, name: str
) -> None:
    given = {name: "text/of-the-client"}
    options: dict[str, Any] = {"headers": given} if whose == "client" else {"user": given}
    client = client_at(kind, server, mode, **options)
    server.answer_next({})
    client.call("POST", "/x", content=b"x", headers={name.lower(): "text/of-the-call"})
    sent = [v for n, v in server.requests[0].header_list if n.lower() == name.lower()]
    assert sent == ["text/of-the-call"]


def test_any_other_header_is_sent_as_it_was_given(at: AnyClient, server: Server) -> None:
    headers = {"If-None-Match": '"e"', "X-GitHub-Api-Version": "2022", "Idempotency-Key": "k",
               "Prefer": "x", "Range": "bytes=0-1", "X-Author": "me", "Hosted": "y"}  # fmt: skip
    server.answer_next({})
    ask(at, headers=headers)
    sent = dict(server.requests[0].header_list)
    assert {name: sent[name] for name in headers} == headers


def test_an_underscore_does_not_forge_what_the_client_sends(at: AnyClient, server: Server) -> None:
    """What a folding server would read is what the client said, each name once."""
    server.answer_next({})
    ask(at, headers={"X-Fine": "1"})
    names = [name.lower().replace("_", "-") for name, _ in server.requests[0].header_list]
    assert len(names) == len(set(names))
