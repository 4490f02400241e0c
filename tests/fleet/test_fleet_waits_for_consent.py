"""Workers that wait for one session: one of them exchanges it, and all of them get the grant."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ath.testing import LocalGateway

from .workers import PATIENCE, Worker

Start = Callable[[int, str, str], list[Worker]]
USERS = pytest.mark.parametrize("user", [None, "alice"])


def opened(worker: Worker, user: str | None) -> tuple[str, str]:
    """The id and URL of a session that this worker opens."""
    worker.ask("ensure_registered")
    answer = worker.ask("start_connect", user)
    return answer["session_id"], answer["authorization_url"]


def exchanged(gateway: LocalGateway) -> list[int]:
    return [r.status for r in gateway.requests if r.path == "/ath/token" and r.status == 200]


@USERS
@pytest.mark.parametrize("store", ["FileStore", "FolderStore"])
def test_one_worker_exchanges_what_all_of_them_wait_for(
    start: Start, gateway: LocalGateway, store: str, user: str | None
) -> None:
    workers = start(3, store, gateway.url)
    session_id, url = opened(workers[0], user)
    answers = [worker.begin("wait", user, session=session_id) for worker in workers]
    gateway.approve(url)
    granted = {"scopes": ["read:user"], "of": user}
    for answer in answers:
        assert granted.items() <= answer.result(PATIENCE).items()
    assert exchanged(gateway) == [200]
    assert gateway.count("tokens") == 1
    assert [worker.ask("pending", user)["session_ids"] for worker in workers] == [[]] * 3


@USERS
def test_the_browser_may_come_back_to_another_worker(
    start: Start, gateway: LocalGateway, user: str | None
) -> None:
    opens, completes, third = start(3, "FolderStore", gateway.url)
    session_id, url = opened(opens, user)
    assert completes.ask("pending", user)["session_ids"] == [session_id]
    gateway.approve(url)
    came = f"https://app.example/cb?session_id={session_id}&success=true"
    assert completes.ask("complete", "mallory", url=came)["error"] == "SESSION_NOT_FOUND"
    assert completes.ask("complete", user, url=came)["scopes"] == ["read:user"]
    assert third.ask("grant", user)["scopes"] == ["read:user"]
    assert third.ask("complete", user, url=came)["error"] == "SESSION_NOT_FOUND"
    assert exchanged(gateway) == [200]


def test_a_denial_that_one_worker_sees_ends_the_wait_of_another(
    start: Start, gateway: LocalGateway
) -> None:
    waits, sees = start(2, "FolderStore", gateway.url)
    session_id, url = opened(waits, "alice")
    answer = waits.begin("wait", "alice", session=session_id)
    gateway.deny(url)
    came = f"?error=access_denied&ath_session_id={session_id}"
    assert sees.ask("complete", "alice", url=came)["error"] == "USER_DENIED"
    assert answer.result(PATIENCE)["error"] == "USER_DENIED"
