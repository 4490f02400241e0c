"""What a fresh process pays: ``python fresh.py JOB SUBJECT BASE KEYFILE`` does one job and ends.

Its caller measures the CPU time and subtracts that of the job "nothing". Jobs about memory print
kilobytes. Nothing is imported here that an SDK would have to import itself.
"""

import gc
import sys

import subjects

MANY = {"ours": 2000, "official": 20}  # clients: enough to tell their size from noise
VIEWS = 10_000


def nothing(*_):
    pass


def import_only(*_):
    import ath  # noqa: F401


def first_call(subject, base, key):
    client = subjects.Bare(base) if subject == "httpx" else subjects.ready(base, key)
    client.proxy("github", "GET", "/user")
    print(_kilobytes("VmHWM"))


def handshake(_, base, key):
    subjects.go_through(subjects.handshake(subjects.connect(base, key)))


def further_clients(subject, base, key):
    """Memory per client, once one has made a call, so that what clients share is there."""
    first = subjects.ready(base, key)
    first.proxy("github", "GET", "/user")
    print(_growth(lambda _: subjects.ready(base, key), MANY[subject]))


def views(subject, base, key):
    """Memory per user; where an SDK knows no users, each of them needs a client."""
    if subject != "ours":
        further_clients(subject, base, key)
        return
    client = subjects.ready(base, key)
    client.proxy("github", "GET", "/user")
    print(_growth(lambda i: client.for_user(f"user-{i}"), VIEWS))


def _growth(make, count):
    kept = [make(f"warm-{i}") for i in range(3)]
    gc.collect()
    before = _kilobytes("VmRSS")
    kept += [make(i) for i in range(count)]
    gc.collect()
    return (_kilobytes("VmRSS") - before) / count


def _kilobytes(field):
    # Not ru_maxrss: that of a child begins with what its parent used.
    with open("/proc/self/status") as status:  # noqa: PTH123 - pathlib would be an import
        return int(next(line for line in status if line.startswith(field)).split()[1])


if __name__ == "__main__":
    job, subject, base, key_file = sys.argv[1:]
    with open(key_file) as file:  # noqa: PTH123
        globals()[job](subject, base, file.read())
