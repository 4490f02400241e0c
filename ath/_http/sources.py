"""What a request sends piece by piece: files, iterators, and async iterators."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from functools import partial
from itertools import chain
from typing import Any

from ..errors import ATHError
from .connection import PIECE
from .failures import UploadError


class Source:
    """The content of a request, which is read while it is sent.

    Attributes:
        content: A file, or an iterable of bytes, async or not.
        length: Bytes in all, if that is known.
        blocks: Whether reading it may wait for a disk, so that an event loop leaves it to a thread.
    """

    def __init__(
        self,
        content: Any,
        length: int | None = None,
        *,
        again: bool = False,
        start: int | None = None,
        blocks: bool = False,
    ) -> None:
        self.content = content
        self.length = length
        self.blocks = blocks
        self._again = again
        self._start = start
        self._started = False

    @property
    def can_start(self) -> bool:
        """Whether it can be sent from its beginning: not begun yet, or to be rewound."""
        return self._again or not self._started

    def pieces(self) -> Iterator[bytes]:
        """Its bytes from the beginning, in pieces of limited size; nothing is read before the next.

        Raises:
            ATHError: INVALID_ARGUMENT if only an async client can read it, and later for what is
                not bytes.
            UploadError: later, if reading fails.
        """
        if not hasattr(self.content, "read") and not isinstance(self.content, Iterable):
            raise ATHError("INVALID_ARGUMENT", "Only async clients send what is iterated async.")
        return self._pull()

    def read(self) -> bytes:
        """All of it; what reading raises passes through unchanged."""
        try:
            return b"".join(self.pieces())
        except UploadError as error:
            failed = error.error
        raise failed

    def _pull(self) -> Iterator[bytes]:
        try:
            yield from chain.from_iterable(map(slices, self.begin()))
        except ATHError:
            raise
        except Exception as error:
            failed = UploadError(error)
        else:
            return
        raise failed

    def begin(self) -> Any:
        """The iterable to read, rewound if it was read before."""
        self._started = True
        if not hasattr(self.content, "read") or isinstance(self.content, AsyncIterable):
            return self.content
        if self._start is not None:
            self.content.seek(self._start)
        return iter(partial(self.content.read, PIECE), b"")


def make_source(content: Any) -> Source:
    """A source of what a user passed as ``content``.

    Raises:
        ATHError: INVALID_ARGUMENT for what is neither a file nor an iterable of bytes.
    """
    if isinstance(content, Source):
        return content
    if isinstance(content, AsyncIterable):
        again = not isinstance(content, AsyncIterator) and not hasattr(content, "read")
        return Source(content, again=again)
    if hasattr(content, "read"):
        start, length = _measure(content)
        return Source(content, length, again=start is not None, start=start, blocks=True)
    if isinstance(content, Iterable) and not isinstance(content, str | Mapping):
        return Source(content, again=not isinstance(content, Iterator))
    raise ATHError("INVALID_ARGUMENT", "content must be bytes, text, a file or an iterator.")


def slices(piece: object) -> Iterator[bytes]:
    """Parts of a piece that are small enough to be sent at once.

    Raises:
        ATHError: INVALID_ARGUMENT if it is not bytes.
    """
    if not isinstance(piece, bytes | bytearray | memoryview):
        del piece  # an error tracker records the variables of a frame that raises
        raise ATHError("INVALID_ARGUMENT", "content must be read or iterated as bytes.")
    view = memoryview(piece).cast("B")
    for start in range(0, len(view), PIECE):
        yield bytes(view[start : start + PIECE])


def _measure(file: Any) -> tuple[int | None, int | None]:
    """Where the file stands, and the bytes from there to its end; None if it cannot be rewound."""
    try:
        start = file.tell()
        end = file.seek(0, 2)
        file.seek(start)
    except (AttributeError, OSError, ValueError):
        return None, None
    return (start, end - start) if isinstance(end, int) and end >= start else (None, None)
