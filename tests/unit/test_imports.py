"""Who may import whom, how long files are, and what importing the library costs."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import ath
from ath._protocol.requests import USER_AGENT

from .support import ROOT

HOME = ROOT / "ath"

# What each part may import of the others, besides itself. docs/architecture.md shows this table.
PARTS: dict[str, set[str]] = {
    "codes": set(),
    "_lazy": {"consent", "response", "streams", "_public_key"},
    "_log": set(),
    "_secret": set(),
    "arguments": {"_lazy"},
    "grant": set(),
    "consent": {"arguments", "grant"},
    "show": set(),
    "loopback": {"errors"},
    "errors": {"codes", "_lazy"},
    "response": {"errors", "_json"},
    "streams": {"errors", "response", "_http"},
    "retry": {"errors"},
    "_public_key": {"_secret", "errors"},
    "keys": {"errors", "stores", "_lazy", "_secret"},
    "identity": {
        "arguments", "errors", "keys", "_http", "_json", "_lazy", "_protocol", "_public_key",
    },
    "_http": {"errors"},
    "stores": {"errors", "_json", "_lazy", "_secret"},
    "_json": {"errors"},
    "_protocol": {
        "arguments", "consent", "errors", "grant", "response", "retry", "stores", "_http", "_json",
        "_secret", "__init__",
    },
    "_client": {
        "arguments", "errors", "grant", "keys", "retry", "show", "stores", "_http", "_lazy", "_log",
        "_protocol", "_secret",
    },
    "gateway": {
        "arguments", "grant", "response", "retry", "show", "_client", "_lazy", "_protocol",
    },
    "native": {
        "arguments", "grant", "response", "retry", "show", "_client", "_lazy", "_protocol",
    },
    "low_level": {"errors", "keys", "_client", "_http", "_lazy", "_protocol", "_secret"},
    "__init__": {
        "arguments", "codes", "consent", "errors", "gateway", "grant", "identity", "keys",
        "loopback", "low_level", "native", "response", "retry", "show", "stores", "streams",
    },
    "testing": set(),
}  # fmt: skip
# Of some packages only these modules are for the others.
OPEN_MODULES = {
    ("low_level", "_http"): {"messages"},
    ("low_level", "_client"): {"options", "run"},
    ("_protocol", "_http"): {
        "decoding",
        "forms",
        "lent",
        "limits",
        "messages",
        "opened",
        "sources",
    },
    ("_protocol", "stores"): {"record"},
    ("keys", "stores"): {"private_file"},
}

# Fixtures and contracts of ath.testing use ath as their users do.
BY_PUBLIC_NAMES = {
    "pytest_plugin.py", "_stores.py", "_store_check.py", "_store_promises.py", "_store_times.py",
}  # fmt: skip

# Libraries, and modules of the standard library, that only some parts touch. Imports for type
# checkers do not count.
RESERVED = {
    "ath_api": {"_client", "_protocol", "gateway", "identity", "native"},
    "httpx": {"_http"},
    "httpcore": set(),
    "h11": {"_http"},
    "certifi": {"_http"},
    "idna": {"_http"},
    "redis": {"stores"},
    "sqlalchemy": {"stores"},
    "tenacity": {"_client"},
    "jwt": {"keys"},
    "cryptography": {"keys", "stores", "_protocol", "_public_key"},
    "asyncio": {"_client", "_http", "stores"},
    "socket": {"_http", "loopback", "stores"},
    "ssl": {"_http"},
    "threading": {"_http", "loopback", "stores"},
    "warnings": {"_client", "stores"},
    "pathlib": {"low_level", "stores"},
    "logging": {"_log"},
    "os": {"_client", "_http", "keys", "loopback", "show", "stores"},
    "time": {"_client", "_http", "low_level", "stores"},
    "random": {"_client", "stores"},
    "pickle": set(),
    "subprocess": set(),
}

# These hold signatures and docstrings, and one line of work a method.
FILES = sorted(HOME.rglob("*.py"))
HANDWRITTEN = [path for path in FILES if "testing" not in path.parts]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def part_of(path: Path) -> str:
    return path.relative_to(HOME).parts[0].removesuffix(".py")


def imports(path: Path, *, for_checkers: bool) -> Iterator[tuple[str, str]]:
    """The part and module (or the library) of every import, also of those within functions."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    hidden = set() if for_checkers else {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }  # fmt: skip
    package = path.parent.relative_to(HOME).parts
    for node in ast.walk(tree):
        if id(node) in hidden:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name.split(".")[0], "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if not node.level:
                yield (node.module or "").split(".")[0], ""
                continue
            above = package[: len(package) - node.level + 1]
            named = [node.module] if node.module else [alias.name for alias in node.names]
            for name in named:
                parts = [*above, *name.split(".")]
                if parts[0].startswith("__") or not (HOME / parts[0]).exists():
                    parts = [parts[0]] if (HOME / f"{parts[0]}.py").exists() else ["__init__"]
                yield f"ath.{parts[0]}", parts[1] if len(parts) > 1 else ""


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_part_imports_only_what_the_table_allows(path: Path) -> None:
    part = part_of(path)
    for library, module in imports(path, for_checkers=True):
        if not library.startswith("ath."):
            assert library != "ath" or path.name in BY_PUBLIC_NAMES, "use relative imports"
            continue
        other = library.removeprefix("ath.")
        if other != part:
            assert other in PARTS[part], f"{name_of(path)} imports {other}"
            allowed = OPEN_MODULES.get((part, other))
            assert allowed is None or module in allowed, f"{name_of(path)} imports {other}.{module}"


@pytest.mark.parametrize("path", HANDWRITTEN, ids=name_of)
def test_only_some_parts_touch_what_is_reserved(path: Path) -> None:
    found = {library for library, _ in imports(path, for_checkers=False)}
    assert {
        name for name in found if part_of(path) not in RESERVED.get(name, {part_of(path)})
    } == set()


def test_the_tables_allow_nothing_that_is_not_used() -> None:
    used = {
        (library.removeprefix("ath."), part_of(path))
        for path in HANDWRITTEN
        for library, _ in imports(path, for_checkers=True)
    }
    tables = {(other, part) for part, others in PARTS.items() for other in others}
    tables |= {(name, part) for name, parts in RESERVED.items() for part in parts}
    assert tables - used == set()
    assert {part_of(path) for path in FILES} == set(PARTS)


def test_modules_import_one_another_without_a_circle() -> None:
    """Checked by importing each module first, as if nothing else had been imported."""
    modules = [".".join(p.relative_to(ROOT).with_suffix("").parts) for p in HANDWRITTEN]
    program = f"""
import importlib, sys
for name in {modules!r}:
    for loaded in [m for m in sys.modules if m.split(".")[0] == "ath"]:
        del sys.modules[loaded]
    importlib.import_module(name.removesuffix(".__init__"))
"""
    modules_after(program)


def test_no_module_of_the_http_layer_is_longer_than_200_lines() -> None:
    files = [path for path in FILES if part_of(path) == "_http"]
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert {name: lines for name, lines in lengths.items() if lines > 200} == {}


MOSTLY_SIGNATURES = {"ath/gateway.py", "ath/native.py", "ath/_client/sync.py", "ath/_client/aio.py"}


def test_no_module_is_longer_than_300_lines() -> None:
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    long = {name for name, lines in lengths.items() if lines > 300}
    assert long - MOSTLY_SIGNATURES == set()


def test_no_test_is_longer_than_500_lines() -> None:
    lengths = {path.name: len(path.read_text(encoding="utf-8").splitlines())
               for path in (ROOT / "tests").rglob("*.py")}  # fmt: skip
    assert {name: lines for name, lines in lengths.items() if lines > 500} == {}


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


MODELS = ath._HOMES["ath_api.models"]


@pytest.mark.parametrize("name", ath.__all__)
def test_no_name_needs_the_http_layer_before_the_first_request(name: str) -> None:
    loaded = modules_after(f"from ath import {name}")
    assert loaded & (HEAVY - {"attr", "attrs", "asyncio"}) == set()


@pytest.mark.parametrize("name", [name for name in ath.__all__ if name not in MODELS])
def test_only_models_need_models(name: str) -> None:
    loaded = modules_after(f"from ath import {name}")
    assert {module for module in loaded if module.startswith(("attr", "ath_api.models."))} == set()


def test_the_public_names_are_these() -> None:
    assert ath.__all__ == [
        "ATH_VERSION", "CODES", "ATHError", "ATHErrorCode", "ATHGatewayClient", "ATHNativeClient",
        "ATHSecurityWarning", "ATHWarning", "AgentIdentityDocument", "AgentKey",
        "AgentRegistration", "AgentRegistrationRequest", "AgentRegistrationResponse", "AgentStatus",
        "AsyncATHGatewayClient", "AsyncATHNativeClient", "AsyncConsent", "AsyncCredentialStore",
        "AsyncEncryptedStore", "AsyncRedisStore", "AsyncSQLStore", "AsyncSigner",
        "AsyncStreamedResponse", "AuthorizationRequest", "AuthorizationResponse", "Consent",
        "CredentialKey", "CredentialStore", "Developer", "DeveloperInfo", "DiscoveryDocument",
        "EncryptedStore", "ErrorCode", "FileStore", "FolderStore", "Grant", "IdentityFinding",
        "LoopbackReceiver", "MemoryStore", "PendingSession", "ProviderApproval", "ProviderInfo",
        "ProviderScopeRequest", "ProviderScopes", "RedisStore", "Response", "RetryPolicy",
        "SQLStore", "ScopeIntersection", "ServerSentEvent", "ServiceAuthConfig",
        "ServiceDiscoveryDocument", "Signer", "StreamedResponse", "TokenExchangeRequest",
        "TokenResponse", "TokenRevocationRequest", "agent_identity_document", "check_identity",
        "open_browser", "print_url", "proxy_url", "sign_attestation",
    ]  # fmt: skip
    assert set(ath.__all__) <= set(dir(ath))


@pytest.mark.parametrize("home", ath._HOMES)
def test_public_names_come_from_a_public_module_that_lists_them(home: str) -> None:
    module = importlib.import_module(home)
    assert "._" not in home
    assert set(ath._HOMES[home]) <= set(module.__all__)
    assert [getattr(ath, name) for name in ath._HOMES[home]] == [
        getattr(module, name) for name in ath._HOMES[home]
    ]


def test_each_public_name_has_one_home() -> None:
    names = [name for names in ath._HOMES.values() for name in names]
    assert sorted([*names, "ATH_VERSION"]) == sorted(ath.__all__)


def test_the_names_of_the_official_release_are_there() -> None:
    official = {
        "AgentIdentityDocument", "AgentRegistrationRequest", "AgentRegistrationResponse",
        "AgentStatus", "ATHErrorCode", "AuthorizationRequest", "AuthorizationResponse",
        "DeveloperInfo", "DiscoveryDocument", "ProviderApproval", "ProviderInfo",
        "ProviderScopeRequest", "ScopeIntersection", "ServiceAuthConfig",
        "ServiceDiscoveryDocument", "TokenExchangeRequest", "TokenResponse",
        "TokenRevocationRequest", "ATH_VERSION",
    }  # fmt: skip
    assert official <= set(ath.__all__)


def test_the_version_of_the_protocol_is_the_specs() -> None:
    spec = (ROOT / "spec" / "openapi.yaml").read_text(encoding="utf-8")
    assert f'version: "{ath.ATH_VERSION}"' in spec.split("paths:")[0]


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        ath.Nothing  # noqa: B018


def test_the_user_agent_names_the_version() -> None:
    assert f"ath-sdk/{ath.__version__}".encode() == USER_AGENT
