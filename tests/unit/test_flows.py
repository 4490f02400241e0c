"""Each flow of the handshake: which calls it makes, what it saves, what it returns or raises."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ath._http.messages import Reply
from ath._protocol import attestation, consent, provider_call, registration, revocation
from ath._protocol.context import Context
from ath._protocol.provider_request import CallOptions
from ath._protocol.registration import RegistrationOptions
from ath._protocol.steps import (
    Attest,
    Call,
    CheckRegistration,
    Learn,
    Reload,
    Save,
    SaveRegistration,
    Share,
)
from ath.errors import ATHError, Delivery
from ath.retry import EXCHANGE, IDEMPOTENT, READ, REGISTER, WRITE
from ath.stores.record import Record, Registration, Session, Token

from .flows import body_of, failed, lost, refusal, run_flow
from .support import BASE, NOW, context, error_of, json_reply, options, reply, settle

URL = BASE.url
DEVELOPER = {"name": "Acme", "id": "acme"}
PROVIDERS = [{"provider_id": "github", "scopes": ["repo"]}]
HELD = Registration("c-1", "secret-of-c-1", ("https://agent.example/callback",))
SESSION = Session("github", "v" * 48, NOW, NOW + 600, "c-1")
TOKEN = Token("tk-1", "github", NOW + 3600, ("repo",))
REGISTERED = {
    "client_id": "c-1",
    "client_secret": "secret-of-c-1",
    "agent_status": "approved",
    "approved_providers": [],
    "approval_expires": None,
}
AUTHORIZED = {
    "authorization_url": "https://auth.example/?code_challenge_method=S256&code_challenge="
    + "c" * 43,
    "ath_session_id": "sess-1",
}
GRANTED = {
    "access_token": "tk-1",
    "token_type": "Bearer",
    "expires_in": 3600,
    "effective_scopes": ["repo"],
    "provider_id": "github",
    "agent_id": "https://agent.example/agent.json",
    "scope_intersection": {"agent_approved": [], "user_consented": [], "effective": []},
}


def holding(*changes: Any, **settings: Any) -> Context:
    """A context whose credentials hold a registration, and what the changes add."""
    made = context(**settings)
    held: Any = made.credentials
    settle(held.save_registration(HELD, None))
    for change in changes:
        held.change(change)
    return made


def with_session(record: Record) -> None:
    record.open_session("sess-1", SESSION)


def with_token(record: Record) -> None:
    record.keep_token(TOKEN)


def recorded(save: Save) -> Record:
    """What a saved change makes of an empty record."""
    record = Record()
    save.change(record)
    return record


def test_discovery_asks_the_gateway_once_and_saves_nothing() -> None:
    document = {
        "ath_version": "0.1",
        "gateway_id": URL,
        "agent_registration_endpoint": f"{URL}/ath/agents/register",
        "supported_providers": [],
    }
    found, run = run_flow(registration.discover_gateway(context(), None), json_reply(document))
    assert found.gateway_id == URL
    [request], [call] = run.requests, run.calls
    assert (request.method, request.target) == (b"GET", b"/base/.well-known/ath.json")
    assert (call.rule, call.audiences, run.others) == (READ, (), [])


SERVICE = {
    "ath_version": "0.1",
    "app_id": "shop",
    "name": "Shop",
    "auth": {
        "type": "oauth2",
        "authorization_endpoint": "https://shop.example/authorize",
        "token_endpoint": "https://shop.example/token",
        "scopes_supported": ["read"],
    },
}


def test_native_discovery_yields_where_the_api_is() -> None:
    document = json_reply({**SERVICE, "api_base": "https://api.shop.example/v1/"})
    _, run = run_flow(registration.discover_service(context(), None), document)
    [learned] = run.others
    assert isinstance(learned, Learn)
    assert learned.api_base.url == "https://api.shop.example/v1"


@pytest.mark.parametrize("api_base", ["http://api.shop.example", "ftp://x", "https://u:p@x"])
def test_native_discovery_refuses_an_unsafe_api_base(api_base: str) -> None:
    document = json_reply({**SERVICE, "api_base": api_base})
    flow = registration.discover_service(context(), None)
    assert error_of(lambda: run_flow(flow, document)).code == "INVALID_RESPONSE"


def register(made: Context, *replies: Reply | ATHError, **more: Any) -> Any:
    return run_flow(registration.register(made, wanted(**more)), *replies)


def wanted(**more: Any) -> RegistrationOptions:
    options = {"developer": DEVELOPER, "providers": PROVIDERS, "purpose": None,
               "redirect_uris": None, "retry": None, **more}  # fmt: skip
    return RegistrationOptions(**options)


def test_registering_sends_what_was_asked_and_saves_the_credentials() -> None:
    answer, run = register(context(), json_reply(REGISTERED, 201), redirect_uris=["https://a/b"])
    [request], [call] = run.requests, run.calls
    assert (request.method, request.target) == (b"POST", b"/base/ath/agents/register")
    assert body_of(request) == {
        "agent_id": "https://agent.example/agent.json",
        "agent_attestation": "signed",
        "developer": DEVELOPER,
        "requested_providers": PROVIDERS,
        "redirect_uris": ["https://a/b"],
    }
    assert (call.rule, call.audiences) == (REGISTER, (URL,))
    made = Registration("c-1", "secret-of-c-1", ("https://a/b",))
    assert run.others == [Reload(), SaveRegistration(made, None), CheckRegistration("c-1")]
    assert answer.client_id == "c-1"


def test_callers_who_register_alike_share_one_key_and_others_do_not() -> None:
    keys = []
    for providers in (PROVIDERS, PROVIDERS, [{"provider_id": "slack", "scopes": ["chat"]}]):
        flow = registration.register(context(), wanted(providers=providers))
        step = next(flow)
        assert isinstance(step, Share)
        keys.append(step.key)
    assert keys[0] == keys[1] != keys[2]


def test_the_secret_is_saved_before_a_malformed_field_is_reported() -> None:
    malformed = json_reply({**REGISTERED, "agent_status": 7}, 201)
    flow = registration.register(context(), wanted())
    step = next(flow)
    assert isinstance(step, Share)
    inner = step.make_flow()
    assert isinstance(next(inner), Reload)
    call = inner.send(None)
    answer = call.read(call.build("signed"), malformed)  # type: ignore[union-attr]
    assert isinstance(inner.send(answer), SaveRegistration)
    assert isinstance(inner.send(None), CheckRegistration)
    assert error_of(lambda: inner.send(None)).code == "INVALID_RESPONSE"


@pytest.mark.parametrize("delivery", [Delivery.LOST, Delivery.TIMED_OUT])
def test_a_lost_reply_to_register_is_an_unknown_outcome(delivery: Delivery) -> None:
    assert error_of(lambda: register(context(), failed(delivery))).code == "OUTCOME_UNKNOWN"


def test_a_conflict_in_any_form_is_a_conflict() -> None:
    for body in ({"code": "CONFLICT", "message": "m", "client_id": "c-9"}, {"client_id": "c-9"}):
        error = error_of(lambda body=body: register(context(), json_reply(body, 409)))  # type: ignore[misc]
        assert (error.code, error.details["client_id"]) == ("CONFLICT", "c-9")


def test_the_registration_is_read_with_the_agents_own_credentials() -> None:
    answer = {**REGISTERED, "agent_id": "https://agent.example/agent.json"}
    _, run = run_flow(registration.registration(holding(), None), json_reply(answer))
    [request] = run.requests
    assert (request.method, request.target) == (b"GET", b"/base/ath/agents/c-1")
    assert (b"Authorization", b"Basic Yy0xOnNlY3JldC1vZi1jLTE=") in request.headers


def authorize(made: Context, *replies: Reply | ATHError, **more: Any) -> Any:
    wanted = {"redirect_uri": None, "resource": None, "state": None, "retry": None, **more}
    return run_flow(consent.authorize(made, "github", ["repo"], **wanted), *replies)


def test_authorizing_opens_a_session_with_a_fresh_state_and_verifier() -> None:
    answer, run = authorize(holding(), json_reply(AUTHORIZED))
    [request], [call], [save, check] = run.requests, run.calls, run.others
    sent = body_of(request)
    assert sent["client_id"] == "c-1"
    assert sent["state"] == "r" * 32
    assert sent["user_redirect_uri"] == "https://agent.example/callback"
    assert sent["code_challenge_method"] == "S256"
    assert (call.rule, call.audiences) == (READ, (URL,))
    assert answer.ath_session_id == "sess-1"
    assert check == CheckRegistration("c-1")
    assert isinstance(save, Save)
    assert recorded(save).sessions["sess-1"] == Session(
        provider="github",
        code_verifier="r" * 48,
        opened_at=NOW,
        expires_at=NOW + 600,
        client_id="c-1",
        scopes=("repo",),
        state="r" * 32,
        redirect_uri="https://agent.example/callback",
        authorization_url=AUTHORIZED["authorization_url"],
    )


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://auth.example/?state=x", "PKCE_REQUIRED"),
        ("javascript:alert(1)", "INVALID_RESPONSE"),
    ],
)
def test_an_unsafe_authorization_url_is_refused_and_nothing_is_saved(url: str, code: str) -> None:
    answer = json_reply({**AUTHORIZED, "authorization_url": url})
    assert error_of(lambda: authorize(holding(), answer)).code == code


def test_pkce_can_be_left_unchecked() -> None:
    answer = json_reply({**AUTHORIZED, "authorization_url": "https://auth.example/"})
    assert authorize(holding(require_pkce=False), answer)[0].ath_session_id == "sess-1"


@pytest.mark.parametrize(
    "flow",
    [
        lambda c: consent.authorize(c, "github", ["repo"], None, None, None, None),
        lambda c: consent.exchange_token(c, "exchange", "sess-1", None),
        lambda c: revocation.revoke(c, None, None),
        lambda c: registration.registration(c, None),
    ],
)
def test_without_a_registration_nothing_is_sent(flow: Any) -> None:
    assert error_of(lambda: run_flow(flow(context()))).code == "NOT_REGISTERED"


def exchange(made: Context, *replies: Reply | ATHError) -> Any:
    return run_flow(consent.exchange_token(made, "exchange", "sess-1", None), *replies)


def test_an_exchange_sends_the_sessions_verifier_and_saves_the_token() -> None:
    answer, run = exchange(holding(with_session), json_reply(GRANTED))
    [request], [call], [save, check] = run.requests, run.calls, run.others
    assert check == CheckRegistration("c-1")
    assert body_of(request) == {
        "grant_type": "authorization_code",
        "client_id": "c-1",
        "client_secret": "secret-of-c-1",
        "agent_attestation": "signed",
        "code": "exchange",
        "ath_session_id": "sess-1",
        "code_verifier": "v" * 48,
    }
    token_url = f"{URL}/ath/token"
    assert (call.rule, call.audiences) == (EXCHANGE, (token_url, [URL, token_url]))
    assert isinstance(save, Save)
    [token] = recorded(save).tokens.values()
    assert (token.access_token, token.provider, token.expires_at) == ("tk-1", "github", NOW + 3600)
    assert answer.effective_scopes == ["repo"]


def test_a_learned_audience_list_is_the_only_one_tried() -> None:
    made = holding()
    made.learned.needs_audience_list = True
    _, run = exchange(made, json_reply(GRANTED))
    assert run.calls[0].audiences == ([URL, f"{URL}/ath/token"],)


def test_the_token_is_saved_before_a_malformed_field_is_reported() -> None:
    flow = consent.exchange_token(holding(with_session), "exchange", "sess-1", None)
    call = next(flow)
    answer = call.read(call.build("signed"), json_reply({**GRANTED, "expires_in": "soon"}))  # type: ignore[union-attr]
    assert isinstance(flow.send(answer), Save)
    assert isinstance(flow.send(None), CheckRegistration)
    assert error_of(lambda: flow.send(None)).code == "INVALID_RESPONSE"


def test_a_lost_reply_to_an_exchange_is_an_unknown_outcome() -> None:
    assert error_of(lambda: exchange(holding(), lost())).code == "OUTCOME_UNKNOWN"


@pytest.mark.parametrize("token", ["with space\n", "tk-\u00e9", ""])
def test_a_token_that_fits_into_no_header_is_refused(token: str) -> None:
    answer = json_reply({**GRANTED, "access_token": token})
    assert error_of(lambda: exchange(holding(), answer)).code == "INVALID_RESPONSE"


def test_revoking_tries_every_token_and_raises_the_first_error() -> None:
    other = Token("tk-2", "slack")
    made = holding(with_token, lambda record: record.keep_token(other))
    run: list[Any] = []

    def revoke() -> None:
        flow = revocation.revoke(made, None, None)
        run.append(run_flow(flow, refusal("INTERNAL_ERROR", 500), reply(200, b"")))

    assert error_of(revoke).code == "INTERNAL_ERROR"


def test_a_token_that_the_server_does_not_know_counts_as_revoked() -> None:
    flow = revocation.revoke(holding(with_token), "github", None)
    _, run = run_flow(flow, refusal("TOKEN_INVALID", 400))
    [request], [_, save] = run.requests, run.others
    assert body_of(request) == {
        "client_id": "c-1", "client_secret": "secret-of-c-1", "token": "tk-1"
    }  # fmt: skip
    record = Record()
    record.keep_token(TOKEN)
    assert isinstance(save, Save)
    save.change(record)
    assert record.tokens == {}


def test_an_attestation_is_for_the_implementor_unless_told_otherwise() -> None:
    for audience, expected in ((None, URL), ("https://other", "https://other"), (["a"], ["a"])):
        result, run = run_flow(attestation.sign_attestation(context(), audience))
        assert (result, run.others) == ("signed", [Attest(expected)])


def call_at(provider: str | None, made: Context, asked: CallOptions) -> Call:
    """The call of proxy(), or of api() without a provider."""
    flow = provider_call.call(
        replace(made, settings=replace(made.settings, native=provider is None)), provider, asked
    )
    call = next(flow)
    assert isinstance(call, Call)
    return call


def test_a_proxied_call_carries_the_token_and_the_agent() -> None:
    call = call_at("github", holding(with_token), options("POST", "/user/repos", body={"a": 1}))
    request = call.build(None)
    assert (request.method, request.target) == (b"POST", b"/base/ath/proxy/github/user/repos")
    assert (b"Authorization", b"Bearer tk-1") in request.headers
    assert (b"X-ATH-Agent-ID", b"https://agent.example/agent.json") in request.headers
    assert body_of(request) == {"a": 1}
    assert (call.rule, call.audiences, call.limits) == (WRITE, (), None)
    assert call.read(request, json_reply({"id": 1})) == {"id": 1}
    assert error_of(lambda: call.read(request, reply(404, b"no"))).code == "PROVIDER_ERROR"


def test_the_callers_word_about_repetition_counts() -> None:
    made = holding(with_token)
    put, post = options("PUT", idempotent=False), options("POST", idempotent=True)
    assert call_at("github", made, put).rule is WRITE
    assert call_at("github", made, post).rule is IDEMPOTENT


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ([], "NO_TOKEN"),
        ([lambda r: r.keep_token(Token("tk", "github", NOW - 1))], "TOKEN_EXPIRED"),
    ],
)
def test_a_call_without_a_usable_token_builds_no_request(changes: Any, code: str) -> None:
    call = call_at("github", holding(*changes), options())
    assert error_of(lambda: call.build(None)).code == code


def test_each_attempt_of_a_call_uses_the_token_that_is_held_then() -> None:
    made = holding(with_token)
    call = call_at("github", made, options())
    call.build(None)
    newer = Token("tk-2", "github")
    made.credentials.change(lambda record: record.keep_token(newer))  # type: ignore[attr-defined]
    assert (b"Authorization", b"Bearer tk-2") in call.build(None).headers


def test_a_native_call_before_discovery_says_so() -> None:
    for made, code in ((context(), "NOT_REGISTERED"), (holding(), "NOT_DISCOVERED")):
        call = call_at(None, made, options())
        assert error_of(lambda call=call: call.build(None)).code == code  # type: ignore[misc]


def test_a_native_api_on_another_host_gets_none_of_the_users_headers() -> None:
    from ath._http.messages import parse_base

    secret = [(b"X-ATH-User-Token", b"of-the-user")]
    made = holding(with_token, user_headers=secret)
    made.learned.api_base = parse_base("https://elsewhere.example", "api_base")
    names = {name for name, _ in call_at(None, made, options()).build(None).headers}
    assert names == {b"Host", b"Accept", b"Accept-Encoding", b"User-Agent", b"X-ATH-Agent-ID",
                     b"Authorization"}  # fmt: skip
    made.learned.api_base = made.settings.base
    assert secret[0] in call_at(None, made, options()).build(None).headers


def test_a_view_does_not_exchange_a_session_that_it_did_not_open() -> None:
    made = holding(user="bob")
    error = error_of(lambda: exchange(made))
    assert (error.code, error.status) == ("SESSION_NOT_FOUND", None)


def test_the_agent_itself_exchanges_sessions_that_it_did_not_open() -> None:
    _, run = exchange(holding(), json_reply(GRANTED))
    assert "code_verifier" not in body_of(run.requests[0])


def test_a_token_for_another_provider_than_the_sessions_is_not_kept() -> None:
    saved: list[Any] = []
    flow = consent.exchange_token(holding(with_session), "exchange", "sess-1", None)
    call = next(flow)
    answer = call.read(call.build("signed"), json_reply({**GRANTED, "provider_id": "slack"}))  # type: ignore[union-attr]
    saved.append(flow.send(answer))
    error = error_of(lambda: flow.send(None))
    assert error.code == "INVALID_RESPONSE"
    assert "used up" in error.message
    record = Record()
    with_session(record)
    saved[0].change(record)
    assert record.tokens == record.sessions == {}


def test_a_native_service_may_call_itself_otherwise() -> None:
    answer = json_reply({**GRANTED, "provider_id": "shop-2"})
    _, run = exchange(holding(with_session, native=True), answer)
    assert list(recorded(run.others[0]).tokens) == ["shop-2"]  # type: ignore[arg-type]


def test_a_token_is_revoked_with_the_registration_that_it_was_granted_to() -> None:
    made = holding(lambda r: r.keep_token(Token("tk-1", "github", client_id="c-1")))
    made.credentials.set_registration("c-2", "s-2")  # type: ignore[attr-defined]
    _, run = run_flow(revocation.revoke(made, None, None), reply(200, b""))
    assert body_of(run.requests[0])["client_id"] == "c-1"


@pytest.mark.parametrize("known", [True, False])
def test_a_refusal_to_revoke_is_raised_and_ends_what_cannot_be_revoked_otherwise(
    known: bool,
) -> None:
    client_id = "c-1" if known else "c-long-ago"
    made = holding(lambda r: r.keep_token(Token("tk-1", "github", client_id=client_id)))
    flow = revocation.revoke(made, None, None)
    next(flow)
    call = flow.send(None)
    try:
        call.read(call.build(None), refusal("AGENT_IDENTITY_MISMATCH", 403))  # type: ignore[union-attr]
    except ATHError as error:
        refused = error
    if known:
        assert error_of(lambda: flow.throw(refused)) is refused
    else:
        assert isinstance(flow.throw(refused), Save)
        assert error_of(lambda: flow.send(None)) is refused


def test_ensuring_a_registration_that_is_held_does_nothing() -> None:
    assert run_flow(registration.ensure_registered(holding(), wanted(providers=[])))[1].others == []
