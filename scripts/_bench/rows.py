"""The rows of the table: what is measured, against whom, and what is to be reached."""

from dataclasses import dataclass, field

from subjects import CALLS_OF_A_HANDSHAKE

FEW, MANY = 10, 10_000


@dataclass(frozen=True)
class Row:
    """One row; ``targets`` are the highest ratios of ours to each of the others."""

    name: str
    title: str
    job: str
    targets: dict = field(hash=False)
    kind: str = "batch"  # of a worker; or "process", "https process", "memory"
    requests: int = 1  # that the job is to make
    width: int = 1  # how many are under way at the same time
    scheme: str = "http"


@dataclass(frozen=True)
class Growth(Row):
    """Ours with many against ours with few."""

    kind: str = "growth"


@dataclass(frozen=True)
class Saving(Row):
    """Milliseconds of one change; its target, if any, is absolute."""

    kind: str = "saving"


def _against(official, httpx=None):
    return {"official": official} | ({"httpx": httpx} if httpx else {})


def _growth(what, title, job="proxy, 300 B"):
    return Growth(f"growth_{what}", f"{job}: {MANY:,} {title} against {FEW}", what, {"few": 1.1})


ROWS = (
    Row("import", "`import ath`", "import_only", _against(0.05), "process", 0),
    Row("fresh", "fresh process: import + construct + first proxy", "first_call",
        _against(0.33, 0.75), "process"),
    Row("cold_https", "cold handshake process over https", "handshake",
        _against(0.65), "https process", CALLS_OF_A_HANDSHAKE),
    Row("rss", "peak RSS after the first proxy", "first_call", _against(0.64), "memory"),
    Row("sign", "signing one attestation", "sign", _against(0.42), requests=0),
    Row("authorize", "authorize", "authorize", _against(0.60)),
    Row("proxy_small", "proxy, 300 B, one thread", "proxy_small", _against(0.40, 0.40)),
    Row("proxy_tls", "the same over TLS", "proxy_small", _against(0.40, 0.40), scheme="https"),
    Row("proxy_threads", "proxy, 300 B, 8 threads on one client", "proxy_small:8",
        _against(0.40, 0.40), width=8),
    Row("proxy_big", "proxy, 100 kB JSON", "proxy_big", _against(0.65)),
    Row("async_1", "async proxy, 1 in flight", "aproxy_small:1", _against(0.25, 0.25)),
    Row("async_1_tls", "the same over TLS", "aproxy_small:1", _against(0.25, 0.25),
        scheme="https"),
    Row("async_16", "async proxy, 16 in flight", "aproxy_small:16", _against(0.12, 0.12),
        width=16),
    Row("async_16_tls", "the same over TLS", "aproxy_small:16", _against(0.12, 0.12),
        width=16, scheme="https"),
    Row("async_128", "async proxy, 128 in flight", "aproxy_small:128", _against(0.12, 0.12),
        width=128),
    Row("handshake", "warm handshake (15 calls), sync", "handshake", _against(0.70),
        requests=CALLS_OF_A_HANDSHAKE),
    Row("async_handshake", "warm handshake (15 calls), async", "ahandshake", _against(0.62),
        requests=CALLS_OF_A_HANDSHAKE),
    Row("construct", "constructing a client (http)", "construct", _against(0.01), requests=0),
    Row("memory_user", "memory per user (`for_user`), 10,000 of them", "views",
        _against(0.01), "memory"),
    Row("memory_client", "memory per further client in a process", "further_clients",
        _against(0.05), "memory"),
    Row("discover_1000", "discover, 1,000 providers", "discover:1000", _against(0.80)),
    Row("discover_10000", "discover, 10,000 providers", "discover:10000", _against(0.80)),
    _growth("users", "users"),
    _growth("tokens", "tokens"),
    _growth("sessions", "open sessions"),
    _growth("providers", "providers in the discovery"),
    Saving("file_store", f"one change saved to a FileStore of {MANY:,} records",
           "file_store", {}, requests=0),
    Saving("folder_store", f"one change saved to a FolderStore of {MANY:,} records",
           "folder_store", {"ms": 50.0}, requests=0),
)  # fmt: skip
