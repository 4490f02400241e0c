"""Users and repositories with the fields that clients of GitHub's REST API insist on."""

from __future__ import annotations

from typing import Any
from zlib import crc32

API = "https://api.code-host.example"
SITE = "https://code-host.example"
SINCE = "2024-01-01T00:00:00Z"

_USER_LINKS = {
    "followers_url": "/followers",
    "following_url": "/following{/other_user}",
    "gists_url": "/gists{/gist_id}",
    "starred_url": "/starred{/owner}{/repo}",
    "subscriptions_url": "/subscriptions",
    "organizations_url": "/orgs",
    "repos_url": "/repos",
    "events_url": "/events{/privacy}",
    "received_events_url": "/received_events",
}
_REPOSITORY_LINKS = {
    "archive_url": "/{archive_format}{/ref}",
    "assignees_url": "/assignees{/user}",
    "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}",
    "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}",
    "commits_url": "/commits{/sha}",
    "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}",
    "contributors_url": "/contributors",
    "deployments_url": "/deployments",
    "downloads_url": "/downloads",
    "events_url": "/events",
    "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks",
    "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}",
    "issues_url": "/issues{/number}",
    "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}",
    "languages_url": "/languages",
    "merges_url": "/merges",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}",
    "releases_url": "/releases{/id}",
    "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "tags_url": "/tags",
    "teams_url": "/teams",
    "trees_url": "/git/trees{/sha}",
}
_COUNTS = ("forks", "forks_count", "open_issues", "open_issues_count", "size", "stargazers_count",
           "watchers", "watchers_count", "network_count", "subscribers_count")  # fmt: skip


def owner_of(login: str) -> dict[str, Any]:
    """A user as repositories name their owner."""
    url = f"{API}/users/{login}"
    return {
        "login": login,
        "id": crc32(login.encode()),
        "node_id": f"U_{crc32(login.encode()):08x}",
        "avatar_url": f"{SITE}/{login}.png",
        "gravatar_id": "",
        "url": url,
        "html_url": f"{SITE}/{login}",
        **{name: url + path for name, path in _USER_LINKS.items()},
        "type": "User",
        "site_admin": False,
    }


def user(login: str, public: int, private: int) -> dict[str, Any]:
    """A user with so many repositories, as they see themselves."""
    nothing = ("company", "blog", "location", "email", "hireable", "bio", "twitter_username")
    none_yet = ("public_gists", "private_gists", "followers", "following", "disk_usage")
    return {
        **owner_of(login),
        "name": login.title(),
        **dict.fromkeys(nothing),
        **dict.fromkeys(none_yet, 0),
        "public_repos": public,
        "total_private_repos": private,
        "owned_private_repos": private,
        "collaborators": 0,
        "two_factor_authentication": True,
        "created_at": SINCE,
        "updated_at": SINCE,
    }


def repository(login: str, number: int, name: str, *, private: bool) -> dict[str, Any]:
    """A repository of that user."""
    full_name = f"{login}/{name}"
    url, page = f"{API}/repos/{full_name}", f"{SITE}/{full_name}"
    return {
        "id": number,
        "node_id": f"R_{number:08x}",
        "name": name,
        "full_name": full_name,
        "owner": owner_of(login),
        "private": private,
        "visibility": "private" if private else "public",
        "html_url": page,
        "description": None,
        "fork": False,
        "url": url,
        **{link: url + path for link, path in _REPOSITORY_LINKS.items()},
        "git_url": f"git://code-host.example/{full_name}.git",
        "ssh_url": f"git@code-host.example:{full_name}.git",
        "clone_url": f"{page}.git",
        "svn_url": page,
        **dict.fromkeys(("mirror_url", "homepage", "language", "license")),
        **dict.fromkeys(_COUNTS, 0),
        "default_branch": "main",
        "topics": [],
        **dict.fromkeys(("has_issues", "has_projects", "has_wiki", "has_downloads"), True),
        **dict.fromkeys(("has_pages", "has_discussions", "archived", "disabled"), False),
        "permissions": {"admin": True, "push": True, "pull": True},
        "pushed_at": SINCE,
        "created_at": SINCE,
        "updated_at": SINCE,
    }
