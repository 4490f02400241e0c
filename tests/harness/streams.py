"""Streamed answers of both kinds of client, used as if they were sync."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Any

from .clients import AnyClient, Kind


class AnyStream:
    """The context manager that ``stream()`` of either kind returns."""

    def __init__(self, kind: Kind, manager: Any) -> None:
        self.kind, self.manager = kind, manager

    def __enter__(self) -> AnyAnswer:
        if self.kind.name == "sync":
            return AnyAnswer(self.kind, self.manager.__enter__())
        return AnyAnswer(self.kind, self.kind.runner.run(self.manager.__aenter__()))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> Any:
        if self.kind.name == "sync":
            return self.manager.__exit__(kind, error, traceback)
        return self.kind.runner.run(self.manager.__aexit__(kind, error, traceback))


class AnyAnswer:
    """A streamed answer of either kind; ``raw`` is the answer itself."""

    def __init__(self, kind: Kind, raw: Any) -> None:
        self.kind, self.raw = kind, raw

    def __getattr__(self, name: str) -> Any:
        return getattr(self.raw, name)

    def read(self) -> bytes:
        body: bytes = self.kind.run(self.raw.read())
        return body

    def iter(self, what: str) -> Iterator[Any]:
        """``iter_bytes``, ``iter_lines`` or ``iter_events``, by its last word."""
        if self.kind.name == "sync":
            yield from getattr(self.raw, f"iter_{what}")()
            return
        found = getattr(self.raw, f"aiter_{what}")()

        async def following() -> Any:
            return await anext(found, None)

        while (item := self.kind.runner.run(following())) is not None:
            yield item


def stream(
    client: AnyClient, method: str = "GET", path: str = "/x", *body: Any, **options: Any
) -> AnyStream:
    """stream() of either mode and kind."""
    where = [client.provider] if client.mode == "gateway" else []
    return AnyStream(client.kind, client.raw.stream(*where, method, path, *body, **options))
