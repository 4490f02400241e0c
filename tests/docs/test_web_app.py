"""The example of a web application, as three real processes on one store."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives import serialization

from ath import ATHGatewayClient, FolderStore
from ath.testing import LocalGateway
from tests.harness.clients import raises_code

from .conftest import AGENT_ID

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
BASE_URL = "http://127.0.0.1:8765"
"""Where browsers would reach the workers through a proxy; nobody listens there."""


@dataclass
class Browser:
    """One person's browser; each request goes to the worker that the test says."""

    workers: list[str]
    cookies: httpx.Client

    def get(self, worker: int, path: str) -> httpx.Response:
        return self.cookies.get(self.workers[worker] + path)

    def post(self, worker: int, path: str, **form: str) -> httpx.Response:
        return self.cookies.post(self.workers[worker] + path, data=form)

    def follow(self, worker: int, url: str) -> httpx.Response:
        """Open a link to the application, at that worker."""
        parts = urlsplit(url)
        assert f"{parts.scheme}://{parts.netloc}" == BASE_URL
        return self.get(worker, f"{parts.path}?{parts.query}")


@pytest.fixture
def workers(gateway: LocalGateway, private_key: Any, tmp_path: Path) -> Iterator[list[str]]:
    pem = private_key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    environment = os.environ | {
        "ATH_URL": gateway.url,
        "ATH_AGENT_ID": AGENT_ID,
        "ATH_PRIVATE_KEY": pem.decode(),
        "ATH_CREDENTIALS": str(tmp_path),
        "BASE_URL": BASE_URL,
        "SESSION_SECRET": "a secret of the test",
    }
    command = [sys.executable, "-m", "uvicorn", "--app-dir", str(EXAMPLES), "--port", "0"]
    with ExitStack() as stack:
        started = []
        for _ in range(3):
            worker = subprocess.Popen(
                [*command, "web_app:app"], env=environment, stderr=subprocess.PIPE, text=True
            )
            stack.enter_context(worker)
            stack.callback(worker.terminate)
            started.append(worker)
        yield [find_url(worker) for worker in started]


def find_url(worker: subprocess.Popen[str]) -> str:
    """Where a worker listens, as it says itself once it has started."""
    said = ""
    for line in worker.stderr or ():
        said += line
        if found := re.search(r"running on (http://127.0.0.1:\d+)", line):
            return found[1]
    raise AssertionError(said)


@pytest.fixture
def browsers(workers: list[str]) -> Iterator[tuple[Browser, Browser]]:
    # Cookies belong to a host, whichever its port: so they are sent to all workers.
    with httpx.Client() as alice, httpx.Client() as bob:
        yield Browser(workers, alice), Browser(workers, bob)


def test_users_connect_call_and_disconnect_at_whichever_worker(
    browsers: tuple[Browser, Browser], gateway: LocalGateway
) -> None:
    assert gateway.count("registrations") == 1  # though three workers started at once
    alice, bob = browsers
    assert alice.post(0, "/connect").status_code == 401
    alice.post(0, "/login", name="alice")
    assert "Connect GitHub" in alice.get(0, "/").text
    assert alice.get(1, "/profile").status_code == 409

    consent_page = alice.post(0, "/connect").headers["location"]
    callback = gateway.approve(consent_page, account="alice-at-github")
    # Someone else cannot use the link, and does not spoil it.
    bob.post(1, "/login", name="bob")
    foreign = bob.follow(2, callback)
    assert foreign.status_code == 400
    assert "SESSION_NOT_FOUND" in foreign.text
    assert gateway.count("tokens") == 0

    assert "connected now" in alice.follow(1, callback).text
    assert "already connected" in alice.follow(2, callback).text
    assert "alice-at-github" in alice.get(2, "/profile").text
    assert alice.post(0, "/connect").headers["location"] == "/"  # what is granted suffices
    assert bob.get(0, "/profile").status_code == 409

    assert alice.post(1, "/disconnect").status_code == 303
    assert alice.get(2, "/profile").status_code == 409
    assert "Connect GitHub" in alice.get(0, "/").text


def test_a_user_who_denies_is_not_connected(
    browsers: tuple[Browser, Browser], gateway: LocalGateway
) -> None:
    alice, _ = browsers
    alice.post(0, "/login", name="alice")
    callback = gateway.deny(alice.post(0, "/connect").headers["location"])
    assert "Nothing was connected" in alice.follow(1, callback).text
    assert alice.get(2, "/profile").status_code == 409
    assert gateway.count("tokens") == 0


def test_a_user_whose_token_the_gateway_does_not_know_is_asked_to_connect(
    browsers: tuple[Browser, Browser], gateway: LocalGateway, private_key: Any, tmp_path: Path
) -> None:
    store = FolderStore(tmp_path)
    with ATHGatewayClient(gateway.url, AGENT_ID, private_key, credentials=store) as client:
        user = client.for_user("alice")
        user.set_token("ath_tk_unknown", "github")
        with raises_code("TOKEN_INVALID", 401):  # the store has it from now on
            user.proxy("github", "GET", "/user")
    alice, _ = browsers
    alice.post(0, "/login", name="alice")
    shown = alice.get(0, "/profile")
    assert shown.status_code == 409
    assert "connect GitHub first" in shown.text
