"""52 MB pass through a stream in 16 MB of memory, either way, compressed or not."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.harness.server import Connection, Server

ROOT = Path(__file__).parents[2]
SIZE = 52_000_000
ALLOWED = 16_000_000
PROGRAM = """
import asyncio, resource, sys
import ath
from cryptography.hazmat.primitives.asymmetric import ec

url, kind, way, size = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
piece = bytes(1_000_000)
clients = {"sync": ath.ATHGatewayClient, "async": ath.AsyncATHGatewayClient}
client = clients[kind](url, "https://a.example/a.json", ec.generate_private_key(ec.SECP256R1()))
client.set_token("ath_tk_0")

def pieces(number):
    return (piece for _ in range(number))

def options(number):
    return {"content": pieces(number)} if way == "up" else {}

def kept(part):
    return part if way == "up" else len(part)

def measure(parts):
    return int(b"".join(parts)) if way == "up" else sum(parts)

method = "POST" if way == "up" else "GET"

def sync_call(path, number):
    with client.stream("github", method, path, **options(number)) as answer:
        return measure(list(map(kept, answer.iter_bytes())))

async def async_call(path, number):
    async with client.stream("github", method, path, **options(number)) as answer:
        return measure([kept(part) async for part in answer.aiter_bytes()])

async def async_calls():
    await async_call("/small", 1)
    before = peak()
    return await async_call("/large", size // len(piece)), peak() - before

def peak():
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit

if kind == "sync":
    sync_call("/small", 1)
    before = peak()
    print(sync_call("/large", size // len(piece)), peak() - before)
else:
    print(*asyncio.run(async_calls()))
"""


def download(connection: Connection) -> None:
    request = connection.read_request()
    assert request
    size = SIZE if request.target.endswith("/large") else 1_000_000
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
    for _ in range(size // 1_000_000):
        connection.send(bytes(1_000_000))


def compressed(connection: Connection) -> None:
    request = connection.read_request()
    assert request
    body = gzip.compress(bytes(SIZE if request.target.endswith("/large") else 1_000_000))
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    connection.send(head + body)


def upload(connection: Connection) -> None:
    """Read a chunked content without keeping it, and tell its length."""
    count, end = 0, b""
    while end != b"\r\n0\r\n\r\n":
        piece = connection.sock.recv(1 << 20)
        count += len(piece)
        end = (end + piece)[-7:]
    told = b"%d" % count
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(told), told))


@pytest.mark.skipif(sys.platform == "win32", reason="the platform does not tell the peak")
@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize(
    ("way", "serve"), [("down", download), ("down", compressed), ("up", upload)]
)
def test_52_mb_pass_in_16_mb(server: Server, kind: str, way: str, serve: Any) -> None:
    server.default = serve
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, server.url, kind, way, str(SIZE)],
        capture_output=True, encoding="utf-8", check=False, timeout=100, cwd=ROOT,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    received, grown = map(int, result.stdout.split())
    assert received == SIZE if way == "down" else received > SIZE
    assert grown < ALLOWED
