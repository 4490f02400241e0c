"""Other people's SDKs run through ATH unchanged: githubkit and notion-client, sync and async."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from ath import ATHError
from ath.testing import LocalGateway
from tests.harness.clients import AnyClient, Kind
from tests.harness.worlds import World

githubkit = pytest.importorskip("githubkit", reason="it comes with the extra dev")
notion_client = pytest.importorskip("notion_client", reason="it comes with the extra dev")

USERS = [{"object": "user", "id": str(number), "name": f"User {number}"} for number in range(5)]


def notion(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """As much of Notion's API as the test calls, by the path that its client asks for."""
    path, query = environ["PATH_INFO"], parse_qs(environ["QUERY_STRING"])
    status, answer = "200 OK", {}
    if path == "/v1/users":
        first, size = int(query.get("start_cursor", ["0"])[0]), int(query["page_size"][0])
        more = first + size < len(USERS)
        answer = {
            "object": "list", "results": USERS[first : first + size], "has_more": more,
            "next_cursor": str(first + size) if more else None,
        }  # fmt: skip
    elif path == "/v1/pages":
        sent = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        answer = {"object": "page", "version": environ["HTTP_NOTION_VERSION"], **sent}
    else:
        status = "404 Not Found"
        answer = {"object": "error", "status": 404, "code": "object_not_found", "message": path}
    start_response(status, [("Content-Type", "application/json")])
    return [json.dumps(answer).encode()]


def ready(kind: Kind, gateway: LocalGateway, provider: str) -> AnyClient:
    """A client whose user has consented to all scopes of that provider."""
    world = World(kind, gateway)
    client = kind.client(gateway.url, provider=provider)
    found = {each.provider_id: each for each in client.discover().supported_providers}
    world.provider, world.scopes = provider, list(found[provider].available_scopes)
    world.register(client)
    world.token(client)
    return client


class GitHub:
    """githubkit of either kind, used as if it were sync."""

    def __init__(self, client: AnyClient) -> None:
        self.kind = client.kind
        base = f"{client.url}/ath/proxy/github"
        transport = client.raw.http_transport("github")
        name = "transport" if self.kind.name == "sync" else "async_transport"
        self.raw: Any = githubkit.GitHub("not a real token", base_url=base, **{name: transport})

    def call(self, group: str, name: str, /, *args: Any, **options: Any) -> Any:
        prefix = "" if self.kind.name == "sync" else "async_"
        method = getattr(getattr(self.raw.rest, group), prefix + name)
        return self.kind.run(method(*args, **options))


@pytest.fixture
def github(kind: Kind, gateway: World) -> GitHub:
    return GitHub(ready(kind, gateway.server, "github"))  # type: ignore[arg-type]


def test_githubkit_reads_and_writes(github: GitHub, gateway: World) -> None:
    user = github.call("users", "get_authenticated").parsed_data
    assert (user.login, user.name) == ("ada", "Ada")
    made = github.call("repos", "create_for_authenticated_user", name="new-repo")
    assert made.parsed_data.full_name == "ada/new-repo"
    listed = github.call("repos", "list_for_authenticated_user").parsed_data
    assert [repo.name for repo in listed] == ["hello-world", "new-repo"]
    for record in gateway.requests:
        if record.path.startswith("/ath/proxy/"):
            assert "not a real token" not in json.dumps(dict(record.headers))


def test_githubkit_reads_pages_by_number_and_not_by_absolute_links(github: GitHub) -> None:
    listing = ("repos", "list_for_authenticated_user")
    for name in ("one", "two"):
        github.call("repos", "create_for_authenticated_user", name=name)
    pages = [github.call(*listing, per_page=1, page=page) for page in (1, 2, 3)]
    found = [repo.name for page in pages for repo in page.parsed_data]
    assert found == ["hello-world", "one", "two"]
    link = pages[0].raw_response.links["next"]["url"]
    assert link.startswith("https://")
    ask = github.raw.request if github.kind.name == "sync" else github.raw.arequest
    with pytest.raises(githubkit.exception.RequestError, match="is not called directly"):
        github.kind.run(ask("GET", link))


def test_githubkit_tells_errors_in_its_own_way(github: GitHub, gateway: World) -> None:
    exceptions = githubkit.exception
    with pytest.raises(exceptions.RequestFailed) as failed:
        github.call("repos", "get", "ada", "nothing")
    assert failed.value.response.status_code == 404
    gateway.server.stop()
    with pytest.raises(exceptions.RequestError) as broken:
        github.call("users", "get_authenticated")
    assert isinstance(broken.value.__cause__, httpx.ConnectError)


def test_githubkit_hands_on_what_the_gateway_refuses(gateway: World, kind: Kind) -> None:
    client = ready(kind, gateway.server, "github")  # type: ignore[arg-type]
    github = GitHub(client)
    client.revoke()
    with pytest.raises(githubkit.exception.RequestError) as caught:
        github.call("users", "get_authenticated")
    assert isinstance(caught.value.__cause__, ATHError)
    assert caught.value.__cause__.code == "NO_TOKEN"


class Notion:
    """notion-client of either kind, used as if it were sync."""

    def __init__(self, client: AnyClient) -> None:
        self.kind = client.kind
        transport = client.raw.http_transport("notion")
        kind = notion_client.Client if self.kind.name == "sync" else notion_client.AsyncClient
        self.raw = kind(
            auth="not a real token",
            base_url=f"{client.url}/ath/proxy/notion",  # without a slash at its end
            client=self.kind.httpx_client(transport=transport),
        )


@pytest.fixture
def notes(kind: Kind) -> Any:
    with LocalGateway(providers={"notion": notion}) as gateway:
        yield Notion(ready(kind, gateway, "notion"))


def test_notion_client_reads_and_writes(notes: Notion) -> None:
    run = notes.kind.run
    assert run(notes.raw.users.list(page_size=10))["results"] == USERS
    page = run(notes.raw.pages.create(parent={"page_id": "7"}, properties={"title": "ü"}))
    assert (page["object"], page["properties"]) == ("page", {"title": "ü"})
    assert page["version"] == notes.raw.options.notion_version


def test_notion_client_reads_page_by_page(notes: Notion) -> None:
    helpers = notion_client.helpers
    if notes.kind.name == "sync":
        found = helpers.collect_paginated_api(notes.raw.users.list, page_size=2)
    else:
        collect = helpers.async_collect_paginated_api
        found = notes.kind.run(collect(notes.raw.users.list, page_size=2))
    assert found == USERS


def test_notion_client_tells_errors_in_its_own_way(notes: Notion) -> None:
    with pytest.raises(notion_client.APIResponseError) as caught:
        notes.kind.run(notes.raw.pages.retrieve("0000"))
    assert caught.value.code == "object_not_found"
