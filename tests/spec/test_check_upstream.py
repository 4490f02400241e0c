from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from spec_support import ROOT, operations, read_spec, run_script

UPSTREAM = ROOT.parent / "shared" / "upstream"


class Upstream:
    """An upstream that agrees with our spec, to be changed by the tests."""

    def __init__(self) -> None:
        spec = read_spec()
        self.schemas: dict[str, Any] = {
            name: schema
            for name, schema in spec["components"]["schemas"].items()
            if "x-ath-extension" not in schema
        }
        for schema in self.schemas.values():
            for name, part in list(schema.get("properties", {}).items()):
                if "x-ath-extension" in part:
                    del schema["properties"][name]
        self.endpoints: dict[str, dict[str, str]] = {}
        for path, item in spec["paths"].items():
            methods = [name for name, _ in operations({"paths": {path: item}})]
            method = "ANY" if len(methods) > 1 else next(iter(item.keys() & {"get", "post"}))
            self.endpoints[methods[0]] = {"method": method.upper(), "path": path}

    def compare(self, folder: Path) -> subprocess.CompletedProcess[str]:
        schema, meta = folder / "schema.json", folder / "meta.json"
        schema.write_text(json.dumps({"$defs": self.schemas}), encoding="utf-8")
        meta.write_text(json.dumps({"endpoints": self.endpoints}), encoding="utf-8")
        return run_script("check-upstream", schema, meta)

    def properties(self, component: str) -> dict[str, Any]:
        properties: dict[str, Any] = self.schemas[component]["properties"]
        return properties


def test_an_upstream_that_agrees_leaves_only_what_is_declared(tmp_path: Path) -> None:
    run = Upstream().compare(tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "UNDECLARED" not in run.stdout
    extensions = run.stdout.split("Extensions, declared:")[1]
    for name in (
        "AgentRegistration",
        "AuthorizationRequest.code_challenge",
        "AuthorizationRequest.code_challenge_method",
        "TokenExchangeRequest.code_verifier",
    ):
        assert f"\n  {name}: " in extensions


def rename_field(upstream: Upstream) -> None:
    properties = upstream.properties("DeveloperInfo")
    properties["title"] = properties.pop("name")


def change_type(upstream: Upstream) -> None:
    upstream.properties("TokenResponse")["expires_in"]["type"] = "string"


def change_item_type(upstream: Upstream) -> None:
    upstream.properties("TokenResponse")["effective_scopes"]["items"]["type"] = "integer"


def change_relaxed_type(upstream: Upstream) -> None:
    upstream.properties("ProviderInfo")["categories"]["type"] = "object"


def change_reference(upstream: Upstream) -> None:
    upstream.properties("ATHError")["code"] = {"$ref": "#/$defs/AgentStatus"}


def add_enum_value(upstream: Upstream) -> None:
    upstream.schemas["ATHErrorCode"]["enum"].append("RATE_LIMITED")


def remove_enum_value(upstream: Upstream) -> None:
    upstream.schemas["AgentStatus"]["enum"].remove("pending")


def require_more(upstream: Upstream) -> None:
    upstream.schemas["TokenRevocationRequest"]["required"].append("client_id")


def require_less(upstream: Upstream) -> None:
    upstream.schemas["TokenResponse"]["required"].remove("expires_in")


def add_component(upstream: Upstream) -> None:
    upstream.schemas["Invoice"] = {"type": "object"}


def remove_component(upstream: Upstream) -> None:
    del upstream.schemas["ScopeIntersection"]


def change_path(upstream: Upstream) -> None:
    upstream.endpoints["exchange_token"]["path"] = "/ath/tokens"


def change_method(upstream: Upstream) -> None:
    upstream.endpoints["revoke_token"]["method"] = "DELETE"


@pytest.mark.parametrize(
    ("change", "lines"),
    [
        (
            rename_field,
            [
                "DeveloperInfo.name: this property is unknown upstream",
                "DeveloperInfo.title: this property is missing in the spec",
            ],
        ),
        (change_type, ['TokenResponse.expires_in: type is "integer", upstream "string"']),
        (
            change_item_type,
            ['TokenResponse.effective_scopes[]: type is "string", upstream "integer"'],
        ),
        (
            change_relaxed_type,
            ['ProviderInfo.categories: type is ["array", "null"], upstream "object"'],
        ),
        (
            change_reference,
            [
                'ATHError.code: $ref is absent, upstream "AgentStatus"',
                'ATHError.code: anyOf is [{"$ref": "ATHErrorCode"}, {"type": "string"}],'
                " upstream absent",
            ],
        ),
        (add_enum_value, ['ATHErrorCode: the enum value "RATE_LIMITED" is missing in the spec']),
        (remove_enum_value, ['AgentStatus: the enum value "pending" is unknown upstream']),
        (require_more, ["TokenRevocationRequest.client_id: required only upstream"]),
        (require_less, ["TokenResponse.expires_in: required only in the spec"]),
        (add_component, ["Invoice: this component is missing in the spec"]),
        (remove_component, ["ScopeIntersection: this component is unknown upstream"]),
        (
            change_path,
            [
                "/ath/token: this path is unknown upstream",
                "/ath/tokens: this path is missing in the spec",
            ],
        ),
        (
            change_method,
            [
                "DELETE /ath/revoke: this method is missing in the spec",
                "POST /ath/revoke: this method is unknown upstream",
            ],
        ),
    ],
)
def test_each_undeclared_difference_is_printed(
    tmp_path: Path, change: Callable[[Upstream], None], lines: list[str]
) -> None:
    upstream = Upstream()
    change(upstream)
    run = upstream.compare(tmp_path)
    assert run.returncode == 1, run.stderr
    printed = run.stdout.split("UNDECLARED:\n")[1].splitlines()
    assert printed[:-1] == [f"  {line}" for line in lines]
    assert printed[-1].startswith(f"{len(lines)} undeclared, ")


def test_a_file_that_cannot_be_read_is_not_a_verdict(tmp_path: Path) -> None:
    tmp_path.joinpath("broken.json").write_text("<html>", encoding="utf-8")
    for path in (tmp_path / "broken.json", tmp_path / "none.json"):
        run = run_script("check-upstream", path, path)
        assert run.returncode == 2
        assert str(path) in run.stderr
        assert "Traceback" not in run.stderr


@pytest.mark.skipif(not UPSTREAM.is_dir(), reason="the upstream files are not here")
def test_no_difference_to_the_published_schema_is_undeclared() -> None:
    schema, meta = UPSTREAM / "ath-0.1.schema.json", UPSTREAM / "ath-0.1.meta.json"
    run = run_script("check-upstream", schema, meta)
    assert run.returncode == 0, run.stdout + run.stderr
