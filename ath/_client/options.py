"""What the constructor was given, checked."""

from __future__ import annotations

import os
from base64 import urlsafe_b64encode

from .._protocol.arguments import require_text
from ..errors import ATHError
from ..stores.base import AsyncCredentialStore, CredentialStore, has_coroutines

AnyStore = CredentialStore | AsyncCredentialStore


def open_store(
    credentials: str | os.PathLike[str] | AnyStore | None, *, awaits: bool
) -> AnyStore | None:
    """The store that ``credentials=`` means, for a client that awaits or not.

    Raises:
        ATHError: INVALID_ARGUMENT.
    """
    if credentials is None:
        return None
    if isinstance(credentials, str | os.PathLike):
        from ..stores.files import FileStore  # slow to import, and only files need it

        return FileStore(credentials)
    complete = hasattr(credentials, "load") and hasattr(credentials, "replace")
    if isinstance(credentials, type) or not complete:
        raise ATHError("INVALID_ARGUMENT", "credentials must be a path or a CredentialStore.")
    if has_coroutines(credentials) and not awaits:
        raise ATHError(
            "INVALID_ARGUMENT",
            f"credentials is an async store ({type(credentials).__name__}), which only async "
            "clients can use. Pass its sync twin.",
        )
    return credentials


def check_audience(audience: object) -> str:
    """The audience as implementors write their own URL.

    Raises:
        ATHError: INVALID_ARGUMENT.
    """
    return require_text(audience, "audience").rstrip("/")


def random_text(size: int) -> str:
    """That many random bytes, as URL-safe text."""
    return urlsafe_b64encode(os.urandom(size)).rstrip(b"=").decode("ascii")
