"""What editors that complete with jedi offer of the library: IPython, Jupyter, many others."""

from __future__ import annotations

from pathlib import Path

import jedi
import pytest

import ath
from tests.harness.clients import CLASSES

ROOT = Path(__file__).resolve().parents[2]


def complete(code: str) -> set[str]:
    """What jedi offers at the end of the code."""
    project = jedi.Project(ROOT / "tests", added_sys_path=[str(ROOT), str(ROOT / "generated")])
    completions = jedi.Script(code, project=project).complete()
    return {found.name for found in completions if not found.name.startswith("_")}


@pytest.mark.parametrize("name", ath.__all__)
def test_jedi_completes_every_public_name(name: str) -> None:
    assert name in complete(f"from ath import {name[:4]}")
    assert name in complete(f"import ath\nath.{name[:4]}")


KINDS = [kind.__name__ for kind in CLASSES.values()]


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(
    "code",
    [
        "import ath\nath.{name}.",
        "from ath import {name}\nclient = {name}('url', 'agent_id', 'key')\nclient.",
        "from ath import {name}\nclient = {name}('u', 'a', 'k').for_user('alice')\nclient.",
        "from ath import {name}\nwith {name}('u', 'a', 'k') as client:\n    client.",
    ],
    ids=["class", "instance", "view", "block"],
)
def test_jedi_completes_the_methods_of_a_client(name: str, code: str) -> None:
    if name.startswith("Async"):
        code = code.replace("\n    ", "\n        ")
        code = code.replace("\nwith", "\nasync def use():\n    async with")
    public = {member for member in dir(getattr(ath, name)) if not member.startswith("_")}
    assert public <= complete(code.format(name=name))


def test_jedi_completes_the_fields_of_a_result() -> None:
    client = "from ath import ATHGatewayClient\nclient = ATHGatewayClient('u', 'a', 'k')\n"
    assert "supported_providers" in complete(f"{client}client.discover().sup")
    assert "expires_at" in complete(f"{client}client.tokens[0].exp")
    assert "raise_for_status" in complete(f"{client}client.request('p', 'GET', '/').rai")
