"""What docs/identity.md shows runs as it stands, and its table has every finding."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ath import AgentKey
from tests.harness.server import Answer, Request, Server

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "identity.md").read_text(encoding="utf-8")


def test_the_guide_runs_from_the_key_to_a_client(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """Its blocks one after the other; the URL is that of a server that has the document."""

    def serve(request: Request) -> bytes:
        assert request.target == "/.well-known/agent.json"
        return Answer(json.loads((tmp_path / "agent.json").read_text())).to_bytes()

    server.answer_all_with(serve)
    monkeypatch.chdir(tmp_path)
    shown = "https://agent.example.com/.well-known/agent.json"
    assert shown in GUIDE
    text = GUIDE.replace(shown, f"{server.url}/.well-known/agent.json")
    namespace: dict[str, Any] = {}
    printed = []
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        if "from_env" in block:
            monkeypatch.setenv("AGENT_KEY", (tmp_path / "agent.pem").read_text())
        exec(compile(block, "identity.md", "exec"), namespace)
        printed.append(capsys.readouterr().out)
    key = namespace["key"]
    assert isinstance(key, AgentKey)
    assert printed == [f"{key.thumbprint}\n", "", "", "", "2\n"]
    assert len(server.requests) == 1


def test_the_guide_tells_what_to_do_about_each_finding() -> None:
    source = (ROOT / "ath" / "identity.py").read_text(encoding="utf-8")
    found = set(re.findall(r'"([A-Z]+(?:_[A-Z]+)+|UNREACHABLE|REDIRECT)"', source))
    documented = re.findall(r"^\| `([A-Z_]+)` \| ", GUIDE, re.MULTILINE)
    assert set(documented) == found - {"RESPONSE_TOO_LARGE"}
    assert len(documented) == len(set(documented))
