"""What can go wrong with one attempt of a call; each fault is a behaviour of the server."""

from __future__ import annotations

import contextlib

from .server import Behaviour, Connection, forwarded


def forward_and_keep(connection: Connection) -> None:
    """Nothing goes wrong, and the connection stays open for the next request."""
    for head, body in forwarded(connection):
        connection.send(head + b"\r\n\r\n" + body)


def keep_then_close(connection: Connection) -> None:
    """The answer promises to keep the connection, and then it is closed."""
    forward_and_keep(connection)
    connection.close()


def reset_before_request(connection: Connection) -> None:
    connection.reset()


def reset_within_request(connection: Connection) -> None:
    connection.read_some()
    connection.reset()


def reset_after_request(connection: Connection) -> None:
    connection.read_request()
    connection.reset()


def closed_without_answer(connection: Connection) -> None:
    connection.read_request()
    connection.close()


def lost_reply(connection: Connection) -> None:
    for _ in forwarded(connection):
        connection.reset()
    connection.close()


def truncated_head(connection: Connection) -> None:
    for head, _ in forwarded(connection):
        connection.send(head[: len(head) // 2])
    connection.close()


def truncated_body(connection: Connection) -> None:
    for head, body in forwarded(connection):
        connection.send(head + b"\r\n\r\n" + body[: len(body) // 2])
    connection.close()


def garbled_reply(connection: Connection) -> None:
    connection.read_request()
    connection.send(b"\x16\x03\x01\x00\xf0 SSH-2.0-no-http\r\n\r\n\x00\xff")
    connection.close()


def garbled_after_success(connection: Connection) -> None:
    for head, body in forwarded(connection):
        connection.send(bytes(byte ^ 0x55 for byte in head + b"\r\n\r\n" + body))
    connection.close()


def duplicate_delivery(connection: Connection) -> None:
    """Something on the way sends the request twice; the client sees the first answer."""
    for head, body in forwarded(connection):
        connection.server.forward(connection.server.requests[-1])
        connection.send(head + b"\r\nConnection: close\r\n\r\n" + body)
    connection.close()


def stall_after_connect(connection: Connection) -> None:
    connection.wait_until_client_leaves()
    connection.close()


def stall_before_headers(connection: Connection) -> None:
    connection.read_request()
    connection.wait_until_client_leaves()
    connection.close()


def stall_within_headers(connection: Connection) -> None:
    for head, _ in forwarded(connection):
        connection.send(head[: len(head) // 2])
        connection.wait_until_client_leaves()
    connection.close()


def stall_within_body(connection: Connection) -> None:
    for head, body in forwarded(connection):
        connection.send(head + b"\r\n\r\n" + body[: len(body) // 2])
        connection.wait_until_client_leaves()
    connection.close()


def slow_headers(connection: Connection) -> None:
    """A header that goes on, one byte at a time."""
    for head, _ in forwarded(connection):
        connection.send(head + b"\r\nX-Slow: ")
        while not connection.wait_until_client_leaves(30):
            connection.send(b".")
    connection.close()


def slow_body(connection: Connection) -> None:
    """A body that goes on, one byte at a time."""
    for head, _ in forwarded(connection):
        connection.send(head.partition(b"\r\n")[0] + b"\r\nContent-Length: 1000000\r\n\r\n")
        while not connection.wait_until_client_leaves(30):
            connection.send(b" ")
    connection.close()


def endless_headers(connection: Connection) -> None:
    connection.read_request()
    connection.send(b"HTTP/1.1 200 OK\r\n")
    with contextlib.suppress(OSError):
        while True:
            connection.send(b"X-More: and more\r\n" * 500)
    connection.close()


def status(code: int, *headers: str) -> Behaviour:
    """An answer by something in front of the gateway, which never sees the request."""

    def refuse(connection: Connection) -> None:
        connection.read_request()
        lines = [f"HTTP/1.1 {code} No", *headers, "Content-Length: 0", "Connection: close"]
        connection.send("\r\n".join([*lines, "", ""]).encode())
        connection.close()

    refuse.__name__ = "_".join([f"status_{code}", *(h.partition(":")[0] for h in headers)])
    return refuse


def bad_gateway_after_success(connection: Connection) -> None:
    for _ in forwarded(connection):
        connection.send(
            b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
    connection.close()
