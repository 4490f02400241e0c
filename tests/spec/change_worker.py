"""Generate for each n-th row of changes.yaml, with a copy of ath beside it; report as JSON lines.

Package names are the row's own, so that one process and one run of mypy hold them all, and no
installed copy of the project hides anything.
"""

from __future__ import annotations

import importlib
import json
import re
import shutil
import sys
import traceback
from base64 import urlsafe_b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from construct_worker import ROOT, make
from cryptography.hazmat.primitives.asymmetric import ec
from promises import broken
from ruamel.yaml import YAML
from spec_changes import changed
from spec_support import read_spec

ROWS: list[dict[str, Any]] = YAML(typ="safe").load(Path(__file__).with_name("changes.yaml"))

BASE = "https://gateway.example/base"
KEY = ec.generate_private_key(ec.SECP256R1())


def without_examples(part: Any) -> Any:
    """The spec without examples, which a change of a field would have to follow."""
    if isinstance(part, list):
        return [without_examples(item) for item in part]
    if not isinstance(part, dict):
        return part
    return {
        key: without_examples(item)
        for key, item in part.items()
        if key not in ("example", "examples")
    }


def copy_ath(target: Path, api: str) -> None:
    """A copy of ath that rests on the row's own package."""
    shutil.copytree(ROOT / "ath", target, ignore=shutil.ignore_patterns("testing", "__pycache__"))
    for path in target.rglob("*.py"):
        text = path.read_text("utf-8")
        text = re.sub(r"\bath_api\b", api, text).replace('"ath.', f'"{target.name}.')
        path.write_text(text, encoding="utf-8")


class Use:
    """What the rows' programs are written with: what the public client sends first."""

    def __init__(self, ath: str) -> None:
        self.ath = ath

    def sent(self, act: Callable[[Any], object]) -> httpx.Request:
        """The first request of an act that a server refuses, repeating what it was sent."""
        package = importlib.import_module(self.ath)
        seen: list[httpx.Request] = []

        def refuse(request: httpx.Request) -> httpx.Response:
            seen.append(request)
            said = {"code": "REFUSED", "message": request.content.decode()}
            return httpx.Response(400, json=said)

        http = httpx.Client(transport=httpx.MockTransport(refuse))
        options = {"http_client": http, "retry": None}
        with package.ATHGatewayClient(BASE, f"{BASE}/agent.json", KEY, **options) as client:
            client.set_credentials("client-1", "secret-of-client-1")
            client.set_token("token-1")
            with pytest.raises(package.ATHError) as caught:
                act(client)
        self.error = caught.value
        return seen[0]

    def discover(self) -> httpx.Request:
        return self.sent(lambda client: client.discover())

    def authorize(self) -> httpx.Request:
        return self.sent(lambda client: client.authorize("github", ["scope-of-repos"]))

    def exchange(self) -> httpx.Request:
        return self.sent(lambda client: client.exchange_token("exchange", "session-1"))

    def revoke(self) -> httpx.Request:
        return self.sent(lambda client: client.revoke())

    def message(self) -> str:
        """What the error of the last act says."""
        return str(self.error)

    @staticmethod
    def audience(request: httpx.Request) -> Any:
        claims = json.loads(request.content)["agent_attestation"].split(".")[1]
        return json.loads(urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["aud"]


def run(row: dict[str, Any], folder: Path, number: int) -> dict[str, Any]:
    """What became of the row, but for what mypy says."""
    from construct_rows import Row

    api, ath = f"api_{number:02}", f"ath_{number:02}"
    spec = changed(without_examples(read_spec()), row)
    refusal = make(Row(row["name"], spec, "", ()), folder / api)
    result = {"name": row["name"], "ath": ath, "refusal": refusal, "promises": [], "failure": ""}
    if refusal:
        return result
    copy_ath(folder / ath, api)
    result["promises"] = list(broken(importlib.import_module(f"{api}.models")))
    if "program" in row:
        use = Use(ath)
        names = {name: getattr(use, name) for name in dir(use) if not name.startswith("_")}
        try:
            exec(row["program"], names)
        except Exception:
            result["failure"] = traceback.format_exc(limit=-2)
    return result


if __name__ == "__main__":
    folder, start, step = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    sys.path.insert(0, str(folder))
    for number in range(start, len(ROWS), step):
        print(json.dumps(run(ROWS[number], folder, number)), flush=True)
