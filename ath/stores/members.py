"""The members of a stored record, each checked when it is read; unknown ones are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .record import Session, Token


def read_text(value: Any) -> str:
    """Text; raises TypeError for anything else."""
    if not isinstance(value, str):
        raise TypeError
    return value


def _read_texts(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list):
        raise TypeError
    return tuple(read_text(value) for value in values)


def _read_seconds(value: Any) -> float:
    if not isinstance(value, int | float):
        raise TypeError
    return float(value)


def _optional(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else read(value)


Members = Mapping[str, Callable[[Any], Any]]

TOKEN: Members = {
    "access_token": read_text,
    "provider": _optional(read_text),
    "expires_at": _optional(_read_seconds),
    "scopes": _read_texts,
    "client_id": _optional(read_text),
    "refused": bool,
    "session_id": _optional(read_text),
}
SESSION: Members = {
    "provider": read_text,
    "code_verifier": read_text,
    "opened_at": _read_seconds,
    "expires_at": _read_seconds,
    "client_id": _optional(read_text),
    "scopes": _read_texts,
    "state": _optional(read_text),
    "redirect_uri": _optional(read_text),
    "authorization_url": _optional(read_text),
    "denied": bool,
}
_REGISTRATION: Members = {
    "client_id": read_text,
    "client_secret": read_text,
    "redirect_uris": _read_texts,
}


def take_registration(item: dict[str, Any]) -> dict[str, Any]:
    """Take a registration's members out of an object."""
    return {name: read(item.pop(name)) for name, read in _REGISTRATION.items()}


def read_members(members: Members, item: dict[str, Any]) -> dict[str, Any]:
    """The members that are known, each checked, and the rest as they are."""
    known = {name: read(item[name]) for name, read in members.items() if name in item}
    others = {name: value for name, value in item.items() if name not in members}
    return {**known, "others": others}


def to_members(value: Token | Session) -> dict[str, Any]:
    """The JSON object of a token or session."""
    members = {one.name: getattr(value, one.name) for one in fields(value)}
    return {**members.pop("others"), **members}
