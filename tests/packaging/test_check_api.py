"""scripts/check-api: what breaks users' code is found, unless CHANGELOG.md names it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODES = "ath/codes.py"
GRANT = "ath/grant.py"
RETRY = "ath/retry.py"
BASE = "ath/stores/base.py"


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout whose list of public names is that of its sources."""
    folder = tmp_path_factory.mktemp("release")
    for name in ("ath", "generated"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    folder.joinpath("tests", "packaging").mkdir(parents=True)
    announce(folder, "")
    assert check(folder, "--write").returncode == 0
    return folder


@pytest.fixture
def checkout(release: Path, tmp_path: Path) -> Path:
    """The release, to be changed."""
    return Path(shutil.copytree(release, tmp_path / "checkout"))


def check(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "scripts" / "check-api", "--root", checkout, *arguments],
        capture_output=True, encoding="utf-8", check=False, timeout=120,
    )  # fmt: skip


def change(checkout: Path, name: str, old: str, new: str) -> None:
    file = checkout / name
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{name} has changed: adapt this test"
    file.write_text(text.replace(old, new), encoding="utf-8")


def announce(checkout: Path, entries: str) -> None:
    older = "## [8.0.0]\n\n### Removed\n\n- `Grant`.\n"
    text = f"# Changelog\n\n## [9.0.0] - unreleased\n{entries}\n{older}"
    checkout.joinpath("CHANGELOG.md").write_text(text, encoding="utf-8")


def test_this_checkout_breaks_nothing_unannounced() -> None:
    run = check(ROOT)
    assert (run.returncode, run.stdout) == (0, ""), run.stdout + run.stderr


def test_a_checkout_that_did_not_change_breaks_nothing(checkout: Path) -> None:
    run = check(checkout)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("name", "old", "new", "line"),
    [
        ("ath/__init__.py", '    "Grant",\n', "", "ath.Grant: Public object was removed"),
        (GRANT, '__all__ = ["Grant"]', "__all__ = []", "ath.grant: Public module was removed"),
        (
            "ath/_client/sync.py",
            "def forget(",
            "def _forget(",
            "ath.native.ATHNativeClient.forget: Public object was removed",
        ),
        (
            CODES,
            '    "CLOCK_SKEW",\n',
            "",
            "ath.codes.ErrorCode.CLOCK_SKEW: Public object was removed",
        ),
        (
            RETRY,
            "jitter: bool = True",
            "jitter: bool = False",
            "ath.retry.RetryPolicy.__init__: Parameter default was changed (jitter)",
        ),
        (
            RETRY,
            "    total: float = 30.0",
            "    total_seconds: float = 30.0",
            "ath.retry.RetryPolicy.__init__: Parameter was removed (total)",
        ),
        (
            BASE,
            "    user: str | None = None",
            "    user: str | None",
            "ath.stores.base.CredentialKey.__init__: Parameter is now required (user)",
        ),
        (
            "generated/ath_api/models/developer_info.py",
            "    name: str\n",
            "    name: str\n    team: str\n",
            "ath_api.models.developer_info.DeveloperInfo.__init__: "
            "Parameter was added as required (team)",
        ),
    ],
)
def test_a_break_is_named(checkout: Path, name: str, old: str, new: str, line: str) -> None:
    change(checkout, name, old, new)
    run = check(checkout)
    assert run.returncode == 1
    assert f"  {line}\n" in run.stdout


def test_a_parameter_that_is_gone_is_named_for_each_client(checkout: Path) -> None:
    file = checkout / "ath/gateway.py"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("        idempotent: bool | None = None,\n", ""), encoding="utf-8")
    lines = check(checkout).stdout.splitlines()[1:]
    for client in ("ATHGatewayClient", "AsyncATHGatewayClient"):
        assert f"  ath.gateway.{client}.proxy: Parameter was removed (idempotent)" in lines
    assert all(line.startswith("  ath.gateway.") for line in lines), "others have kept theirs"


def test_a_module_that_is_gone_is_named(checkout: Path) -> None:
    checkout.joinpath("ath/keys.py").rename(checkout / "ath/_keys.py")
    change(checkout, "ath/__init__.py", "from .keys import", "from ._keys import")
    assert "  ath.keys: Public module was removed\n" in check(checkout).stdout


def test_what_is_added_breaks_nothing(checkout: Path) -> None:
    change(checkout, RETRY, "jitter: bool = True", "jitter: bool = True\n    more: int = 0")
    change(checkout, GRANT, "    user: str | None", "    user: str | None\n    note: str = ''")
    change(checkout, CODES, '    "CLOCK_SKEW",\n', '    "CLOCK_SKEW",\n    "BRAND_NEW",\n')
    run = check(checkout)
    assert (run.returncode, run.stdout) == (0, "")


@pytest.mark.parametrize("name", ["forget", "forget()", "ATHNativeClient.forget"])
@pytest.mark.parametrize("heading", ["Changed", "Removed"])
def test_a_break_that_the_changelog_names_is_allowed(
    checkout: Path, name: str, heading: str
) -> None:
    change(checkout, "ath/_client/sync.py", "def forget(", "def _forget(")
    announce(checkout, f"\n### {heading}\n\n- `{name}` is gone: use `purge`.\n")
    left = check(checkout).stdout
    assert "ath.native.ATHNativeClient.forget" not in left
    assert ("ath.gateway.ATHGatewayClient.forget" in left) == name.startswith("ATHNativeClient")


def test_a_constructor_that_changes_is_allowed_by_the_name_of_its_class(checkout: Path) -> None:
    change(checkout, RETRY, "jitter: bool = True", "jitter: bool = False")
    announce(checkout, "\n### Changed\n\n- `RetryPolicy(jitter=)` is False by default.\n")
    assert check(checkout).returncode == 0


@pytest.mark.parametrize(
    "entries",
    [
        "\n### Added\n\n- `Grant`.\n",
        "\n### Removed\n\n- Grant.\n",
        "\n### Removed\n\n- `GrantOf`, `Grant.user`.\n",
    ],
    ids=["under Added", "without backticks", "another name"],
)
def test_a_break_that_the_newest_version_does_not_name_is_not_allowed(
    checkout: Path, entries: str
) -> None:
    change(checkout, "ath/__init__.py", '    "Grant",\n', "")
    announce(checkout, entries)
    assert check(checkout).stdout.splitlines()[1:] == ["  ath.Grant: Public object was removed"]
