"""The stores, measured: `scripts/bench --stores`."""

import json
import multiprocessing
import os
import secrets
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import redis
import sqlalchemy

import ath
from ath.stores.credential_file import encode_entry, serialize
from ath.stores.operations import _place_of
from tests.harness.engines import PostgresServer, RedisServer

FEW, MANY, PROCESSES = 10, 10_000, 8
AGENT = ath.CredentialKey("https://gateway.example", "https://agent.example/agent.json")
OPERATIONS = ("load", "replace", "change", "lock+change")
STORES = ("FileStore", "FolderStore", "SQLStore on SQLite", "SQLStore", "RedisStore")
# What must hold: the store, what is measured, what it is divided by, and the limit.
TARGETS = [
    ("RedisStore", "replace", "bare SET", 1.5),
    ("RedisStore", "change", "bare SET", 2.5),
    ("SQLStore", "replace", "bare UPDATE", 2.0),
]
FLAT = 1.5  # 10,000 records may cost as many times what 10 cost; not in FileStore
FSYNCS = 3  # of a change in FolderStore


def main(options):
    """Measure all stores, print the table, and return the exit status."""
    count = 40 if options.quick else 400
    results, missed = {}, []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        urls = {
            "RedisStore": stack.enter_context(RedisServer("--appendonly", "yes")).url,
            "SQLStore": stack.enter_context(PostgresServer()).url,
        }
        print(f"{'milliseconds':30}{'operation':14}{'p50':>9}{'p99':>9}")
        for name in STORES:
            sizes = {}
            for records in (FEW, MANY):
                place = urls.get(name) or str(folder / f"{name.replace(' ', '-')}-{records}")
                sizes[records] = place, f"records_{records}"
                fill(name, *sizes[records], records)
            for processes in (1, PROCESSES):
                share = max(1, count // processes // (10 if name == "FileStore" else 1))
                for records, found in measure(name, sizes, share, processes).items():
                    title = f"{name}, {records:,} records"
                    title += f", {processes} processes" if processes > 1 else ""
                    results[title] = found
                    show(title, found)
        for name, operation, bare, limit in TARGETS:
            found = results[f"{name}, {FEW} records"]
            check(
                missed,
                f"{name} {operation} / {bare}",
                p50(found[operation]) / p50(found[bare]),
                limit,
            )
        for name in STORES[1:]:
            few, many = (results[f"{name}, {n:,} records"] for n in (FEW, MANY))
            for operation in OPERATIONS:
                title = f"{name} {operation}: {MANY:,} records / {FEW}"
                check(missed, title, p50(many[operation]) / p50(few[operation]), FLAT)
        check(missed, "FolderStore: fsyncs of a change", count_fsyncs(folder / "fsyncs"), FSYNCS)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print("\n".join(["", "missed:", *missed]) if missed else "every target is met")
    return 1 if missed else 0


def show(title, found):
    for operation, samples in found.items():
        p99 = (
            statistics.quantiles(samples, n=100, method="inclusive")[98]
            if len(samples) > 1
            else samples[0]
        )
        print(
            f"{title:30.46}{operation:>14}{p50(samples) * 1000:9.2f}{p99 * 1000:9.2f}", flush=True
        )


def check(missed, title, value, limit):
    line = f"{title}: {value:.2f} (at most {limit})"
    print(line)
    if value > limit:
        missed.append(line)


def p50(samples):
    return statistics.median(samples)


def open_store(name, place, table):
    """The store, and what is measured beside it: one statement of its own."""
    if name == "RedisStore":
        client = redis.Redis.from_url(place)
        return ath.RedisStore(client, prefix=table), {
            "bare SET": lambda key, text: client.set(f"{table}-bare-{key.user}", text)
        }
    if name.startswith("SQLStore"):
        engine = sqlalchemy.create_engine(place if "://" in place else f"sqlite:///{place}")
        store = ath.SQLStore(engine, table=table)
        store.create_table()
        return store, {"bare UPDATE": lambda key, text: update(engine, table, key, text)}
    return getattr(ath, name)(place), {}


def update(engine, table, key, text):
    statement = sqlalchemy.text(f"UPDATE {table}_bare SET record = :record WHERE id = :id")
    with engine.begin() as connection:
        assert connection.execute(statement, {"record": text, "id": key.user}).rowcount == 1


def record():
    """As long as one with a token and an open session is."""
    token = {"access_token": secrets.token_urlsafe(400), "provider": "github", "expires_at": 4e9}
    return json.dumps({"tokens": [token], "sessions": [], "expires_at": None})


def key_of(number):
    return AGENT._replace(user=f"user-{number}")


def fill(name, place, table, records):
    store, bare = open_store(name, place, table)
    if "bare UPDATE" in bare:
        with store._engine.begin() as connection:
            connection.exec_driver_sql(
                f"CREATE TABLE {table}_bare (id VARCHAR(80) PRIMARY KEY, record TEXT)"
            )
            statement = sqlalchemy.text(f"INSERT INTO {table}_bare VALUES (:id, :record)")
            connection.execute(
                statement,
                [{"id": f"user-{n}", "record": "{}"} for n in range(PROCESSES)],
            )
    if name == "FileStore":  # each record by itself would write the file as often
        texts = {key_of(n): record() for n in range(records)}
        Path(place).write_bytes(
            serialize({key: encode_entry(key, text) for key, text in texts.items()})
        )
        Path(place).chmod(0o600)
        return
    if name.startswith("SQLStore"):  # in one transaction
        operations = store._operations
        with store._engine.begin() as connection:
            for n in range(records):
                steps = operations._replace(_place_of(key_of(n)), None, record(), None)
                connection.execute(next(steps))
        return
    for n in range(records):
        assert store.replace(key_of(n), None, record())


def measure(name, sizes, count, processes):
    """Samples in seconds by the number of records and operation, of all processes."""
    context = multiprocessing.get_context("spawn")
    jobs = [(name, sizes, count, number) for number in range(processes)]
    with context.Pool(processes) as pool:
        parts = pool.starmap(work, jobs, chunksize=1)
    return {
        records: {name: [s for part in parts for s in part[records][name]] for name in found}
        for records, found in parts[0].items()
    }


def work(name, sizes, count, number):
    """One process's samples; each round takes one of each, so that all see the same machine."""
    subjects = {
        records: Subject(*open_store(name, *size), key_of(number % records))
        for records, size in sizes.items()
    }
    for i in range(count + 3):
        for subject in subjects.values():
            if i == 3:
                subject.samples.clear()  # the first ones make connections
            subject.take_one_of_each()
    return {records: subject.samples for records, subject in subjects.items()}


class Subject:
    """A store, what is measured beside it, and the samples."""

    def __init__(self, store, bare, key):
        self.store, self.bare, self.key = store, bare, key
        self.owner, self.samples = secrets.token_hex(8), {}

    def take_one_of_each(self):
        for operation, call in self.bare.items():
            self.take(operation, call, self.key, record())
        old = self.take("load", self.store.load, self.key)
        assert self.take("replace", self.store.replace, self.key, old, record())
        self.take("change", self.change, record())
        self.take("lock+change", self.change_locked, record())

    def take(self, operation, call, *arguments):
        began = time.perf_counter()
        result = call(*arguments)
        self.samples.setdefault(operation, []).append(time.perf_counter() - began)
        return result

    def change(self, text):
        assert self.store.replace(self.key, self.store.load(self.key), text)

    def change_locked(self, text):
        while not self.store.acquire(self.key, self.owner, 60):
            time.sleep(0.001)
        self.change(text)
        self.store.release(self.key, self.owner)


def count_fsyncs(folder):
    """How often a change in a FolderStore waits for the disk."""
    store, really, counted = ath.FolderStore(folder), os.fsync, [0]
    assert store.replace(AGENT, None, record())

    def fsync(handle):
        counted[0] += 1
        really(handle)

    os.fsync = fsync
    try:
        assert store.replace(AGENT, store.load(AGENT), record())
    finally:
        os.fsync = really
    return counted[0]
