"""What a credential file holds: its format, and the official SDK's."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from ..errors import ATHError
from .base import CredentialKey
from .record import Record, Registration

FORMAT = "ath-credentials"
VERSION = 1

ANY = ""  # the name of a record that does not say whose it is: the official SDK's


class DamagedError(Exception):
    """The file was one of ours and cannot be understood any more."""


def name_of(key: CredentialKey) -> str:
    """The name of a record."""
    return json.dumps(key)


def pick(records: dict[str, str], key: CredentialKey) -> str | None:
    """The record of that key; the agent's own may be one that does not say whose it is."""
    found = records.get(name_of(key))
    return records.get(ANY) if found is None and key.user is None else found


def read_bytes(path: Path) -> bytes:
    """The file's content.

    Raises:
        ATHError: STORAGE_ERROR.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise storage_error(path, "read", error) from error


def written(records: dict[str, str]) -> bytes:
    """The content of a file with these records."""
    document = {"format": FORMAT, "version": VERSION, "records": records}
    return json.dumps(document, indent=0).encode()


def parse(data: bytes, path: Path) -> dict[str, str]:
    """The records of a file's content, by name.

    Raises:
        ATHError: INVALID_CREDENTIALS for a foreign file or a newer format.
        DamagedError: if it was ours once.
    """
    if not data:
        return {}
    document = unreadable = object()
    with suppress(RecursionError, ValueError):  # json's error holds the whole file
        document = json.loads(data)
    if document is unreadable:
        raise DamagedError
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        return {ANY: _official(document, path)}
    if document.get("version") != VERSION:
        raise ATHError(
            "INVALID_CREDENTIALS",
            f"The credential file {str(path)!r} is of format version {document.get('version')!r}; "
            f"this release reads version {VERSION}. Use the release that wrote it.",
        )
    records = document.get("records")
    if not isinstance(records, dict) or not all(isinstance(text, str) for text in records.values()):
        raise DamagedError
    return records


def _official(document: object, path: Path) -> str:
    """The official SDK keeps two keys and does not say for whom."""
    if isinstance(document, dict):
        client_id, client_secret = document.get("client_id"), document.get("client_secret")
        if isinstance(client_id, str) and isinstance(client_secret, str):
            record = Record()
            record.keep_registration(Registration(client_id, client_secret))
            return record.to_text()
    raise ATHError("INVALID_CREDENTIALS", f"The file {str(path)!r} holds no ATH credentials.")


def read_record(path: Path, key: CredentialKey) -> Record:
    """One record of a file, for ``load_credentials``; the file is left as it is.

    Raises:
        ATHError: INVALID_CREDENTIALS, or STORAGE_ERROR if it cannot be read.
    """
    try:
        records = parse(read_bytes(path), path)
    except DamagedError:
        raise ATHError(
            "INVALID_CREDENTIALS", f"The credential file {str(path)!r} is damaged."
        ) from None
    text = pick(records, key)
    if text is None:
        others = ", ".join(sorted(records)) or "nothing"
        raise ATHError(
            "INVALID_CREDENTIALS",
            f"The credential file {str(path)!r} holds nothing for {name_of(key)}, but {others}.",
        )
    return Record.from_text(text)


def storage_error(path: Path, what: str, error: OSError) -> ATHError:
    """The error for what the system refused."""
    reason = error.strerror or type(error).__name__
    return ATHError("STORAGE_ERROR", f"The file {str(path)!r} cannot be {what}: {reason}.")
