"""LoopbackReceiver: the browser comes back to the agent's own machine."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any

import pytest

import ath
from ath import ATHError, LoopbackReceiver
from ath._protocol import waiting
from tests.harness.clients import DEVELOPER, json_body, raises_code
from tests.harness.worlds import World

Worlds = Callable[..., World]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def receiver() -> LoopbackReceiver:
    return LoopbackReceiver(f"http://127.0.0.1:{free_port()}/callback")


@pytest.fixture
def never_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the first try there is no other one unless a browser comes."""
    for name in ("FIRST_PAUSE", "LONGEST_PAUSE", "LATE_BROWSER"):
        monkeypatch.setattr(waiting, name, 500.0)


def visit(url: str, host: str | None = None, method: str = "GET") -> tuple[int, str]:
    """Status and page of a request; the Host is the URL's own by default."""
    place, _, target = url.removeprefix("http://").partition("/")
    connection = HTTPConnection(place, timeout=20)
    try:
        connection.request(method, f"/{target}", headers={"Host": host or place})
        reply = connection.getresponse()
        assert reply.headers["Cache-Control"] == "no-store" or method != "GET"
        return reply.status, reply.read().decode()
    finally:
        connection.close()


def is_free(receiver: LoopbackReceiver) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", receiver._address[1]))
        except OSError:
            return False
        return True


class Browser:
    """Goes through the consent page in a thread, and then where it is sent."""

    def __init__(self, decide: Callable[[str], str], *before: str) -> None:
        self._decide = decide
        self._before = before
        self.pages: list[tuple[int, str]] = []
        self.threads: list[threading.Thread] = []

    def show(self, url: str) -> None:
        thread = threading.Thread(target=self._browse, args=(url,))
        self.threads.append(thread)
        thread.start()

    def _browse(self, url: str) -> None:
        came = self._decide(url)
        origin = came[: came.index("/", len("http://"))]
        for target in self._before:
            self.pages.append(visit(origin + target))
        self.pages.append(visit(came))

    def last_page(self) -> tuple[int, str]:
        for thread in self.threads:
            thread.join(20)
        return self.pages[-1]


@pytest.mark.usefixtures("never_again")
def test_a_browser_that_comes_back_ends_the_wait(
    worlds: Worlds, mode: str, receiver: LoopbackReceiver
) -> None:
    world = worlds(mode, callback_code=True, callback_state=True)
    client, browser = world.client(), Browser(world.server.approve)
    granted = client.connect(
        world.scopes, developer=DEVELOPER, show=browser.show, receiver=receiver
    )
    assert list(granted.scopes) == world.scopes
    status, page = browser.last_page()
    assert status == 200
    assert "Access granted" in page
    assert "http" not in page.replace("http-equiv", "")
    assert json_body(world.sent_to("/ath/token")[-1])["code"] != "exchange"
    assert is_free(receiver)


@pytest.mark.usefixtures("never_again")
def test_a_browser_that_brings_a_denial_ends_the_wait(
    world: World, receiver: LoopbackReceiver
) -> None:
    client, browser = world.client(), Browser(world.server.deny)
    with raises_code("USER_DENIED"):
        client.connect(world.scopes, developer=DEVELOPER, show=browser.show, receiver=receiver)
    assert "Access denied" in browser.last_page()[1]
    assert is_free(receiver)


@pytest.mark.usefixtures("never_again")
def test_icons_and_strangers_are_turned_away(world: World, receiver: LoopbackReceiver) -> None:
    strangers = ("/favicon.ico", "/", "/callback/", "/callback?session_id=x", "/callback?a=b")
    client, browser = world.client(), Browser(world.server.approve, *strangers)
    assert client.connect(world.scopes, developer=DEVELOPER, show=browser.show, receiver=receiver)
    assert browser.last_page()[0] == 200
    assert [status for status, _ in browser.pages] == [404, 404, 404, 400, 400, 200]


@pytest.mark.usefixtures("short_pauses")
def test_a_browser_that_never_comes_back_harms_nobody(
    worlds: Worlds, mode: str, receiver: LoopbackReceiver
) -> None:
    world = worlds(mode, own_page=True)
    client = world.client()
    consent = client.start_connect(
        world.scopes, developer=DEVELOPER, redirect_uri=receiver.redirect_uri
    )
    world.server.approve(consent.authorization_url)
    assert client.kind.run(consent.wait(receiver=receiver))
    assert is_free(receiver)


def test_a_taken_port_is_a_clear_error_before_anything_is_sent(
    world: World, receiver: LoopbackReceiver
) -> None:
    client = world.client()
    with LoopbackReceiver(receiver.redirect_uri), raises_code("RECEIVER_UNAVAILABLE") as caught:
        client.connect(world.scopes, developer=DEVELOPER, show=print, receiver=receiver)
    assert "another program" in caught.value.message
    assert str(receiver._address[1]) in caught.value.message
    assert caught.value.__cause__ is None
    assert world.requests == []


def test_the_port_is_free_after_every_end(world: World, receiver: LoopbackReceiver) -> None:
    def fail(_: str) -> None:
        assert not is_free(receiver)
        raise KeyboardInterrupt

    client = world.client()
    with pytest.raises(KeyboardInterrupt):
        client.connect(world.scopes, developer=DEVELOPER, show=fail, receiver=receiver)
    assert is_free(receiver)
    with raises_code("INVALID_ARGUMENT"):
        client.connect(world.scopes, timeout=-1, receiver=receiver)
    assert is_free(receiver)


def test_another_host_is_turned_away(receiver: LoopbackReceiver) -> None:
    port = receiver._address[1]
    with receiver:
        for host in ("evil.example", f"evil.example:{port}", f"localhost:{port}", "127.0.0.1", ""):
            assert visit(f"{receiver.redirect_uri}?a=b", host or " ")[0] == 404
        assert not receiver.callback.done()


def test_only_get_is_answered(receiver: LoopbackReceiver) -> None:
    with receiver:
        assert visit(f"{receiver.redirect_uri}?a=b", method="POST")[0] == 501
        assert not receiver.callback.done()


def test_a_browser_that_waits_is_told_that_it_failed_when_the_receiver_closes(
    receiver: LoopbackReceiver,
) -> None:
    pages: list[tuple[int, str]] = []
    receiver.open()
    url = f"{receiver.redirect_uri}?session_id=s"
    thread = threading.Thread(target=lambda: pages.append(visit(url)))
    thread.start()
    assert receiver.callback.result(20) == "/callback?session_id=s"
    receiver.close()
    thread.join(20)
    assert pages[0][0] == 400
    assert "did not work" in pages[0][1]
    receiver.close()


def test_a_page_is_shown_to_whoever_comes_after_the_end(receiver: LoopbackReceiver) -> None:
    with receiver:
        receiver.answer("granted")
        assert [visit(receiver.redirect_uri)[0] for _ in range(2)] == [200, 200]
        assert not receiver.callback.done()


def test_a_receiver_can_be_opened_again(receiver: LoopbackReceiver) -> None:
    for page in ("granted", "denied"):
        with receiver as opened:
            opened.open()
            opened.answer(page)  # type: ignore[arg-type]
            assert f"Access {page}" in visit(receiver.redirect_uri)[1]


def test_a_receiver_that_is_opened_again_keeps_nothing_of_earlier_browsers(
    receiver: LoopbackReceiver,
) -> None:
    for _ in range(3):
        with receiver:
            receiver.answer("granted")
            assert visit(receiver.redirect_uri)[0] == 200
    assert len(receiver._visitors) == 1


def test_pages_cannot_be_framed_and_load_nothing(receiver: LoopbackReceiver) -> None:
    with receiver:
        connection = HTTPConnection("127.0.0.1", receiver._address[1], timeout=20)
        connection.request("GET", "/elsewhere")
        headers = connection.getresponse().headers
        connection.close()
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Server"].strip() == "ath"


@pytest.mark.parametrize(
    "uri",
    [
        "https://127.0.0.1:8765/callback",
        "http://agent.example:8765/callback",
        "http://127.0.0.1:0/callback",
        "http://127.0.0.1:99999/callback",
        "http://user@127.0.0.1:8765/callback",
        "http://127.0.0.1:8765/callback?a=b",
        "http://127.0.0.1:8765/callback#a",
        "http://[::1/callback",
        "callback",
        "",
        None,
        b"http://127.0.0.1:8765/callback",
    ],
)
def test_a_redirect_uri_is_on_this_machine(uri: Any) -> None:
    with pytest.raises(ATHError, match="INVALID_ARGUMENT"):
        LoopbackReceiver(uri)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_each_name_of_this_machine_will_do(host: str) -> None:
    receiver = ath.LoopbackReceiver(f"http://{host}:8765/callback")
    assert receiver.redirect_uri == f"http://{host}:8765/callback"
    assert repr(receiver) == f"<LoopbackReceiver http://{host}:8765/callback>"
