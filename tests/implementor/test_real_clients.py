"""Other people's clients read what the providers behind the local gateway answer."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from ath import AgentKey, ATHGatewayClient
from ath.testing import LocalGateway

githubkit = pytest.importorskip("githubkit", reason="it comes with the extra dev")

AGENT_ID = "https://agent.example/agent.json"


@pytest.fixture
def headers() -> Any:
    """What a call through the proxy must carry, and the gateway that it goes through."""
    key = AgentKey.generate()
    with LocalGateway() as gateway, ATHGatewayClient(gateway.url, AGENT_ID, key) as client:
        gateway.publish_identity(AGENT_ID, key.public_jwk)
        scopes = ["read:user", "repo"]
        client.register(
            developer={"name": "Acme", "id": "acme"},
            providers=[{"provider_id": "github", "scopes": scopes}],
        )
        session = client.authorize("github", scopes)
        gateway.approve(session.authorization_url)
        token = client.exchange_token("exchange", session.ath_session_id)
        yield (
            gateway.url,
            {
                "Authorization": f"Bearer {token.access_token}",
                "X-ATH-Agent-ID": AGENT_ID,
            },
        )


class Transport(httpx.HTTPTransport):
    """Adds the headers to each request."""

    def __init__(self, headers: dict[str, str]) -> None:
        super().__init__()
        self._headers = headers

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.headers.update(self._headers)
        return super().handle_request(request)


def test_githubkit_reads_the_user_and_their_repositories(headers: Any) -> None:
    url, sent = headers
    with githubkit.GitHub(
        base_url=f"{url}/ath/proxy/github/", transport=Transport(sent), auto_retry=False
    ) as github:
        user = github.rest.users.get_authenticated().parsed_data
        assert (user.login, user.name, user.public_repos) == ("ada", "Ada", 1)
        made = github.rest.repos.create_for_authenticated_user(name="new-repo", private=True)
        assert made.parsed_data.full_name == "ada/new-repo"
        listed = github.rest.repos.list_for_authenticated_user().parsed_data
        assert [(repo.name, repo.private) for repo in listed] == [
            ("hello-world", False),
            ("new-repo", True),
        ]
        assert listed[0].owner.id == user.id
        second = github.rest.repos.list_for_authenticated_user(per_page=1, page=2)
        assert [repo.id for repo in second.parsed_data] == [2]
        assert "link" not in second.headers
        first = github.rest.repos.list_for_authenticated_user(per_page=1)
        assert 'page=2>; rel="next"' in first.headers["link"]
        found = github.rest.repos.get("ada", "new-repo").parsed_data
        assert found.permissions is not None
        assert found.permissions.admin
        assert github.rest.users.get_authenticated().parsed_data.total_private_repos == 1
        with pytest.raises(githubkit.exception.RequestFailed) as caught:
            github.rest.repos.get("ada", "nothing")
        assert caught.value.response.status_code == 404
