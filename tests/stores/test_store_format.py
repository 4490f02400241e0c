"""What a credential file holds: objects that people can read, and the official SDK's two keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ath.errors import ATHError
from ath.stores.base import CredentialKey
from ath.stores.credential_file import FORMAT, DamagedError, parse, read_record
from ath.stores.files import FileStore, FolderStore
from ath.stores.record import Record, Registration

from .support import (
    ALICE,
    BOB,
    KEY,
    error_of,
    json_values,
    outcome,
    record,
    refused_writes,
    state_of,
    value_in,
)

OFFICIAL = json.dumps({"client_id": "c-1", "client_secret": "canary-secret"})
FOREIGN = ['{"name": "tool", "dependencies": {}}', "[]", "7", '"text"', "null", "{}",
           '{"client_id": 1, "client_secret": "x"}', '{"client_id": "x"}',
           '{"format": "other", "version": 1, "records": {}}']  # fmt: skip


def entries(file: Path) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = json.loads(file.read_text())["records"]
    return records


def test_a_file_holds_each_record_as_an_object_with_its_key(file: Path) -> None:
    text = json.dumps({"client_id": "c-1", "tokens": [{"access_token": "t"}], "expires_at": 1.5})
    store = FileStore(file)
    for key in (KEY, ALICE, ALICE._replace(registered=True)):
        store.put(key, text)
    agent = {"implementor": KEY.implementor, "agent_id": KEY.agent_id, "user": None}
    assert entries(file) == [
        agent | json.loads(text),
        agent | {"user": "alice"} | json.loads(text),
        agent | {"user": "alice", "registered": True} | json.loads(text),
    ]


def test_a_folders_file_is_one_of_the_same_format(tmp_path: Path) -> None:
    FolderStore(tmp_path).replace(ALICE, None, record("x"))
    [file] = tmp_path.glob("*.json")
    assert value_in(FileStore(file).load(ALICE)) == "x"


def test_each_record_is_on_a_line_of_its_own(file: Path) -> None:
    store = FileStore(file)
    for number in range(10):
        store.put(KEY._replace(user=str(number)), record(f"line {number}\n"))
    lines = file.read_text().splitlines()
    assert len([line for line in lines if "line " in line]) == 10


def test_a_file_that_was_laid_out_by_hand_is_read_and_compared_as_the_same(file: Path) -> None:
    text = json.dumps({"client_id": "c-1", "tokens": [1, 2], "unknown": {"b": 1, "a": [None]}})
    store = FileStore(file)
    store.put(KEY, text)
    document = json.loads(file.read_text())
    [entry] = document["records"]
    document["records"] = [dict(reversed(entry.items()))]
    file.write_text(json.dumps(document, indent=4))
    assert json.loads(store.load(KEY) or "") == json.loads(text)
    assert store.replace(KEY, text, record("new"))


def test_a_key_is_what_its_entry_says_with_defaults(file: Path) -> None:
    records = [
        {"implementor": "i", "agent_id": "a", "client_id": "agent"},
        {"client_id": "alice", "user": "alice", "agent_id": "a", "implementor": "i"},
        {"implementor": "i", "agent_id": "a", "user": "alice", "registered": True},
    ]
    file.write_text(json.dumps({"format": FORMAT, "version": 1, "records": records}))
    file.chmod(0o600)
    assert list(FileStore(file).keys()) == [
        CredentialKey("i", "a"), CredentialKey("i", "a", "alice"),
        CredentialKey("i", "a", "alice", True),
    ]  # fmt: skip
    assert FileStore(file).load(CredentialKey("i", "a", "alice")) == '{"client_id": "alice"}'


def test_what_a_record_holds_beside_what_is_known_is_kept(file: Path) -> None:
    store = FileStore(file)
    store.put(ALICE, json.dumps({"client_id": "c", "of a later release": {"x": [1.5, None]}}))
    store.put(BOB, record("x"))
    assert json.loads(FileStore(file).load(ALICE) or "")["of a later release"] == {"x": [1.5, None]}


@pytest.mark.parametrize(
    "text",
    [
        *("", "one", "[]", "7", "null", '"text"', '{"a": 1', '{"a":' * 100_000, "1" * 5000),
        *('{"a": NaN}', '{"a": Infinity}', '{"a": 1e999}'),
        *('{"user": "x"}', '{"registered": true}', '{"implementor": "x"}', '{"agent_id": null}'),
    ],
    ids=lambda text: text[:20],
)
def test_a_record_that_a_file_could_not_show_is_an_invalid_argument(file: Path, text: str) -> None:
    store = FileStore(file)
    store.put(KEY, record("kept"))
    before = state_of(file)
    for call in (
        lambda: store.replace(KEY, store.load(KEY), text),
        lambda: store.replace(ALICE, None, text),
        lambda: store.put(KEY, text),
    ):
        error = error_of(call)
        assert error.code == "INVALID_ARGUMENT"
        assert error.__cause__ is None
        assert error.__context__ is None
    assert state_of(file) == before


@pytest.mark.parametrize("content", FOREIGN)
@pytest.mark.parametrize("mode", [0o644, 0o600])
def test_a_foreign_file_is_refused_and_untouched(file: Path, content: str, mode: int) -> None:
    file.write_text(content)
    file.chmod(mode)
    before = state_of(file)
    for error in [*refused_writes(file), error_of(lambda: read_record(file, KEY))]:
        assert error.code == "INVALID_CREDENTIALS"
        assert str(file) in error.message
    assert state_of(file) == before


@pytest.mark.parametrize("version", [2, 99, "1", None, 0, 1.5])
@pytest.mark.parametrize("mode", [0o644, 0o600])
def test_another_format_version_is_refused_and_untouched(
    file: Path, version: Any, mode: int
) -> None:
    file.write_text(json.dumps({"format": FORMAT, "version": version, "records": []}))
    file.chmod(mode)
    before = state_of(file)
    for error in [*refused_writes(file), error_of(lambda: read_record(file, KEY))]:
        assert error.code == "INVALID_CREDENTIALS"
        assert f"version {version!r}" in error.message
    assert state_of(file) == before


def test_the_official_sdks_file_is_read(file: Path) -> None:
    file.write_text(OFFICIAL)
    file.chmod(0o600)
    for text in (FileStore(file).load(KEY), read_record(file, KEY).to_text(0)):
        held = Record.from_text(text).registration
        assert held == Registration("c-1", "canary-secret")
    assert FileStore(file).load(ALICE) is None
    assert list(FileStore(file).keys()) == []
    assert file.read_text() == OFFICIAL


def test_the_official_registration_survives_until_the_agents_own_is_written(file: Path) -> None:
    file.write_text(OFFICIAL)
    file.chmod(0o600)
    one = FileStore(file)
    official = one.load(KEY)
    one.put(ALICE, record("alice's"))
    assert FileStore(file).load(KEY) == official
    assert list(one.keys()) == [ALICE]
    assert value_in(FileStore(file).load(ALICE)) == "alice's"
    assert one.replace(KEY, official, record("own"))
    assert value_in(FileStore(file).load(KEY)) == "own"
    assert value_in(FileStore(file).load(ALICE)) == "alice's"
    assert "canary" not in file.read_text()


def test_the_official_registration_can_be_deleted(file: Path) -> None:
    file.write_text(OFFICIAL)
    file.chmod(0o600)
    store = FileStore(file)
    assert not store.delete(ALICE)
    assert not store.delete(KEY, record("other"))
    assert store.delete(KEY, store.load(KEY))
    assert store.load(KEY) is None


@given(st.binary() | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_content_is_records_damaged_or_refused(content: bytes) -> None:
    try:
        found = outcome(lambda: parse(content, Path("x")))
    except DamagedError:
        return
    if isinstance(found, ATHError):
        assert found.code == "INVALID_CREDENTIALS"
    else:
        assert all(isinstance(json.loads(text), dict) for text in found.values())


@given(st.lists(json_values | st.dictionaries(st.sampled_from(KEY._fields), json_values)))
def test_any_entries_are_records_or_damaged(items: list[Any]) -> None:
    document = {"format": FORMAT, "version": 1, "records": items}
    try:
        found = parse(json.dumps(document).encode(), Path("x"))
    except DamagedError:
        return
    for key in found:
        assert isinstance(key.implementor + key.agent_id + (key.user or ""), str)
        assert isinstance(key.registered, bool)
