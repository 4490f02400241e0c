"""README's way from one machine to many, and how all users of an agent are revoked."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from ath import ATHGatewayClient, FolderStore
from ath.testing import LocalGateway

from .conftest import AGENT_ID

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
SECTION = README.partition("## From one machine to many\n")[2].partition("\n## ")[0]
BLOCKS = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)
SETUP, OFFBOARDING = BLOCKS[0], BLOCKS[1].partition("of your workers\n")[2]


def lines_of(block: str) -> list[str]:
    return [line for line in block.splitlines() if line.strip()]


def test_the_blocks_are_as_short_as_they_are_said_to_be() -> None:
    assert len(lines_of(SETUP)) <= 10
    assert len(lines_of(OFFBOARDING)) == 5


def test_every_user_of_the_agent_is_revoked_and_forgotten(
    gateway: LocalGateway, private_key: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {
        "ATHGatewayClient": ATHGatewayClient, "agent_id": AGENT_ID, "gateway": gateway,
        "private_key": private_key,
    }  # fmt: skip
    exec(compile(SETUP, "README.md", "exec"), namespace)
    store = namespace["store"]
    with ATHGatewayClient(gateway.url, AGENT_ID, private_key, credentials=store) as worker:
        for name in ("alice", "bob", "carol"):
            asked = worker.for_user(name).authorize("github", ["read:user"])
            gateway.approve(asked.authorization_url)
            worker.for_user(name).exchange_token("exchange", asked.ath_session_id)
        agent = worker._credentials.key
    of_another = agent._replace(agent_id="https://other.example/agent.json", user="dave")
    assert store.replace(of_another, None, "{}")
    files = [path.read_text() for path in (tmp_path / "credentials").glob("*.json")]
    assert not any("client_secret" in text or "access_token" in text for text in files)

    exec(compile(OFFBOARDING, "README.md", "exec"), namespace)
    assert gateway.count("tokens") == gateway.count("revocations") == 3
    kept = FolderStore(tmp_path / "credentials").keys()
    assert sorted(kept, key=repr) == sorted([agent, of_another], key=repr)
