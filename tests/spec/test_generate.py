from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from spec_support import GENERATED, ROOT, SPEC_FILE, files, read_spec, run_script, write_spec


def checkout(folder: Path) -> Path:
    """As much of the checkout as the generation needs."""
    for name in ("scripts", "spec", "generated"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def generate(spec: Path, output: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_script("generate", "--spec", spec, "--output", output, *arguments)


def test_the_generated_code_is_what_the_spec_gives() -> None:
    run = run_script("generate", "--check")
    assert (run.returncode, run.stdout) == (0, ""), run.stdout + run.stderr


def test_each_file_that_is_added_changed_or_removed_is_named(tmp_path: Path) -> None:
    output = tmp_path / "ath_api"
    shutil.copytree(GENERATED, output)
    output.joinpath("models/token_response.py").write_text("# edited", encoding="utf-8")
    output.joinpath("py.typed").unlink()
    output.joinpath("models/old.py").touch()
    before = files(output)
    lines = ["changed: models/token_response.py", "added:   py.typed", "removed: models/old.py"]
    check = run_script("generate", "--check", "--output", output)
    assert check.returncode == 1
    assert sorted(check.stdout.splitlines()[1:]) == sorted(f"  {line}" for line in lines)
    assert files(output) == before
    run = run_script("generate", "--output", output)
    assert run.returncode == 0, run.stderr
    assert sorted(run.stdout.splitlines()) == sorted(lines)
    assert files(output) == files(GENERATED)
    assert run_script("generate", "--output", output).stdout == "nothing to change\n"


def test_the_output_does_not_depend_on_the_hash_seed(tmp_path: Path) -> None:
    for seed in ("1", "2"):
        run = run_script("generate", "--output", tmp_path / seed, PYTHONHASHSEED=seed)
        assert run.returncode == 0, run.stderr
    assert files(tmp_path / "1") == files(tmp_path / "2") == files(GENERATED)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "spec.yaml:1: not YAML: "),
        ("[]", "spec.yaml: not a YAML object"),
        ("a: 1\nb: 2\na: 3", "spec.yaml:3: the key a is there twice"),
        ("a: &x [*x]", "spec.yaml: not YAML: "),
        ("a: &x {}\nb: {<<: 5}", "spec.yaml:2: << takes an object or a list of objects"),
        ("a: &x {}\nb: {<<: [*x, 5]}", "spec.yaml:2: << takes an object or a list of objects"),
        ('{"openapi": "3.1.0", "paths": {}}', "'info' is a required property"),
        ('{"openapi": "3.1.0", "paths": []}', "#/paths: must be an object"),
        ('{"openapi": "3.1.0", "tags": [5]}', "#/tags/0: must be an object"),
        (
            '{"openapi": "3.1.0", "paths": {"/a": {"get": {"tags": 5, "security": [[]]}}}}',
            "#/paths/~1a/get/tags: ",
        ),
    ],
)
def test_a_broken_spec_leaves_the_old_output(tmp_path: Path, text: str, message: str) -> None:
    output = tmp_path / "ath_api"
    shutil.copytree(GENERATED, output)
    tmp_path.joinpath("spec.yaml").write_text(text, encoding="utf-8")
    run = generate(tmp_path / "spec.yaml", output)
    assert run.returncode == 1
    assert message in run.stderr
    assert "Traceback" not in run.stderr
    assert run.stderr.endswith("generate: nothing has been changed\n")
    assert files(output) == files(GENERATED)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ath_api", "spec.yaml"]


def test_a_spec_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    run = generate(tmp_path / "none.yaml", tmp_path / "out")
    assert run.returncode == 1
    assert "No such file" in run.stderr


def test_each_mistake_is_told_with_its_line(tmp_path: Path) -> None:
    lines = SPEC_FILE.read_text("utf-8").splitlines()
    changes = {
        "      required: [token]": "      requierd: [token]",
        "      summary: Give a token up, at once.": "      sumary: Give a token up, at once.",
        "        message: {type: string,": "        message: {typ: string,",
    }
    places = []
    for old, new in changes.items():
        number = next(index for index, line in enumerate(lines) if line.startswith(old))
        lines[number] = lines[number].replace(old, new)
        places.append(number + 1)
    spec = tmp_path / "spec.yaml"
    spec.write_text("\n".join(lines), encoding="utf-8")
    run = generate(spec, tmp_path / "out")
    assert run.returncode == 1
    words = ("requierd", "sumary", "typ")
    for place, word in zip(places, words, strict=True):
        assert re.search(
            rf"spec\.yaml:{place}: #/\S+: {word} is no word .*; did you mean", run.stderr
        )
    assert not tmp_path.joinpath("out").exists()


def test_an_object_may_take_over_what_several_others_say(tmp_path: Path) -> None:
    text = SPEC_FILE.read_text("utf-8")
    old = "put: {<<: *proxied_with_body, operationId: proxy_put}"
    new = "put: {<<: [{operationId: proxy_put}, *proxied_with_body]}"
    assert old in text
    spec = tmp_path / "spec.yaml"
    spec.write_text(text.replace(old, new), encoding="utf-8")
    run = generate(spec, GENERATED, "--check")
    assert run.stdout.splitlines()[1:] == ["  changed: openapi.yaml"], run.stderr


def test_a_date_without_quotes_is_text(tmp_path: Path) -> None:
    text = SPEC_FILE.read_text("utf-8").replace(
        'approval_expires: "2027-01-01T00:00:00Z"', "approval_expires: 2027-01-01T00:00:00Z"
    )
    assert "approval_expires: 2027" in text
    spec = tmp_path / "spec.yaml"
    spec.write_text(text, encoding="utf-8")
    run = generate(spec, tmp_path / "out")
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize(
    ("template", "old", "new", "told"),
    [
        ("model", "return _result\n", "return _result_\n", "Undefined name `_result_`"),
        ("model", "return _result\n", "return 1\n", "models/error_body.py:"),
        ("model", ".items() if _key not in _KNOWN", ".items()", "DeveloperInfo: an example"),
        ("endpoint_module", "path={{ call.path }}", 'path="/x"', "POST /ath/revoke: generated as"),
        ("endpoint_module", "body=_to_json(body)", "body=[]", "POST /ath/token: the body"),
    ],
)
def test_code_that_is_not_right_is_kept_elsewhere_and_the_old_output_stays(
    tmp_path: Path, template: str, old: str, new: str, told: str
) -> None:
    root = checkout(tmp_path)
    path = root / "spec" / "templates" / f"{template}.py.jinja"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    run = run_script("generate", root=root)
    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    assert told in run.stderr
    kept = re.search(r"what came out is kept in (\S+)\n$", run.stderr)
    assert kept is not None
    assert Path(kept[1], "ath_api", "models", "error_body.py").exists()
    assert root not in Path(kept[1]).parents
    shutil.rmtree(kept[1])
    assert files(root / "generated" / "ath_api") == files(GENERATED)


def test_templates_that_no_longer_fit_the_generator_are_named_all_at_once(tmp_path: Path) -> None:
    root = checkout(tmp_path)
    hashes = root / "spec" / "templates" / "REPLACED.sha256"
    text = hashes.read_text("utf-8")
    hashes.write_text(re.sub("^.", "-", text, flags=re.MULTILINE), encoding="utf-8")
    run = run_script("generate", root=root)
    assert run.returncode == 1
    names = [line.split()[1] for line in text.splitlines()]
    assert len(names) == run.stderr.count("of the installed generator is not the one") > 5
    assert all(name in run.stderr for name in names)
    assert files(root / "generated" / "ath_api") == files(GENERATED)


def test_every_template_that_hides_one_of_the_generator_is_guarded() -> None:
    from openapi_python_client import __file__ as generator

    theirs = {path.name for path in Path(generator).parent.joinpath("templates").iterdir()}
    ours = {path.name for path in ROOT.joinpath("spec", "templates").glob("*.jinja")}
    ours |= {f"{path.name}.jinja" for path in ROOT.joinpath("spec", "runtime").iterdir()}
    ours |= {"package_init.py.jinja"}  # runtime/__init__.py takes its place
    guarded = ROOT.joinpath("spec", "templates", "REPLACED.sha256").read_text("utf-8")
    assert theirs & ours <= {line.split()[1] for line in guarded.splitlines()}


def test_what_is_written_by_hand_is_not_generated() -> None:
    names = {path.stem for path in GENERATED.glob("api/*/*.py")} - {"__init__"}
    wanted = {
        operation["operationId"]
        for item in read_spec()["paths"].values()
        if not item.get("x-handwritten")
        for method, operation in item.items()
        if method in ("get", "post")
    }
    assert names == wanted
    assert "x-handwritten: true" in SPEC_FILE.read_text("utf-8")


def test_the_package_says_that_it_is_generated_and_carries_the_spec() -> None:
    text = GENERATED.joinpath("__init__.py").read_text("utf-8")
    assert "Generated by scripts/generate from spec/openapi.yaml" in text
    assert GENERATED.joinpath("openapi.yaml").read_bytes() == SPEC_FILE.read_bytes()


def test_a_spec_of_other_endpoints_replaces_the_old_ones(tmp_path: Path) -> None:
    spec = read_spec()
    del spec["paths"]["/ath/revoke"]
    output = tmp_path / "ath_api"
    shutil.copytree(GENERATED, output)
    run = generate(write_spec(spec, tmp_path / "spec.json"), output)
    assert run.returncode == 0, run.stderr
    assert "removed: api/token/revoke_token.py" in run.stdout
    assert not output.joinpath("api/token/revoke_token.py").exists()


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
    text = re.sub("client==[0-9.]+", "client==0.0.1", text)
    project.write_text(text, encoding="utf-8")
    python = root / ".venv-generate" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho handed over: "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    (root / ".venv-generate" / "installed-for").write_text(text, encoding="utf-8")
    run = run_script(script, *arguments, root=root)
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == ["handed", "over:", str(root / "scripts" / script), *arguments]
