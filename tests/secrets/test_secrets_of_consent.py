"""Code, state and callback URL show nowhere: not in results, errors, their frames, or logs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ath import ATHError, LoopbackReceiver, MemoryStore
from tests.harness.clients import AnyClient, Kind
from tests.harness.examples import AUTHORIZATION, TOKEN
from tests.harness.server import Request, Server

from .canaries import CLIENT_SECRET, CODE, NEW_TOKEN, PEM, STATE, USER_SESSION, Canaries, check_logs
from .test_secrets_in_frames import check_frames
from .test_secrets_stay_secret import echoes

PLACE = "canary-of-the-authorization-url-6b2e"
SESSION = {
    "authorization_url": f"{AUTHORIZATION['authorization_url']}&place={PLACE}",
    "ath_session_id": "ath_sess",
}
CALLBACK = f"https://app.example/cb?session_id=ath_sess&code={CODE}&state={STATE}"
FORGED = CALLBACK.replace(STATE, f"{STATE}-forged")
Call = Callable[[AnyClient], Any]

CALLS: dict[str, Call] = {
    "start_connect": lambda c: c.start_connect(["read"], state=STATE),
    "connect": lambda c: c.connect(["read"], state=STATE, show=len, timeout=0),
    "wait_for_token": lambda c: c.wait_for_token("ath_sess", timeout=0),
    "wait_for_approval": lambda c: c.wait_for_approval(timeout=0),
    "complete_authorization": lambda c: c.complete_authorization(CALLBACK),
}
REFUSED = {
    "forged": FORGED,
    "foreign": CALLBACK.replace("ath_sess", "ath_sess_9"),
    "two": f"{CALLBACK}&ath_session_id=other",
    "none": f"?code={CODE}&state={STATE}-unknown",
    "denied": f"{CALLBACK}&error=access_denied",
    "failed": f"{CALLBACK}&error=server_error",
    "many": CALLBACK + "&a=b" * 200,
}


@pytest.fixture
def canaries() -> Iterator[Canaries]:
    canaries = Canaries()
    canaries.known.add(PLACE)
    with check_logs(canaries):
        yield canaries


@pytest.fixture
def opened(kind: Kind, server: Server) -> AnyClient:
    """A client with an open session, whose state is a canary."""
    options = {"headers": {"X-ATH-User-Token": USER_SESSION}, "retry": None}
    client = kind.client(server.url, private_key=PEM, credentials=MemoryStore(), **options)
    client.set_credentials("ath_client", CLIENT_SECRET)
    server.answer_next(SESSION)
    client.authorize("shop", ["read"], state=STATE)
    server.requests.clear()
    client.provider = "shop"
    return client


def check(canaries: Canaries, error: ATHError) -> None:
    canaries.check_error(error)
    check_frames(canaries, error)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("shape", echoes(b"\r\n\r\n"))
def test_a_refused_call_shows_no_secret(
    call: str, shape: str, opened: AnyClient, server: Server, canaries: Canaries
) -> None:
    def refuse(request: Request) -> bytes:
        return echoes(request.raw)[shape]

    server.answer_all_with(refuse)
    with pytest.raises(ATHError) as caught:
        CALLS[call](opened)
    canaries.add_sent(request.raw for request in server.requests)
    check(canaries, caught.value)


@pytest.mark.parametrize("call", CALLS)
def test_a_call_whose_reply_was_lost_shows_no_secret(
    call: str, opened: AnyClient, server: Server, canaries: Canaries
) -> None:
    server.answer_all(b"")
    with pytest.raises(ATHError) as caught:
        CALLS[call](opened)
    canaries.add_sent(request.raw for request in server.requests)
    check(canaries, caught.value)


@pytest.mark.parametrize("url", REFUSED)
def test_a_refused_callback_shows_no_secret(
    url: str, opened: AnyClient, server: Server, canaries: Canaries
) -> None:
    with pytest.raises(ATHError) as caught:
        opened.complete_authorization(REFUSED[url])
    assert server.requests == []
    check(canaries, caught.value)


def test_what_is_returned_shows_no_secret(
    opened: AnyClient, server: Server, canaries: Canaries
) -> None:
    [pending] = opened.pending_sessions()
    assert PLACE in pending.authorization_url
    server.answer_next({**SESSION, "ath_session_id": "ath_sess_2"})
    consent = opened.start_connect(["read"], state=STATE)
    assert PLACE in consent.authorization_url
    server.answer_next({**TOKEN, "access_token": NEW_TOKEN, "provider_id": "shop"})
    granted = opened.complete_authorization(CALLBACK)
    canaries.check_text(repr((pending, consent, granted, opened.grant())), "repr")


def test_a_receiver_shows_nothing_of_what_came(canaries: Canaries) -> None:
    receiver = LoopbackReceiver("http://127.0.0.1:8765/callback")
    receiver.callback.set_result(CALLBACK)
    canaries.check_text(repr(receiver) + repr(receiver.callback), "repr")


def test_a_session_in_the_store_keeps_url_and_state(opened: AnyClient) -> None:
    store = opened.raw._records.store
    [text] = map(store.load, store.keys())
    [session] = json.loads(text)["sessions"]
    assert (session["state"], session["denied"]) == (STATE, False)
    assert PLACE in session["authorization_url"]
