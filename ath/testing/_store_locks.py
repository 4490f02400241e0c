"""What stores promise about locks."""

from __future__ import annotations

from functools import partial
from typing import Any

from ._store_check import (
    Check,
    Child,
    expect,
    increase,
    promise,
    run_in_threads,
    value_in,
)


@promise(
    "acquire() never waits, and returns True to nobody while the lock is held.",
    "acquire", "release",
)  # fmt: skip
def _exclusion(check: Check) -> None:
    key = check.key()
    with check.open() as store, check.open() as other:
        expect(store.acquire(key, "me", 600.0) is True, "nobody held it")

        def refuse() -> None:
            for each in (store, other):
                expect(each.acquire(key, "you", 600.0) is False, "it was held")
                expect(each.acquire(key, "me", 600.0) is False, "a lock is not re-entrant")

        run_in_threads(refuse)
        store.release(key, "me")
        expect(other.acquire(key, "you", 600.0) is True, "it was free after release()")
        other.release(key, "you")


@promise(
    "release() gives the lock back if its owner calls, and does nothing else.", "acquire", "release"
)
def _release(check: Check) -> None:
    key = check.key()
    with check.open() as store, check.open() as other:
        store.release(key, "nobody")
        expect(store.acquire(key, "me", 600.0), "nobody held it")
        other.release(key, "you")
        store.release(key, "you")
        expect(other.acquire(key, "you", 600.0) is False, "another owner's release() freed it")
        store.release(key, "me")
        expect(other.acquire(key, "you", 600.0), "it was free after release()")
        store.release(key, "me")
        expect(store.acquire(key, "me", 600.0) is False, "a former owner's release() freed it")
        other.release(key, "you")


@promise("A lock keeps nobody from load(), replace() and delete().", "acquire", "release")
def _lock_only(check: Check) -> None:
    key = check.key()
    with check.open() as store, check.open() as other:
        expect(store.acquire(key, "me", 600.0), "nobody held it")
        for each in (store, other):
            run_in_threads(partial(increase, each, key, 1))
        expect(value_in(store.load(key)) == 2, "a change was lost")
        expect(not hasattr(other, "delete") or other.delete(key), "delete() was refused")
        store.release(key, "me")


@promise("Of many threads that acquire a lock, one at a time holds it.", "acquire", "release")
def _lock_threads(check: Check) -> None:
    key, inside = check.key(), list[str]()

    def work(store: Any, owner: str) -> None:
        for _ in range(15):
            if store.acquire(key, owner, 600.0):
                inside.append(owner)
                store.load(key)
                held = list(inside)
                inside.remove(owner)
                store.release(key, owner)
                expect(held == [owner], "two held it")

    with check.open() as one, check.open() as two:
        run_in_threads(*(partial(work, one if n % 2 else two, str(n)) for n in range(4)))


@promise("A lock excludes other processes.", "acquire", "release", processes=True)
def _lock_processes(check: Check) -> None:
    key = check.key()

    def take(owner: str) -> bool:
        with check.open() as store:
            taken: bool = store.acquire(key, owner, 600.0)
            store.release(key, owner)
            return taken

    with check.open() as store:
        expect(store.acquire(key, "me", 600.0), "nobody held it")
        with Child(partial(take, "you")) as child:
            expect(child.result() is False, "another process took it, too")
        expect(store.acquire(key, "you", 600.0) is False, "another process's release() freed it")
        store.release(key, "me")
        with Child(partial(take, "you")) as child:
            expect(child.result() is True, "it was free after release()")


@promise(
    "A forked child neither holds nor frees a lock of its parent.",
    "acquire",
    "release",
    forked=True,
)
def _lock_fork(check: Check) -> None:
    key = check.key()
    with check.open() as store:
        expect(store.acquire(key, "parent", 600.0), "nobody held it")

        def work() -> bool:
            taken: bool = store.acquire(key, "child", 600.0)
            store.release(key, "child")
            return taken

        with Child(work) as child:
            expect(child.result() is False, "the child took it, too")
        with check.open() as other:
            expect(other.acquire(key, "other", 600.0) is False, "the child's end freed it")
            with Child(lambda: store.load(key), lives_on=True) as child:
                child.result()
                store.release(key, "parent")
                expect(other.acquire(key, "other", 600.0), "the child still holds it")
                other.release(key, "other")
