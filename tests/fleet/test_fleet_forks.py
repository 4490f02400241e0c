"""A child forked while a thread of its parent registers or saves: neither waits for the other."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ath import CredentialKey, FileStore, FolderStore
from ath.testing import LocalGateway
from tests.harness.clients import AGENT_ID, PEM
from tests.harness.faults import forward_and_keep
from tests.harness.server import Connection, Server
from tests.harness.stores import document

from .workers import PATIENCE, ROOT

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks are POSIX's")

PRELUDE = """
import os, sys, threading
import ath
from tests.fleet.worker import WANTED

url, pem, store_name, place = sys.argv[1:]
store = None if store_name == "none" else getattr(ath, store_name)(place)
client = ath.ATHGatewayClient(url, "https://agent.example/agent.json", pem, credentials=store)

def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

def wait():
    assert os.read(0, 1) == b"."

def outcome(call):
    try:
        return call() or "done"
    except ath.ATHError as error:
        return error.code

def fork(work):
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    return child
"""


@contextmanager
def run(code: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A process that runs this code; it and its children are killed in the end."""
    process = subprocess.Popen(
        [sys.executable, "-c", PRELUDE + code, *map(str, arguments)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
    )  # fmt: skip
    watchdog = threading.Timer(PATIENCE, kill_group, [process])
    watchdog.start()
    with process:
        try:
            yield process
        finally:
            watchdog.cancel()
            kill_group(process)


def kill_group(process: subprocess.Popen[str]) -> None:
    """Kill the process and the children that it forked, which are in a session of its own."""
    try:
        os.killpg(process.pid, 9)
    except ProcessLookupError:
        process.kill()


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


def resume(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write(".")
    process.stdin.flush()


def end(process: subprocess.Popen[str]) -> None:
    assert process.wait(PATIENCE) == 0


@pytest.fixture
def front(gateway: LocalGateway) -> Iterator[Server]:
    with Server(gateway.url) as server:
        server.default = forward_and_keep
        gateway.url = server.url
        yield server


class Held:
    """An answer that is held back: the test waits for the request, and lets the answer go."""

    def __init__(self) -> None:
        self._arrived, self._may_go_on = threading.Event(), threading.Event()

    def wait(self) -> None:
        assert self._arrived.wait(PATIENCE)

    def go_on(self) -> None:
        self._may_go_on.set()

    def __call__(self, connection: Connection) -> None:
        self._arrived.set()
        self._may_go_on.wait(PATIENCE)
        forward_and_keep(connection)


@contextmanager
def hold_first_answer(server: Server) -> Iterator[Held]:
    held = Held()
    server.plan.append(held)
    try:
        yield held
    finally:
        held.go_on()


@pytest.mark.parametrize("store_name", ["none", "FileStore", "FolderStore"])
def test_a_child_forked_during_register_does_not_wait_for_its_parents_call(
    gateway: LocalGateway, front: Server, tmp_path: Path, store_name: str
) -> None:
    code = """
thread = threading.Thread(target=lambda: say("parent:", outcome(lambda: client.register(**WANTED))))
thread.start()
wait()
def work():
    say("child:", type(client.register(**WANTED)).__name__)
    say("child:", client.client_id)
os.waitpid(fork(work), 0)
say("forked")
thread.join()
say("parent:", client.client_id)
"""
    with (
        hold_first_answer(front) as arrived,
        run(code, front.url, PEM, store_name, tmp_path / "store") as process,
    ):
        arrived.wait()
        resume(process)
        lines = [read_line(process) for _ in range(3)]
        arrived.go_on()
        parents = [read_line(process) for _ in range(2)]
        end(process)
    assert lines[0] == "child: AgentRegistrationResponse"
    assert lines[2] == "forked"
    assert gateway.count("registrations") == 2
    childs_id = lines[1].removeprefix("child: ")
    if store_name == "none":
        assert parents[1] not in ("parent: None", f"parent: {childs_id}")
    else:  # the first to be stored stays
        assert parents == ["parent: REGISTRATION_REPLACED", f"parent: {childs_id}"]


@pytest.mark.parametrize("store_name", ["FileStore", "FolderStore"])
def test_a_child_forked_during_ensure_registered_uses_its_parents_registration(
    gateway: LocalGateway, front: Server, tmp_path: Path, store_name: str
) -> None:
    code = """
thread = threading.Thread(target=client.ensure_registered, kwargs=WANTED)
thread.start()
wait()
def work():
    say("child forked")
    client.ensure_registered(**WANTED)
    say(client.client_id)
child = fork(work)
thread.join()
os.waitpid(child, 0)
say(client.client_id)
"""
    with (
        hold_first_answer(front) as arrived,
        run(code, front.url, PEM, store_name, tmp_path / "store") as process,
    ):
        arrived.wait()
        resume(process)
        assert read_line(process) == "child forked"
        arrived.go_on()
        ids = {read_line(process), read_line(process)}
        end(process)
    assert len(ids) == 1
    assert gateway.count("registrations") == 1


@pytest.mark.parametrize("store_name", ["FileStore", "FolderStore"])
def test_a_child_forked_during_a_save_holds_nobodys_lock_and_loses_nothing(
    gateway: LocalGateway, tmp_path: Path, store_name: str
) -> None:
    code = """
from ath.stores import record_file
serialize, saving, may_go_on = record_file.serialize, threading.Event(), threading.Event()
client.register(**WANTED)
parent = threading.current_thread()

def serialize_slowly(records):
    saving.set()
    may_go_on.wait()
    return serialize(records)

record_file.serialize = serialize_slowly
def authorize():
    client.authorize("github", ["repo"])

thread = threading.Thread(target=authorize)
thread.start()
saving.wait()
def work():
    record_file.serialize = serialize
    client.for_user("alice").set_token("ath_tk_alice")
    say("child:", len(client.sign_attestation()) > 0)
    client.authorize("github", ["read:user"])
    say("child: saved")
child = fork(work)
wait()
may_go_on.set()
thread.join()
os.waitpid(child, 0)
client.load()
record_file.serialize = serialize
authorize()
say("parent: saved")
"""
    place = tmp_path / "store"
    with run(code, gateway.url, PEM, store_name, place) as process:
        assert read_line(process) == "child: True"
        resume(process)
        assert read_line(process) == "child: saved"
        assert read_line(process) == "parent: saved"
        end(process)
    store = {"FileStore": FileStore, "FolderStore": FolderStore}[store_name](place)
    record = document(store, CredentialKey(gateway.url, AGENT_ID))
    assert record is not None
    scopes = [session["scopes"] for session in record["sessions"]]
    assert sorted(scopes) == [["read:user"], ["repo"], ["repo"]]


@pytest.mark.parametrize("store_name", ["FileStore", "FolderStore"])
def test_prefork_workers_that_inherit_a_client_serve_users_side_by_side(
    gateway: LocalGateway, tmp_path: Path, store_name: str
) -> None:
    code = """
client.ensure_registered(**WANTED)
def work(user):
    view = client.for_user(user)
    say(user, view.authorize("github", ["read:user"]).authorization_url)
for number in range(3):
    fork(lambda: work(f"user-{number}"))
for _ in range(3):
    os.wait()
client.load()
wait()
for number in range(3):
    view = client.for_user(f"user-{number}")
    view.load()
    [session] = view._credentials._own.record.sessions
    view.exchange_token("exchange", session)
    say(view.proxy("github", "GET", "/user")["login"])
"""
    with run(code, gateway.url, PEM, store_name, tmp_path / "store") as process:
        for _ in range(3):
            user, url = read_line(process).split()
            gateway.approve(url, account=user)
        resume(process)
        assert [read_line(process) for _ in range(3)] == ["user-0", "user-1", "user-2"]
        end(process)
    assert gateway.count("registrations") == 1
