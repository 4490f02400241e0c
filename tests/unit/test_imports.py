"""The rooms of the house: who may import whom, how large they are, what an import costs."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import ath
from ath import _context

from .support import ROOT

# From the ground up. A module imports from the rows below its own, never from its own or above.
FLOORS = [
    {"errors", "pkce", "_deadline", "_flight", "_lock"},
    {"_wire", "_limits", "retry", "credentials"},
    {"attestation", "_credential_file", "_vault", "_proxy", "_reply", "_connections"},
    {"_context", "_transport", "store"},
    {"_steps", "_async_transport"},
    {"_httpx", "_flow", "_calls", "_runner"},
    {"_approval", "_consent", "_async_runner"},
    {"_client"},
    {"_handshake"},
    {"gateway", "native"},
    {"__init__"},
]
FLOOR = {name: number for number, names in enumerate(FLOORS) for name in names}

# What only some rooms may touch. Imports for type checkers do not count.
RESERVED = {
    "httpx": {"_httpx"},
    "httpcore": {"_connections", "_deadline", "_transport", "_async_transport"},
    "tenacity": {"_runner", "_async_runner"},
    "jwt": {"attestation"},
    "cryptography": {"attestation"},
    "asyncio": {"_async_runner", "_async_transport", "_httpx"},
    # a clock, a file, a thread, a die: nothing that decides or reads replies has one
    "time": {"_context", "_deadline", "_transport", "_async_transport", "_httpx", "_runner",
             "_async_runner", "_lock"},
    "datetime": {"_reply"},
    "random": {"retry"},
    "secrets": {"store"},
    "os": {"_client", "_connections", "_context", "_lock", "store"},
    "pathlib": {"_client", "_credential_file", "_lock", "attestation", "store"},
    "threading": {"_flight", "_runner", "_vault", "store"},
    "socket": set(),
    "subprocess": set(),
    "pickle": set(),
    "attr": set(),
}  # fmt: skip

MODULES = sorted(path.stem for path in (ROOT / "ath").glob("*.py"))


def tree_of(module: str) -> ast.Module:
    return ast.parse((ROOT / "ath" / f"{module}.py").read_text(encoding="utf-8"))


def imports(tree: ast.Module, *, for_checkers: bool = True) -> Iterator[tuple[int, str]]:
    """The level and first name of every import, also of those within functions."""
    hidden = set() if for_checkers else {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }  # fmt: skip
    for node in ast.walk(tree):
        if id(node) in hidden:
            continue
        if isinstance(node, ast.Import):
            yield from ((0, alias.name.split(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names = [node.module] if node.module else [alias.name for alias in node.names]
            yield from ((node.level, name.split(".")[0]) for name in names)


def test_every_module_has_its_floor() -> None:
    assert set(MODULES) == set(FLOOR)
    assert sum(map(len, FLOORS)) == len(FLOOR)


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_one_way(module: str) -> None:
    inner = {name for level, name in imports(tree_of(module)) if level}
    assert {name for name in inner if FLOOR[name] >= FLOOR[module]} == set()
    assert not {name for level, name in imports(tree_of(module)) if not level and name == "ath"}


@pytest.mark.parametrize("module", MODULES)
def test_only_some_rooms_touch_what_is_reserved(module: str) -> None:
    found = {name for level, name in imports(tree_of(module), for_checkers=False) if not level}
    assert {name for name in found if name in RESERVED and module not in RESERVED[name]} == set()


def test_the_table_of_what_is_reserved_grants_nothing_that_is_not_used() -> None:
    used = {
        (name, module)
        for module in MODULES
        for level, name in imports(tree_of(module), for_checkers=False)
        if not level
    }
    granted = {(name, module) for name, modules in RESERVED.items() for module in modules}
    assert granted - used == set()


def test_no_module_is_longer_than_300_lines() -> None:
    lengths = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in (ROOT / "ath").rglob("*.py")
    }
    long = {name for name, lines in lengths.items() if lines > 300}
    assert long == set()


def test_no_test_is_longer_than_500_lines() -> None:
    lengths = {path.name: len(path.read_text(encoding="utf-8").splitlines())
               for path in (ROOT / "tests").rglob("*.py")}  # fmt: skip
    assert {name: lines for name, lines in lengths.items() if lines > 500} == {}


@pytest.mark.parametrize("path", sorted((ROOT / "ath/testing").glob("*.py")), ids=lambda p: p.name)
def test_the_local_gateway_reads_the_protocol_for_itself(path: Path) -> None:
    """It shares the wire models with the client and none of its logic."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not {name for level, name in imports(tree) if level > 1 or (not level and name == "ath")}


def modules_after(program: str) -> set[str]:
    """What a fresh interpreter has loaded after the program."""
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{program}\nimport sys\nprint(*sys.modules)"],
        capture_output=True, encoding="utf-8", check=False, timeout=60,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return set(result.stdout.split())


HEAVY = {"httpx", "httpcore", "jwt", "cryptography", "attr", "attrs", "tenacity", "asyncio", "ssl"}


def test_importing_ath_alone_imports_nothing_heavy() -> None:
    loaded = modules_after("import ath; dir(ath); ath.__version__")
    assert loaded & HEAVY == set()
    assert {name for name in loaded if name.startswith(("ath.", "ath_api"))} == set()


@pytest.mark.parametrize("name", ath.__all__)
def test_no_name_needs_the_http_layer_before_the_first_request(name: str) -> None:
    loaded = modules_after(f"from ath import {name}")
    assert loaded & {"httpx", "httpcore", "jwt", "cryptography", "attr", "tenacity", "ssl"} == set()


def test_the_public_names_are_these() -> None:
    assert ath.__all__ == [
        "CODES", "ATHError", "ATHGatewayClient", "ATHNativeClient", "ATHSecurityWarning",
        "ATHWarning", "AsyncATHGatewayClient", "AsyncATHNativeClient", "AsyncSigner",
        "CredentialKey", "CredentialStore", "FileStore", "FolderStore", "MemoryStore",
        "RetryPolicy", "Signer",
    ]  # fmt: skip
    assert set(ath.__all__) <= set(dir(ath))


@pytest.mark.parametrize("name", ath.__all__)
def test_every_public_name_comes_from_a_public_module(name: str) -> None:
    home = next(home for home, names in ath._HOMES.items() if name in names)
    module = importlib.import_module(f"ath.{home}")
    assert not home.startswith("_")
    assert getattr(ath, name) is getattr(module, name)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        ath.Nothing  # noqa: B018


def test_the_version_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert ath.__version__ == project["version"]
    assert f"ath-sdk/{ath.__version__}".encode() == _context.USER_AGENT
