"""The proof that the spec is the source: what is added to it is there after one command."""

from __future__ import annotations

from pathlib import Path

import pytest
from spec_support import GENERATED, files, read_spec, run, run_script, samples, write_spec


@pytest.fixture(scope="module")
def regenerated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an `ath_api` made of a spec with a new field, a new code and a new endpoint."""
    spec = read_spec()
    schemas = spec["components"]["schemas"]
    schemas["TokenResponse"]["properties"]["refresh_hint"] = {
        "type": ["string", "null"],
        "description": "New.",
    }
    schemas["ATHErrorCode"]["enum"].append("RATE_LIMITED")
    spec["paths"]["/ath/providers/{provider_id}"] = {
        "get": {
            "operationId": "read_provider",
            "tags": ["discovery"],
            "summary": "New.",
            "parameters": [
                {
                    "name": "provider_id",
                    "in": "path",
                    "required": True,
                    "schema": {"type": "string"},
                },
                {"name": "since", "in": "query", "schema": {"type": "integer"}},
                {"name": "X-Locale", "in": "header", "schema": {"type": "string"}},
            ],
            "responses": {
                "200": {
                    "description": "New.",
                    "content": {
                        "application/json": {
                            "schema": {"$ref": "#/components/schemas/ProviderInfo"}
                        }
                    },
                }
            },
        }
    }
    folder = tmp_path_factory.mktemp("regenerated")
    write_spec(spec, folder / "spec.yaml")
    output = folder / "ath_api"
    result = run_script("generate", "--spec", folder / "spec.yaml", "--output", output)
    assert result.returncode == 0, result.stderr
    return folder


def test_nothing_but_the_new_things_changes(regenerated: Path) -> None:
    old, new = files(GENERATED), files(regenerated / "ath_api")
    assert old.keys() - new.keys() == set()
    assert new.keys() - old.keys() == {"api/discovery/read_provider.py"}
    changed = {name for name in old if old[name] != new[name]}
    assert changed == {"models/token_response.py", "models/ath_error_code.py", "openapi.yaml"}


def test_the_new_things_work(regenerated: Path) -> None:
    token = {**samples()["TokenResponse"], "refresh_hint": "soon"}
    program = f"""
from ath_api.api.discovery import read_provider
from ath_api.models import ErrorBody, ATHErrorCode, TokenResponse
token = TokenResponse.from_dict({token!r})
assert token.refresh_hint == "soon" and token.to_dict() == {token!r}
error = ErrorBody.from_dict({{"code": "RATE_LIMITED", "message": ""}})
assert error.code is ATHErrorCode.RATE_LIMITED
call = read_provider.prepare("p", since=0, x_locale="de")
assert (call.method, call.path, call.query) == ("GET", "/ath/providers/p", [("since", "0")])
assert (call.headers, call.content) == ({{"X-Locale": "de"}}, None)
"""
    result = run("-c", program, PYTHONPATH=str(regenerated))
    assert result.returncode == 0, result.stderr


def test_the_new_things_are_typed(regenerated: Path) -> None:
    program = regenerated / "program.py"
    program.write_text(
        """
from typing import assert_type

from ath_api import Client
from ath_api.api.discovery import read_provider
from ath_api.models import ATHErrorCode, ProviderInfo, TokenResponse


def use(token: TokenResponse, client: Client) -> ATHErrorCode:
    assert_type(token.refresh_hint, str | None)
    assert_type(read_provider.sync("p", client=client, since=1), ProviderInfo)
    token.no_such_field  # line 12
    read_provider.sync("p", client=client, since="1")  # line 13
    return ATHErrorCode.RATE_LIMITED


from ath_api.models import NoSuchModel  # line 17
""",
        encoding="utf-8",
    )
    result = run(
        *("-m", "mypy", "--strict", "--config-file=", "--no-error-summary"),
        *("--cache-dir", regenerated / "cache", program, regenerated / "ath_api"),
        MYPYPATH=str(regenerated),
    )
    lines = result.stdout.splitlines()
    assert [line.split(":")[1] for line in lines] == ["12", "13", "17"], result.stdout
