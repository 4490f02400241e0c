"""Every failure of the public API is an ATHError: odd files, odd arguments, odd event loops."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ath import ATHError, FolderStore, MemoryStore
from tests.harness.clients import DEVELOPER, AnyClient, Kind, raises_code
from tests.harness.examples import AUTHORIZATION, REGISTRATION, TOKEN, service_document
from tests.harness.server import Server

SURROGATE = "\ud800"
NO = b"HTTP/1.1 418 No\r\nContent-Length: 0\r\n\r\n"
ODD_TEXTS = [
    SURROGATE, f"a{SURROGATE}b", "\udfff", "ü", "日本",
    "\u200b", "\u2028", "\x85", "\x00", "\n", "a\nb",
    "a\r\nX-Evil: 1", "\x1b[31m",
    "\x7f", " ", "a b", "", "\U0001f600", "/", "..", "%", "%00", "?", "#", "\\",
    "a" * 100_000,
]  # fmt: skip
ODD_VALUES: list[Any] = [
    None, True, 0, -1, 10**5000, 1.5, math.nan, math.inf, b"x", b"\xff", bytearray(b"x"), [], ["a"],
    [[]], {},
    {"a": 1}, {1: 2}, {None: None}, ("a", "b"), {"a"}, object(), int, lambda: 1, ...,
]  # fmt: skip


def secrets_of(place: Path, name: str, value: str) -> None:
    """Write another value into a saved file."""
    document = json.loads(place.read_text())
    [record] = document["records"]
    if name == "token":
        record["tokens"][0]["access_token"] = value
    else:
        record[name] = value
    place.write_text(json.dumps(document))


@pytest.fixture
def saved(kind: Kind, server: Server, tmp_path: Path) -> Path:
    """A file with a registration and a token."""
    client = kind.client(server.url)
    client.set_credentials("ath_client_0", "ath_secret_0")
    client.set_token("ath_tk_0")
    client.save_credentials(tmp_path / "c.json")
    return tmp_path / "c.json"


CALLS: dict[str, Callable[[AnyClient], Any]] = {
    "proxy": lambda c: c.proxy("github", "GET", "/user"),
    "request": lambda c: c.request("github", "GET", "/user"),
    "registration": lambda c: c.registration(),
    "authorize": lambda c: c.authorize("github", ["repo"]),
    "exchange_token": lambda c: c.exchange_token("code", "session"),
    "revoke": lambda c: c.revoke(),
    "save_credentials": lambda c: c.save_credentials("/dev/null/x"),
}


@pytest.mark.parametrize("way", ["stored", "loaded"])
@pytest.mark.parametrize("name", ["token", "client_secret", "client_id"])
@pytest.mark.parametrize(
    "value", ["ü" * 9, SURROGATE, "a\nb", "a\r\nX-Evil: 1", "\x00", "\x7f"], ids=ascii
)
def test_what_a_file_holds_that_cannot_be_sent_is_an_ath_error(
    kind: Kind, server: Server, saved: Path, way: str, name: str, value: str
) -> None:
    secrets_of(saved, name, value)
    server.answer_all(NO)

    def make(call: str) -> None:
        if way == "stored":
            client = kind.client(server.url, credentials=saved, retry=None)
            client.load()
        else:
            client = kind.client(server.url, retry=None)
            client.load_credentials(saved)
        CALLS[call](client)

    for call in CALLS:
        check(lambda call=call: make(call))
    for request in server.requests:
        assert "x-evil" not in request.headers


@pytest.mark.parametrize("value", ["ü" * 9, "a\nb", SURROGATE], ids=ascii)
def test_a_token_that_cannot_be_sent_is_told_of_before_anything_is_sent(
    kind: Kind, server: Server, saved: Path, value: str
) -> None:
    secrets_of(saved, "token", value)
    client = kind.client(server.url)
    with raises_code("INVALID_CREDENTIALS"):
        client.load_credentials(saved)
        client.proxy("github", "GET", "/user")
    assert server.requests == []


@pytest.mark.parametrize(
    "path", [SURROGATE, f"/tmp/{SURROGATE}/c.json", "a\x00b", "/", "", "."], ids=ascii
)
def test_a_path_that_no_file_can_have_is_an_ath_error(
    client: AnyClient, kind: Kind, path: str
) -> None:
    for call in (
        lambda: client.save_credentials(path),
        lambda: client.load_credentials(path),
        lambda: client.save_credentials(Path(path)),
        lambda: client.load_credentials(Path(path)),
    ):
        check(call)

    def use() -> None:
        made = kind.client("http://127.0.0.1:9", credentials=path, retry=None)
        made.load()
        made.set_token("t")
        made.revoke()

    for call in (
        use,
        lambda: kind.client("http://127.0.0.1:9", credentials=FolderStore(path)).load(),
        lambda: kind.client("http://127.0.0.1:9", private_key=Path(path)),
    ):
        check(call)


def check(call: Callable[[], Any]) -> None:
    """The call succeeds or raises an ATHError that a person can read."""
    try:
        call()
    except ATHError as error:
        check_printable(error)


def check_printable(error: ATHError) -> None:
    assert str(error).isprintable()
    assert len(str(error)) <= 2000
    assert error.message.isprintable()
    str(error).encode("utf-8")


@pytest.mark.parametrize("audience", [SURROGATE, ["ok", SURROGATE], "", [""], "a\nb"], ids=ascii)
def test_an_audience_that_cannot_be_signed_is_an_invalid_argument(
    client: AnyClient, audience: Any
) -> None:
    with raises_code("INVALID_ARGUMENT"):
        client.sign_attestation(audience)


@pytest.fixture(params=["own connections", "httpx client"])
def caller(kind: Kind, server: Server, mode: str, request: pytest.FixtureRequest) -> AnyClient:
    """A client with a token, with connections of its own or with an httpx client."""
    options = {"http_client": kind.httpx_client()} if request.param == "httpx client" else {}
    made = kind.client(server.url, mode, retry=None, **options)
    made.set_credentials("ath_client_0", "ath_secret_0")
    made.set_token("ath_tk_0")
    server.answer_all(b"HTTP/1.1 204 No\r\n\r\n")
    if mode == "native":
        server.answer_next(service_document(f"{server.url}/api"))
        made.discover()
    return made


def what_a_model_may_choose(value: Any) -> dict[str, dict[str, Any]]:
    """Arguments of a call with one of them replaced."""
    return {
        "provider": {"provider": value},
        "method": {"method": value},
        "path": {"path": value},
        "query": {"path": f"/x?{value}" if isinstance(value, str) else value},
        "params": {"params": value},
        "params value": {"params": {"a": value}},
        "params name": {"params": _keyed(value)},
        "params list": {"params": {"a": [value, value]}},
        "headers": {"headers": value},
        "header value": {"headers": {"X-A": value}},
        "header name": {"headers": _keyed(value)},
        "body": {"method": "POST", "body": value},
        "body value": {"method": "POST", "body": {"a": [value]}},
        "body name": {"method": "POST", "body": _keyed(value)},
        "content": {"method": "POST", "content": value},
        "content and body": {"method": "POST", "content": value, "body": {}},
    }


def _keyed(value: Any) -> Any:
    try:
        return {value: "x"}
    except TypeError:
        return value


@pytest.mark.parametrize("what", what_a_model_may_choose(None))
def test_nothing_that_a_language_model_may_choose_raises_anything_else(
    caller: AnyClient, what: str
) -> None:
    for value in [*ODD_TEXTS, *ODD_VALUES]:
        arguments = {"provider": "github", "method": "GET", "path": "/x",
                     **what_a_model_may_choose(value)[what]}  # fmt: skip
        if caller.mode == "native":
            del arguments["provider"]
        names = ("proxy", "request") if caller.mode == "gateway" else ("api", "request")
        for name in names:
            check(lambda name=name, arguments=arguments: getattr(caller, name)(**arguments))


@pytest.mark.parametrize("length", [65_500, 65_510, 65_535, 65_536, 70_000])
@pytest.mark.parametrize("letter", ["a", "ä", "/", "?a=", "%41"])
def test_a_path_of_any_length_is_sent_or_refused(
    caller: AnyClient, length: int, letter: str
) -> None:
    path = "/" + letter * (length // len(letter))
    check(lambda: caller.call("GET", path))
    check(lambda: caller.call("GET", "/x", params={"a": path}))


def test_a_body_without_end_is_an_ath_error(caller: AnyClient) -> None:
    loop: list[Any] = []
    loop.append(loop)
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    for body in (loop, deep, {"a": loop}):
        with raises_code("INVALID_ARGUMENT"):
            caller.call("POST", "/x", body)


@pytest.mark.parametrize("text", ODD_TEXTS, ids=lambda text: ascii(text)[:20])
def test_odd_text_in_any_argument_of_the_handshake_is_an_ath_error_or_taken(
    kind: Kind, server: Server, text: str
) -> None:
    def client() -> AnyClient:
        made = kind.client(server.url, retry=None)
        made.set_credentials("ath_client_0", "ath_secret_0")
        made.set_token("ath_tk_0")
        return made

    odd = {"name": text, "id": text, "provider_id": text, "scopes": [text]}
    wanted: dict[str, Any] = {
        "developer": DEVELOPER, "providers": [{"provider_id": "github", "scopes": ["repo"]}]
    }  # fmt: skip
    calls: list[tuple[Any, Callable[[], Any]]] = [
        (REGISTRATION, lambda: client().register(**{**wanted, "developer": odd})),
        (REGISTRATION, lambda: client().register(**{**wanted, "providers": [odd]})),
        (REGISTRATION, lambda: client().register(**wanted, purpose=text)),
        (REGISTRATION, lambda: client().register(**wanted, redirect_uris=[text])),
        (REGISTRATION, lambda: client().ensure_registered(**{**wanted, "developer": odd})),
        (AUTHORIZATION, lambda: client().authorize(text, ["repo"])),
        (AUTHORIZATION, lambda: client().authorize("github", [text])),
        (AUTHORIZATION, lambda: client().authorize("github", ["repo"], redirect_uri=text)),
        (AUTHORIZATION, lambda: client().authorize("github", ["repo"], resource=text)),
        (AUTHORIZATION, lambda: client().authorize("github", ["repo"], state=text)),
        (TOKEN, lambda: client().exchange_token(text, "s")),
        (TOKEN, lambda: client().exchange_token("c", text)),
        ({}, lambda: client().revoke(text)),
        ({}, lambda: client().sign_attestation(text)),
        ({}, lambda: client().set_token(text)),
        ({}, lambda: client().set_token("t", text)),
        ({}, lambda: client().set_credentials(text, "s")),
        ({}, lambda: client().set_credentials("c", text)),
        ({}, lambda: client().for_user(text)),
        ({}, lambda: client().for_user("u", headers={text: text})),
        ({}, lambda: kind.client(text)),
        ({}, lambda: kind.client(f"https://gateway.example/{text}")),
        ({}, lambda: kind.client(f"https://{text}.example/")),
        ({}, lambda: kind.client(server.url, agent_id=text)),
        ({}, lambda: kind.client(server.url, key_id=text)),
        ({}, lambda: kind.client(server.url, private_key=text)),
        ({}, lambda: kind.client(server.url, private_key_password=text)),
        ({}, lambda: kind.client(server.url, headers={"X-A": text})),
        ({}, lambda: kind.client(server.url, capabilities=[text])),
        ({}, lambda: kind.client(server.url, audience=text)),
    ]  # fmt: skip
    for answer, call in calls:
        server.plan.clear()
        server.answer_next(answer)
        check(call)


@pytest.mark.parametrize("text", [SURROGATE, "ü", "a\nb", "\x00", "", 7, None, ["x"]], ids=ascii)
@pytest.mark.parametrize(
    ("call", "field"),
    [("register", "client_id"), ("register", "client_secret"), ("authorize", "authorization_url"),
     ("authorize", "ath_session_id"), ("exchange_token", "access_token"),
     ("exchange_token", "provider_id")],
)  # fmt: skip
def test_odd_text_in_an_answer_is_an_ath_error_or_can_be_used_and_stored(
    kind: Kind, server: Server, call: str, field: str, text: Any
) -> None:
    client = kind.client(server.url, retry=None, credentials=MemoryStore())
    server.answer_next(REGISTRATION)
    client.register(developer=DEVELOPER, providers=[{"provider_id": "github", "scopes": ["repo"]}])
    answers = {"register": REGISTRATION, "authorize": AUTHORIZATION, "exchange_token": TOKEN}
    server.answer_next({**answers[call], field: text})

    def use() -> None:
        if call == "register":
            client.register(developer=DEVELOPER, providers=[])
        elif call == "authorize":
            client.authorize("github", ["repo"])
        else:
            client.exchange_token("c", "s")

    server.answer_all(NO)
    check(use)
    for name in ("registration", "revoke"):
        check(lambda name=name: getattr(client, name)())
    check(lambda: client.proxy("github", "GET", "/"))
    check(lambda: client.exchange_token("c", text if isinstance(text, str) else "s"))


def outside_a_loop(coroutine: Any) -> Any:
    """Run a coroutine as another library than asyncio would: by its own send()."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    finally:
        coroutine.close()
    raise AssertionError("it waited for something of asyncio")


@pytest.mark.parametrize(
    "call", [*CALLS, "discover", "register", "load", "forget", "sign_attestation"]
)
def test_outside_asyncio_a_call_says_where_async_clients_run(server: Server, call: str) -> None:
    kind = Kind("async")
    client = kind.client(server.url).raw
    client.set_credentials("ath_client_0", "ath_secret_0")
    if call == "save_credentials":
        kind.close()
        return  # which is plain
    arguments: dict[str, Any] = {
        "proxy": ("github", "GET", "/"), "request": ("github", "GET", "/"),
        "authorize": ("github", ["repo"]), "exchange_token": ("c", "s"),
    }  # fmt: skip
    options = {"developer": DEVELOPER, "providers": []} if call == "register" else {}
    with raises_code("WRONG_EVENT_LOOP"):
        outside_a_loop(getattr(client, call)(*arguments.get(call, ()), **options))
    kind.close()


def test_outside_asyncio_a_used_client_can_still_be_closed(server: Server) -> None:
    kind = Kind("async")
    client = kind.client(server.url)
    client.set_token("ath_tk_0")
    server.answer_next({})
    client.proxy("github", "GET", "/")
    outside_a_loop(client.raw.aclose())
    with raises_code("CLIENT_CLOSED"):
        client.proxy("github", "GET", "/")
    kind.close()


def test_outside_asyncio_a_client_with_a_store_cannot_be_entered(
    server: Server, tmp_path: Path
) -> None:
    kind = Kind("async")
    client = kind.client(server.url, credentials=tmp_path / "c.json")
    with raises_code("WRONG_EVENT_LOOP"):
        outside_a_loop(client.raw.__aenter__())
    kind.close()
