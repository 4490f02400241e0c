"""What tests may ask afterwards: the requests that arrived and the side effects that happened."""

from __future__ import annotations

import io
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

MAX_BODY = 16 * 1024 * 1024

Operation = Literal["registrations", "sessions", "tokens", "revocations", "provider_writes"]


@dataclass(frozen=True, slots=True, repr=False)
class Record:
    """One request as it arrived, and the status it was answered with.

    `target` is the request target byte for byte; header names are in lower case.
    """

    method: str
    target: bytes
    headers: dict[str, str]
    body: bytes
    status: int

    def __repr__(self) -> str:
        return f"<{self.method} {self.path} {self.status}>"

    @property
    def path(self) -> str:
        """The target up to its query, as sent (still percent-encoded)."""
        return self.target.partition(b"?")[0].decode("latin-1")


class Counts:
    """Side effects by name, counted across threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def add(self, operation: Operation) -> None:
        """Count one more."""
        with self._lock:
            self._counts[operation] += 1

    def get(self, operation: Operation) -> int:
        """How many there were."""
        if operation not in get_args(Operation):
            raise ValueError(f"{operation!r} is none of {', '.join(get_args(Operation))}")
        with self._lock:
            return self._counts[operation]


def request_headers(environ: WSGIEnvironment) -> dict[str, str]:
    """The request's headers by lower-case name."""
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_") or name in ("CONTENT_TYPE", "CONTENT_LENGTH")
    }
    return {name: value for name, value in headers.items() if isinstance(value, str)}


def recorded(
    app: WSGIApplication, records: list[Record], clock: Callable[[], float]
) -> WSGIApplication:
    """An application that notes every request before the client sees its answer.

    It reads the body whole first: a request that was cut off on its way must do nothing. The
    `Date` it adds is the given clock's, so that a server with a wrong clock says so.
    """

    def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body: bytes = environ["wsgi.input"].read(MAX_BODY + 1)
        declared = environ.get("CONTENT_LENGTH")
        headers = request_headers(environ)
        begun: list[Record] = []

        def start(status: str, answer: list[tuple[str, str]], exc_info: Any = None) -> Any:
            if begun:  # an application that failed after all takes its answer back
                records.remove(begun.pop())
            begun.append(
                Record(
                    method=environ["REQUEST_METHOD"],
                    target=environ["REQUEST_URI"].encode("latin-1"),
                    headers=headers,
                    body=body,
                    status=int(status[:3]),
                )
            )
            records.append(begun[0])
            dated = [*answer, ("Date", formatdate(clock(), usegmt=True))]
            return start_response(status, dated, exc_info)

        if len(body) > MAX_BODY:
            start("413 Content Too Large", [("Content-Length", "0"), ("Connection", "close")])
            return []
        if declared and len(body) < int(declared):
            start("400 Bad Request", [("Content-Length", "0"), ("Connection", "close")])
            return []
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        return app(environ, start)

    return serve
