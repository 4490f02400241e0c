"""The agent's key as a value: made, loaded, saved, shown."""

from __future__ import annotations

import asyncio
import copy
import os
import pickle
import stat
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from ath import (
    AgentKey,
    AsyncATHGatewayClient,
    AsyncATHNativeClient,
    ATHError,
    ATHGatewayClient,
    ATHNativeClient,
)
from ath._public_key import jwk_thumbprint, read_public_key
from ath.keys import load_signer
from ath.stores import private_file

KEY = AgentKey.generate()
PASSWORD = "opensesame-Ä"


def pem_of(key: AgentKey, form: serialization.PrivateFormat) -> str:
    return key._key.private_bytes(
        serialization.Encoding.PEM, form, serialization.NoEncryption()
    ).decode()


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def refused(code: str, call: Any) -> ATHError:
    with pytest.raises(ATHError) as caught:
        call()
    assert caught.value.code == code
    assert caught.value.__cause__ is None
    return caught.value


def test_each_generated_key_is_another_on_p_256() -> None:
    assert AgentKey.generate().thumbprint != KEY.thumbprint
    assert KEY._key.curve.name == "secp256r1"


def test_a_client_signs_with_the_key_itself() -> None:
    assert load_signer(KEY) is KEY
    signature = KEY.sign(b"data")
    assert len(signature) == 64
    assert ECAlgorithm(ECAlgorithm.SHA256).verify(b"data", KEY._key.public_key(), signature)


@pytest.mark.parametrize("password", [None, PASSWORD, b"\xff\x00", "p" * 1023])
def test_a_saved_key_is_loaded_again(tmp_path: Path, password: str | bytes | None) -> None:
    KEY.save(tmp_path / "agent.pem", password=password)
    assert AgentKey.load(str(tmp_path / "agent.pem"), password=password).thumbprint == (
        KEY.thumbprint
    )
    assert names(tmp_path) == ["agent.pem"]
    encrypted = b"ENCRYPTED" in (tmp_path / "agent.pem").read_bytes()
    assert encrypted is (password is not None)


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
def test_only_this_user_may_read_the_key_from_its_first_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "agent.pem"
    file.write_text("what anybody could read")
    file.chmod(0o644)
    modes: list[int] = []
    real = os.open

    def watch(path: Any, flags: int, mode: int = 0o777, **options: Any) -> int:
        handle = real(path, flags, mode, **options)
        if flags & os.O_CREAT:
            modes.append(stat.S_IMODE(os.fstat(handle).st_mode))
        return handle

    monkeypatch.setattr(private_file.os, "open", watch)
    before = os.umask(0)
    try:
        KEY.save(file)
    finally:
        os.umask(before)
    assert modes == [0o600]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert AgentKey.load(file).thumbprint == KEY.thumbprint


def test_a_save_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "agent.pem"
    KEY.save(file)

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(private_file.os, "fsync", fail)
    error = refused("STORAGE_ERROR", lambda: AgentKey.generate().save(file))
    assert "No space left on device" in str(error)
    assert names(tmp_path) == ["agent.pem"]
    assert AgentKey.load(file).thumbprint == KEY.thumbprint


@pytest.mark.parametrize("path", ["missing/agent.pem", "."])
def test_a_path_that_cannot_be_written_is_a_storage_error(tmp_path: Path, path: str) -> None:
    refused("STORAGE_ERROR", lambda: KEY.save(tmp_path / path))


@pytest.mark.parametrize("form", ["PKCS8", "TraditionalOpenSSL"])
@pytest.mark.parametrize("line_end", ["\n", "\\n", "\r\n"])
def test_a_key_is_read_from_an_environment_variable(
    monkeypatch: pytest.MonkeyPatch, form: str, line_end: str
) -> None:
    pem = pem_of(KEY, getattr(serialization.PrivateFormat, form))
    monkeypatch.setenv("AGENT_KEY", pem.replace("\n", line_end))
    assert AgentKey.from_env("AGENT_KEY").thumbprint == KEY.thumbprint


def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AGENT_KEY", raising=False)
    assert "AGENT_KEY" in str(refused("INVALID_KEY", lambda: AgentKey.from_env("AGENT_KEY")))
    monkeypatch.setenv("AGENT_KEY", "")
    assert "AGENT_KEY" in str(refused("INVALID_KEY", lambda: AgentKey.from_env("AGENT_KEY")))


@pytest.mark.parametrize("read", [AgentKey.from_env, AgentKey.load, KEY.save])
def test_a_key_given_for_a_name_or_path_is_not_repeated(read: Any) -> None:
    pem = pem_of(KEY, serialization.PrivateFormat.PKCS8)
    told = repr(refused("INVALID_ARGUMENT", lambda: read(pem)))
    assert not [line for line in pem.splitlines() if line in told]


@pytest.mark.parametrize("path", [None, 3, "nul\0", "\ud800", b"agent.pem"])
def test_what_is_no_path_is_refused(path: Any) -> None:
    refused("INVALID_ARGUMENT", lambda: AgentKey.load(path))
    refused("INVALID_ARGUMENT", lambda: KEY.save(path))


@pytest.mark.parametrize("password", ["", b"", 3, "p" * 1024, "\ud800"])
def test_a_password_that_encrypts_nothing_is_refused(tmp_path: Path, password: Any) -> None:
    with pytest.raises(ATHError):
        KEY.save(tmp_path / "agent.pem", password=password)
    assert names(tmp_path) == []


def test_a_wrong_or_missing_password_is_told_by_the_arguments_name(tmp_path: Path) -> None:
    file = tmp_path / "agent.pem"
    KEY.save(file, password=PASSWORD)
    assert "pass password=" in str(refused("INVALID_KEY", lambda: AgentKey.load(file)))
    error = refused("INVALID_KEY", lambda: AgentKey.load(file, password="wrong"))
    assert "password is wrong" in str(error)
    error = refused("INVALID_KEY", lambda: load_signer(KEY, PASSWORD))
    assert "private_key_password goes with a PEM" in str(error)


def test_the_public_jwk_has_the_public_members_only() -> None:
    assert set(KEY.public_jwk) == {"kty", "crv", "x", "y"}
    numbers = ECAlgorithm.from_jwk(KEY.public_jwk).public_numbers()
    assert numbers == KEY._key.public_key().public_numbers()


def test_coordinates_keep_their_leading_zeros() -> None:
    key = next(
        key
        for key in iter(AgentKey.generate, None)
        if key._key.public_key().public_numbers().x < 1 << 248
    )
    assert len(key.public_jwk["x"]) == 43
    assert read_public_key(key.public_jwk) == key.public_jwk


def test_the_thumbprint_is_that_of_rfc_7638() -> None:
    """The key of RFC 7517, appendix A.1; its thumbprint was computed with jwcrypto."""
    jwk = {
        "kty": "EC",
        "crv": "P-256",
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
        "use": "enc",
        "kid": "1",
    }
    assert jwk_thumbprint(read_public_key(jwk)) == "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s"


def test_nothing_shows_the_private_key() -> None:
    shown = f"{KEY!r} {KEY} {[KEY]} {KEY.public_jwk} {KEY.thumbprint} {KEY!s:>40}"
    assert repr(KEY) == f"<AgentKey {KEY.thumbprint}>"
    private = KEY._key.private_numbers().private_value
    assert str(private) not in shown
    assert f"{private:x}" not in shown
    assert not hasattr(KEY, "__dict__")


@pytest.mark.parametrize(
    "kind", [ATHGatewayClient, ATHNativeClient, AsyncATHGatewayClient, AsyncATHNativeClient]
)
def test_every_client_takes_the_key(kind: Any) -> None:
    client = kind("https://gateway.example", "https://agent.example/agent.json", KEY)
    attestation = client.sign_attestation()
    text = attestation if isinstance(attestation, str) else asyncio.run(attestation)
    claims = jwt.decode(
        text, KEY._key.public_key(), algorithms=["ES256"], audience="https://gateway.example"
    )
    assert claims["iss"] == "https://agent.example/agent.json"
    assert jwt.get_unverified_header(text)["kid"] == "default"


@pytest.mark.parametrize("use", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_key_is_not_pickled_or_copied(use: Any) -> None:
    refused("NOT_PICKLABLE", lambda: use(KEY))


@pytest.mark.parametrize(
    "other",
    [
        ec.generate_private_key(ec.SECP384R1()),
        KEY._key.public_key(),
        None,
        "text",
        KEY,
    ],
    ids=lambda other: type(other).__name__,
)
def test_only_a_private_key_on_p_256_makes_an_agent_key(other: Any) -> None:
    refused("INVALID_KEY", lambda: AgentKey(other))


def public_pem(key: Any) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form)  # type: ignore[no-any-return]


def test_a_public_key_is_read_in_every_form() -> None:
    public = KEY._key.public_key()
    pem = public_pem(KEY._key)
    for form in (
        KEY._key,
        public,
        pem,
        pem.decode(),
        KEY.public_jwk,
        {**KEY.public_jwk, "kid": "1"},
    ):
        assert read_public_key(form) == KEY.public_jwk


@pytest.mark.parametrize(
    "other",
    [
        None,
        "",
        b"\xff",
        "\ud800",
        {},
        {**KEY.public_jwk, "kty": "RSA"},
        {**KEY.public_jwk, "crv": "P-384"},
        {**KEY.public_jwk, "x": KEY.public_jwk["y"]},
        {**KEY.public_jwk, "x": KEY.public_jwk["x"] + "="},
        {**KEY.public_jwk, "y": KEY.public_jwk["y"][:-1]},
        {**KEY.public_jwk, "y": 3},
        {"keys": [KEY.public_jwk]},
        pem_of(KEY, serialization.PrivateFormat.PKCS8),
        ec.generate_private_key(ec.SECP384R1()),
        public_pem(ec.generate_private_key(ec.SECP384R1())),
    ],
    ids=lambda other: type(other).__name__,
)
def test_anything_else_is_no_public_key(other: Any) -> None:
    refused("INVALID_KEY", lambda: read_public_key(other))
