"""Three web workers on one store and thirty users, each request at another worker."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

from ath.testing import LocalGateway

from .workers import Worker

Start = Callable[[int, str, str], list[Worker]]
USERS = [f"user-{number}" for number in range(30)]


def test_users_are_served_by_any_worker_whichever_wrote_what(
    start: Start, gateway: LocalGateway
) -> None:
    workers = start(3, "FolderStore", gateway.url)
    assert "error" not in workers[0].ask("register")

    def live(number: int) -> list[str]:
        """One user's day; returns what went wrong."""
        user = USERS[number]
        first, second, third = (workers[(number + n) % 3] for n in range(3))
        wrong: list[str] = []

        def ask(worker: Worker, operation: str, **more: Any) -> dict[str, Any]:
            answer = worker.ask(operation, user, **more)
            if "error" in answer:
                wrong.append(f"{operation}: {answer}")
            return answer

        def connect(opener: Worker, finisher: Worker) -> None:
            asked = ask(opener, "authorize")
            gateway.approve(asked["authorization_url"], account=user)
            ask(finisher, "exchange", session=asked["ath_session_id"])

        def call_everywhere() -> None:
            for worker in (first, second, third):
                first_call, second_call = ask(worker, "write"), ask(worker, "call")
                if second_call.get("login") != user:
                    wrong.append(f"{user} reads what belongs to {second_call}")
                if second_call.get("reads") != first_call.get("reads"):
                    wrong.append("a call that succeeded read the store")

        connect(first, second)
        call_everywhere()
        ask(third, "revoke")
        for worker, code in ((third, "NO_TOKEN"), (first, "TOKEN_REVOKED"), (first, "NO_TOKEN")):
            answer = worker.ask("write", user)
            if answer.get("error") != code:
                wrong.append(f"after the revocation: {answer}")
        connect(third, first)  # while the second holds the revoked token
        call_everywhere()
        return wrong

    with ThreadPoolExecutor(8) as pool:
        wrong = [line for lines in pool.map(live, range(len(USERS))) for line in lines]
    assert wrong == []
    assert gateway.count("tokens") == 2 * len(USERS)
    assert gateway.count("revocations") == len(USERS)


def test_users_are_served_while_the_agent_registers_again(
    start: Start, gateway: LocalGateway
) -> None:
    workers = start(3, "FolderStore", gateway.url)
    ids = [workers[0].ask("register")["client_id"]]
    tokens_of = USERS[:6]

    def connect(user: str, opener: Worker, finisher: Worker) -> dict[str, Any]:
        asked = opener.ask("authorize", user)
        gateway.approve(asked["authorization_url"], account=user)
        return finisher.ask("exchange", user, session=asked["ath_session_id"])

    for number, user in enumerate(tokens_of):
        assert "error" not in connect(user, workers[number % 3], workers[(number + 1) % 3])
    waiting = workers[1].ask("authorize", "late")
    gateway.approve(waiting["authorization_url"], account="late")
    ids.append(workers[2].ask("register")["client_id"])
    # A worker that holds the replaced registration is told, once, or uses the new one.
    late = workers[1].ask("exchange", "late", session=waiting["ath_session_id"])
    assert late.get("error") in ("SESSION_NOT_FOUND", "REGISTRATION_REPLACED")
    for worker in workers:
        for user in tokens_of:
            assert worker.ask("call", user).get("login") == user
    for before, after in pairwise([*workers, workers[0]]):
        answer = connect("late", before, after)
        if answer.get("error") == "REGISTRATION_REPLACED":
            answer = connect("late", before, after)
        assert "error" not in answer
        for worker in workers:
            assert worker.ask("call", "late")["login"] == "late"
    for number, user in enumerate(tokens_of):
        assert "error" not in workers[number % 3].ask("revoke", user)
        assert workers[(number + 1) % 3].ask("call", user)["error"] == "TOKEN_REVOKED"
    assert gateway.count("revocations") == len(tokens_of)
    assert [worker.ask("registration")["client_id"] for worker in workers] == [ids[-1]] * 3
