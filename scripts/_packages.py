"""Build the wheel and the sdist, and test them as installed, where no source tree is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
import zipfile
from pathlib import Path

from _checks import run, tool
from _environment import ROOT, python_of

# One process more than there are cores, since many tests wait for servers; at most four. A file's
# tests stay together, because they share servers.
IN_PARALLEL = ["-n", str(min((os.cpu_count() or 1) + 1, 4)), "--dist", "loadfile"]
# The part of the tests that scripts/test runs on the wheel: each layer once, under a minute.
QUICK = [
    "tests/unit",
    "tests/client/test_client_handshake.py",
    "tests/stores/test_store_contract.py",
    "tests/implementor/test_local_servers.py",
]
# These are about the source files themselves, which are not there.
ABOUT_SOURCES = [
    "tests/docs",
    "tests/packaging",
    "tests/spec",
    "tests/typing",
    "tests/unit/test_imports.py",
]
USE_THE_WHEEL = """
import asyncio, importlib.metadata, ath
from cryptography.hazmat.primitives.asymmetric import ec
for name in ath.__all__:
    getattr(ath, name)
arguments = ("https://gateway.example", "https://agent.example/agent.json")
with ath.ATHGatewayClient(*arguments, ec.generate_private_key(ec.SECP256R1())) as client:
    assert client.sign_attestation().count(".") == 2
import ath_api.models
for name in ath_api.models.__all__:
    getattr(ath_api.models, name)
present = {item.metadata["Name"].lower() for item in importlib.metadata.distributions()}
assert not present & {"flask", "pytest", "openapi-python-client"}, "the bare install is not bare"
print("the wheel stands alone")
"""
# The tests would find the source tree here, if something brought it back.
FIND_THE_WHEEL = """
import ath, ath_api, sys
for module in (ath, ath_api):
    assert module.__file__.startswith(sys.prefix), module.__file__
"""


def check(keep: Path | None, *, full: bool) -> None:
    """Build both packages, check what is in them, and test the installed wheel.

    Args:
        keep: Where to put the packages once they have passed; None for nowhere.
        full: Run all tests that can run without the source files, instead of a part.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        wheel, sdist = build(folder)
        check_files(wheel, folder / "from-tree")
        check_alone(wheel, folder / "bare")
        check_by_tests(wheel, sdist, folder, full=full)
        if keep:
            keep.mkdir(parents=True, exist_ok=True)
            for path in (wheel, sdist):
                shutil.copy(path, keep)


def build(folder: Path) -> tuple[Path, Path]:
    """Build the sdist, the wheel from that sdist, and one more wheel from the checkout."""
    command = tool("build", "--no-isolation", "--outdir")
    run("build sdist and wheel", *command, str(folder / "dist"))
    run("build wheel from checkout", *command, str(folder / "from-tree"), "--wheel")
    wheel, sdist = (next((folder / "dist").glob(pattern)) for pattern in ("*.whl", "*.tar.gz"))
    return wheel, sdist


def check_files(wheel: Path, from_tree: Path) -> None:
    """Check that the sdist gives the checkout's wheel, and that the wheel has what it should."""
    files, expected = read_wheel(wheel), read_wheel(next(from_tree.glob("*.whl")))
    if wrong := find_differences(files, expected):
        sys.exit(f"--- the wheels from sdist and checkout differ: {', '.join(wrong)}")
    if wrong := find_mistakes(files):
        sys.exit("\n".join(["--- the wheel is not right:", *wrong]))


def read_wheel(path: Path) -> dict[str, bytes]:
    """Read the wheel's files by name."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def find_differences(one: dict[str, bytes], other: dict[str, bytes]) -> list[str]:
    """Name the files that only one has, or that differ."""
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))


def find_mistakes(files: dict[str, bytes]) -> list[str]:
    """Say what is missing in the wheel or does not belong there."""
    home = next(name for name in files if name.endswith(".dist-info/METADATA")).partition("/")[0]
    expected = {
        "ath/py.typed": ROOT / "ath" / "py.typed",
        "ath_api/py.typed": ROOT / "generated" / "ath_api" / "py.typed",
        "ath_api/openapi.yaml": ROOT / "spec" / "openapi.yaml",
        f"{home}/licenses/LICENSE": ROOT / "LICENSE",
    }
    return [
        *(
            f"{name}: missing, or not the same as {path.relative_to(ROOT)}"
            for name, path in expected.items()
            if files.get(name) != path.read_bytes()
        ),
        *(
            f"{name}: does not belong there"
            for name in files
            if name.partition("/")[0] not in ("ath", "ath_api", home)
        ),
    ]


def check_alone(wheel: Path, environment: Path) -> None:
    """Install the wheel alone, without extras, and use it from elsewhere."""
    venv.create(environment, with_pip=True)
    python = str(python_of(environment))
    pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run("install the wheel alone", *pip, str(wheel))
    run("use the wheel", python, "-I", "-W", "error", "-c", USE_THE_WHEEL, folder=environment)


def check_by_tests(wheel: Path, sdist: Path, folder: Path, *, full: bool) -> None:
    """Run the sdist's tests on the installed wheel, where no source tree is."""
    shutil.unpack_archive(sdist, folder)
    home = folder / sdist.name.removesuffix(".tar.gz")
    for name in ("ath", "generated"):
        shutil.rmtree(home / name)
    python = borrow_tools(wheel, folder / "installed")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # for ruff
    environment = {"PATH": path, "PYTHONPATH": ""}
    run("find the wheel", python, "-c", FIND_THE_WHEEL, folder=home, **environment)
    ignored = [f"--ignore={path}" for path in ABOUT_SOURCES]
    selected = ["tests"] if full else QUICK
    tests = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *ignored, *selected]
    run("tests of the wheel", *tests, *IN_PARALLEL, folder=home, **environment)


def borrow_tools(wheel: Path, environment: Path) -> str:
    """Install the wheel into an environment that takes all other packages from this one.

    A folder on the path through a ``.pth`` file has no ``.pth`` files of its own read, so that this
    environment's editable install of the checkout is not there.
    """
    venv.create(environment)
    python = str(python_of(environment))
    pip = tool("pip", "--disable-pip-version-check", "--python", python)
    subprocess.run([*pip, "install", "--quiet", "--no-deps", str(wheel)], check=True)
    paths = {"base": str(environment), "platbase": str(environment)}
    site = Path(sysconfig.get_path("purelib", "venv", paths))
    tools = {sysconfig.get_path(kind) for kind in ("purelib", "platlib")}
    site.joinpath("tools.pth").write_text("\n".join(tools), encoding="utf-8")
    return python
