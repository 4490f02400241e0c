"""Secrets are planted, every kind of failure is caused, and its results are searched for them."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ath import ATHError, CredentialKey, FileStore, FolderStore, MemoryStore
from tests.harness import faults
from tests.harness.clients import AGENT_ID, AnyClient, Kind, code_when_lost, code_when_unexplained
from tests.harness.server import Server, raw_answer

from .canaries import (
    CLIENT_SECRET,
    CODE,
    KEY,
    NEW_SECRET,
    NEW_TOKEN,
    PASSWORD,
    PEM,
    STATE,
    TOKEN,
    USER_SESSION,
    Canaries,
    check_logs,
)

Call = Callable[[AnyClient], Any]
CALLS: dict[str, Call] = {
    "discover": lambda c: c.discover(),
    "register": lambda c: c.register(
        developer={"name": "Example", "id": "dev-1"},
        providers=[{"provider_id": "shop", "scopes": ["read"]}],
    ),
    "registration": lambda c: c.registration(),
    "authorize": lambda c: c.authorize("shop", ["read"], state=STATE),
    "exchange_token": lambda c: c.exchange_token(CODE, "ath_sess"),
    "proxy": lambda c: c.proxy("shop", "POST", "/orders", {"card": 1}),
    "revoke": lambda c: c.revoke(),
}
KNOWN = "FORBIDDEN"  # a code that is an implementor's in every call
EVERY_CALL = pytest.mark.parametrize("call", CALLS)
SESSION = {
    "authorization_url": f"https://x.example/?code_challenge_method=S256&code_challenge={'c' * 43}",
    "ath_session_id": "ath_sess",
}


@pytest.fixture
def canaries() -> Canaries:
    return Canaries()


@pytest.fixture
def make(kind: Kind, server: Server) -> Callable[..., AnyClient]:
    """A client that holds every secret: key, registration, token, an open session, a header."""

    def make(url: str | None = None, **options: Any) -> AnyClient:
        options = {"private_key": PEM, "headers": {"X-ATH-User-Token": USER_SESSION}, **options}
        client = kind.client(url or server.url, **options)
        client.set_credentials("ath_client", CLIENT_SECRET)
        client.set_token(TOKEN)
        return client

    return make


def catch_error(call: Callable[[], Any]) -> ATHError:
    with pytest.raises(ATHError) as caught:
        call()
    return caught.value


def echoes(request: bytes) -> dict[str, bytes]:
    """Answers that repeat what was asked, in every shape that servers are known for."""
    text = request.decode("latin-1")
    _, _, body = text.partition("\r\n\r\n")
    asked = json.loads(body) if body else {}
    sent = "/".join(secret for secret in (TOKEN, CODE, USER_SESSION) if secret in text)
    place = f"Location: https://login.example/{sent}?t={TOKEN}#{USER_SESSION}"
    return {
        "ath": raw_answer(json.dumps({"code": KNOWN, "message": text}).encode(), status=400),
        "ath code": raw_answer(json.dumps({"code": text, "message": "no"}).encode(), status=401),
        "ath details": raw_answer(
            json.dumps(
                {"code": KNOWN, "message": "", "details": {"asked": asked, text: [text]}}
            ).encode(),
            status=403,
        ),
        "unknown fields": raw_answer(
            json.dumps({"code": KNOWN, "message": "", "request": asked, "raw": text}).encode(),
            status=409,
        ),
        "oauth": raw_answer(
            json.dumps({"error": text, "error_description": text}).encode(), status=400
        ),
        "proxy": raw_answer(
            json.dumps({"error": {"deep": [asked]}, "message": text}).encode(), status=502
        ),
        "text": raw_answer(text.encode(), status=500, media_type="text/plain"),
        "html": raw_answer(f"<pre>{text}</pre>".encode(), status=404, media_type="text/html"),
        "list": raw_answer(json.dumps([asked, text]).encode(), status=400),
        "redirect": raw_answer(b"", place, status=302),
        "reason": raw_answer(b"", status=400).replace(b"Whatever", TOKEN.encode()),
    }


@EVERY_CALL
@pytest.mark.parametrize("shape", echoes(b"\r\n\r\n"))
def test_an_error_repeats_no_secret_that_the_server_echoed(
    call: str, shape: str, make: Callable[..., AnyClient], server: Server, canaries: Canaries
) -> None:
    client = make(retry=None)
    server.answer_all(raw_answer(json.dumps(SESSION).encode()))
    client.authorize("shop", ["read"], state=STATE)  # so that there is a verifier
    server.answer_all_with(lambda request: echoes(request.raw)[shape])
    with check_logs(canaries):
        error = catch_error(lambda: CALLS[call](client))
    canaries.add_sent(request.raw for request in server.requests)
    canaries.check_error(error)
    echo = echoes(server.requests[-1].raw)[shape]
    if shape == "proxy" and call in ("register", "exchange_token"):
        assert error.code == "OUTCOME_UNKNOWN"  # after a 502 without a code of the protocol
        return
    assert error.status == int(echo.split(b" ", 2)[1])
    if shape == "ath code" and call != "proxy":
        assert error.code.startswith(f"{server.requests[-1].method} /")
    else:
        known = KNOWN.encode() in echo
        assert error.code == (KNOWN if known else code_when_unexplained(call))


@EVERY_CALL
@pytest.mark.parametrize(
    "body",
    [
        b'{"client_id": "x", "client_secret": "%s", "access_token": "%s"',
        b'["%s", "%s"]',
        b'"%s %s"',
        b'{"client_id": 7, "client_secret": "%s", "token_type": "%s"}',
        b'{"access_token": ["%s", "%s"]}',
        b'\xff{"client_secret": "%s", "access_token": "%s"}',
        b'{"client_secret": "%s", "access_token": "%s\\n"}',
        b'{"authorization_url": "%s", "ath_session_id": "%s"}',
    ],
)
def test_an_answer_that_cannot_be_read_shows_nothing_of_its_secrets(
    call: str, body: bytes, make: Callable[..., AnyClient], server: Server, canaries: Canaries
) -> None:
    server.answer_all(raw_answer(body % (NEW_SECRET.encode(), NEW_TOKEN.encode())))
    client = make(retry=None)
    # revoke needs nothing of the answer, and a provider may answer with any JSON.
    readable = call == "revoke" or (call == "proxy" and json_or_none(body) is not None)
    with check_logs(canaries):
        if readable:
            CALLS[call](client)
            return
        error = catch_error(lambda: CALLS[call](client))
    assert error.code == "INVALID_RESPONSE"
    canaries.add_sent(request.raw for request in server.requests)
    if call == "proxy":  # a provider's answer is the caller's, and what it shows is for them
        assert error.response.content == error.details.pop("body")
        error.response = None
    canaries.check_error(error)


def json_or_none(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


@EVERY_CALL
@pytest.mark.parametrize("way", ["own connections", "httpx client"])
@pytest.mark.parametrize(
    "fault",
    [
        faults.reset_after_request,
        faults.closed_without_answer,
        faults.garbled_reply,
        faults.stall_before_headers,
        faults.endless_headers,
    ],
    ids=lambda fault: fault.__name__,
)
def test_a_broken_connection_shows_nothing_of_the_request(
    call: str, way: str, fault: Any, make: Callable[..., AnyClient], kind: Kind, canaries: Canaries
) -> None:
    with Server() as server:
        server.plan += [fault] * 3
        options = {"http_client": kind.httpx_client()} if way == "httpx client" else {}
        stalls = fault is faults.stall_before_headers
        client = make(server.url, timeout=0.1 if stalls else 30, **options)
        with check_logs(canaries):
            error = catch_error(lambda: CALLS[call](client))
        canaries.add_sent(request.raw for request in server.requests)
    seen = "TIMEOUT" if stalls else "NETWORK_ERROR"
    assert error.code == code_when_lost(call, seen)
    canaries.check_error(error)


@EVERY_CALL
def test_a_name_that_does_not_resolve_shows_nothing_of_the_request(
    call: str, make: Callable[..., AnyClient], canaries: Canaries
) -> None:
    with check_logs(canaries):
        error = catch_error(lambda: CALLS[call](make("https://gateway.invalid")))
    assert error.code == "NETWORK_ERROR"
    canaries.check_error(error)


def test_arguments_that_are_refused_are_not_repeated(
    make: Callable[..., AnyClient], kind: Kind, server: Server, canaries: Canaries, tmp_path: Path
) -> None:
    client = make()
    bad = PEM.replace("\n", "\n!", 2)
    bad_keys = ("key", "key without frame", "password", "password of a key", "surrogate")
    wrong: dict[str, Callable[[], Any]] = {
        "key": lambda: make(private_key=bad),
        "key without frame": lambda: make(private_key="".join(PEM.splitlines()[1:-1])),
        "password": lambda: make(private_key=PEM, private_key_password=PASSWORD),
        "password of a key": lambda: make(private_key=KEY, private_key_password=PASSWORD),
        "surrogate": lambda: make(private_key=PEM + "\ud800"),
        "url": lambda: make(f"https://me:{PASSWORD}@gateway.example"),
        "query": lambda: make(f"https://gateway.example/?token={TOKEN}"),
        "header": lambda: make(headers={"X-ATH-User-Token": USER_SESSION + "\n"}),
        "user header": lambda: client.for_user("a", headers={"X-S": USER_SESSION + "\r\nX: 1"}),
        "token": lambda: client.set_token(TOKEN + "\n"),
        "token ü": lambda: client.set_token(TOKEN + "ü"),
        "secret": lambda: client.set_credentials("x", CLIENT_SECRET + "\n"),
        "code": lambda: client.exchange_token(CODE + "\ud800", "s"),
        "code type": lambda: client.exchange_token([CODE], "s"),
        "state": lambda: client.authorize("shop", ["read"], state=STATE + "\udfff"),
        "state type": lambda: client.authorize("shop", ["read"], state=[STATE]),
        "path": lambda: client.proxy("shop", "GET", f"/../{TOKEN}"),
        "call header": lambda: client.proxy("shop", "GET", "/", headers={"X-ATH-Y": USER_SESSION}),
        "bearer": lambda: client.proxy("shop", "GET", "/", headers={"Authorization": TOKEN}),
    }
    for name, call in wrong.items():
        with check_logs(canaries):
            error = catch_error(call)
        code = {"path": "INVALID_PATH", **dict.fromkeys(bad_keys, "INVALID_KEY")}.get(
            name, "INVALID_ARGUMENT"
        )
        assert (error.code, error.status) == (code, None), name
        canaries.check_error(error)


class BrokenStore(MemoryStore):
    """A user's own store that fails with secrets in its exception."""

    def __init__(self, at: str) -> None:
        super().__init__()
        self.at = at

    def load(self, key: CredentialKey) -> str | None:
        if self.at == "load":
            raise OSError(f"cannot read {CLIENT_SECRET}")
        return super().load(key)

    def replace(self, key: CredentialKey, old: str | None, new: str) -> bool:
        if self.at == "replace":
            raise ValueError("cannot write", new)
        return super().replace(key, old, new)


class BrokenSigner:
    """A user's own signer that fails with a secret in its exception."""

    def sign(self, data: bytes, /) -> bytes:
        raise RuntimeError(f"no signature with {PEM}")


@pytest.mark.parametrize("what", ["load", "replace", "sign"])
def test_the_error_about_a_failing_store_or_signer_does_not_quote_its_exception(
    what: str, make: Callable[..., AnyClient], server: Server, canaries: Canaries
) -> None:
    answer = {
        "client_id": "new", "client_secret": NEW_SECRET, "agent_status": "approved",
        "approved_providers": [], "approval_expires": None,
    }  # fmt: skip
    server.answer_all(raw_answer(json.dumps(answer).encode()))

    def call() -> Any:
        if what == "sign":
            return CALLS["register"](make(private_key=BrokenSigner()))
        return CALLS["register"](make(credentials=BrokenStore(what)))

    with check_logs(canaries):
        error = catch_error(call)
    assert error.code == ("SIGNING_FAILED" if what == "sign" else "STORAGE_ERROR")
    canaries.check_text(f"{error} {error!r} {vars(error)} {error.args}", "the error")
    assert error.__cause__ is error.__context__ is None  # what the user's own code raised


@pytest.mark.parametrize("store", [FileStore, FolderStore])
@pytest.mark.parametrize(
    "damage", ["cut", "binary", "foreign", "newer", "wrong type", "unwritable"]
)
def test_a_store_that_fails_shows_nothing_of_what_it_holds(
    store: Any,
    damage: str,
    make: Callable[..., AnyClient],
    server: Server,
    canaries: Canaries,
    tmp_path: Path,
) -> None:
    place = tmp_path / "held" / "here"
    held = json.dumps(
        {
            "client_id": "ath_client",
            "registration": {
                "client_id": "ath_client", "client_secret": CLIENT_SECRET, "redirect_uris": [],
            },
            "tokens": [
                {"access_token": TOKEN, "provider": None, "expires_at": None, "scopes": []}
            ],
            "sessions": {},
        }
    )  # fmt: skip
    key = CredentialKey(server.url, AGENT_ID)
    assert store(place).replace(key, None, held)
    file = place if place.is_file() else next(place.glob("*.json"))
    text = file.read_text()
    match damage:
        case "cut":
            file.write_text(text[:-20])
        case "binary":
            file.write_bytes(b"\xff" + text.encode())
        case "foreign":
            file.write_text(json.dumps({"secret": CLIENT_SECRET}))
        case "newer":
            file.write_text(text.replace('"version": 1', '"version": 2'))
        case "wrong type":
            file.write_text(text.replace('"expires_at": null', f'"expires_at": "{TOKEN}"'))
        case "unwritable":
            file.unlink()
            file.mkdir()
    assert file.is_dir() or file.read_bytes() != text.encode()
    with check_logs(canaries):
        error = catch_error(lambda: CALLS["discover"](make(credentials=store(place))))
    assert error.code == ("STORAGE_ERROR" if damage == "unwritable" else "INVALID_CREDENTIALS")
    canaries.check_error(error)


def test_the_repr_of_results_and_of_a_clients_parts_contains_no_secret(
    make: Callable[..., AnyClient], server: Server, canaries: Canaries, tmp_path: Path
) -> None:
    client = make(credentials=tmp_path / "credentials.json")
    answers = {
        "register": {
            "client_id": "ath_client", "client_secret": NEW_SECRET, "agent_status": "approved",
            "approved_providers": [], "approval_expires": None,
        },
        "authorize": SESSION,
        "exchange_token": {
            "access_token": NEW_TOKEN, "token_type": "Bearer", "expires_in": 60,
            "effective_scopes": [], "provider_id": "shop", "agent_id": AGENT_ID,
            "scope_intersection": {"agent_approved": [], "user_consented": [], "effective": []},
        },
    }  # fmt: skip
    with check_logs(canaries):
        for call, answer in answers.items():
            server.answer_all(raw_answer(json.dumps(answer).encode()))
            result = CALLS[call](client)
            for text in (repr(result), str(result), f"{result}"):
                canaries.check_text(text, call)
    canaries.add_sent(request.raw for request in server.requests)
    view = client.for_user("alice", headers={"X-ATH-User-Token": USER_SESSION}).raw
    for thing in (client.raw, view):
        for path, text in reprs_below(thing, "client"):
            canaries.check_text(text, path)


def reprs_below(thing: object, where: str, seen: set[int] | None = None) -> list[tuple[str, str]]:
    """The repr and str of the SDK's objects below this one, not the values that they hold."""
    seen = set() if seen is None else seen
    ours = type(thing).__module__.partition(".")[0] in ("ath", "ath_api")
    if id(thing) in seen or not ours or isinstance(thing, type | str):
        return []
    seen.add(id(thing))
    found = [(f"repr({where})", repr(thing)), (f"str({where})", str(thing))]
    names = [*getattr(thing, "__dict__", {})]
    for kind in type(thing).__mro__:
        names += getattr(kind, "__slots__", ())
    for name in names:
        value = getattr(thing, name, None)
        found += reprs_below(value, f"{where}.{name}", seen)
        for item in value.values() if isinstance(value, dict) else ():
            found += reprs_below(item, f"{where}.{name}[]", seen)
    return found


def test_a_client_refuses_to_be_pickled_or_copied(make: Callable[..., AnyClient]) -> None:
    client = make()
    for thing in (client.raw, client.raw.for_user("alice")):
        for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(ATHError, match=r"NOT_PICKLABLE.*credentials=") as caught:
                attempt(thing)
            assert caught.value.advice
