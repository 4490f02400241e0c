"""Who an agent is: its identity document, and the attestations signed with the key in it."""

from __future__ import annotations

import ipaddress
import json
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeGuard
from urllib.parse import urlsplit

import httpx
import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ._errors import Refused
from ._loopback import loopback_client

CACHE_SECONDS = 300
REFETCH_SECONDS = 60
CLOCK_WINDOW = 300
MAX_DOCUMENT = 64 * 1024


class KeyPair(Protocol):
    """A key that tells its public half, such as `ath.AgentKey`."""

    @property
    def public_jwk(self) -> Mapping[str, Any]:
        """The public key as a JWK."""
        ...


PublicKey = (
    Mapping[str, Any]
    | str
    | bytes
    | ec.EllipticCurvePublicKey
    | ec.EllipticCurvePrivateKey
    | KeyPair
)


def load_public_key(material: object) -> ec.EllipticCurvePublicKey:
    """The P-256 public key in a JWK, a PEM or a key object; ValueError for anything else."""
    material = getattr(material, "public_jwk", material)
    if isinstance(material, Mapping):
        # Only the public members are looked at: a document may have leaked its private part.
        members = {name: material.get(name) for name in ("kty", "crv", "x", "y")}
        try:
            material = jwt.PyJWK.from_dict(members, algorithm="ES256").key
        except (jwt.PyJWTError, TypeError, ValueError, AttributeError) as error:
            raise ValueError("the public key is not a usable P-256 JWK") from error
    if isinstance(material, str | bytes):
        pem = material.encode() if isinstance(material, str) else material
        try:
            material = serialization.load_pem_public_key(pem)
        except (ValueError, UnsupportedAlgorithm):
            # A private key's PEM is taken for its public half: convenient in tests.
            try:
                material = serialization.load_pem_private_key(pem, None)
            except (ValueError, TypeError, UnsupportedAlgorithm) as error:
                raise ValueError("the public key is not a PEM public key") from error
    if isinstance(material, ec.EllipticCurvePrivateKey):
        material = material.public_key()
    if not isinstance(material, ec.EllipticCurvePublicKey) or material.curve.name != "secp256r1":
        raise ValueError("the public key is not on the curve P-256")
    return material


def is_loopback(host: str | None) -> bool:
    """Whether a host names this machine without asking a resolver."""
    if host is None:
        return False
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def valid_agent_id(agent_id: str) -> bool:
    """Whether an agent may be called that: https, or http on loopback."""
    try:
        parts = urlsplit(agent_id)
        host = parts.hostname
    except ValueError:
        return False
    if not host or parts.username is not None or parts.fragment:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))


@dataclass
class _Cached:
    key: ec.EllipticCurvePublicKey
    fetched: float


class Identities:
    """The public keys of agents: published to this gateway, or fetched and cached."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._published: dict[str, ec.EllipticCurvePublicKey] = {}
        self._cache: dict[str, _Cached] = {}
        self._refetched: dict[str, float] = {}

    def publish(self, agent_id: str, public_key: PublicKey) -> None:
        """Answer for an identity document, so that nothing has to be fetched."""
        key = load_public_key(public_key)
        with self._lock:
            self._published[agent_id] = key

    def key(self, agent_id: str) -> ec.EllipticCurvePublicKey:
        """The agent's key, at most five minutes old."""
        with self._lock:
            if agent_id in self._published:
                return self._published[agent_id]
            cached = self._cache.get(agent_id)
            if cached is not None and 0 <= self._clock() - cached.fetched < CACHE_SECONDS:
                return cached.key
        return self._fetch(agent_id)

    def fresh_key(self, agent_id: str) -> ec.EllipticCurvePublicKey | None:
        """The key fetched anew after a bad signature; None more than once a minute per agent."""
        with self._lock:
            if agent_id in self._published:
                return None
            now = self._clock()
            if now - self._refetched.get(agent_id, float("-inf")) < REFETCH_SECONDS:
                return None
            self._refetched[agent_id] = now
        return self._fetch(agent_id)

    def _fetch(self, agent_id: str) -> ec.EllipticCurvePublicKey:
        parts = urlsplit(agent_id)
        if parts.scheme != "http" or not is_loopback(parts.hostname):
            raise Refused(
                "INVALID_ATTESTATION",
                "the agent's identity document is not on loopback and was not published here",
            )
        try:
            document = json.loads(_download(agent_id))
            if document["agent_id"] != agent_id:
                raise ValueError("the document names another agent")
            key = load_public_key(document["public_key"])
        except (httpx.HTTPError, ValueError, LookupError, TypeError, RecursionError) as error:
            raise Refused(
                "INVALID_ATTESTATION", "the agent's identity document could not be used"
            ) from error
        with self._lock:
            self._cache[agent_id] = _Cached(key, self._clock())
        return key


def _download(url: str) -> bytes:
    with (
        loopback_client(timeout=5) as client,
        client.stream("GET", url, headers={"Accept": "application/json"}) as reply,
    ):
        if reply.status_code != 200:
            raise ValueError(f"answered {reply.status_code}")
        body = b""
        for chunk in reply.iter_bytes():
            body += chunk
            if len(body) > MAX_DOCUMENT:
                raise ValueError("larger than an identity document may be")
        return body


class Verifier:
    """Checks attestations and remembers their `jti` until they expire."""

    def __init__(
        self, identities: Identities, clock: Callable[[], float], *, keep_refused: bool
    ) -> None:
        self._identities = identities
        self._clock = clock
        self._keep_refused = keep_refused
        self._lock = threading.Lock()
        self._used: dict[tuple[str, str], float] = {}

    @contextmanager
    def attested(self, attestation: object, agent_id: str, audience: str) -> Generator[None]:
        """Go on only if this agent signed this attestation for this audience just now.

        The block is the rest of the request: whether its refusal gives the `jti` back depends on
        `keep_refused`.
        """
        claims = self._signed(attestation, agent_id)
        jti, expires = claims.get("jti"), claims.get("exp")
        if not isinstance(jti, str) or not jti:
            raise Refused("INVALID_ATTESTATION", "the attestation has no jti")
        if not _is_number(expires):
            raise Refused("INVALID_ATTESTATION", "the attestation has no exp")
        # From here on the attestation is known to be the agent's, so its jti counts; before,
        # anybody could have used up somebody else's.
        self._use((agent_id, jti), float(expires))
        try:
            self._check_claims(claims, agent_id, audience)
            yield
        except Refused:
            if not self._keep_refused:
                with self._lock:
                    self._used.pop((agent_id, jti), None)
            raise

    def _signed(self, attestation: object, agent_id: str) -> dict[str, Any]:
        if not isinstance(attestation, str):
            raise Refused("INVALID_ATTESTATION", "agent_attestation is missing or not text")
        key: ec.EllipticCurvePublicKey | None = self._identities.key(agent_id)
        while key is not None:
            try:
                # Times and audience are checked against this gateway's own clock and rules.
                return jwt.decode(
                    attestation,
                    key,
                    algorithms=["ES256"],
                    options={
                        "verify_exp": False,
                        "verify_iat": False,
                        "verify_nbf": False,
                        "verify_aud": False,
                        "verify_iss": False,
                        "verify_sub": False,
                        "verify_jti": False,
                    },
                )
            except jwt.InvalidSignatureError:
                key = self._identities.fresh_key(agent_id)
            except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
                raise Refused("INVALID_ATTESTATION", "not an ES256-signed JWT") from error
        raise Refused("INVALID_ATTESTATION", "the signature is not by the agent's key")

    def _use(self, entry: tuple[str, str], expires: float) -> None:
        now = self._clock()
        with self._lock:
            self._used = {key: until for key, until in self._used.items() if until > now}
            if entry in self._used:
                raise Refused("INVALID_ATTESTATION", "the attestation has been used before")
            self._used[entry] = expires

    def _check_claims(self, claims: dict[str, Any], agent_id: str, audience: str) -> None:
        now = self._clock()
        # Written so that NaN, which JSON as Python reads it may hold, is refused too.
        if not claims["exp"] > now:
            raise Refused("INVALID_ATTESTATION", "the attestation has expired")
        issued = claims.get("iat")
        if not _is_number(issued) or not abs(now - issued) <= CLOCK_WINDOW:
            raise Refused("INVALID_ATTESTATION", "iat is not within five minutes of now")
        named = claims.get("aud")
        if audience not in (named if isinstance(named, list) else [named]):
            raise Refused("INVALID_ATTESTATION", f"the audience is not {audience}")
        if claims.get("sub") != agent_id:
            raise Refused("AGENT_IDENTITY_MISMATCH", "sub is not the agent of this request")
        host = urlsplit(agent_id).netloc
        origin = f"{urlsplit(agent_id).scheme}://{host}"
        if claims.get("iss") not in (agent_id, host, urlsplit(agent_id).hostname, origin):
            raise Refused("INVALID_ATTESTATION", "iss is neither the agent nor its domain")


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
