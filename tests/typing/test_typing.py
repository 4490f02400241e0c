"""What type checkers, and frameworks that read hints, see of the library."""

from __future__ import annotations

import inspect
import subprocess
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import ath_api.models
import attrs
import httpx
import pydantic
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

import ath
from ath.arguments import Timeout
from tests.harness.clients import AGENT_ID, CLASSES, KEY

ROOT = Path(__file__).resolve().parents[2]
CHECKED = ["tests/typing/usage.py", "tests/typing/mistakes.py"]


@pytest.mark.parametrize(
    "command",
    [
        ["mypy", *CHECKED],
        ["basedpyright", "--pythonpath", sys.executable, "-p", "tests/typing"],
    ],
    ids=["mypy", "basedpyright"],
)
def test_type_checkers_accept_the_usage_and_find_each_mistake(command: list[str]) -> None:
    run = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT, capture_output=True, encoding="utf-8", check=False, timeout=300,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr


def members(kind: type) -> Iterator[tuple[str, Any]]:
    """The functions of a class that are public or that Python calls by itself."""
    for name in dir(kind):
        if name.startswith("_") and not name.endswith("__"):
            continue
        member = inspect.getattr_static(kind, name)
        match member:
            case classmethod() | staticmethod():
                member = member.__func__
            case property():
                member = member.fget
        if not inspect.isfunction(member):
            continue
        # attrs and NamedTuple make functions that do not know their module's names.
        module = sys.modules.get(member.__module__)
        if module is not None and member.__globals__ is vars(module):
            yield name, member


PUBLIC = {name: getattr(ath, name) for name in ath.__all__}
FUNCTIONS = {
    f"{name}.{member}": function
    for name, kind in PUBLIC.items()
    if inspect.isclass(kind)
    for member, function in members(kind)
} | {name: value for name, value in PUBLIC.items() if inspect.isfunction(value)}


def test_every_method_of_the_clients_is_looked_at() -> None:
    for kind in ("ATHGatewayClient", "ATHNativeClient"):
        for name in ("__init__", "register", "for_user", "exchange_token", "request", "tokens"):
            assert f"{kind}.{name}" in FUNCTIONS
            assert f"Async{kind}.{name}" in FUNCTIONS
    assert "ATHError.__init__" in FUNCTIONS
    assert "Response.elapsed" in FUNCTIONS
    assert {"AgentKey.save", "check_identity"} <= FUNCTIONS.keys()
    assert {"proxy_url", "sign_attestation"} <= FUNCTIONS.keys()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_hints_of_every_public_function_resolve(name: str) -> None:
    hints = get_type_hints(FUNCTIONS[name])
    assert all(not isinstance(hint, str | typing.ForwardRef) for hint in hints.values())


@pytest.mark.parametrize("name", [name for name, kind in PUBLIC.items() if inspect.isclass(kind)])
def test_the_hints_of_every_public_class_resolve(name: str) -> None:
    get_type_hints(PUBLIC[name])


@pytest.mark.parametrize("kind", CLASSES.values())
def test_hints_name_what_is_returned_and_accepted(kind: Any) -> None:
    hints = get_type_hints(kind.register)
    assert hints["return"] is ath.AgentRegistrationResponse
    assert hints["developer"] == ath.Developer | ath.DeveloperInfo
    assert get_type_hints(kind.exchange_token)["return"] is ath.TokenResponse
    assert get_type_hints(kind.request)["timeout"] == float | Timeout | None
    options = get_type_hints(kind.__init__)
    assert httpx.AsyncClient in get_args(options["http_client"])
    assert ec.EllipticCurvePrivateKey in get_args(options["private_key"])


def test_an_httpx_timeout_is_a_timeout() -> None:
    assert isinstance(httpx.Timeout(5.0), Timeout)
    assert not isinstance(5.0, Timeout)


@pytest.mark.parametrize("name", ["proxy", "request", "authorize", "exchange_token", "discover"])
def test_pydantic_can_wrap_a_method_as_frameworks_for_agents_do(name: str) -> None:
    client = ath.ATHGatewayClient("http://127.0.0.1:9", AGENT_ID, KEY, retry=None)
    wrap = pydantic.validate_call(config=pydantic.ConfigDict(arbitrary_types_allowed=True))
    wrapped = wrap(getattr(client, name))
    with pytest.raises(pydantic.ValidationError):
        wrapped(**{"timeout" if name in ("proxy", "request") else "retry": "soon"})
    if name in ("proxy", "request"):
        with pytest.raises(ath.ATHError, match="NOT_REGISTERED"):
            wrapped("github", "GET", "/user", timeout=httpx.Timeout(5.0))


@pytest.mark.parametrize(
    ("model", "of_arguments"),
    [("DeveloperInfo", "Developer"), ("ProviderScopeRequest", "ProviderScopes")],
)
def test_the_typed_dicts_have_the_fields_of_the_models(model: str, of_arguments: str) -> None:
    kind, typed_dict = getattr(ath_api.models, model), getattr(ath, of_arguments)
    fields = {field.name: field for field in attrs.fields(kind) if field.init}
    hints = get_type_hints(kind)
    assert get_type_hints(typed_dict) == {name: hints[name] for name in fields}
    required = {name for name, field in fields.items() if field.default is attrs.NOTHING}
    assert typed_dict.__required_keys__ == required


def test_the_literal_of_codes_is_the_table_of_codes() -> None:
    assert get_args(ath.ErrorCode) == tuple(ath.CODES)
