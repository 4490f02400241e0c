from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from spec_support import ROOT, operations, read_spec, run_script, write_spec

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
                elif "x-ath-upstream" in part:
                    inside = {word: part[word] for word in ("items",) if word in part}
                    schema["properties"][name] = {**part["x-ath-upstream"], **inside}
        self.endpoints: dict[str, dict[str, str]] = {}
        for path, item in spec["paths"].items():
            methods = [name for name, _ in operations({"paths": {path: item}})]
            method = "ANY" if len(methods) > 1 else next(iter(item.keys() & {"get", "post"}))
            self.endpoints[methods[0]] = {"method": method.upper(), "path": path}

    def compare(self, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        schema, meta = folder / "schema.json", folder / "meta.json"
        schema.write_text(json.dumps({"$defs": self.schemas}), encoding="utf-8")
        meta.write_text(json.dumps({"endpoints": self.endpoints}), encoding="utf-8")
        return run_script("check-upstream", schema, meta, *arguments)

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


def change_relaxed_constant(upstream: Upstream) -> None:
    upstream.properties("TokenResponse")["token_type"]["const"] = "DPoP"


def be_as_relaxed(upstream: Upstream) -> None:
    del upstream.properties("TokenResponse")["token_type"]["const"]


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
            [
                'ProviderInfo.categories: x-ath-upstream is {"type": "array"},'
                ' upstream {"type": "object"}'
            ],
        ),
        (
            change_relaxed_constant,
            [
                'TokenResponse.token_type: x-ath-upstream is {"type": "string", "const": "Bearer"},'
                ' upstream {"type": "string", "const": "DPoP"}'
            ],
        ),
        (
            be_as_relaxed,
            [
                'TokenResponse.token_type: x-ath-upstream is {"type": "string", "const": "Bearer"},'
                ' upstream {"type": "string"}'
            ],
        ),
        (
            change_reference,
            [
                'ATHError.code: x-ath-upstream is {"$ref": "ATHErrorCode"},'
                ' upstream {"$ref": "AgentStatus"}'
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


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("uniqueItems", True),
        ("exclusiveMinimum", 5),
        ("multipleOf", 60),
        ("minProperties", 1),
        ("dependentRequired", {"a": ["b"]}),
        ("not", {"type": "string"}),
        ("if", {"minimum": 1}),
        ("then", {"maximum": 5}),
        ("patternProperties", {"^x-": {"type": "string"}}),
        ("const", 3600),
        ("readOnly", True),
        ("contentMediaType", "text/plain"),
    ],
)
def test_every_word_that_is_not_prose_is_compared(tmp_path: Path, word: str, value: Any) -> None:
    upstream = Upstream()
    upstream.properties("TokenResponse")["expires_in"][word] = value
    run = upstream.compare(tmp_path)
    assert run.returncode == 1, run.stderr
    said = json.dumps(value)
    assert f"TokenResponse.expires_in: {word} is absent, upstream {said}" in run.stdout


def test_prose_is_not_compared(tmp_path: Path) -> None:
    upstream = Upstream()
    for schema in upstream.schemas.values():
        for part in (schema, *schema.get("properties", {}).values()):
            part |= {"description": "Other words.", "title": "T", "example": 1, "$comment": "c"}
    assert upstream.compare(tmp_path).returncode == 0


def test_a_relaxation_that_upstream_has_caught_up_with_is_told(tmp_path: Path) -> None:
    spec = read_spec()
    schema = spec["components"]["schemas"]["TokenResponse"]["properties"]["token_type"]
    schema["x-ath-upstream"] = {"type": "string"}
    upstream = Upstream()
    del upstream.properties("TokenResponse")["token_type"]["const"]
    run = upstream.compare(tmp_path, "--spec", str(write_spec(spec, tmp_path / "spec.json")))
    assert run.returncode == 1
    assert "TokenResponse.token_type: x-ath-relaxed, but it is as upstream" in run.stdout


def test_a_spec_that_is_not_yaml_is_no_verdict(tmp_path: Path) -> None:
    broken = tmp_path / "spec.yaml"
    broken.write_text("a: [1,\nb: 2", encoding="utf-8")
    run = Upstream().compare(tmp_path, "--spec", str(broken))
    assert run.returncode == 2
    assert "spec.yaml:2: not YAML" in run.stderr
    assert "Traceback" not in run.stderr


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
