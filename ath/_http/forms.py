"""Form data and files, written by httpx's own encoder."""

from __future__ import annotations

from typing import Any

from ..errors import ATHError
from .sources import Source


def encode_form(data: Any, files: Any) -> tuple[Source, str]:
    """What an httpx client sends for ``data=`` and ``files=``: the content, and its media type.

    Raises:
        ATHError: INVALID_ARGUMENT for what httpx does not take.
    """
    import httpx  # slow to import, and few calls send forms

    if data is not None and not hasattr(data, "items"):
        raise ATHError("INVALID_ARGUMENT", "data must be a mapping of names to values.")
    try:
        request = httpx.Request("POST", "http://form.invalid", data=data, files=files)
    except Exception as error:  # its text may quote what was passed
        reason = type(error).__name__
    else:
        length = request.headers.get("content-length")
        source = Source(
            request.stream,
            None if length is None else int(length),
            again=length is not None,
            blocks=bool(files),
        )
        return source, request.headers.get("content-type", "application/x-www-form-urlencoded")
    raise ATHError("INVALID_ARGUMENT", f"httpx cannot encode these data and files ({reason}).")
