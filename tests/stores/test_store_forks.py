"""A forked child holds and frees nobody's lock, and can use the store that it was given."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from .support import (
    KEY,
    SAVE_SLOWLY,
    error_of,
    open_store,
    read_line,
    record,
    resume,
    run,
    run_to_end,
    take,
)

pytestmark = pytest.mark.skipif(os.name != "posix", reason="forks are POSIX's")


def test_a_child_forked_during_a_save_holds_nobodys_lock(store_name: str, place: Path) -> None:
    code = (
        SAVE_SLOWLY
        + """
thread = threading.Thread(target=lambda: store.replace(KEY, record("old"), record("parent's")))
saving, may_go_on = threading.Event(), threading.Event()
def serialize_slowly(records):
    saving.set()
    may_go_on.wait()
    return serialize(records)
record_file.serialize = serialize_slowly
thread.start()
saving.wait()
held = {store_name}(place, lock_timeout=0)
if os.fork() == 0:
    record_file.serialize = serialize
    # The parent's thread goes on holding it; the child must neither free nor inherit it.
    say("child:", outcome(lambda: held.replace(KEY, record("old"), record("child's"))))
    wait()
    os._exit(0)
os.read(0, 1)
may_go_on.set()
thread.join()
say("parent:", value_in(store.load(KEY)), held.replace(KEY, store.load(KEY), record(1)))
wait()
"""
    )
    with run(code, store_name, place) as process:
        assert read_line(process) == "child: STORAGE_ERROR"
        resume(process)  # one of the two reads it
        resume(process)
        assert read_line(process) == "parent: parent's True"
        resume(process)


@pytest.mark.parametrize("what", ["acquire", "replace"])
def test_a_lock_dies_with_a_parent_whose_forked_child_lives_on(
    store_name: str, place: Path, what: str
) -> None:
    start = {
        "acquire": 'store.acquire(KEY, "parent", 60)\nserialize_slowly = None\n',
        "replace": """
saving = threading.Event()
def serialize_slowly(records):
    saving.set()
    threading.Event().wait()
record_file.serialize = serialize_slowly
change = lambda: store.replace(KEY, record("old"), record("parent's"))
threading.Thread(target=change, daemon=True).start()
saving.wait()
""",
    }[what]
    code = (
        SAVE_SLOWLY
        + start
        + """
if child := os.fork():
    say(child)
    signal.pause()
say("child lives")
signal.pause()
"""
    )
    with run(code, store_name, place) as process:
        lines = {read_line(process), read_line(process)}
        [child] = lines - {"child lives"}
        store = open_store(store_name, place, lock_timeout=0)
        try:
            if what == "acquire":
                assert not take(store)
            else:
                assert error_of(lambda: store.delete(KEY)).code == "STORAGE_ERROR"
            process.kill()
            process.wait()
            os.kill(int(child), 0)  # it lives, and holds nothing
            assert take(store)
            assert store.replace(KEY, record("old"), record("new"))
        finally:
            os.kill(int(child), signal.SIGKILL)


def test_a_child_neither_holds_nor_frees_what_its_parent_acquired(
    store_name: str, place: Path
) -> None:
    code = """
store = {store_name}(place)
assert store.acquire(KEY, "parent", 60)
child = os.fork()
if child == 0:
    say("child:", store.acquire(KEY, "child", 60))
    store.release(KEY, "parent")  # as a "finally" does that was entered before the fork
    store.release(KEY, "child")
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
say("after:", {store_name}(place).acquire(KEY, "other", 60))
store.release(KEY, "parent")
say("free:", store.acquire(KEY, "other", 60))
store.release(KEY, "other")
"""
    assert run_to_end(code.format(store_name=store_name), place) == [
        "child: False",
        "after: False",
        "free: True",
    ]


def test_a_lock_that_was_released_is_free_though_a_copied_handle_lives_on(
    store_name: str, place: Path
) -> None:
    # Not every fork runs Python's hooks; libraries in C make their own.
    code = """
import ctypes
store = {store_name}(place)
assert store.acquire(KEY, "parent", 60)
child = ctypes.CDLL(None).fork()
if child == 0:
    ctypes.CDLL(None).pause()
store.release(KEY, "parent")
say("free:", store.acquire(KEY, "other", 60))
os.kill(child, signal.SIGKILL)
store.release(KEY, "other")
"""
    assert run_to_end(code.format(store_name=store_name), place) == ["free: True"]


def test_a_fork_waits_until_a_lock_is_opened_and_known(store_name: str, place: Path) -> None:
    # Else the child would keep a handle that becomes a lock a moment later.
    code = """
store = {store_name}(place)
store.replace(KEY, None, record(1))
os_open, forked = os.open, threading.Event()
def fork():
    child = os.fork()
    if child == 0:
        os._exit(0)
    forked.set()
    os.waitpid(child, 0)
def open_slowly(path, *args):
    handle = os_open(path, *args)
    if "lock" in str(path):
        threads.append(threading.Thread(target=fork))
        threads[-1].start()
        say("forked too early:", forked.wait(0.3))
    return handle
threads = []
os.open = open_slowly
assert store.acquire(KEY, "me", 60)
threads[0].join()
say("forked:", forked.is_set())
store.release(KEY, "me")
"""
    assert run_to_end(code.format(store_name=store_name), place) == [
        "forked too early: False",
        "forked: True",
    ]


def test_a_child_forked_while_memory_changes_can_go_on(tmp_path: Path) -> None:
    code = """
class Slow(dict):
    def get(self, key, default=None):
        if threading.current_thread() is not threading.main_thread():
            inside.set()
            may_go_on.wait(0.3)
        return super().get(key, default)

inside, may_go_on = threading.Event(), threading.Event()
store = MemoryStore()
store._records = Slow()
thread = threading.Thread(target=lambda: store.replace(KEY, None, record("thread's")))
thread.start()
inside.wait()
child = os.fork()  # waits for the change
if child == 0:
    def work():  # not the thread that forked: a lock taken for the fork would be its own
        say("child:", value_in(store.load(KEY)), store.replace(ALICE, None, record("child's")))
        os._exit(0)
    threading.Thread(target=work, daemon=True).start()
    threading.Event().wait(10)
    os._exit(1)
os.waitpid(child, 0)
thread.join()
assert store.acquire(KEY, "parent", 60)
child = os.fork()
if child == 0:
    say("child:", store.acquire(KEY, "child", 60), store.acquire(KEY, "other", 60))
    os._exit(0)
os.waitpid(child, 0)
say("parent:", store.acquire(KEY, "other", 60))
"""
    assert run_to_end(code, tmp_path) == [
        "child: thread's True", "child: True False", "parent: False",
    ]  # fmt: skip


def test_children_that_were_forked_lose_no_update(store_name: str, place: Path) -> None:
    code = """
store = {store_name}(place)
store.replace(KEY, None, record(0))
children = []
for _ in range(4):
    child = os.fork()
    children.append(child)
    if child == 0:
        for number in range(20):
            while True:
                old = store.load(KEY)
                if store.replace(KEY, old, record(value_in(old) + 1)):
                    break
        os._exit(0)
say([os.waitpid(child, 0)[1] for child in children], value_in(store.load(KEY)))
"""
    assert run_to_end(code.format(store_name=store_name), place) == ["[0, 0, 0, 0] 80"]
