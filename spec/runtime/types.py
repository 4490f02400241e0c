"""Calls and their answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Generic, NamedTuple, Self, TypeVar, cast
from urllib.parse import urlencode

from attrs import evolve, field, frozen

from ._writing import to_pairs
from .errors import FieldError, ResponseError

S = TypeVar("S")
E = TypeVar("E")


class Answer(NamedTuple):
    """How the body of an answer is read, for the statuses from ``first`` to ``last``."""

    first: int
    last: int
    media_type: str | None = None
    """Without one the body means nothing."""
    read: Callable[[Any], Any] | None = None


@frozen(kw_only=True, eq=False)
class PreparedCall(Generic[S, E]):
    """One call as it goes over the wire, and how its answers are read. Sends nothing itself.

    Success values are of the type ``S``, error bodies of ``E``.
    """

    method: str
    path: str
    """Escaped; belongs after the base URL."""
    query: list[tuple[str, str]] = field(factory=list, repr=False)
    headers: dict[str, str] = field(factory=dict, repr=False)
    cookies: dict[str, str] = field(factory=dict, repr=False)
    media_type: str | None = None
    """Without one there is no body."""
    body: Any = field(default=None, repr=False)
    """The body as JSON."""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """What it holds that must not be shown (x-ath-secret)."""
    answers: tuple[Answer, ...] = field(repr=False)

    def __attrs_post_init__(self) -> None:
        if self.media_type is not None:
            self.headers["Content-Type"] = self.media_type

    def with_headers(self, headers: Mapping[str, str], *secrets: str) -> Self:
        """The same call with more headers, such as credentials, and what in them is secret."""
        secret = (*self.secrets, *secrets)
        return evolve(self, headers={**self.headers, **headers}, secrets=secret)

    @property
    def target(self) -> str:
        """Path and query."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path

    @property
    def content(self) -> bytes | None:
        """The body as bytes.

        Raises:
            TypeError, ValueError: A value in it has no JSON.
        """
        if self.media_type is None:
            return None
        if self.media_type == "application/x-www-form-urlencoded":
            return urlencode(to_pairs(self.body)).encode()
        return json.dumps(
            self.body, ensure_ascii=False, separators=(",", ":"), allow_nan=False
        ).encode()

    def response(
        self, status_code: int, headers: Mapping[str, str], content: bytes
    ) -> Response[S, E]:
        """Read an answer; never raises, whatever the body is."""
        for answer in self.answers:
            if answer.first <= status_code <= answer.last:
                parsed, problem = _read_body(answer, headers, content)
                return Response(status_code, content, headers, parsed, problem)
        problem = f"the spec describes no answer with status {status_code}"
        return Response(status_code, content, headers, None, problem)


def _read_body(
    answer: Answer, headers: Mapping[str, str], content: bytes
) -> tuple[Any, str | None]:
    """What the body says, or what is wrong with it."""
    if answer.media_type is None or answer.read is None:
        return None, None
    try:
        if answer.media_type.startswith("text/"):
            _, _, charset = headers.get("content-type", "").lower().partition("charset=")
            document = content.decode(charset.partition(";")[0].strip("\"' ") or "utf-8")
        else:
            document = json.loads(content)
    except (LookupError, RecursionError, ValueError):
        return None, f"the body is not {answer.media_type}" if content else "the body is empty"
    try:
        return answer.read(document), None
    except FieldError as error:
        return None, f"the body does not fit: {error}"
    except RecursionError:
        return None, "the body is nested too deeply"


@frozen
class Response(Generic[S, E]):
    """An answer, whatever it was."""

    status_code: int
    content: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    parsed: S | E | None
    """The success value or the error body; None if there is none or it does not fit."""
    problem: str | None = None
    """What is wrong with the answer; None if it is as the spec says. Never shows values."""

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx and the body is what the spec says."""
        return 200 <= self.status_code <= 299 and self.problem is None

    def value(self) -> S:
        """The success value.

        Raises:
            ResponseError: There is none.
        """
        if self.is_success:
            return cast(S, self.parsed)
        raise ResponseError(self)
