"""A key that cannot be loaded or saved shows in no frame and in no text of its error."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ath import (
    AgentKey,
    ATHError,
    ATHGatewayClient,
    agent_identity_document,
    check_identity,
    sign_attestation,
)
from ath.stores import private_file

from .canaries import KEY, PASSWORD, PEM, Canaries
from .test_secrets_in_frames import caught, frames_of

DEVELOPER: Any = {"name": "Acme", "id": "acme"}
AGENT_ID = "https://agent.example/agent.json"
DAMAGED = PEM.replace("-----END", "=-----END", 1).replace(PEM.splitlines()[1][:4], "????", 1)


def check(error: ATHError, *public: str) -> None:
    """Search all frames of the library but those of the functions that the caller called."""
    canaries = Canaries()
    canaries.known |= set(DAMAGED.splitlines()[1:-1])
    searched = 0
    for where, variables in frames_of(error):
        file, _, function = where.rpartition(":")
        if "/ath/" in file and function not in public:
            searched += 1
            for name, value in variables.items():
                canaries.check_text(repr(value), f"{where} {name}")
    assert searched > 0, "no frame of the library was searched"
    shown = "".join(traceback.format_exception(error))
    canaries.check_text(f"{error} {error!r} {error.details} {shown}", "the error")


def test_a_damaged_key_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_KEY", DAMAGED)
    check(caught(lambda: AgentKey.from_env("AGENT_KEY")))
    monkeypatch.setenv("AGENT_KEY", PEM)
    check(caught(lambda: AgentKey.from_env("AGENT_KEY", password=PASSWORD)), "from_env")


def test_a_damaged_key_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "agent.pem"
    file.write_text(DAMAGED)
    check(caught(lambda: AgentKey.load(file)))
    check(caught(lambda: ATHGatewayClient("https://gateway.example", AGENT_ID, file)))
    check(
        caught(lambda: ATHGatewayClient("https://gateway.example", AGENT_ID, DAMAGED)), "__init__"
    )
    check(
        caught(lambda: sign_attestation(DAMAGED, agent_id=AGENT_ID, audience="https://g.example")),
        "sign_attestation",
    )
    file.write_text(PEM)
    check(caught(lambda: AgentKey.load(file, password=PASSWORD)), "load")


PRIVATE_JWK = {**AgentKey(KEY).public_jwk, "d": PEM.splitlines()[1]}


@pytest.mark.parametrize("key", [PEM, PEM.encode(), DAMAGED, PRIVATE_JWK])
@pytest.mark.parametrize(
    "publish",
    [
        lambda key: agent_identity_document(AGENT_ID, key, name="Acme", developer=DEVELOPER),
        lambda key: check_identity(AGENT_ID, key),
    ],
)
def test_a_private_key_where_a_public_one_belongs(
    publish: Callable[[Any], object], key: object
) -> None:
    error = caught(lambda: publish(key))
    assert error.code == "INVALID_KEY"
    assert "This is a private key: pass an AgentKey or the public key." in str(error)
    check(error)


@pytest.mark.parametrize(
    "call",
    [
        lambda: AgentKey.load(PEM),
        lambda: AgentKey.from_env(PEM),
        lambda: AgentKey(KEY).save(PEM),
    ],
)
def test_a_key_where_a_name_or_path_belongs(call: Callable[[], object]) -> None:
    error = caught(call)
    assert error.code == "INVALID_ARGUMENT"
    Canaries().check_text(f"{error} {error!r} {error.details}", "the error")


def test_a_key_whose_file_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(private_file.os, "fsync", fail)
    key = AgentKey(KEY)
    check(caught(lambda: key.save(tmp_path / "agent.pem")))
    check(caught(lambda: key.save(tmp_path / "agent.pem", password=PASSWORD)), "save")
    check(caught(lambda: key.save(tmp_path / "agent.pem", password=PASSWORD * 60)), "save")
