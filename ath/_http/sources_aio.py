"""The sources of sources.py in an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable

from ..errors import ATHError
from .failures import UploadError
from .sources import Source, slices


async def pull_pieces(source: Source | None) -> AsyncGenerator[bytes, None]:
    """The bytes of a source from its beginning, in pieces of limited size.

    Raises:
        ATHError: INVALID_ARGUMENT for what is not bytes.
        UploadError: reading failed.
    """
    if source is None:
        return
    if source.blocks or not isinstance(source.content, AsyncIterable):
        parts = source.pieces()
        wait = asyncio.to_thread if source.blocks else _call
        while part := await wait(next, parts, b""):
            yield part
            del part  # an error tracker records the variables of a frame that raises
        return
    try:
        async for piece in source.begin():
            for part in slices(piece):
                yield part
            piece = part = b""
    except ATHError:
        raise
    except Exception as error:
        failed = UploadError(error)
    else:
        return
    raise failed


async def _call(function: Callable[..., bytes], *arguments: object) -> bytes:
    """Call it here, as asyncio.to_thread does in a thread."""
    return function(*arguments)
