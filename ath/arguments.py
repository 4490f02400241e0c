"""What users pass in, for type checkers: the dicts of a registration, and a timeout.

Without ``from __future__ import annotations``: at run time NotRequired is not seen in a string.
"""

from collections.abc import AsyncIterable, Callable, Iterable
from typing import Literal, NotRequired, Protocol, TypedDict, runtime_checkable

from ._lazy import futures

__all__ = ["Developer", "ProviderScopes"]


class Developer(TypedDict):
    """Who answers for the agent, as register() takes it; a ``DeveloperInfo`` does as well."""

    name: str
    """The person's or company's name."""
    id: str
    """The developer's identifier."""
    contact: NotRequired[str | None]
    """Whom to write to about security."""


class ProviderScopes(TypedDict):
    """A provider and the scopes wanted there; a ``ProviderScopeRequest`` does as well."""

    provider_id: str
    """The provider."""
    scopes: list[str]
    """The scopes wanted."""


@runtime_checkable
class Timeout(Protocol):
    """An ``httpx.Timeout``, without the import of httpx that its name would take."""

    def as_dict(self) -> dict[str, float | None]:
        """Seconds by phase: connect, read, write, pool."""
        ...


class ReadableFile(Protocol):
    """A file open for reading bytes; with ``seek`` and ``tell`` it can be sent again."""

    def read(self, size: int, /) -> bytes:
        """The next bytes; none at the end."""
        ...


Content = bytes | str | ReadableFile | Iterable[bytes] | AsyncIterable[bytes]
"""What stream() sends; only async clients send what is iterated async."""


Show = Callable[[str], object]
"""Brings the URL of a consent page to the user, such as ``print``.

For async clients it may be a coroutine function; a plain one is called in the event loop.
"""

Page = Literal["granted", "denied", "failed"]
"""What a browser that came back is told."""


@runtime_checkable
class Receiver(Protocol):
    """What waits for the browser at the redirect URI, such as :class:`ath.LoopbackReceiver`.

    None of its methods may wait.
    """

    @property
    def redirect_uri(self) -> str:
        """The URI that it listens at, as it is registered."""
        ...

    @property
    def callback(self) -> "futures.Future[str]":
        """Gets the URL that the next browser comes with; it must not be cancellable."""
        ...

    def open(self) -> None:
        """Begin to listen."""
        ...

    def answer(self, page: Page) -> None:
        """Answer the browser that came; after ``failed``, another one is waited for."""
        ...

    def close(self) -> None:
        """Stop listening; a second call does nothing."""
        ...
