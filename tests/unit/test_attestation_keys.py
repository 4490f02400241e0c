"""What a user may hand in as a private key, and what is said of the rest."""

from __future__ import annotations

import base64
import datetime
import errno
import os
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from ath.errors import ATHError
from ath.keys import load_signer

from .support import outcome

PASSWORD = "opensesame-Ä"
KEY = ec.generate_private_key(ec.SECP256R1())
DATA = b"to be signed"

Format, Encoding = serialization.PrivateFormat, serialization.Encoding


def pem(
    key: Any = KEY,
    form: serialization.PrivateFormat = Format.PKCS8,
    password: str | None = None,
) -> bytes:
    encryption = (
        serialization.NoEncryption()
        if password is None
        else serialization.BestAvailableEncryption(password.encode())
    )
    return key.private_bytes(Encoding.PEM, form, encryption)  # type: ignore[no-any-return]


def public_pem(key: Any = KEY) -> bytes:
    return key.public_key().public_bytes(  # type: ignore[no-any-return]
        Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def certificate() -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "agent.example")])
    day = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(KEY.public_key())
        .serial_number(1)
        .not_valid_before(day)
        .not_valid_after(day + datetime.timedelta(days=1))
        .sign(KEY, hashes.SHA256())
    )


CERTIFICATE_PEM = certificate().public_bytes(Encoding.PEM)
PKCS8, SEC1 = pem(), pem(form=Format.TraditionalOpenSSL)
EC_PARAMETERS = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"


def pem_with(found: str, put: str) -> bytes:
    """The key's PEM, with other bytes in its DER."""
    der = KEY.private_bytes(Encoding.DER, Format.PKCS8, serialization.NoEncryption())
    assert bytes.fromhex(found) in der
    der = der.replace(bytes.fromhex(found), bytes.fromhex(put))
    label = b"-----%s PRIVATE KEY-----\n"
    return label % b"BEGIN" + base64.encodebytes(der) + label % b"END"


def assert_signs_with_the_key(signer: Any) -> None:
    from jwt.algorithms import ECAlgorithm

    algorithm = ECAlgorithm(ECAlgorithm.SHA256)
    assert algorithm.verify(DATA, KEY.public_key(), signer.sign(DATA))


@pytest.mark.parametrize("form", [PKCS8, SEC1], ids=["PKCS8", "BEGIN EC PRIVATE KEY"])
@pytest.mark.parametrize(
    "wrap",
    [
        pytest.param(bytes, id="bytes"),
        pytest.param(bytes.decode, id="text"),
        pytest.param(lambda p: p.decode().replace("\n", "\\n"), id="escaped newlines"),
        pytest.param(lambda p: p.replace(b"\n", b"\\n"), id="escaped newlines in bytes"),
        pytest.param(lambda p: p.decode().replace("\n", "\\r\\n"), id="escaped CRLF"),
        pytest.param(lambda p: p.replace(b"\n", b"\r\n"), id="CRLF"),
        pytest.param(lambda p: f'"{p.decode()}"', id="double quotes"),
        pytest.param(lambda p: f"'{p.decode()}'", id="single quotes"),
        pytest.param(lambda p: '"' + p.decode().replace("\n", "\\n") + '"\n', id="as in a .env"),
        pytest.param(lambda p: f"\n\n  {p.decode()}  \n", id="space around"),
        pytest.param(lambda p: b"\xef\xbb\xbf" + p, id="byte order mark"),
        pytest.param(lambda p: EC_PARAMETERS + p, id="with EC PARAMETERS, as openssl writes it"),
    ],
)
def test_a_pem_key_is_read_however_it_is_wrapped(form: bytes, wrap: Any) -> None:
    assert_signs_with_the_key(load_signer(wrap(form)))


@pytest.mark.parametrize("form", [Format.PKCS8, Format.TraditionalOpenSSL])
@pytest.mark.parametrize("password", [PASSWORD, PASSWORD.encode()], ids=["text", "bytes"])
def test_an_encrypted_key_is_read_with_its_password(
    form: serialization.PrivateFormat, password: str | bytes
) -> None:
    assert_signs_with_the_key(load_signer(pem(form=form, password=PASSWORD), password))


def test_a_key_is_read_from_a_path(tmp_path: Path) -> None:
    file = tmp_path / "agent.pem"
    file.write_bytes(pem(password=PASSWORD))
    assert_signs_with_the_key(load_signer(file, PASSWORD))


def test_a_key_object_is_taken_as_it_is() -> None:
    assert_signs_with_the_key(load_signer(KEY))


class PublicCloudSigner:
    """Its name says nothing of what it does."""

    def sign(self, data: bytes, /) -> bytes:
        return b"signed " + data


class AwaitedSigner:
    async def sign(self, data: bytes, /) -> bytes:
        return data


@pytest.mark.parametrize("signer", [PublicCloudSigner(), AwaitedSigner()])
def test_a_signer_is_handed_through(signer: Any) -> None:
    assert load_signer(signer) is signer


def refused(private_key: Any, password: Any = None) -> ATHError:
    with pytest.raises(ATHError) as caught:
        load_signer(private_key, password)
    assert caught.value.code == "INVALID_KEY"
    assert caught.value.status is None
    return caught.value


def material() -> list[str]:
    """What would give the keys or the password away, in pieces that survive re-wrapping."""
    texts = [PKCS8, SEC1, pem(password=PASSWORD)]
    lines = [line for text in texts for line in text.decode().splitlines() if "-----" not in line]
    return [line[:12] for line in lines] + [PASSWORD, str(KEY.private_numbers().private_value)]


@pytest.mark.parametrize(
    ("private_key", "password", "said"),
    [
        pytest.param(pem(password=PASSWORD), None, "private_key_password", id="no password"),
        pytest.param(pem(password=PASSWORD), "", "password", id="empty password"),
        pytest.param(pem(password=PASSWORD), "wrong", "password is wrong", id="wrong password"),
        pytest.param(
            pem(form=Format.TraditionalOpenSSL, password=PASSWORD),
            "wrong",
            "password is wrong",
            id="wrong password of a traditional key",
        ),
        pytest.param(PKCS8, PASSWORD, "not encrypted", id="needless password"),
        pytest.param(KEY, PASSWORD, "private_key_password goes with", id="password of an object"),
        pytest.param(PublicCloudSigner(), PASSWORD, "goes with a PEM", id="password of a signer"),
        pytest.param(pem(ec.generate_private_key(ec.SECP384R1())), None, "secp384r1", id="P-384"),
        pytest.param(ec.generate_private_key(ec.SECP521R1()), None, "secp521r1", id="P-521"),
        pytest.param(pem(ec.generate_private_key(ec.SECP256K1())), None, "secp256k1", id="bitcoin"),
        pytest.param(
            pem(rsa.generate_private_key(65537, 2048)), None, "RSAPrivateKey", id="RSA PEM"
        ),
        pytest.param(ed25519.Ed25519PrivateKey.generate(), None, "Ed25519", id="Ed25519"),
        pytest.param(pem(ed25519.Ed25519PrivateKey.generate()), None, "Ed25519", id="Ed25519 PEM"),
        pytest.param(dsa.generate_private_key(1024), None, "DSAPrivateKey", id="DSA"),
        pytest.param(public_pem(), None, "public key", id="public PEM"),
        pytest.param(KEY.public_key(), None, "public key", id="public key object"),
        pytest.param(
            ed25519.Ed25519PrivateKey.generate().public_key(), None, "public key", id="public Ed"
        ),
        pytest.param(CERTIFICATE_PEM, None, "public key", id="certificate PEM"),
        pytest.param(certificate(), None, "Certificate", id="certificate object"),
        pytest.param(PKCS8.replace(b"END", b"ENDE"), None, "damaged", id="damaged PEM"),
        pytest.param(
            pem_with("2a8648ce3d030107", "2a8648ce3d030177"), None, "damaged", id="unknown curve"
        ),
        pytest.param(pem_with("2a8648ce3d0201", "2a8648ce3d0277"), None, "damaged", id="no kind"),
        pytest.param(PKCS8[: len(PKCS8) // 2], None, "damaged", id="half a PEM"),
        pytest.param(
            KEY.private_bytes(Encoding.DER, Format.PKCS8, serialization.NoEncryption()),
            None,
            "BEGIN line",
            id="DER",
        ),
        pytest.param("agent.pem", None, "BEGIN line", id="a path as text"),
        pytest.param("", None, "BEGIN line", id="nothing"),
        pytest.param(b"\xff\x00garbage", None, "BEGIN line", id="garbage"),
        pytest.param("\ud800" + PKCS8.decode(), None, "not text", id="a lone surrogate"),
        pytest.param(pem(password=PASSWORD), "\ud800", "not text", id="a surrogate as password"),
        pytest.param(None, None, "NoneType", id="None"),
        pytest.param(KEY.private_numbers(), None, "", id="private numbers"),
        pytest.param({"kty": "EC", "d": "secret"}, None, "dict", id="a JWK"),
        pytest.param(bytearray(PKCS8), None, "bytearray", id="bytearray"),
    ],
)
def test_anything_else_is_refused_and_named_without_key_material(
    private_key: Any, password: Any, said: str
) -> None:
    error = refused(private_key, password)
    told = f"{error} {error!r} {error.details} {error.args} {error.__cause__!r}"
    assert said in told
    assert [piece for piece in material() if piece in told] == []
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing.pem", os.strerror(errno.ENOENT)),
        ("", os.strerror(errno.EISDIR)),
        ("nul\0.pem", "ValueError"),
    ],
)
def test_a_path_without_a_file_is_named(tmp_path: Path, name: str, reason: str) -> None:
    error = refused(tmp_path / name)
    assert repr(str(tmp_path / name)) in error.message
    assert f"cannot be read: {reason}." in error.message


@given(st.binary() | st.text(), st.none() | st.text() | st.binary())
def test_no_text_gives_another_exception(private_key: str | bytes, password: Any) -> None:
    refused(private_key, password)


@given(st.data())
def test_no_damaged_pem_gives_another_exception(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(PKCS8) - 1))
    end = data.draw(st.integers(start + 1, len(PKCS8)))
    damaged = PKCS8[:start] + data.draw(st.binary(max_size=4)) + PKCS8[end:]
    signer = outcome(lambda: load_signer(damaged))
    assert not isinstance(signer, ATHError) or signer.code == "INVALID_KEY"
