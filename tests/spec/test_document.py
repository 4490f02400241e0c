from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from spec_support import GENERATED, SPEC_FILE, media_types, operations, read_spec

SPEC = read_spec()
SCHEMAS = SPEC["components"]["schemas"]


def errors(schema: dict[str, Any], value: Any) -> list[str]:
    # The document comes along, so that references into it resolve.
    validator = Draft202012Validator({**schema, "components": SPEC["components"]})
    return [error.message for error in validator.iter_errors(value)]


def test_the_spec_is_valid_openapi() -> None:
    validate(read_spec())


MEDIA_TYPES = list(media_types(SPEC))
STATUSES = dict(re.findall(r"^\| `(\w+)` \| (\d{3}) \|", SPEC["info"]["description"], re.M))


def codes(media: dict[str, Any]) -> dict[str, Any]:
    """The named examples of a body; those of errors are named by their code."""
    return {
        name: SPEC["components"]["examples"][example["$ref"].rpartition("/")[2]]["value"]
        for name, example in media["examples"].items()
    }


@pytest.mark.parametrize("media", [m for _, m in MEDIA_TYPES], ids=[n for n, _ in MEDIA_TYPES])
def test_every_body_has_examples_that_fit_its_schema(media: dict[str, Any]) -> None:
    examples = [media["example"]] if "example" in media else list(codes(media).values())
    assert examples
    for example in examples:
        assert errors(media["schema"], example) == []


@pytest.mark.parametrize("component", SCHEMAS)
def test_examples_of_fields_fit_their_schemas(component: str) -> None:
    for name, schema in SCHEMAS[component].get("properties", {}).items():
        if "example" in schema:
            assert errors(schema, schema["example"]) == [], name


def test_examples_of_parameters_fit_their_schemas() -> None:
    items = [*SPEC["paths"].values(), *(operation for _, operation in operations(SPEC))]
    parameters = [parameter for item in items for parameter in item.get("parameters", [])]
    assert parameters
    for parameter in parameters:
        assert errors(parameter["schema"], parameter["example"]) == []


def test_the_table_of_errors_has_every_code_with_a_status_and_a_remedy() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\d{3}) \| (.+) \|$", SPEC["info"]["description"], re.M)
    assert [code for code, _, _ in rows] == SCHEMAS["ATHErrorCode"]["enum"]
    assert all(400 <= int(status) < 600 and remedy for _, status, remedy in rows)


def test_every_error_answer_is_an_ath_error() -> None:
    for name, operation in operations(SPEC):
        statuses = {status for status in operation["responses"] if status[0] in "45"}
        assert {"4XX", "5XX"} <= statuses, name
        assert "429" in statuses, name
        assert "default" not in operation["responses"], name
        for status in statuses:
            response = operation["responses"][status]["$ref"].rpartition("/")[2]
            schema = SPEC["components"]["responses"][response]["content"]["application/json"]
            assert schema["schema"] == {"$ref": "#/components/schemas/ATHError"}


def test_every_code_has_an_example_in_the_answers_that_carry_it() -> None:
    seen: dict[str, set[str]] = {}
    for _, operation in operations(SPEC):
        for status, answer in operation["responses"].items():
            if status[0] in "45":
                name = answer["$ref"].rpartition("/")[2]
                media = SPEC["components"]["responses"][name]["content"]["application/json"]
                for code, example in codes(media).items():
                    assert example["code"] == code
                    seen.setdefault(code, set()).add(status)
    for code, status in STATUSES.items():
        assert seen[code] == {status}, code


def test_too_many_requests_say_how_long_to_wait() -> None:
    assert "Retry-After" in SPEC["components"]["responses"]["TooManyRequests"]["headers"]


def test_the_proxy_takes_bodies() -> None:
    proxy = SPEC["paths"]["/ath/proxy/{provider_id}/{path}"]
    for method in ("post", "put", "patch", "delete"):
        assert proxy[method]["requestBody"]["content"] == {"*/*": {}}


def test_no_field_description_has_been_cut_at_a_comma() -> None:
    # In YAML's flow style an unquoted comma ends the text and starts an empty key.
    for component in SCHEMAS.values():
        for schema in component.get("properties", {}).values():
            assert None not in schema.values()
            assert "$ref" in schema or schema["description"].endswith((".", "any JSON."))


def test_the_ways_to_authenticate_are_described_and_nobody_is_forced_to_use_a_token() -> None:
    assert SPEC["security"][0] == {}
    assert set(SPEC["components"]["securitySchemes"]) == {
        "athToken",
        "clientCredentials",
        "userSession",
    }
    status = SPEC["paths"]["/ath/agents/{clientId}"]["get"]
    assert {"clientCredentials": []} in status["security"]
    assert {"athToken": []} in SPEC["paths"]["/ath/proxy/{provider_id}/{path}"]["get"]["security"]
    for path in GENERATED.glob("api/*/*.py"):
        assert "AuthenticatedClient" not in path.read_text("utf-8")


def test_what_is_not_generated_says_why() -> None:
    by_hand = {path for path, item in SPEC["paths"].items() if item.get("x-handwritten")}
    assert by_hand == {"/ath/callback", "/ath/proxy/{provider_id}/{path}"}
    assert all(SPEC["paths"][path]["x-handwritten-reason"] for path in by_hand)


def test_optional_fields_of_answers_may_be_null() -> None:
    answers = "DiscoveryDocument ProviderInfo ServiceDiscoveryDocument ServiceAuthConfig ATHError"
    answers += " AgentRegistrationResponse AgentRegistration ProviderApproval"
    answers += " AuthorizationResponse TokenResponse ScopeIntersection"
    for component in answers.split():
        schema = SCHEMAS[component]
        for name in schema["properties"].keys() - set(schema["required"]):
            assert errors(schema["properties"][name], None) == [], f"{component}.{name}"


def test_secrets_are_marked() -> None:
    secret = {"client_secret", "access_token", "agent_attestation", "code_verifier", "state"}
    secret |= {"token", "code"}
    for component, schema in SCHEMAS.items():
        for name, part in schema.get("properties", {}).items():
            expected = name in secret and component != "ATHError"
            assert part.get("x-ath-secret", False) is expected, f"{component}.{name}"


def tool(name: str) -> str:
    """A tool of npm's; it is used if it is there, since pip does not install it."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not on PATH")
    return found


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("redocly", ["lint", "--extends=recommended", str(SPEC_FILE)]),
        ("spectral", ["lint", "--ruleset", "spectral.yaml", str(SPEC_FILE)]),
    ],
)
def test_linters_of_others_find_no_error(tmp_path: Path, name: str, arguments: list[str]) -> None:
    tmp_path.joinpath("spectral.yaml").write_text('extends: ["spectral:oas"]', encoding="utf-8")
    run = subprocess.run(
        [tool(name), *arguments], cwd=tmp_path, capture_output=True, encoding="utf-8", check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_spec_becomes_strict_typescript(tmp_path: Path) -> None:
    for command in (
        [tool("openapi-typescript"), str(SPEC_FILE), "-o", "ath.ts"],
        [tool("tsc"), "--strict", "--noEmit", "ath.ts"],
    ):
        run = subprocess.run(
            command, cwd=tmp_path, capture_output=True, encoding="utf-8", check=False
        )
        assert run.returncode == 0, run.stdout + run.stderr
