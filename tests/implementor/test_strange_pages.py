"""Web pages of strangers in the user's browser: they can neither read the server nor frame it."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx
import pytest

from ath.testing import LocalGateway, LocalService

from .hostile import Agent


def ask(http: httpx.Client, url: str, host: str) -> httpx.Response:
    return http.get(url, headers={"Host": host})


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:80",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil-localhost",
        "127.0.0.1@evil.example",
        "127.0.0.1:80@evil.example",
        "127.0.0.1, evil.example",
        "127.0.0.1/evil.example",
        "169.254.169.254",
        "192.168.0.1",
        "0.0.0.0",
        "[::]",
        "[::ffff:192.168.0.1]",
        "2130706433",
        "",
    ],
)
def test_a_host_that_is_not_this_machine_is_refused(agent: Agent, host: str) -> None:
    server = agent.target._server("show its requests")
    for url in (agent.target.url, server._upstream.url):
        reply = ask(agent.target.http, f"{url}/.well-known/ath.json", host)
        assert reply.status_code in (400, 403)
        assert "supported_providers" not in reply.text
    assert server.requests[-1].status == reply.status_code


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost:{}", "[::1]:{}", "127.8.8.8", "LOCALHOST"]
)
def test_a_name_of_this_machine_is_served(agent: Agent, host: str) -> None:
    port = urlsplit(agent.target.url).port
    for path in ("ath.json", "ath-app.json"):
        reply = ask(agent.target.http, f"{agent.target.url}/.well-known/{path}", host.format(port))
        assert reply.status_code in (200, 404)
        assert reply.json().get("code") in (None, "NOT_FOUND")


def test_the_apis_own_origin_is_guarded_too(http: httpx.Client) -> None:
    with LocalService(separate_api=True) as service:
        reply = ask(http, f"{service.api_base}/products", "evil.example")
    assert (reply.status_code, reply.json()["code"]) == (403, "FORBIDDEN")


@pytest.mark.parametrize(
    ("url", "served", "refused"),
    [
        ("http://gateway:8080/v1", ["gateway:8080", "GATEWAY:8080"], ["gateway", "gateway:80"]),
        ("https://gw.example", ["gw.example", "gw.example:443"], ["gw.example:80", "x.gw.example"]),
    ],
)
def test_the_url_that_it_was_given_is_served(
    http: httpx.Client, url: str, served: list[str], refused: list[str]
) -> None:
    with LocalGateway() as gateway:
        inside = f"{gateway.url}/.well-known/ath.json"
        gateway.url = url
        assert [ask(http, inside, host).status_code for host in served] == [200] * len(served)
        assert [ask(http, inside, host).status_code for host in refused] == [403] * len(refused)


def test_no_page_of_consent_can_be_framed(agent: Agent) -> None:
    client = agent.registered()
    session = agent.session(client, user_redirect_uri=None)
    http = agent.target.http
    pages = [http.get(session["authorization_url"])]
    pages.append(http.get(pages[-1].headers["location"]))
    pages.append(http.post(pages[-1].url, data={"decision": "allow", "csrf": "wrong"}))
    pages.append(http.get(f"{agent.target.url}/ath/consent?session=x"))
    pages.append(http.get(f"{agent.target.url}/ath/callback", headers={"Accept": "text/html"}))
    assert [page.status_code for page in pages] == [302, 200, 403, 400, 400]
    for page in pages:
        assert page.headers["x-frame-options"] == "DENY"
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert "script-src" not in pages[1].headers["content-security-policy"]
    assert "default-src 'none'" in pages[1].headers["content-security-policy"]


def test_the_last_page_of_consent_cannot_be_framed(agent: Agent) -> None:
    client = agent.registered()
    session = agent.session(client, user_redirect_uri=None)
    server = agent.target._server("consent without a person")
    server.approve(session["authorization_url"])
    record = server.requests[-1]
    assert record.path.endswith("/ath/callback")
    again = agent.target.http.get(f"{agent.target.url}{record.target.decode()}")
    assert again.headers["x-frame-options"] == "DENY"


def test_an_apis_answer_gets_no_headers_of_the_pages(agent: Agent) -> None:
    token = agent.token(agent.registered())["access_token"]
    reply = agent.target.call("GET", "/text", token, agent.agent_id)
    assert "x-frame-options" not in reply.headers
    assert "content-security-policy" not in reply.headers
