"""What is optional says which packages to install, and never another release's name."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from ath.stores import redis, sql

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("missing", ["flask", "cheroot", "authlib"])
def test_the_local_gateway_without_its_packages_says_which_to_install(missing: str) -> None:
    program = f"import sys; sys.modules[{missing!r}] = None; import ath.testing"
    result = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True, encoding="utf-8", check=False, timeout=60,
    )  # fmt: skip
    assert result.returncode == 1
    last = result.stderr.strip().splitlines()[-1]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = project["optional-dependencies"]["testing"]
    # With their bounds, or pip keeps an older one that is there.
    assert all(f'"{requirement}"' in last.partition("pip install ")[2] for requirement in wanted)
    assert last.count(f"needs {missing}") == 1


@pytest.mark.parametrize(
    ("missing", "make", "install"),
    [
        ("redis", "ath.RedisStore.from_url('redis://localhost')", 'pip install "redis>=5.0.1,<9"'),
        ("redis", "ath.AsyncRedisStore(object())", 'pip install "redis>=5.0.1,<9"'),
        ("sqlalchemy", "ath.SQLStore(None)", 'pip install "sqlalchemy[asyncio]>=2.0.38,<3"'),
        ("sqlalchemy", "ath.AsyncSQLStore(None)", 'pip install "sqlalchemy[asyncio]>=2.0.38,<3"'),
    ],
)
def test_a_store_on_an_engine_without_its_package_says_which_to_install(
    missing: str, make: str, install: str
) -> None:
    program = f"import sys; sys.modules[{missing!r}] = None; import ath; from ath import *; {make}"
    result = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True, encoding="utf-8", check=False, timeout=60,
    )  # fmt: skip
    assert result.returncode == 1
    last = result.stderr.strip().splitlines()[-1]
    assert (
        last
        == f"ModuleNotFoundError: {make.split('(')[0].split('.')[1]} needs {missing}: {install}"
    )


def test_the_commands_that_messages_name_install_what_the_extras_do() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = extras["project"]["optional-dependencies"]
    assert [f'pip install "{one}"' for one in extras["redis"]] == [redis.INSTALL]
    assert [f'pip install "{one}"' for one in extras["sql"]] == [sql.INSTALL]


def test_no_message_or_docstring_names_an_extra_of_the_public_index() -> None:
    for path in [*(ROOT / "ath").rglob("*.py"), ROOT / "README.md"]:
        assert "ath-sdk[" not in path.read_text(encoding="utf-8"), path
