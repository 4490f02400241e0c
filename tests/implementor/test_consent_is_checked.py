from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest

from ath.testing import ConsentError

from .hostile import CALLBACK, Agent, Target, accepted, refused, s256


def query(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


def start(target: Target, url: str) -> httpx.Response:
    """What a browser without cookies is answered at an authorization URL."""
    target._server("follow consent step by step")
    return target.http.get(url)


def come_back(target: Target, oauth_url: str) -> str:
    """Allow at the consent page and return the callback URL, unvisited."""
    with httpx.Client(trust_env=False, verify=False) as browser:
        page = browser.get(oauth_url)
        csrf = page.text.split('name="csrf" value="')[1].split('"')[0]
        form = {"csrf": csrf, "account": "ada", "decision": "allow", "granted": target.scopes}
        reply = browser.post(oauth_url, data=form)
        assert reply.status_code == 302, reply.text
        return reply.headers["location"]


def test_an_authorization_url_carries_s256_pkce(agent: Agent) -> None:
    url = agent.session(agent.registered())["authorization_url"]
    assert query(url)["code_challenge_method"] == "S256"
    assert len(query(url)["code_challenge"]) == 43


def test_the_oauth_server_is_another_origin_and_gets_pkce_and_state(agent: Agent) -> None:
    url = agent.session(agent.registered())["authorization_url"]
    reply = start(agent.target, url)
    assert reply.status_code == 302
    asked = query(reply.headers["location"])
    assert urlsplit(reply.headers["location"]).netloc != urlsplit(agent.target.url).netloc
    assert asked["code_challenge"] == query(url)["code_challenge"]
    assert asked["code_challenge_method"] == "S256"
    assert asked["response_type"] == "code"
    assert len(asked["state"]) >= 22


def test_the_browser_is_bound_by_a_cookie_that_scripts_cannot_read(agent: Agent) -> None:
    reply = start(agent.target, agent.session(agent.registered())["authorization_url"])
    cookie = reply.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_a_callback_in_another_browser_is_refused(agent: Agent) -> None:
    client = agent.registered()
    session = agent.session(client)
    reply = start(agent.target, session["authorization_url"])
    callback = come_back(agent.target, reply.headers["location"])
    with httpx.Client(trust_env=False, verify=False) as stranger:
        refused(stranger.get(callback), 400, "STATE_MISMATCH")
    refused(agent.exchange(client, session), 400, "SESSION_NOT_FOUND")
    assert agent.target.http.get(callback).status_code == 200
    assert accepted(agent.exchange(client, session))["access_token"]


@pytest.mark.parametrize("state", ["", "wrong", None])
def test_a_callback_with_a_wrong_state_is_refused(agent: Agent, state: str | None) -> None:
    reply = start(agent.target, agent.session(agent.registered())["authorization_url"])
    callback = urlsplit(come_back(agent.target, reply.headers["location"]))
    changed = dict(parse_qsl(callback.query)) | {"state": state}
    kept = {name: value for name, value in changed.items() if value is not None}
    url = callback._replace(query=urlencode(kept)).geturl()
    refused(agent.target.http.get(url), 400, "STATE_MISMATCH")


def test_the_state_of_one_session_is_refused_for_another(agent: Agent) -> None:
    client = agent.registered()
    mine, victim = agent.session(client), agent.session(client)
    first = start(agent.target, mine["authorization_url"])
    with httpx.Client(trust_env=False, verify=False) as browser:
        second = browser.get(victim["authorization_url"])
        callback = come_back(agent.target, first.headers["location"])
        assert second.status_code == 302
        refused(browser.get(callback), 400, "STATE_MISMATCH")


def test_a_callback_can_be_used_once(agent: Agent) -> None:
    reply = start(agent.target, agent.session(agent.registered())["authorization_url"])
    callback = come_back(agent.target, reply.headers["location"])
    assert agent.target.http.get(callback).status_code == 200
    refused(agent.target.http.get(callback), 400, "STATE_MISMATCH")


def test_a_callback_can_be_used_once_even_by_a_browser_that_keeps_its_cookie(agent: Agent) -> None:
    client = agent.registered()
    session = agent.session(client)
    reply = start(agent.target, session["authorization_url"])
    kept = {"Cookie": reply.headers["set-cookie"].split(";")[0]}
    callback = come_back(agent.target, reply.headers["location"])
    with httpx.Client(trust_env=False, verify=False) as browser:
        assert browser.get(callback, headers=kept).status_code == 200
        refused(browser.get(callback, headers=kept), 400, "STATE_MISMATCH")
    assert accepted(agent.exchange(client, session))["access_token"]


def test_a_later_start_invalidates_an_earlier_one(agent: Agent) -> None:
    url = agent.session(agent.registered())["authorization_url"]
    first = start(agent.target, url)
    callback = come_back(agent.target, first.headers["location"])
    start(agent.target, url)
    refused(agent.target.http.get(callback), 400, "STATE_MISMATCH")


def test_a_used_authorization_url_is_refused(agent: Agent) -> None:
    session = agent.session(agent.registered())
    agent.target.consent(session["authorization_url"])
    refused(agent.target.http.get(session["authorization_url"]), 400, "SESSION_NOT_FOUND")


def test_an_expired_session_is_refused_at_both_ends_of_the_consent(agent: Agent) -> None:
    session = agent.session(agent.registered())
    reply = start(agent.target, session["authorization_url"])
    callback = come_back(agent.target, reply.headers["location"])
    agent.target.advance(600)
    refused(agent.target.http.get(callback), 400, "SESSION_EXPIRED")
    refused(agent.target.http.get(session["authorization_url"]), 400, "SESSION_EXPIRED")


def test_a_code_of_the_oauth_server_is_not_taken_from_another_session(agent: Agent) -> None:
    """PKCE: a code that was asked for with one challenge does not go with another's verifier."""
    client = agent.registered()
    mine, victim = agent.session(client), agent.session(client)
    stolen = query(
        come_back(
            agent.target, start(agent.target, victim["authorization_url"]).headers["location"]
        )
    )
    own = urlsplit(
        come_back(agent.target, start(agent.target, mine["authorization_url"]).headers["location"])
    )
    mixed = dict(parse_qsl(own.query)) | {"code": stolen["code"]}
    reply = agent.target.http.get(own._replace(query=urlencode(mixed)).geturl())
    refused(reply, 502, "OAUTH_ERROR")
    refused(agent.exchange(client, mine), 400, "SESSION_NOT_FOUND")


@pytest.mark.parametrize(
    "changed",
    [
        {"code_challenge": ""},
        {"code_challenge_method": ""},
        {"code_challenge_method": "plain"},
        {"redirect_uri": "https://mallory.example/"},
        {"client_id": "somebody"},
        {"response_type": "token"},
    ],
    ids=str,
)
def test_the_oauth_server_refuses_a_request_that_is_not_the_gateways(
    agent: Agent, changed: dict[str, str]
) -> None:
    reply = start(agent.target, agent.session(agent.registered())["authorization_url"])
    url = urlsplit(reply.headers["location"])
    asked = dict(parse_qsl(url.query)) | changed
    assert agent.target.http.get(url._replace(query=urlencode(asked)).geturl()).status_code == 400


def test_the_oauth_server_gives_no_token_to_others(agent: Agent) -> None:
    reply = start(agent.target, agent.session(agent.registered())["authorization_url"])
    callback = come_back(agent.target, reply.headers["location"])
    url = urlsplit(reply.headers["location"])._replace(path="/oauth/token", query="").geturl()
    form = {
        "grant_type": "authorization_code",
        "code": query(callback)["code"],
        "redirect_uri": query(reply.headers["location"])["redirect_uri"],
        "client_id": "ath-gateway",
    }
    assert agent.target.http.post(url, data=form).status_code == 401
    basic = ("ath-gateway", "guessed")
    assert agent.target.http.post(url, data=form, auth=basic).status_code == 401


def test_consent_cannot_be_posted_from_another_page(agent: Agent) -> None:
    reply = start(agent.target, agent.session(agent.registered())["authorization_url"])
    form = {"account": "ada", "decision": "allow", "granted": agent.target.scopes, "csrf": "x" * 43}
    answer = agent.target.http.post(reply.headers["location"], data=form)
    assert answer.status_code == 403


def test_the_browser_ends_at_the_agents_own_page(agent: Agent) -> None:
    session = agent.session(agent.registered(), user_redirect_uri=CALLBACK)
    ended = agent.target.consent(session["authorization_url"])
    assert ended.startswith(f"{CALLBACK}?")
    assert query(ended) == {"session_id": session["ath_session_id"], "success": "true"}


def test_a_denial_is_reported_to_the_agents_redirect_uri(agent: Agent) -> None:
    client = agent.registered()
    session = agent.session(client, user_redirect_uri=CALLBACK)
    ended = agent.target.deny(session["authorization_url"])
    assert query(ended) == {"error": "access_denied", "ath_session_id": session["ath_session_id"]}
    refused(agent.exchange(client, session), 400, "SESSION_NOT_FOUND")


def test_without_a_redirect_uri_the_browser_ends_at_the_implementor(agent: Agent) -> None:
    session = agent.session(agent.registered())
    ended = agent.target.consent(session["authorization_url"])
    assert urlsplit(ended).path == "/ath/callback"


def test_a_redirect_uri_with_a_query_keeps_it(agent: Agent) -> None:
    uri = f"{CALLBACK}?tenant=7"
    session = agent.session(agent.registered(redirect_uris=[uri]), user_redirect_uri=uri)
    ended = agent.target.consent(session["authorization_url"])
    assert query(ended)["tenant"] == "7"
    assert query(ended)["session_id"] == session["ath_session_id"]


def test_a_person_can_untick_a_scope(agent: Agent) -> None:
    client = agent.registered()
    first, second, *_ = agent.target.scopes
    token = agent.token(client, [first], scopes=[first, second])
    assert token["effective_scopes"] == [first]
    assert token["scope_intersection"] == {
        "agent_approved": agent.target.scopes,
        "user_consented": [first],
        "effective": [first],
    }


def test_unticking_everything_gives_no_token(agent: Agent) -> None:
    client = agent.registered()
    session = agent.session(client)
    agent.target.consent(session["authorization_url"], [])
    refused(agent.exchange(client, session), 403, "SCOPE_NOT_APPROVED")
    refused(agent.exchange(client, session), 400, "SESSION_NOT_FOUND")


def test_a_user_cannot_grant_more_than_was_asked(agent: Agent) -> None:
    client = agent.registered()
    first, second, *_ = agent.target.scopes
    session = agent.session(client, scopes=[first])
    reply = start(agent.target, session["authorization_url"])
    callback = come_back(agent.target, reply.headers["location"])  # posts every scope there is
    assert agent.target.http.get(callback).status_code == 200
    token = accepted(agent.exchange(client, session))
    assert token["scope_intersection"]["user_consented"] == [first]
    assert second not in token["effective_scopes"]


def test_the_consent_page_escapes_what_an_agent_says_of_itself(agent: Agent) -> None:
    name = "<script>alert('x')</script>"
    client = agent.registered(developer={"name": name, "id": "x"})
    url = agent.session(client)["authorization_url"]
    page = agent.target.http.get(start(agent.target, url).headers["location"]).text
    assert name not in page
    assert "&lt;script&gt;" in page


def test_a_browser_sees_a_page_where_consent_fails(agent: Agent) -> None:
    url = f"{agent.target.url}/ath/callback?state=wrong"
    page = agent.target.http.get(url, headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["content-type"]) == (400, "text/html; charset=utf-8")
    assert "STATE_MISMATCH" in page.text


def test_approving_twice_or_with_unoffered_scopes_raises(agent: Agent) -> None:
    session = agent.session(agent.registered())
    with pytest.raises(ConsentError, match="offers"):
        agent.target.consent(session["authorization_url"], ["no:such"])
    agent.target.consent(session["authorization_url"])
    with pytest.raises(ConsentError, match="SESSION_NOT_FOUND"):
        agent.target.consent(session["authorization_url"])


def test_the_agents_own_pkce_binds_the_session(agent: Agent) -> None:
    client = agent.registered()
    verifier = "v" * 43
    session = agent.session(client, code_challenge=s256(verifier), code_challenge_method="S256")
    agent.target.consent(session["authorization_url"])
    refused(agent.exchange(client, session), 400, "INVALID_GRANT")
    refused(agent.exchange(client, session, code_verifier="w" * 43), 400, "INVALID_GRANT")
    assert accepted(agent.exchange(client, session, code_verifier=verifier))["access_token"]


def test_a_verifier_for_a_session_without_challenge_is_refused(agent: Agent) -> None:
    client = agent.registered()
    session = agent.session(client)
    agent.target.consent(session["authorization_url"])
    refused(agent.exchange(client, session, code_verifier="v" * 43), 400, "INVALID_GRANT")


@pytest.mark.parametrize(
    "changed",
    [
        {"code_challenge": s256("v")},
        {"code_challenge": s256("v"), "code_challenge_method": "plain"},
        {"code_challenge": "short", "code_challenge_method": "S256"},
        {"code_challenge_method": "S256"},
    ],
    ids=str,
)
def test_an_agents_challenge_must_be_s256(agent: Agent, changed: dict[str, str]) -> None:
    refused(agent.authorize(agent.registered(), **changed), 400, "INVALID_REQUEST")
