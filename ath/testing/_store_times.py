"""What stores promise about time; the checks have to wait for it."""

from __future__ import annotations

import time
from contextlib import ExitStack

from ath import CredentialKey

from ._store_check import PATIENCE, Check, Child, expect, promise, record, value_in


@promise("A record is kept until the expires_at that it has now; null or none means for ever.")
def _expiry(check: Check) -> None:
    with check.open() as store:
        ends = time.time() + 1
        short = record("old", expires_at=ends)
        lasting: dict[CredentialKey, str] = {
            check.key("null"): record(1, expires_at=None),
            check.key("absent"): record(2),
            check.key("later"): record(3, expires_at=1e12),
        }
        for key, text in lasting.items():
            expect(store.replace(key, None, short), "a record that expires was refused")
            # (On a busy machine it may have expired by now.)
            changed = store.replace(key, short, text) or store.replace(key, None, text)
            expect(changed, "a record that expires could not be replaced")
        time.sleep(max(0.0, ends + 0.5 - time.time()))
        for key, text in lasting.items():
            found = value_in(store.load(key))
            expect(found == value_in(text), "it went when the record before it would have expired")


@promise(
    "A lock whose holder was killed is free when its lease is over, and the dead owner's "
    "release() frees no other lock.",
    "acquire", "release", processes=True,
)  # fmt: skip
def _lease(check: Check) -> None:
    key, lease, open_until_killed = check.key(), 1.0, ExitStack()

    def hold() -> bool:
        store = open_until_killed.enter_context(check.open())
        return bool(store.acquire(key, "dead", lease))

    with Child(hold, lives_on=True) as child:
        expect(child.result() is True, "nobody held it")
    with check.open() as store:
        ends = time.monotonic() + lease + PATIENCE / 2
        while not store.acquire(key, "heir", 600.0):
            expect(time.monotonic() < ends, "it is held long after that")
            time.sleep(0.05)
        store.release(key, "dead")
        expect(store.acquire(key, "third", 600.0) is False, "the dead owner's release() freed it")
        store.release(key, "heir")
