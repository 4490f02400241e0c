"""What the consent page of the local gateway tells the user."""

from __future__ import annotations

import re
from html import escape

import httpx
import pytest

from ath import AgentKey, ATHGatewayClient
from ath.testing import LocalGateway

AGENT_ID = "https://agent.example/.well-known/agent.json"
KEY = AgentKey.generate()
SCOPES = ["read:user", "repo"]


def page_for(http: httpx.Client, *, developer: str, purpose: str | None) -> str:
    with LocalGateway() as gateway, ATHGatewayClient(gateway.url, AGENT_ID, KEY) as client:
        gateway.publish_identity(AGENT_ID, KEY)
        client.register(
            developer={"name": developer, "id": "acme"},
            providers=[{"provider_id": "github", "scopes": SCOPES}],
            purpose=purpose,
        )
        session = client.authorize("github", SCOPES)
        reply = http.get(session.authorization_url, follow_redirects=True)
        assert reply.status_code == 200
        return reply.text


def words_of(page: str) -> str:
    text = re.sub(r"<style>.*?</style>|<[^>]*>", " ", page, flags=re.DOTALL)
    return " ".join(text.split())


def test_it_says_who_asks_for_what_and_why(http: httpx.Client) -> None:
    page = page_for(http, developer="Acme", purpose="Code review assistant")
    assert words_of(page) == (
        "Allow access? Acme wants access to Code host "
        f"The agent {AGENT_ID} What it says it is for Code review assistant "
        "Your account Untick anything you don't want to allow: "
        "Read your profile read:user Read and create your repositories repo Allow Deny"
    )


def test_it_says_nothing_of_a_purpose_that_was_not_told(http: httpx.Client) -> None:
    assert "What it says it is for" not in page_for(http, developer="Acme", purpose=None)


@pytest.mark.parametrize("text", ["</h1><script>alert(1)</script>", '"><b>', "{{ csrf }}"])
def test_what_the_agent_says_of_itself_is_text_and_nothing_else(
    http: httpx.Client, text: str
) -> None:
    page = page_for(http, developer=text, purpose=text)
    shown = escape(text).replace("&quot;", "&#34;")
    assert page.count(shown) == 2
    assert "<script" not in page
    assert "<b>" not in page
