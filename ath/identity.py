"""The agent's identity document: making it, and checking what is published (ATH 0.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ath_api import models

from ._http.limits import Limits, parse_timeout
from ._http.messages import Base, Reply, Request, merge_headers, parse_base
from ._http.transports import open_sync
from ._json import MALFORMED, parse_json
from ._lazy import ec
from ._protocol.arguments import check_agent_id, parse_model, require_text, require_texts
from ._protocol.requests import standard_headers
from ._public_key import hide_key, is_private, jwk_thumbprint, read_public_key
from .arguments import Developer
from .errors import ATHError
from .keys import AgentKey

__all__ = ["IdentityFinding", "agent_identity_document", "check_identity"]

_LONGEST_DOCUMENT = 64 * 1024  # bytes


class IdentityFinding(NamedTuple):
    """Something that keeps a published identity document from working."""

    code: str
    """A stable word, such as NOT_HTTPS; :func:`check_identity` lists them."""
    message: str
    """What was found, as a sentence."""


def agent_identity_document(
    agent_id: str,
    key: AgentKey
    | ec.EllipticCurvePrivateKey
    | ec.EllipticCurvePublicKey
    | Mapping[str, Any]
    | str
    | bytes,
    *,
    name: str,
    developer: Developer | models.DeveloperInfo,
    capabilities: Sequence[str] = (),
) -> models.AgentIdentityDocument:
    """The document to publish at ``agent_id``: ``json.dumps(document.to_dict())``.

    Args:
        agent_id: The https URL that will serve it (http on loopback).
        key: The agent's key. For a key that a KMS keeps, its public key: as a JWK, as PEM, or as a
            key of ``cryptography``.
        name: The agent's name for people.
        developer: Who answers for the agent: name, id, and optionally contact.
        capabilities: What the agent can do.

    Raises:
        ATHError: INVALID_ARGUMENT or INVALID_KEY, saying what is wrong.
    """
    key = hide_key(key)
    return models.AgentIdentityDocument(
        ath_version="0.1",
        agent_id=check_agent_id(agent_id),
        name=require_text(name, "name"),
        developer=parse_model(developer, models.DeveloperInfo, "developer"),
        public_key=_jwk_of(key),
        capabilities=require_texts(capabilities, "capabilities") or None,
    )


def check_identity(
    agent_id: str,
    key: AgentKey
    | ec.EllipticCurvePrivateKey
    | ec.EllipticCurvePublicKey
    | Mapping[str, Any]
    | str
    | bytes,
    *,
    timeout: float = 10.0,
) -> list[IdentityFinding]:
    """Fetch the document published at ``agent_id``, and list what would keep it from working.

    The list is empty if all is well. The codes: INVALID_AGENT_ID, NOT_HTTPS, UNREACHABLE, REDIRECT
    (verifiers follow none), HTTP_STATUS (not 200), TOO_LARGE (over 64 KiB), CONTENT_TYPE (not
    application/json), INVALID_DOCUMENT, WRONG_AGENT_ID, PRIVATE_KEY (it shows a private key),
    INVALID_PUBLIC_KEY, WRONG_KEY.

    Args:
        agent_id: The URL that clients are given as ``agent_id``.
        key: The key that they sign with, as for :func:`agent_identity_document`.
        timeout: Seconds for the whole request.

    Raises:
        ATHError: INVALID_ARGUMENT or INVALID_KEY for these arguments; never for what is found.
    """
    key = hide_key(key)
    jwk = _jwk_of(key)
    limits = parse_timeout(timeout, _LONGEST_DOCUMENT)
    require_text(agent_id, "agent_id")
    if not agent_id.lower().startswith(("https://", "http://")):
        return [IdentityFinding("NOT_HTTPS", "agent_id does not begin with https://.")]
    try:
        base = parse_base(agent_id, "agent_id")
    except ATHError as error:
        return [IdentityFinding("INVALID_AGENT_ID", error.message)]
    findings: list[IdentityFinding] = []
    if base.is_plaintext:
        findings.append(IdentityFinding("NOT_HTTPS", "agent_id is not an https URL."))

    try:
        reply = _fetch(base, urlsplit(agent_id).path or "/", limits)
    except ATHError as error:
        code = "TOO_LARGE" if error.code == "RESPONSE_TOO_LARGE" else "UNREACHABLE"
        return [*findings, IdentityFinding(code, error.message)]
    return findings + _examine(reply, agent_id, jwk)


def _fetch(base: Base, path: str, limits: Limits) -> Reply:
    headers = merge_headers(standard_headers(base), [(b"Accept", b"application/json")])
    transport = open_sync(None)
    try:
        return transport.send(Request(b"GET", base, path.encode("ascii"), headers), limits)
    finally:
        transport.close()


def _jwk_of(key: object) -> dict[str, str]:
    return key.public_jwk if isinstance(key, AgentKey) else read_public_key(key)


def _examine(reply: Reply, agent_id: str, jwk: dict[str, str]) -> list[IdentityFinding]:
    if 300 <= reply.status < 400:
        found = f"The answer is a redirect ({reply.status}), which verifiers do not follow."
        return [IdentityFinding("REDIRECT", found)]
    if reply.status != 200:
        return [IdentityFinding("HTTP_STATUS", f"The answer has status {reply.status}, not 200.")]
    findings: list[IdentityFinding] = []
    media_type = (reply.header(b"content-type") or "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        found = f"The content type is {_quote(media_type)}, not application/json."
        findings.append(IdentityFinding("CONTENT_TYPE", found))
    try:
        document = parse_json(reply.body, _LONGEST_DOCUMENT)
    except MALFORMED:
        document = None
    if not isinstance(document, dict):
        found = "The answer is not a JSON object."
        return [*findings, IdentityFinding("INVALID_DOCUMENT", found)]

    try:
        models.AgentIdentityDocument.from_dict(document)
    except MALFORMED as error:
        found = f"The document does not fit: {error}."
        findings.append(IdentityFinding("INVALID_DOCUMENT", found))
    named = document.get("agent_id")
    if isinstance(named, str) and named != agent_id:
        found = f"The document's agent_id is {_quote(named)}, not the URL that it is served at."
        findings.append(IdentityFinding("WRONG_AGENT_ID", found))
    if "public_key" in document:
        findings += _examine_key(document["public_key"], jwk)
    return findings


def _examine_key(published: object, jwk: dict[str, str]) -> list[IdentityFinding]:
    if is_private(published):
        found = "The document shows a private key, which anybody may use now. Make a new key."
        return [IdentityFinding("PRIVATE_KEY", found)]
    try:
        other = read_public_key(published)
    except ATHError as error:
        return [IdentityFinding("INVALID_PUBLIC_KEY", error.message)]
    if other == jwk:
        return []
    found = (
        f"The document holds the key {jwk_thumbprint(other)}, not this one, "
        f"{jwk_thumbprint(jwk)} (thumbprints of RFC 7638)."
    )
    return [IdentityFinding("WRONG_KEY", found)]


def _quote(text: str) -> str:
    """At most 200 printable characters of it."""
    return ascii(text[:200])
