"""What a credential file holds: its format, and the official SDK's."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

from .._secret import SecretBytes, SecretText
from ..errors import ATHError
from .base import CredentialKey
from .private_file import check_path, read_file, storage_error
from .record import Record, Registration

FORMAT = "ath-credentials"
VERSION = 1

Records: TypeAlias = dict[CredentialKey, str]
"""Each record's entry in a file, as JSON: the members of its key, then its own."""

ANY = CredentialKey("", "")
"""The key of a record that does not say whose it is: the official SDK's."""


class DamagedError(Exception):
    """The file was one of ours and cannot be understood any more."""


def encode_entry(key: CredentialKey, text: str) -> str:
    """The entry of a record.

    Raises:
        ATHError: INVALID_ARGUMENT if the text is not a JSON object, or has members of a key.
    """
    with suppress(RecursionError, TypeError, ValueError):  # json's error holds the whole text
        return _join_entry(_key_members(key), text)
    raise ATHError(
        "INVALID_ARGUMENT",
        f"A record must be a JSON object without the members {', '.join(_key_members(ANY))}.",
    )


def _join_entry(names: dict[str, Any], text: str) -> SecretText:
    record = _parse_object(text)
    if names.keys() & record.keys():
        raise ValueError
    if not names["registered"]:
        del names["registered"]
    return SecretText(json.dumps(names | record, allow_nan=False))


def decode_entry(entry: str) -> str:
    """The record of an entry, without the key."""
    members = json.loads(entry)
    for name in _key_members(ANY):
        members.pop(name, None)
    return SecretText(json.dumps(members))


def is_record(entry: str | None, text: str | None) -> bool:
    """Whether the entry holds that record, however it is written; None is the missing one."""
    if entry is None or text is None:
        return entry is text
    with suppress(RecursionError, TypeError, ValueError):
        return _normalize(decode_entry(entry)) == _normalize(text)
    return False


def has_expired(entry: str, before: float) -> bool:
    """Whether the record need not be kept any longer; one without a number is kept for ever."""
    expires_at = json.loads(entry).get("expires_at")
    return isinstance(expires_at, int | float) and expires_at < before


def find_entry(records: Records, key: CredentialKey) -> str | None:
    """The entry for that key; the agent's own may be one that does not say whose it is."""
    found = records.get(key)
    return records.get(ANY) if found is None and key.user is None else found


def serialize(records: Records) -> bytes:
    """The content of a file with these records, each on a line of its own."""
    head = json.dumps({"format": FORMAT, "version": VERSION})[:-1]
    entries = ",\n".join(records.values())
    return SecretBytes(f'{head}, "records": [\n{entries}\n]}}\n'.encode())


def parse(data: bytes, path: Path) -> Records:
    """The records of a file's content.

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
        official = _official_record(document)
        del document  # an error tracker records the variables of a frame that raises
        if official is None:
            raise ATHError(
                "INVALID_CREDENTIALS", f"The file {str(path)!r} holds no ATH credentials."
            )
        return {ANY: encode_entry(ANY, official)}
    version = document.get("version")
    if version != VERSION:
        del document
        raise ATHError(
            "INVALID_CREDENTIALS",
            f"The credential file {str(path)!r} is of format version {version!r}; "
            f"this release reads version {VERSION}. Use the release that wrote it.",
        )
    entries = document.get("records")
    if not isinstance(entries, list):
        raise DamagedError
    return {_parse_key(entry): SecretText(json.dumps(entry)) for entry in entries}


def read_record(path: str | os.PathLike[str], key: CredentialKey) -> Record:
    """One record of a file, for ``load_credentials``; the content is left as it is.

    Raises:
        ATHError: INVALID_CREDENTIALS; STORAGE_ERROR if the file cannot be read, or belongs to
            another user; INVALID_ARGUMENT for what is no path.
    """
    file, records = check_path(path), None
    with suppress(DamagedError):  # which leads back to what the file holds
        try:
            records = read_file(file, lambda data: parse(data, file))
        except OSError as error:
            raise storage_error(file, "read", error) from error
    if records is None:
        raise damaged_error(file)
    entry = find_entry(records, key)
    if entry is None:
        raise ATHError(
            "INVALID_CREDENTIALS",
            f"The credential file {str(file)!r} holds nothing for {_shorten(key)}, but "
            f"{_summarize(records)}.",
        )
    return Record.from_text(decode_entry(entry))


def damaged_error(path: Path, aside: Path | None = None) -> ATHError:
    """The error for a file that cannot be understood any more."""
    moved = f" It was set aside as {aside.name!r}; nothing in it was lost." if aside else ""
    return ATHError("INVALID_CREDENTIALS", f"The credential file {str(path)!r} is damaged.{moved}")


def _key_members(key: CredentialKey) -> dict[str, Any]:
    return key._asdict()


def _parse_key(entry: object) -> CredentialKey:
    match entry:
        case {"implementor": str(implementor), "agent_id": str(agent_id), **members}:
            user, registered = members.get("user"), members.get("registered", False)
            if isinstance(user, str | None) and isinstance(registered, bool):
                return CredentialKey(implementor, agent_id, user, registered)
        case _:
            pass
    raise DamagedError


def _parse_object(text: str) -> dict[str, Any]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise TypeError
    return value


def _normalize(text: str) -> str:
    """Equal for equal objects only; Python's == takes 1 for true, and no NaN for itself."""
    return json.dumps(_parse_object(text), sort_keys=True)


def _official_record(document: object) -> str | None:
    """The official SDK keeps two members and does not say for whom; None for anything else."""
    match document:
        case {"client_id": str(client_id), "client_secret": str(client_secret)}:
            record = Record()
            record.set_registration(Registration(client_id, client_secret))
            return record.to_text(now=0)  # a registration is kept for ever
        case _:
            return None


def _summarize(records: Records) -> str:
    if not records:
        return "no other records"
    first = _shorten(next(iter(records)))
    return first if len(records) == 1 else f"{len(records):,} other records, such as {first}"


def _shorten(key: CredentialKey) -> str:
    text = json.dumps(key)
    return text if len(text) <= 200 else f"{text[:200]}…"
