"""What stores promise about records and keys."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from ath import ATHError, CredentialKey

from ._store_check import (
    Check,
    Child,
    expect,
    increase,
    promise,
    record,
    run_in_threads,
    value_in,
)


@promise("load() returns None for a key without a record.")
def _nothing(check: Check) -> None:
    with check.open() as store:
        expect(store.load(check.key()) is None, "load() returned something else")


@promise("replace() with old=None stores the first record; whoever opens the store then loads it.")
def _first(check: Check) -> None:
    key = check.key()
    with check.open() as store, check.open() as other:
        expect(other.load(key) is None, "a record that nobody stored")
        expect(store.replace(key, None, record("one")) is True, "replace() did not return True")
        for each in (store, other):
            expect(value_in(each.load(key)) == "one", "load() did not return the record")
    with check.open() as store:
        expect(
            value_in(store.load(key)) == "one", "load() did not return it in a store opened anew"
        )


@promise("replace() returns False and changes nothing if the record is not (any more) old.")
def _compare(check: Check) -> None:
    key = check.key()
    with check.open() as store, check.open() as other:
        expect(store.replace(key, record("x"), record("y")) is False, "there was no record")
        expect(store.load(key) is None, "a refused replace() stored its record")
        expect(store.replace(key, None, record(1)), "the first record was refused")
        for old in (None, record(2), record(True), "{}", "", "1"):
            expect(store.replace(key, old, record("y")) is False, f"it took {old!r} for the record")
            expect(value_in(store.load(key)) == 1, "a refused replace() changed the record")
        old = store.load(key)
        expect(other.replace(key, other.load(key), record("other")), "old was refused")
        expect(store.replace(key, old, record("lost")) is False, "another one had replaced it")
        expect(value_in(store.load(key)) == "other", "a refused replace() changed the record")


@promise("load() returns the JSON object that was stored, and replace() accepts that text as old.")
def _text(check: Check) -> None:
    values: list[object] = [
        "",
        "ä\n\u2028\0\U0001f600",
        "\ud800",
        1e300,
        -0.0,
        [[], {}, None, True],
    ]
    values += [{"a{b}": "%s'\"\\", "unknown to this release": {"z": 1, "a": 2}}]
    with check.open() as store, check.open() as other:
        for number, value in enumerate(values):
            key = check.key(f"text {number}")
            for text in (
                record(value),
                "{}",
                json.dumps({"tokens": [], "sessions": [], "a": value}),
            ):
                expect(store.replace(key, store.load(key), text), "the text of load() was refused")
                loaded = other.load(key)
                expect(isinstance(loaded, str), "load() did not return text")
                same = json.dumps(json.loads(loaded)) == json.dumps(json.loads(text))
                expect(same, f"{text} became {loaded}")


@promise("Records of up to 1 MB are kept as a whole.")
def _large(check: Check) -> None:
    key, value = check.key(), ["x" * 1000] * 980
    with check.open() as store:
        expect(store.replace(key, None, record(value)), "the record was refused")
        expect(value_in(store.load(key)) == value, "it came back changed")
        expect(store.replace(key, store.load(key), record([*value, "more"])), "old was refused")
        expect(value_in(store.load(key)) == [*value, "more"], "it came back changed")


def _lookalikes(check: Check) -> list[CredentialKey]:
    users = [
        None, "", "alice", "Alice", " alice", "alice ", "alice\0", "alice\0b", "\0alice", "null",
        "None", "é", "e\u0301", "\U0001f600", "a{b}", "{", "}", "{}", "%", "%s", "_", "a%", "*",
        "[a]", "a:b", "a/b", "../alice", "a\\b", "a'b", 'a"b', "a\nb", "a;b--", "alice,false",
        "x" * 10_000, "x" * 10_000 + "y",
    ]  # fmt: skip
    keys = [check.key(user) for user in users]
    keys += [check.key(user, registered=True) for user in ("alice", "", None)]
    for cut in (0, 1):  # the same letters, divided otherwise
        parts = ("ab"[:cut], "ab"[cut:])
        keys.append(check.key("c", implementor=check.implementor + parts[0], agent_id=parts[1]))
        keys.append(check.key(parts[1] + "c", agent_id="z" + parts[0]))
    return keys


@promise("Each key has a record of its own, whatever text its members hold.")
def _keys_apart(check: Check) -> None:
    keys = _lookalikes(check)
    with check.open() as store:
        for number, key in enumerate(keys):
            expect(
                store.load(key) is None, f"the record of another key is found under {key!r:.300}"
            )
            expect(store.replace(key, None, record(number)), f"{key!r:.300} was refused")
    with check.open() as store:
        for number, key in enumerate(keys):
            expect(value_in(store.load(key)) == number, f"{key!r:.300} has another record")


@promise("A key with a lone surrogate is refused by every method with INVALID_ARGUMENT.")
def _surrogates(check: Check) -> None:
    with check.open() as store:
        for key in (
            check.key("\ud800"),
            check.key(None, implementor=check.implementor + "\udfff"),
            check.key(None, agent_id="\udc80"),
        ):
            for name, arguments in {
                "load": (), "replace": (None, "{}"), "delete": (), "acquire": ("me", 60.0),
            }.items():  # fmt: skip
                if hasattr(store, name):
                    try:
                        getattr(store, name)(key, *arguments)
                    except ATHError as error:
                        expect(error.code == "INVALID_ARGUMENT", f"{name}() raised {error.code}")
                    else:
                        raise AssertionError(f"{name}() accepted it")


@promise(
    "delete() removes the record, if it is still old (None: whatever it is), and no other.",
    "delete",
)
def _delete(check: Check) -> None:
    key, other = check.key(), check.key("bob")
    with check.open() as store:
        expect(store.delete(key) is False, "there was nothing to delete")
        expect(store.delete(key, record(1)) is False, "there was nothing to delete")
        expect(store.replace(other, None, record("bob's")), "a record was refused")
        for number in range(2):
            expect(store.replace(key, None, record(number)), "after delete() there is no record")
            expect(store.delete(key, record("else")) is False, "it was another record")
            expect(value_in(store.load(key)) == number, "a refused delete() changed the record")
            old = store.load(key) if number else None
            expect(store.delete(key, old) is True, "delete() did not return True")
            expect(store.load(key) is None, "the record is still there")
        expect(value_in(store.load(other)) == "bob's", "the record of another key is gone")


@promise("keys() gives the key of every record, as it was given, and no other.", "keys")
def _keys(check: Check) -> None:
    def own(store: Any) -> list[CredentialKey]:
        found = set(store.keys())
        expect(all(isinstance(key, CredentialKey) for key in found), "one is of another type")
        return sorted((k for k in found if k.implementor.startswith(check.implementor)), key=repr)

    keys = _lookalikes(check)
    with check.open() as store:
        expect(own(store) == [], "there is none")
        for key in keys:
            expect(store.replace(key, None, record(1)), "a record was refused")
            if hasattr(store, "acquire"):
                store.acquire(key, "me", 60.0)
                store.release(key, "me")
        expect(own(store) == sorted(keys, key=repr), "they are not the keys that were given")
        if hasattr(store, "delete"):
            listed = store.keys()  # which goes on while records are deleted
            for key in listed:
                if key in keys:
                    expect(store.delete(key), "a key that it gave cannot be deleted")
            expect(own(store) == [], "keys() gives the keys of deleted records")


@promise("Of many threads that read, change and replace one record, none loses an update.")
def _threads(check: Check) -> None:
    key, mine = check.key(), 8
    with check.open() as shared, check.open() as other:
        run_in_threads(
            *(partial(increase, store, key, mine) for store in (shared, shared, other, other))
        )
        expect(value_in(shared.load(key)) == 4 * mine, "an update was lost")


@promise(
    "Of many processes that read, change and replace one record, none loses an update.",
    processes=True,
)
def _processes(check: Check) -> None:
    key, mine = check.key(), 10

    def work() -> None:
        with check.open() as store:
            increase(store, key, mine)

    with Child(work) as one, Child(work) as two, Child(work) as three:
        for child in (one, two, three):
            child.result()
    with check.open() as store:
        expect(value_in(store.load(key)) == 3 * mine, "an update was lost")


@promise(
    "What one process writes, each other one reads at once, whatever it read before.",
    processes=True,
)
def _seen(check: Check) -> None:
    key = check.key()

    def write(old: str | None, new: str) -> bool:
        with check.open() as store:
            return bool(store.replace(key, old, new))

    with check.open() as store:
        for number in range(2):
            old = store.load(key)
            with Child(partial(write, old, record(number))) as child:
                expect(child.result(), "it was refused")
            expect(value_in(store.load(key)) == number, "the older record is read")
            expect(store.replace(key, old, record("lost")) is False, "the older record is compared")


@promise(
    "A store that was used before a fork serves parent and children side by side.", forked=True
)
def _fork(check: Check) -> None:
    key, mine = check.key(), 8
    with check.open() as store:
        increase(store, key, 1)
        work = partial(increase, store, key, mine)
        with Child(work) as one, Child(work) as two:
            work()
            one.result()
            two.result()
        expect(value_in(store.load(key)) == 1 + 3 * mine, "an update was lost")
