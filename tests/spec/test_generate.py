from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest
from spec_support import GENERATED, ROOT, SPEC_FILE, files, read_spec, run_script, write_spec


def checkout(folder: Path) -> Path:
    """As much of the checkout as the generation needs."""
    for name in ("scripts", "spec", "generated"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def test_the_generated_code_is_what_the_spec_gives() -> None:
    run = run_script("generate", "--check")
    assert (run.returncode, run.stdout) == (0, ""), run.stdout + run.stderr


def test_the_check_names_each_file_that_is_off_and_changes_nothing(tmp_path: Path) -> None:
    output = tmp_path / "ath_api"
    shutil.copytree(GENERATED, output)
    output.joinpath("models/token_response.py").write_text("# edited", encoding="utf-8")
    output.joinpath("py.typed").unlink()
    output.joinpath("models/old.py").touch()
    before = files(output)
    run = run_script("generate", "--check", "--output", output)
    assert run.returncode == 1
    for line in (
        "differs:   models/token_response.py",
        "missing:   py.typed",
        "surplus:   models/old.py",
    ):
        assert line in run.stdout
    assert run.stdout.count("\n") == 4
    assert files(output) == before


def test_the_output_does_not_depend_on_the_hash_seed(tmp_path: Path) -> None:
    for seed in ("1", "2"):
        run = run_script("generate", "--output", tmp_path / seed, PYTHONHASHSEED=seed)
        assert run.returncode == 0, run.stderr
    assert files(tmp_path / "1") == files(tmp_path / "2") == files(GENERATED)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not YAML"),
        ("[]", "is not an OpenAPI document"),
        ('{"openapi": "3.1.0", "paths": {}}', "could not be generated"),
    ],
)
def test_a_broken_spec_leaves_the_old_output(tmp_path: Path, text: str, message: str) -> None:
    output = tmp_path / "ath_api"
    shutil.copytree(GENERATED, output)
    tmp_path.joinpath("spec.yaml").write_text(text, encoding="utf-8")
    run = run_script("generate", "--spec", tmp_path / "spec.yaml", "--output", output)
    assert run.returncode == 1
    assert message in run.stderr
    assert "Traceback" not in run.stderr
    assert files(output) == files(GENERATED)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ath_api", "spec.yaml"]


def test_a_spec_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    run = run_script("generate", "--spec", tmp_path / "none.yaml", "--output", tmp_path / "out")
    assert run.returncode == 1
    assert "No such file" in run.stderr


def test_an_endpoint_that_cannot_be_generated_is_an_error_not_a_gap(tmp_path: Path) -> None:
    spec = read_spec()
    response = spec["paths"]["/ath/revoke"]["post"]["responses"]["200"]
    response["content"] = {"application/pdf": {"schema": {"type": "string"}}}
    run = run_script(
        "generate", "--spec", write_spec(spec, tmp_path / "s.yaml"), "--output", tmp_path / "out"
    )
    assert run.returncode == 1
    assert "application/pdf" in run.stderr
    assert not tmp_path.joinpath("out").exists()


def test_what_our_templates_cannot_read_is_an_error_that_names_the_place(tmp_path: Path) -> None:
    spec = read_spec()
    spec["components"]["schemas"]["ScopeIntersection"]["properties"]["either"] = {
        "anyOf": [
            {"$ref": "#/components/schemas/ProviderInfo"},
            {"type": "array", "items": {"type": "array", "items": {"type": "string"}}},
        ]
    }
    run = run_script(
        "generate", "--spec", write_spec(spec, tmp_path / "s.yaml"), "--output", tmp_path / "out"
    )
    assert run.returncode == 1
    assert "UNSUPPORTED_ARRAY_OF_ARRAYS" in run.stderr
    assert "scope_intersection.py" in run.stderr


def test_a_patch_that_no_longer_fits_the_generator_stops_with_its_name(tmp_path: Path) -> None:
    root = checkout(tmp_path)
    patch = root / "spec" / "patches" / "05-safe-paths.toml"
    text = patch.read_text("utf-8")
    patch.write_text(text.replace("safe=", "unknown="), encoding="utf-8")
    run = run_script("generate", root=root)
    assert run.returncode == 1
    assert "05-safe-paths.toml, change 1: its old text occurs 0 times" in run.stderr
    assert files(root / "generated" / "ath_api") == files(GENERATED)


def test_every_patch_gives_its_reason() -> None:
    for patch in (ROOT / "spec" / "patches").iterdir():
        assert patch.read_text("utf-8").startswith("reason = '''\n"), patch.name


def test_what_is_written_by_hand_is_not_generated() -> None:
    names = {path.stem for path in GENERATED.glob("api/*/*.py")} - {"__init__"}
    assert names == {
        "authorize",
        "discover_gateway",
        "discover_service",
        "exchange_token",
        "get_registration",
        "register_agent",
        "revoke_token",
    }
    assert "x-handwritten: true" in SPEC_FILE.read_text("utf-8")


def test_the_package_says_that_it_is_generated() -> None:
    text = GENERATED.joinpath("__init__.py").read_text("utf-8")
    assert "Generated by scripts/generate from spec/openapi.yaml" in text


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for an interpreter is a shell script")
@pytest.mark.parametrize(
    ("script", "arguments"), [("generate", ["--check"]), ("check-upstream", ["schema", "meta"])]
)
def test_without_the_pinned_generator_the_scripts_go_on_in_an_environment_of_their_own(
    tmp_path: Path, script: str, arguments: list[str]
) -> None:
    root = checkout(tmp_path)
    project = root / "pyproject.toml"
    text = project.read_text("utf-8")
    project.write_text(re.sub("client==[0-9.]+", "client==0.0.1", text), encoding="utf-8")
    python = root / ".venv-generate" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho handed over: "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    run = run_script(script, *arguments, root=root)
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == ["handed", "over:", str(root / "scripts" / script), *arguments]
