"""How a check is run, and the quick ones, which scripts/check and scripts/test share."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from _environment import ROOT

# Scripts have no suffix, so ruff must be told their names.
SCRIPTS = sorted(
    f"scripts/{path.name}"
    for path in (ROOT / "scripts").iterdir()
    if path.is_file() and not path.suffix and not path.name.startswith(".")
)
# What users write, for type checkers alone; tests/typing has more about it.
TYPED_ONLY = ["tests/typing/usage.py", "tests/typing/mistakes.py"]


def run(title: str, *command: str, folder: Path = ROOT, **environment: str) -> None:
    """Run one check in that folder, or stop here with its exit status."""
    print(f"--- {title}: started {time.strftime('%H:%M:%S')}", flush=True)
    began = time.monotonic()
    # Unbuffered, so that a check's progress is seen at once where the output is a pipe or file.
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", **environment}
    status = subprocess.run(command, cwd=folder, env=environment).returncode
    if status:
        sys.exit(f"--- {title}: failed with status {status}")
    print(f"--- {title}: passed after {time.monotonic() - began:.0f} s", flush=True)


def tool(name: str, *arguments: str) -> tuple[str, ...]:
    """A command of this environment, whatever PATH says."""
    return (sys.executable, "-m", name, *arguments)


def run_quick_checks() -> None:
    """Run what needs no test: style, types, generated code, public names."""
    pyright = tool("basedpyright", "--pythonpath", sys.executable)
    run("ruff check", *tool("ruff", "check", ".", *SCRIPTS))
    run("ruff format", *tool("ruff", "format", "--check", ".", *SCRIPTS))
    run("mypy", *tool("mypy", "ath", "generated/ath_api", "scripts/_codegen", *TYPED_ONLY))
    run("pyright", *pyright)
    run("types of the users' code", *pyright, "-p", "tests/typing")
    run("generated code", sys.executable, "scripts/generate", "--check")
    run("public names", sys.executable, "scripts/check-api")
