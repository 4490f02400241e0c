from __future__ import annotations

import base64
import json
import time
import uuid

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.harness.server import Answer

from .hostile import Agent, Attack, IdentityHost, Target, accepted, jwk, new_key, pem, refused

NOW = time.time


def signed_with_hmac_of_the_public_key(agent: Agent) -> str:
    return agent.attest(key="a secret of at least 32 bytes length", algorithm="HS256")


def without_a_signature(agent: Agent) -> str:
    header, claims, _ = agent.attest().split(".")
    nothing = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    assert header != nothing
    return f"{nothing}.{claims}."


def with_changed_claims(agent: Agent) -> str:
    header, claims, signature = agent.attest().split(".")
    changed = json.loads(base64.urlsafe_b64decode(claims + "==")) | {"jti": uuid.uuid4().hex}
    text = base64.urlsafe_b64encode(json.dumps(changed).encode()).rstrip(b"=").decode()
    return f"{header}.{text}.{signature}"


def signed_on_another_curve(agent: Agent) -> str:
    return agent.attest(key=ec.generate_private_key(ec.SECP384R1()), algorithm="ES384")


BROKEN: dict[str, Attack] = {
    "by another key": lambda agent: agent.attest(key=new_key()),
    "by HMAC": signed_with_hmac_of_the_public_key,
    "by nobody": without_a_signature,
    "on another curve": signed_on_another_curve,
    "with changed claims": with_changed_claims,
    "no JWT": lambda agent: "not.a.token",
    "for another audience": lambda agent: agent.attest("https://elsewhere.example"),
    "for the audience and a slash": lambda agent: agent.attest(f"{agent.target.url}/"),
    "for a longer audience": lambda agent: agent.attest(f"{agent.target.url}.example"),
    "without audience": lambda agent: agent.attest(aud=None),
    "for no audience": lambda agent: agent.attest([]),
    "expired": lambda agent: agent.attest(exp=int(NOW()) - 1),
    "without exp": lambda agent: agent.attest(exp=None),
    "exp as text": lambda agent: agent.attest(exp="tomorrow"),
    "exp not a number": lambda agent: agent.attest(exp=float("nan")),
    "iat too old": lambda agent: agent.attest(iat=int(NOW()) - 320),
    "iat in the future": lambda agent: agent.attest(iat=int(NOW()) + 320),
    "without iat": lambda agent: agent.attest(iat=None),
    "iat not a number": lambda agent: agent.attest(iat=float("nan")),
    "without jti": lambda agent: agent.attest(jti=None),
    "empty jti": lambda agent: agent.attest(jti=""),
    "foreign issuer": lambda agent: agent.attest(iss="https://mallory.example/agent.json"),
    "without issuer": lambda agent: agent.attest(iss=None),
}


@pytest.mark.parametrize("attack", BROKEN)
def test_a_broken_attestation_is_refused_at_registration(agent: Agent, attack: str) -> None:
    refused(agent.register(agent_attestation=BROKEN[attack](agent)), 401, "INVALID_ATTESTATION")


@pytest.mark.parametrize("attack", ["by another key", "for another audience", "expired"])
def test_a_broken_attestation_is_refused_at_authorization(agent: Agent, attack: str) -> None:
    client = agent.registered()
    reply = agent.authorize(client, agent_attestation=BROKEN[attack](agent))
    refused(reply, 401, "INVALID_ATTESTATION")


@pytest.mark.parametrize("attack", ["by another key", "for another audience", "expired"])
def test_a_refused_attestation_does_not_use_up_the_session(agent: Agent, attack: str) -> None:
    client = agent.registered()
    session = agent.session(client)
    agent.target.consent(session["authorization_url"])
    reply = agent.exchange(client, session, agent_attestation=BROKEN[attack](agent))
    refused(reply, 401, "INVALID_ATTESTATION")
    assert accepted(agent.exchange(client, session))["access_token"]


@pytest.mark.parametrize("present", [None, 5], ids=["missing", "a number"])
def test_a_request_without_an_attestation_is_malformed(agent: Agent, present: object) -> None:
    refused(agent.register(agent_attestation=present), 400, "INVALID_REQUEST")


def test_an_attestation_in_the_name_of_another_agent_is_refused(agent: Agent, other: Agent) -> None:
    attestation = agent.attest(sub=other.agent_id)
    refused(agent.register(agent_attestation=attestation), 403, "AGENT_IDENTITY_MISMATCH")


def test_an_agent_cannot_use_another_agents_client(agent: Agent, other: Agent) -> None:
    client = agent.registered()
    refused(other.authorize(client), 401, "INVALID_ATTESTATION")
    session = agent.session(client)
    agent.target.consent(session["authorization_url"])
    refused(other.exchange(client, session), 401, "INVALID_ATTESTATION")


def test_an_attestation_signed_for_another_subject_does_not_serve_a_client(
    agent: Agent, other: Agent
) -> None:
    client = agent.registered()
    attestation = agent.attest(sub=other.agent_id)
    reply = agent.authorize(client, agent_attestation=attestation)
    refused(reply, 403, "AGENT_IDENTITY_MISMATCH")


def test_the_token_endpoint_requires_its_own_audience(agent: Agent) -> None:
    client = agent.registered()
    session = agent.session(client)
    agent.target.consent(session["authorization_url"])
    reply = agent.exchange(client, session, agent_attestation=agent.attest(agent.target.url))
    refused(reply, 401, "INVALID_ATTESTATION")
    both = agent.attest([agent.target.url, agent.target.token_url])
    assert accepted(agent.exchange(client, session, agent_attestation=both))["access_token"]


def test_the_token_endpoints_audience_is_refused_elsewhere(agent: Agent) -> None:
    reply = agent.register(agent_attestation=agent.attest(agent.target.token_url))
    refused(reply, 401, "INVALID_ATTESTATION")


def test_an_attestation_serves_once(agent: Agent) -> None:
    attestation = agent.attest([agent.target.url, agent.target.token_url])
    client = agent.registered(agent_attestation=attestation)
    refused(agent.register(agent_attestation=attestation), 401, "INVALID_ATTESTATION")
    refused(agent.authorize(client, agent_attestation=attestation), 401, "INVALID_ATTESTATION")
    reply = agent.exchange(client, "ath_sess_any", agent_attestation=attestation)
    refused(reply, 401, "INVALID_ATTESTATION")


def test_a_jti_is_refused_the_second_time_even_if_signed_again(agent: Agent) -> None:
    jti = uuid.uuid4().hex
    agent.registered(agent_attestation=agent.attest(jti=jti))
    reply = agent.register(agent_attestation=agent.attest(jti=jti, iat=int(NOW()) - 5))
    refused(reply, 401, "INVALID_ATTESTATION")


def test_two_agents_may_use_the_same_jti(agent: Agent, other: Agent) -> None:
    jti = uuid.uuid4().hex
    agent.registered(agent_attestation=agent.attest(jti=jti))
    other.registered(agent_attestation=other.attest(jti=jti))


def test_a_replay_is_remembered_until_the_attestation_expires(agent: Agent) -> None:
    start = int(NOW())
    attestation = agent.attest(exp=start + 290)
    agent.registered(agent_attestation=attestation)
    agent.target.advance(280)
    refused(agent.register(agent_attestation=attestation), 401, "INVALID_ATTESTATION")


def test_the_implementors_clock_decides(agent: Agent) -> None:
    agent.target.advance(400)
    refused(agent.register(), 401, "INVALID_ATTESTATION")


@pytest.mark.parametrize("form", ["agent id", "host", "origin"])
def test_the_issuer_may_be_the_agent_or_its_domain(agent: Agent, form: str) -> None:
    origin = "/".join(agent.agent_id.split("/")[:3])
    issuer = {"agent id": agent.agent_id, "host": "127.0.0.1", "origin": origin}[form]
    agent.registered(agent_attestation=agent.attest(iss=issuer))


def test_an_identity_may_carry_a_pem_key(target: Target, identities: IdentityHost) -> None:
    key = new_key()
    Agent(target, identities.publish(f"/{uuid.uuid4().hex}", pem(key)), key).registered()


def p384_pem() -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    key = ec.generate_private_key(ec.SECP384R1()).public_key()
    return key.public_bytes(serialization.Encoding.PEM, form).decode()


@pytest.mark.parametrize(
    "public_key",
    [None, 5, "no key", {}, {"kty": "RSA", "n": "AQAB", "e": "AQAB"}, p384_pem()],
    ids=["null", "number", "text", "empty JWK", "RSA", "another curve"],
)
def test_an_identity_without_a_p256_key_is_refused(
    target: Target, identities: IdentityHost, public_key: object
) -> None:
    agent_id = identities.publish(f"/{uuid.uuid4().hex}", public_key)
    refused(Agent(target, agent_id, new_key()).register(), 401, "INVALID_ATTESTATION")


def test_an_identity_that_names_another_agent_is_refused(
    target: Target, identities: IdentityHost
) -> None:
    key = new_key()
    agent_id = identities.publish(f"/{uuid.uuid4().hex}", jwk(key), agent_id="https://a.example/")
    refused(Agent(target, agent_id, key).register(), 401, "INVALID_ATTESTATION")


@pytest.mark.parametrize(
    "page",
    [
        Answer(status=404),
        Answer(status=302, headers={"Location": "/good"}),
        Answer(b"<html>"),
        Answer(b"[" * 100_000),
    ],
    ids=["absent", "redirect", "HTML", "deep"],
)
def test_an_identity_that_cannot_be_read_is_refused(
    target: Target, identities: IdentityHost, page: Answer
) -> None:
    key = new_key()
    identities.publish("/good", jwk(key))
    path = f"/{uuid.uuid4().hex}"
    identities.pages[path] = page
    refused(Agent(target, f"{identities.url}{path}", key).register(), 401, "INVALID_ATTESTATION")


def test_an_identity_of_unreasonable_size_is_refused(
    target: Target, identities: IdentityHost
) -> None:
    key = new_key()
    agent_id = identities.publish(f"/{uuid.uuid4().hex}", jwk(key), padding="x" * 1_000_000)
    refused(Agent(target, agent_id, key).register(), 401, "INVALID_ATTESTATION")


@pytest.mark.parametrize(
    "agent_id",
    ["http://agent.example.com/a.json", "ftp://127.0.0.1/a", "agent", "https://u@a.example/", "//"],
)
def test_an_agent_id_must_be_https_or_on_loopback(target: Target, agent_id: str) -> None:
    refused(Agent(target, agent_id, new_key()).register(), 400, "INVALID_REQUEST")


def test_a_key_is_kept_for_five_minutes_and_then_fetched_again(
    agent: Agent, identities: IdentityHost
) -> None:
    path = agent.agent_id.removeprefix(identities.url)
    agent.registered()
    agent.registered()
    assert identities.fetched(path) == 1
    agent.target.advance(299)
    agent.registered(agent_attestation=agent.attest(iat=int(NOW()) + 299, exp=int(NOW()) + 600))
    assert identities.fetched(path) == 1
    agent.target.advance(2)
    agent.registered(agent_attestation=agent.attest(iat=int(NOW()) + 299, exp=int(NOW()) + 600))
    assert identities.fetched(path) == 2


def test_a_rotated_key_is_fetched_at_once_but_only_once_a_minute(
    agent: Agent, identities: IdentityHost
) -> None:
    path = agent.agent_id.removeprefix(identities.url)
    agent.registered()
    for key in (new_key(), new_key()):
        agent.key = key
        identities.publish(path, jwk(key))
        first = agent.register()
        if identities.fetched(path) == 2 and first.status_code == 401:
            break
        accepted(first)
    refused(first, 401, "INVALID_ATTESTATION")
    agent.target.advance(61)
    agent.registered()
    assert identities.fetched(path) == 3
