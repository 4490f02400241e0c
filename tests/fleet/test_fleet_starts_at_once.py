"""Workers that start at the same time on one store make and keep one registration."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from ath.testing import LocalGateway
from tests.harness.faults import forward_and_keep
from tests.harness.server import Connection, Server

from .workers import PATIENCE, Worker

Start = Callable[[int, str, str], list[Worker]]


@pytest.fixture
def front(gateway: LocalGateway) -> Iterator[Server]:
    """A server before the gateway, which holds answers back as the test says."""
    with Server(gateway.url) as server:
        server.default = forward_and_keep
        gateway.url = server.url
        yield server


@pytest.mark.parametrize("store", ["FileStore", "FolderStore"])
def test_four_workers_that_start_at_once_register_once(
    start: Start, gateway: LocalGateway, store: str
) -> None:
    workers = start(4, store, gateway.url)
    answers = [worker.begin("ensure_registered") for worker in workers]
    assert all("error" not in answer.result(PATIENCE) for answer in answers)
    assert gateway.count("registrations") == 1
    ids = {worker.ask("client_id")["client_id"] for worker in workers}
    assert len(ids) == 1
    for worker in workers:
        assert worker.ask("registration")["client_id"] in ids


def test_threads_and_tasks_of_several_workers_register_once(
    start: Start, gateway: LocalGateway
) -> None:
    workers = start(2, "FolderStore", gateway.url)
    answers = [worker.begin("ensure_registered") for worker in workers * 5]
    assert all("error" not in answer.result(PATIENCE) for answer in answers)
    assert gateway.count("registrations") == 1


def test_workers_wait_for_the_one_that_registers(
    start: Start, gateway: LocalGateway, front: Server
) -> None:
    workers = start(3, "FolderStore", front.url)
    waiting = []

    def hold_until_others_wait(connection: Connection) -> None:
        waiting.extend(worker.begin("ensure_registered") for worker in workers[1:])
        for worker in workers[1:]:
            worker.ask("start")  # they are not busy with anything else
        forward_and_keep(connection)

    front.plan.append(hold_until_others_wait)
    assert "error" not in workers[0].ask("ensure_registered")
    assert all("error" not in answer.result(PATIENCE) for answer in waiting)
    assert gateway.count("registrations") == 1
    assert len({worker.ask("client_id")["client_id"] for worker in workers}) == 1


def test_another_worker_registers_if_the_one_that_registers_is_killed(
    start: Start, gateway: LocalGateway, front: Server
) -> None:
    workers = start(3, "FolderStore", front.url)
    waiting = []

    def kill_the_one_that_registers(connection: Connection) -> None:
        waiting.extend(worker.begin("ensure_registered") for worker in workers[1:])
        workers[0].process.kill()
        connection.wait_until_client_leaves()
        connection.close()

    front.plan.append(kill_the_one_that_registers)
    with pytest.raises(EOFError):
        workers[0].ask("ensure_registered")
    assert all("error" not in answer.result(PATIENCE) for answer in waiting)
    assert gateway.count("registrations") == 1
    assert len({worker.ask("client_id")["client_id"] for worker in workers[1:]}) == 1
    workers[0].process.wait(PATIENCE)


def test_of_workers_that_all_call_register_each_keeps_the_one_that_is_stored(
    start: Start, gateway: LocalGateway
) -> None:
    workers = start(4, "FolderStore", gateway.url)
    begun = [worker.begin("register") for worker in workers]
    answers = [answer.result(PATIENCE) for answer in begun]
    errors = {answer["error"] for answer in answers if "error" in answer}
    assert errors <= {"REGISTRATION_REPLACED"}
    for worker in workers:
        worker.ask("load")
    [kept] = {worker.ask("client_id")["client_id"] for worker in workers}
    assert kept in {answer.get("client_id") for answer in answers}
    for worker in workers:
        assert worker.ask("registration")["client_id"] == kept
