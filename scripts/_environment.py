"""What `generate` and `check-upstream` share: an environment that has the pinned generator."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv-generate"
TOOLS = ("openapi-python-client", "ruff")


def pins() -> dict[str, str]:
    """Read the exact versions of the tools; pyproject.toml is their only source."""
    import tomllib  # Python 3.10 has none, and should get as far as the message in ensure()

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    exact = dict(
        line.split("==") for line in project["optional-dependencies"]["dev"] if "==" in line
    )
    return {tool: exact[tool] for tool in TOOLS}


def _installed(tool: str) -> str | None:
    try:
        return importlib.metadata.version(tool)
    except importlib.metadata.PackageNotFoundError:
        return None


def ensure() -> None:
    """Return if this interpreter has the pinned tools; otherwise start again in one that has them.

    The other one is made on first need, inside the checkout, and kept.
    """
    if sys.version_info < (3, 11):  # noqa: UP036 - a stranger's python3 may well be older
        sys.exit("Python 3.11 or newer is needed")
    wanted = pins()
    if all(_installed(tool) == version for tool, version in wanted.items()):
        return
    python = ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if Path(sys.prefix).resolve() == ENVIRONMENT.resolve() or not python.exists():
        print(f"installing the generator into {ENVIRONMENT.name}, once", file=sys.stderr)
        if not python.exists():
            venv.create(ENVIRONMENT, with_pip=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        install += [f"{tool}=={version}" for tool, version in wanted.items()]
        if subprocess.run(install, check=False).returncode:
            sys.exit("the generator could not be installed; see above")
    os.environ.pop("PYTHONPATH", None)
    command = [str(python), *sys.argv]
    if os.name == "nt":  # there, exec would return to the shell before the work is done
        sys.exit(subprocess.run(command, check=False).returncode)
    os.execv(python, command)
