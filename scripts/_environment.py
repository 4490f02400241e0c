"""Environments that the scripts make for themselves, so that a stranger needs only Python."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv-generate"
TOOLS = ("mypy", "openapi-python-client", "openapi-spec-validator", "ruff")


def requirements() -> dict[str, str]:
    """Read what the tools are required as; pyproject.toml is the only source of their versions."""
    import tomllib  # Python 3.10 has none, and should get as far as the message in ensure()

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = project["optional-dependencies"]["dev"]
    return {tool: next(line for line in lines if line.startswith(tool)) for tool in TOOLS}


def _fits(tool: str, requirement: str) -> bool:
    """Whether the tool is here, in the exact version if the requirement names one."""
    try:
        version = importlib.metadata.version(tool)
    except importlib.metadata.PackageNotFoundError:
        return False
    _, exact, wanted = requirement.partition("==")
    return not exact or version == wanted


def ensure() -> None:
    """Return if this interpreter has the tools; otherwise start again in one that has them.

    The other one is made on first need, inside the checkout, and kept.
    """
    _check_python()
    wanted = requirements()
    if all(_fits(tool, requirement) for tool, requirement in wanted.items()):
        return
    if Path(sys.prefix).resolve() == ENVIRONMENT.resolve() or not _python_of(ENVIRONMENT).exists():
        _install(ENVIRONMENT, list(wanted.values()))
    _start_again_in(ENVIRONMENT)


def ensure_project(extra: str) -> None:
    """Return in an environment of this checkout's own that has the project with that extra.

    It is installed anew when pyproject.toml has changed.
    """
    _check_python()
    environment = ROOT / f".venv-{extra}"
    stamp = environment / "installed-for"
    wanted = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        _install(environment, ["--editable", f"{ROOT}[{extra}]"])
        stamp.write_text(wanted, encoding="utf-8")
    if Path(sys.prefix).resolve() != environment.resolve():
        _start_again_in(environment)


def _check_python() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 - a stranger's python3 may well be older
        sys.exit("Python 3.11 or newer is needed")


def _python_of(environment: Path) -> Path:
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _install(environment: Path, requirements: list[str]) -> None:
    python = _python_of(environment)
    print(f"installing into {environment.name}, once", file=sys.stderr)
    if not python.exists():
        venv.create(environment, with_pip=True)
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if subprocess.run([*install, *requirements], check=False).returncode:
        sys.exit("the installation failed; see above")


def _start_again_in(environment: Path) -> NoReturn:
    os.environ.pop("PYTHONPATH", None)
    command = [str(_python_of(environment)), *sys.argv]
    if os.name == "nt":  # there, exec would return to the shell before the work is done
        sys.exit(subprocess.run(command, check=False).returncode)
    os.execv(command[0], command)
