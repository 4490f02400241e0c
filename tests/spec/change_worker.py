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
from pathlib import Path
from typing import Any

from construct_worker import ROOT, make
from promises import broken
from ruamel.yaml import YAML
from spec_changes import changed
from spec_support import read_spec

ROWS: list[dict[str, Any]] = YAML(typ="safe").load(Path(__file__).with_name("changes.yaml"))


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
        path.write_text(re.sub(r"\bath_api\b", api, text), encoding="utf-8")


class Use:
    """What the rows' programs are written with: the request that each flow would send first."""

    def __init__(self, ath: str) -> None:
        self.ath = ath
        self.audiences: list[Any] = []

    def module(self, name: str) -> Any:
        return importlib.import_module(f"{self.ath}.{name}")

    def context(self) -> Any:
        context, record = self.module("_protocol.context"), self.module("stores.record")
        base = self.module("_http.messages").parse_base("https://gateway.example/base", "url")

        class Credentials:
            registration = record.Registration("c-1", "secret-of-c-1", ())

            def tokens(self, _: object) -> list[Any]:
                return [record.Token("tk-1", "github", None, ())]

            def session(self, _: object) -> None:
                return None

        settings = context.Settings(
            base=base,
            agent_id="https://agent.example/agent.json",
            key_id="default",
            capabilities=(),
            audience=base.url,
            require_pkce=True,
            max_response_bytes=10_000,
            clock=lambda: 1e6,
            random_text=lambda size: "r" * size,
        )
        headers = self.module("_protocol.requests").standard_headers(base)
        return context.Context(settings, context.Learned(), Credentials(), [], headers, headers)

    def first_request(self, flow: Any) -> Any:
        call = next(flow)
        self.audiences[:] = call.audiences
        return call.build("signed")

    def discover(self) -> Any:
        registration = self.module("_protocol.registration")
        return self.first_request(registration.discover_gateway(self.context(), None))

    def authorize(self) -> Any:
        authorize = self.module("_protocol.consent").authorize
        arguments = ("github", ["repo"], None, None, None, None)
        return self.first_request(authorize(self.context(), *arguments))

    def exchange(self) -> Any:
        exchange = self.module("_protocol.consent").exchange_token
        return self.first_request(exchange(self.context(), "exchange", "sess-1", None))

    def revoke(self) -> Any:
        return self.first_request(
            self.module("_protocol.consent").revoke(self.context(), None, None)
        )

    @staticmethod
    def header(request: Any, name: str) -> str | None:
        found = [value.decode() for key, value in request.headers if key == name.encode()]
        return found[0] if found else None


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
