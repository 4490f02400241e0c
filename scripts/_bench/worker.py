"""One subject in a process that stays: reads batches as JSON lines, does them, says what they cost.

    {"job": "proxy_small", "n": 100}  ->  {"cpu": seconds of user+system, "wall": seconds, ...}

A worker knows every job; one that its SDK does not have fails when it is asked for.
"""

import asyncio
import gc
import json
import os
import random
import sys
import tempfile
import threading
import time
from functools import cache, partial
from itertools import cycle
from pathlib import Path
from unittest import mock

import subjects

RUNNER = asyncio.Runner()
signed = []  # the attestations of the batch, for the caller to check


def main():
    subject, base, key_file = sys.argv[1:]
    jobs = Jobs(subject, base, Path(key_file).read_text())
    for line in sys.stdin:
        order = json.loads(line)
        try:
            answer = jobs.measure(order["job"], order["n"])
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


class Jobs:
    """All that can be measured; a job's clients are made at its first use and kept."""

    def __init__(self, subject, base, key):
        self.subject, self.base, self.key = subject, base, key
        self.prepared = cache(self.prepare)

    def measure(self, job, n):
        run, check = self.prepared(job)
        signed.clear()
        gc.collect()
        cpu, wall = time.process_time(), time.perf_counter()
        result = run(n)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        if not check(result):
            raise ValueError(f"{job} returned something else than the server sent")
        return {"cpu": cpu, "wall": wall, "signed": signed}

    def prepare(self, job):
        """A function that does the job n times, and a check of what it returned last."""
        kind, _, variant = job.partition(":")
        return getattr(self, kind)(variant)

    def client(self, path="", **options):
        if self.subject == "httpx":
            return (subjects.AsyncBare if options else subjects.Bare)(self.base)
        return subjects.ready(self.base + path, self.key, **options)

    # -- one call after another, on one client

    def proxy_small(self, threads):
        call = partial(self.client().proxy, "github", "GET", "/user")
        return partial(_threads, call, int(threads)) if threads else partial(_one, call), _is_user

    def proxy_big(self, _):
        call = partial(self.client().proxy, "github", "GET", "/big")
        return partial(_one, call), lambda body: len(body["items"]) > 100

    def aproxy_small(self, width):
        call = partial(self.client(asynchronous=True).proxy, "github", "GET", "/user")
        return lambda n: RUNNER.run(_tasks(call, int(width), n)), _is_user

    def authorize(self, _):
        call = partial(self.client().authorize, "github", subjects.SCOPES)
        return partial(_one, call), lambda reply: reply.ath_session_id

    def discover(self, providers):
        call = self.client(f"/providers-{providers}").discover
        return partial(_one, call), lambda doc: len(doc.supported_providers) == int(providers)

    def handshake(self, _):
        client = subjects.connect(self.base, self.key)
        call = lambda: subjects.go_through(subjects.handshake(client))  # noqa: E731
        return partial(_one, call), lambda _: True

    def ahandshake(self, _):
        client = subjects.connect(self.base, self.key, asynchronous=True)
        call = lambda: subjects.ago_through(subjects.handshake(client))  # noqa: E731
        return lambda n: RUNNER.run(_tasks(call, 1, n)), lambda _: True

    def construct(self, _):
        call = lambda: subjects.connect(self.base, self.key)  # noqa: E731
        return partial(_one, call), lambda client: client.proxy

    def sign(self, _):
        if self.subject == "ours":
            call = partial(self.client().sign_attestation, self.base)
        else:
            from ath.client._attestation import sign_attestation

            call = partial(
                sign_attestation, agent_id=subjects.AGENT_ID, private_key=self.key,
                key_id="default", audience=self.base,
            )  # fmt: skip
        return partial(_one, lambda: signed.append(call())), lambda _: True

    # -- how a call's cost grows with what the client holds; every call uses another one of them

    def users(self, count):
        client = self.client()
        names = [f"user-{i}" for i in range(int(count))]
        for name in names:
            client.for_user(name).set_token(f"{subjects.TOKEN}-{name}")
        turns = _shuffled(names)
        call = lambda: client.for_user(next(turns)).proxy("github", "GET", "/user")  # noqa: E731
        return partial(_one, call), _is_user

    def tokens(self, count):
        client = self.client()
        names = [f"provider-{i}" for i in range(int(count))]
        for name in names:
            client.set_token(f"{subjects.TOKEN}-{name}", name)
        turns = _shuffled(names)
        return partial(_one, lambda: client.proxy(next(turns), "GET", "/user")), _is_user

    def sessions(self, count):
        client = self.client()
        for _ in range(int(count)):
            client.authorize("github", subjects.SCOPES)
        return partial(_one, partial(client.proxy, "github", "GET", "/user")), _is_user

    def providers(self, count):
        client = self.client(f"/providers-{count}")
        client.discover()
        return partial(_one, partial(client.proxy, "github", "GET", "/user")), _is_user

    # -- one change saved to a store that holds many records

    def file_store(self, count):
        from ath import FileStore

        path = Path(tempfile.mkdtemp()) / "credentials.json"
        store = FileStore(path)
        store.replace(self._owner(0), None, self._record(0))
        document = json.loads(path.read_text())  # one by one, filling it would take hours
        [entry] = document["records"]
        document["records"] = [{**entry, "user": f"user-{i}"} for i in range(int(count))]
        path.write_text(json.dumps(document))
        return partial(_one, self._saving(store)), lambda saved: saved

    def folder_store(self, count):
        from ath import FolderStore

        store = FolderStore(Path(tempfile.mkdtemp()))
        with mock.patch("os.fsync"):  # filling it need not survive a crash
            for i in range(int(count)):
                store.replace(self._owner(i), None, self._record(0))
        return partial(_one, self._saving(store)), lambda saved: saved

    def _saving(self, store):
        turns = cycle(range(1, 100))

        def save():
            i = next(turns)
            return store.replace(self._owner(i), store.load(self._owner(i)), self._record(i))

        return save

    def _owner(self, i):
        from ath import CredentialKey

        return CredentialKey(self.base, subjects.AGENT_ID, f"user-{i}")

    def _record(self, i):
        token = {"access_token": subjects.TOKEN, "provider": "github", "expires_at": 4e9 + i}
        return json.dumps({"client_id": "c", "tokens": [{**token, "scopes": []}], "sessions": {}})


def _one(call, n):
    result = None
    for _ in range(n):
        result = call()
    return result


def _threads(call, count, n):
    turns = iter(range(n))  # shared: whoever is free takes the next
    results, errors = [], []

    def work():
        try:
            for _ in turns:
                results[:] = [call()]
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results[0]


async def _tasks(call, count, n):
    turns = iter(range(n))

    async def work():
        result = None
        for _ in turns:
            result = await call()
        return result

    return (await asyncio.gather(*(work() for _ in range(count))))[0]


def _shuffled(names):
    names = names[:]
    random.Random(1).shuffle(names)
    return cycle(names)


def _is_user(body):
    return body["login"] == "octocat"


if __name__ == "__main__":
    os.environ.pop("PYTHONPATH", None)
    main()
