"""Error trackers record every frame's variables: none of ours shows a secret in its repr.

What the caller passed in may show in the caller's frame and in the public method's own.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

import ath.stores
from ath import AsyncEncryptedStore, ATHError, EncryptedStore, FileStore, MemoryStore
from tests.harness import faults
from tests.harness.clients import AGENT_ID, AnyClient, Kind
from tests.harness.server import Server, raw_answer
from tests.harness.stores import AsyncStore

from .canaries import (
    CLIENT_SECRET,
    CODE,
    NEW_SECRET,
    NEW_TOKEN,
    PEM,
    STATE,
    TOKEN,
    USER_SESSION,
    Canaries,
)
from .test_secrets_stay_secret import CALLS, SESSION, BrokenSigner, echoes

ENCRYPTION_KEYS = [base64.b64encode(letter * 32).decode() for letter in (b"1", b"2")]
EVERY_CALL = pytest.mark.parametrize("call", [*CALLS, "request", "sign_attestation"])
HOME = Path(ath.__file__).parent
PUBLIC = {HOME / "gateway.py", HOME / "native.py", *(HOME / "_client").glob("[sab][yia][nos]*.py")}
"""Where the public methods are; what the caller passed in may appear in their frames."""


def frames_of(error: BaseException) -> Iterator[tuple[str, dict[str, Any]]]:
    """File, function and variables of every frame of an error and of those it leads to."""
    seen: set[int] = set()
    todo: list[BaseException | None] = [error]
    while todo:
        current = todo.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        todo += [current.__cause__, current.__context__]
        step: TracebackType | None = current.__traceback__
        while step is not None:
            code = step.tb_frame.f_code
            yield f"{code.co_filename}:{code.co_name}", dict(step.tb_frame.f_locals)
            step = step.tb_next


def check_frames(canaries: Canaries, error: BaseException) -> None:
    """Search the repr of each variable, as a tracker would write it down."""
    searched = 0
    for where, variables in frames_of(error):
        file, _, function = where.rpartition(":")
        if "/tests/" in file:
            continue
        public = Path(file) in PUBLIC and not function.startswith("_")
        searched += not public
        for name, value in variables.items():
            if not public:
                canaries.check_text(repr(value), f"{where} {name}")
    assert searched > 0, "no frame of the library was searched"


@pytest.fixture
def canaries() -> Canaries:
    return Canaries()


@pytest.fixture
def holder(kind: Kind, server: Server) -> Callable[..., AnyClient]:
    """Makes a client that holds every secret: key, registration, token, session, header."""

    def make(url: str | None = None, **options: Any) -> AnyClient:
        client = kind.client(
            url or server.url,
            **{"private_key": PEM, "headers": {"X-ATH-User-Token": USER_SESSION}, "retry": None,
               **options},
        )  # fmt: skip
        client.set_credentials("ath_client", CLIENT_SECRET)
        client.set_token(TOKEN)
        return client

    return make


def make_call(call: str, client: AnyClient) -> Any:
    if call == "request":
        return client.request("shop", "GET", "/orders")
    if call == "sign_attestation":
        return client.sign_attestation()
    return CALLS[call](client)


def opened(holder: Callable[..., AnyClient], server: Server, **options: Any) -> AnyClient:
    """A client with an open session, and so a verifier."""
    store = MemoryStore()
    server.answer_all(raw_answer(json.dumps(SESSION).encode()))
    holder(credentials=store).authorize("shop", ["read"], state=STATE)
    client = holder(credentials=store, **options)
    client.load()
    return client


def caught(call: Callable[[], Any]) -> ATHError:
    with pytest.raises(ATHError) as info:
        call()
    return info.value


ANSWERS = {
    "refusal": raw_answer(b'{"code": "X", "message": "No."}', status=400),
    "html": raw_answer(b"<html>", status=500, media_type="text/html"),
    "no json": raw_answer(b"<html>"),
    "list": raw_answer(json.dumps([NEW_SECRET, NEW_TOKEN]).encode()),
    "cut": raw_answer(json.dumps({"client_secret": NEW_SECRET, "t": NEW_TOKEN}).encode()[:-3]),
    "misfit": raw_answer(
        json.dumps({"client_id": "c", "client_secret": NEW_SECRET, "access_token": NEW_TOKEN,
                    "authorization_url": "https://x.example/",
                    "ath_session_id": "s"}).encode()
    ),
    "odd token": raw_answer(json.dumps({"access_token": NEW_TOKEN + "\n"}).encode()),
    "unsafe url": raw_answer(
        json.dumps({"authorization_url": "javascript:alert(1)", "ath_session_id": "s"}).encode()
    ),
}  # fmt: skip


@EVERY_CALL
@pytest.mark.parametrize("answer", ANSWERS)
def test_no_frame_of_a_failed_call_shows_a_secret(
    call: str, answer: str, holder: Callable[..., AnyClient], server: Server, canaries: Canaries
) -> None:
    client = opened(holder, server)
    server.answer_all(ANSWERS[answer])
    try:
        make_call(call, client)
    except ATHError as error:
        canaries.add_sent(request.raw for request in server.requests)
        check_frames(canaries, error)
    else:
        # Nothing in the answer is needed, or any answer is one.
        assert call in (
            "request",
            "proxy",
            "revoke",
            "sign_attestation",
            "authorize",
            "register",
        )


@EVERY_CALL
def test_no_frame_of_a_call_whose_secrets_were_echoed_shows_them(
    call: str, holder: Callable[..., AnyClient], server: Server, canaries: Canaries
) -> None:
    if call in ("request", "sign_attestation"):
        return  # which raise nothing then
    client = opened(holder, server)
    for shape in echoes(b"\r\n\r\n"):
        server.answer_all_with(lambda request, shape=shape: echoes(request.raw)[shape])
        error = caught(lambda: make_call(call, client))
        canaries.add_sent(request.raw for request in server.requests)
        check_frames(canaries, error)


@EVERY_CALL
@pytest.mark.parametrize("way", ["own connections", "httpx client"])
@pytest.mark.parametrize(
    "fault", [faults.reset_after_request, faults.garbled_reply, faults.stall_before_headers],
    ids=lambda fault: fault.__name__,
)  # fmt: skip
def test_no_frame_of_a_call_that_broke_on_the_way_shows_a_secret(
    call: str, way: str, fault: Any, holder: Callable[..., AnyClient], server: Server, kind: Kind,
    canaries: Canaries,
) -> None:  # fmt: skip
    if call == "sign_attestation":
        return  # which sends nothing
    own = way == "own connections"
    options = {} if own else {"http_client": kind.httpx_client()}
    timeout = 0.2 if fault is faults.stall_before_headers else 20
    client = opened(holder, server, timeout=timeout, **options)
    server.plan.append(fault)
    error = caught(lambda: make_call(call, client))
    canaries.add_sent(request.raw for request in server.requests)
    check_frames(canaries, error)


@EVERY_CALL
def test_no_frame_of_a_call_without_a_connection_shows_a_secret(
    call: str, holder: Callable[..., AnyClient], canaries: Canaries
) -> None:
    if call == "sign_attestation":
        return  # which sends nothing
    client = holder("https://gateway.invalid")
    check_frames(canaries, caught(lambda: make_call(call, client)))


@pytest.mark.parametrize("call", ["register", "authorize", "exchange_token", "sign_attestation"])
def test_no_frame_of_a_signer_that_failed_shows_a_secret(
    call: str, holder: Callable[..., AnyClient], canaries: Canaries
) -> None:
    client = holder(private_key=BrokenSigner())
    error = caught(lambda: make_call(call, client))
    assert error.code == "SIGNING_FAILED"
    check_frames(canaries, error)


@pytest.mark.parametrize("damage", ["cut", "wrong type", "not sendable"])
def test_no_frame_of_a_store_that_is_damaged_shows_what_it_holds(
    damage: str, kind: Kind, server: Server, tmp_path: Path, canaries: Canaries
) -> None:
    place = tmp_path / "c.json"
    first = kind.client(server.url)
    first.set_credentials("ath_client", CLIENT_SECRET)
    first.set_token(TOKEN)
    first.save_credentials(place)
    text = place.read_text()
    if damage == "cut":
        place.write_text(text[:-9])
    elif damage == "wrong type":
        place.write_text(text.replace('"scopes": []', '"scopes": [7]'))
    else:
        place.write_text(text.replace(TOKEN, TOKEN + "ü"))
    assert place.read_text() != text

    def call() -> Any:
        return kind.client(server.url, credentials=place, retry=None).proxy("shop", "GET", "/")

    error = caught(call)
    assert error.code == "INVALID_CREDENTIALS"
    check_frames(canaries, error)


def test_no_frame_of_a_file_that_is_refused_shows_what_it_holds(
    kind: Kind, server: Server, tmp_path: Path, canaries: Canaries
) -> None:
    place = tmp_path / "c.json"
    client = kind.client(server.url)
    client.set_credentials("ath_client", CLIENT_SECRET)
    client.set_token(TOKEN)
    client.save_credentials(place)
    other = kind.client("https://elsewhere.example")
    check_frames(canaries, caught(lambda: other.load_credentials(place)))
    place.write_text(place.read_text()[:-9])
    check_frames(canaries, caught(lambda: client.load_credentials(place)))


@pytest.mark.parametrize("damage", ["plain", "other key", "moved"])
def test_no_frame_of_a_record_that_cannot_be_decrypted_shows_a_secret(
    damage: str, kind: Kind, server: Server, canaries: Canaries
) -> None:
    inner = MemoryStore()
    other = EncryptedStore(inner, ENCRYPTION_KEYS[:1])
    first = kind.client(server.url, credentials=inner if damage == "plain" else other)
    first.set_credentials("ath_client", CLIENT_SECRET)
    first.set_token(TOKEN)
    server.answer_all(raw_answer(json.dumps(SESSION).encode()))
    first.authorize("shop", [])
    [key] = inner.keys()
    moved = key._replace(user="alice")
    assert inner.replace(moved, None, inner.load(key) or "")
    keys = ENCRYPTION_KEYS[:1] if damage == "moved" else ENCRYPTION_KEYS[1:]
    encrypted = EncryptedStore(inner, keys)
    canaries.known.add(ENCRYPTION_KEYS[0])

    def call() -> Any:
        return kind.client(server.url, credentials=encrypted).for_user("alice").load()

    for use in (call, lambda: encrypted.load(moved), lambda: encrypted.delete(moved, "{}")):
        error = caught(use)
        assert error.code == "INVALID_CREDENTIALS"
        check_frames(canaries, error)
    if damage != "moved":
        check_frames(canaries, caught(encrypted.rotate))


@pytest.mark.parametrize("form", [str, bytes, "raw"])
def test_no_frame_of_an_encryption_key_that_is_refused_shows_the_others(
    form: Any, canaries: Canaries
) -> None:
    good = b"canary-encryption-key-of-32-byte"
    text = base64.b64encode(good).decode()
    canaries.known |= {good.decode(), text}
    key = {str: text, bytes: text.encode(), "raw": good}[form]
    for make in (
        lambda: EncryptedStore(MemoryStore(), [key, "canary"]),
        lambda: AsyncEncryptedStore(AsyncStore(MemoryStore()), [key, "canary"]),
    ):
        error = caught(make)
        assert "must be 32 bytes" in error.message
        check_frames(canaries, error)


@pytest.mark.parametrize("copies", ["sync", "async"])
def test_no_frame_of_a_copy_that_fails_shows_a_secret(
    copies: str, kind: Kind, server: Server, tmp_path: Path, canaries: Canaries
) -> None:
    source = MemoryStore()
    client = kind.client(server.url, credentials=source)
    client.set_credentials("ath_client", CLIENT_SECRET)
    server.answer_all(raw_answer(json.dumps(SESSION).encode()))
    client.authorize("shop", [])
    target = FullDisk(tmp_path / "c.json")

    def copy() -> Any:
        if copies == "sync":
            return ath.stores.copy(source, target)
        return asyncio.run(ath.stores.copy_async(source, target))

    error = caught(copy)
    assert error.code == "STORAGE_ERROR"
    check_frames(canaries, error)


class FullDisk(FileStore):
    """A store that takes no change."""

    def replace(self, key: Any, old: str | None, new: str) -> bool:
        raise ATHError("STORAGE_ERROR", "The disk is full.")


@pytest.mark.parametrize("call", ["register", "exchange_token", "revoke", "authorize"])
def test_no_frame_of_a_call_whose_result_cannot_be_stored_shows_a_secret(
    call: str, holder: Callable[..., AnyClient], server: Server, tmp_path: Path, kind: Kind,
    canaries: Canaries,
) -> None:  # fmt: skip
    client = holder(credentials=FullDisk(tmp_path / "c.json"))
    client.load()
    document = {
        **SESSION, "client_id": "c", "client_secret": NEW_SECRET, "agent_status": "approved",
        "approved_providers": [], "approval_expires": None, "access_token": NEW_TOKEN,
        "token_type": "Bearer", "expires_in": 60, "effective_scopes": [], "provider_id": "shop",
        "agent_id": AGENT_ID,
        "scope_intersection": {"agent_approved": [], "user_consented": [], "effective": []},
    }  # fmt: skip
    server.answer_all(raw_answer(json.dumps(document).encode()))
    error = caught(lambda: make_call(call, client))
    assert error.code == "STORAGE_ERROR"
    canaries.add_sent(request.raw for request in server.requests)
    check_frames(canaries, error)


def test_the_search_finds_a_secret_in_a_frame(canaries: Canaries) -> None:
    def fail(secret: str) -> None:
        raise ATHError("X", "m")

    error = caught(lambda: fail(CODE))
    shown = [repr(variables.get("secret")) for _, variables in frames_of(error)]
    assert repr(CODE) in shown
    encoded = base64.b64encode(f"ath_client:{CLIENT_SECRET}".encode()).decode()
    assert encoded in canaries.known
