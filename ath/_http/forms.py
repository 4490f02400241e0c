"""Form data and files, written by httpx's own encoder."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ..errors import ATHError
from .sources import Source


def encode_form(data: Any, files: Any) -> tuple[Source, str]:
    """What an httpx client sends for ``data=`` and ``files=``: the content, and its media type.

    Raises:
        ATHError: INVALID_ARGUMENT for what httpx does not take.
    """
    import httpx  # slow to import, and few calls send forms

    if not isinstance(data, Mapping | None):
        raise ATHError("INVALID_ARGUMENT", "data must be a mapping of names to values.")
    with suppress(Exception):  # its text may quote what was passed
        if all(map(_can_be_read, _values(files))):
            request = httpx.Request("POST", "http://form.invalid", data=data, files=files)
            length = request.headers.get("content-length")
            source = Source(
                request.stream,
                None if length is None else int(length),
                again=length is not None,
                blocks=bool(files),
            )
            return source, request.headers.get("content-type", "application/x-www-form-urlencoded")
    raise ATHError("INVALID_ARGUMENT", "data and files must be what httpx takes as such.")


def _values(files: Any) -> list[Any]:
    pairs = files.items() if isinstance(files, Mapping) else files or ()
    return [value for _, value in pairs]


def _can_be_read(value: Any) -> bool:
    """Whether it is a file, or a tuple of httpx's form with one; httpx itself finds out later."""
    file = value[1] if isinstance(value, tuple) else value
    return isinstance(file, bytes | str) or hasattr(file, "read")
