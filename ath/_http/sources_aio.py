"""The sources of sources.py in an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable
from typing import Any, cast

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
    try:
        content = source.begin()
        if isinstance(content, AsyncIterable) and not source.blocks:
            async for piece in content:
                for part in slices(piece):
                    yield part
            return
        pieces: Any = iter(cast("Any", content))
        end = object()
        while True:
            if source.blocks:
                piece = await asyncio.to_thread(next, pieces, end)
            else:
                piece = next(pieces, end)
            if piece is end:
                return
            for part in slices(piece):
                yield part
    except ATHError:
        raise
    except Exception as error:
        failed = UploadError(error)
    raise failed
