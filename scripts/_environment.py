"""Environments that the scripts make for themselves, so that a stranger needs only Python."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import subprocess
import sys
import venv
from collections.abc import Sequence
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

    The other one is made on first need, inside the checkout, and kept. It is installed anew when
    pyproject.toml has changed.
    """
    _check_python()
    wanted = requirements()
    if all(_fits(tool, requirement) for tool, requirement in wanted.items()):
        return
    _go_on_in(ENVIRONMENT, list(wanted.values()))


def ensure_project(extra: str, *, lowest: bool = False) -> None:
    """Return in an environment of this checkout's own that has the project with that extra.

    It is installed anew when pyproject.toml has changed.

    Args:
        extra: The extra of pyproject.toml.
        lowest: Install the lowest version of each dependency that pyproject.toml allows.
    """
    _check_python()
    environment = ROOT / (".venv-lowest" if lowest else f".venv-{extra}")
    _go_on_in(environment, ["--editable", f"{ROOT}[{extra}]"], lowest=lowest)


def ensure_importable(package: str, extra: str) -> None:
    """Return if this interpreter has the package; otherwise in an environment with that extra."""
    _check_python()
    if importlib.util.find_spec(package) is None:
        ensure_project(extra)


def lowest_versions(pyproject: str) -> list[str]:
    """Pin what users install to the lowest version that pyproject.toml allows, as constraints.

    The tools of the extras ``dev`` and ``docs`` are ours, and stay as new as they can be.
    """
    import tomllib

    project = tomllib.loads(pyproject)["project"]
    extras = project["optional-dependencies"]
    requirements = list(project["dependencies"])
    for extra in extras.keys() - {"dev", "docs"}:
        requirements += extras[extra]
    pins = set()
    for requirement in requirements:
        bounded, semicolon, marker = requirement.partition(";")
        name = re.split(r"[^\w.-]", bounded)[0]
        lowest = re.search(r"[>~=]=\s*([\w.]+)", bounded)
        if lowest:
            pins.add(f"{name}=={lowest[1]}{semicolon}{marker}")
        elif name != project["name"]:  # which is one extra that includes another
            sys.exit(f"pyproject.toml: {requirement!r} has no lowest version that could be tested")
    return sorted(pins)


def _check_python() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 - a stranger's python3 may well be older
        sys.exit("Python 3.11 or newer is needed")


def python_of(environment: Path) -> Path:
    """Where the environment's interpreter is."""
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _go_on_in(environment: Path, requirements: list[str], *, lowest: bool = False) -> None:
    """Return in that environment, after an installation for the present pyproject.toml."""
    stamp = environment / "installed-for"
    wanted = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        print(f"installing into {environment.name}, once", file=sys.stderr)
        try:
            if not stamp.exists():  # what is there may be half made, and have no pip
                venv.create(environment, with_pip=True, clear=True)
            _install(environment, requirements, lowest_versions(wanted) if lowest else [])
        except KeyboardInterrupt:
            sys.exit("the installation was interrupted; the next start makes it anew")
        stamp.write_text(wanted, encoding="utf-8")
    if Path(sys.prefix).resolve() != environment.resolve():
        _start_again_in(environment)


def _install(environment: Path, requirements: list[str], constraints: Sequence[str]) -> None:
    python = python_of(environment)
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if constraints:
        file = environment / "constraints.txt"
        file.write_text("\n".join(constraints), encoding="utf-8")
        install += ["--constraint", str(file)]
    # In a session of its own, so that Ctrl-C reaches this process only, which then ends pip.
    done = subprocess.run([*install, *requirements], check=False, start_new_session=True)
    if done.returncode:
        sys.exit("the installation failed; see above")


def _start_again_in(environment: Path) -> NoReturn:
    os.environ.pop("PYTHONPATH", None)
    command = [str(python_of(environment)), *sys.argv]
    if os.name == "nt":  # there, exec would return to the shell before the work is done
        sys.exit(subprocess.run(command, check=False).returncode)
    os.execv(command[0], command)
